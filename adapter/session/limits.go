package session

import (
	"time"

	"blockgate/adapter/link"
)

// UserAgent is what every blockgate says in its version message (BIP-0014). It
// is the same for all, whatever the build, the host or the library.
const UserAgent = "/blockgate:0.1.0/"

// How long version and verack may take. btcd/peer gives up after 30 s by itself;
// ours is shorter, so that the reason is told right. An operator's own peers are
// near or known to be well.
const (
	HandshakeTimeout       = 25 * time.Second
	ManualHandshakeTimeout = 15 * time.Second
)

// MinVersion is the lowest protocol version that we talk to: the first that
// knows sendheaders (BIP-0130).
//
// Source: SENDHEADERS_VERSION, Bitcoin Core v30.0 src/node/protocol_version.h.
const MinVersion = 70012

// RequiredServices are the service bits that a peer must claim: NODE_NETWORK
// (bit 0) and NODE_WITNESS (bit 3).
//
// Source: ServiceFlags, Bitcoin Core v30.0 src/protocol.h.
const RequiredServices = 1<<0 | 1<<3

const (
	// MaxLocator is the most hashes that one GetHeaders may carry.
	//
	// Source: MAX_LOCATOR_SZ, Bitcoin Core v30.0 src/net_processing.cpp.
	MaxLocator = 101
	// MaxGetData is the most hashes that one GetData may carry. It keeps the
	// frame below the answer's limit of [link.MaxInventory] not-found entries.
	MaxGetData = link.MaxInventory
	// MaxAsked is how many blocks without an answer are remembered for a peer.
	// The oldest is forgotten first: a late answer to it counts as unasked.
	MaxAsked = 4096
	// maxQueued is how many requests may wait to be sent. A peer that lets so
	// many pile up does not read.
	maxQueued = 64
	// maxUserAgent is the longest user agent that is handed on, escaped, bytes.
	maxUserAgent = 256
	// teardownTimeout is how long btcd/peer may take to see that its connection
	// is closed before it is told.
	teardownTimeout = time.Second
	// maxHeard is how many transactions an observer tells in one session. Those that wait
	// are fewer, unless many come and go.
	maxHeard = 4096
)
