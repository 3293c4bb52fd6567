package link

import (
	"time"

	"blockgate/adapter/link/bip324"
	"blockgate/internal/btc"
)

// MaxPayload is the most payload bytes that a message may declare.
//
// Source: MAX_PROTOCOL_MESSAGE_LENGTH, Bitcoin Core v30.0 src/net.h.
const MaxPayload = 4_000_000

// MinBlockSize is the fewest bytes that a block message may have: a header and
// one byte, the number of transactions.
const MinBlockSize = btc.HeaderSize + 1

// MaxInventory is the most entries that an inv or notfound may have to be read.
// The protocol allows 50,000; to a peer that wants no transactions nodes send
// at most 1,000, so longer ones are dropped unread.
//
// Source: INVENTORY_BROADCAST_MAX, Bitcoin Core v30.0 src/net_processing.cpp.
const MaxInventory = 1000

// MaxRequested is the most entries that a getdata may have to be read, on a connection
// that offers one transaction. A longer one is not an answer to it.
const MaxRequested = 16

// maxProtocolInventory is the most entries that the protocol allows.
//
// Source: MAX_INV_SZ, Bitcoin Core v30.0 src/net_processing.cpp.
const maxProtocolInventory = 50_000

// MaxAddresses is the most addresses that one message may carry.
//
// Source: MAX_ADDR_TO_SEND, Bitcoin Core v30.0 src/net_processing.cpp.
const MaxAddresses = 1000

// Sizes of what inventories, headers and locators are made of, in bytes.
const (
	inventorySize = 4 + btc.HashSize
	headersSize   = btc.HeaderSize + 1
	maxLocator    = 101 // MAX_LOCATOR_SZ, Bitcoin Core v30.0 src/net_processing.cpp
	locatorLen    = 4 + 3 + maxLocator*btc.HashSize + btc.HashSize
)

// maxVersionSize is the longest version message in bytes: fixed fields and a
// user agent of 256 bytes (MAX_SUBVERSION_LENGTH, Bitcoin Core v30.0 src/net.h).
const maxVersionSize = 4 + 8 + 8 + 26 + 26 + 8 + 3 + 256 + 4 + 1

// nonceSize is the payload of a ping, a pong and a feefilter in bytes.
const nonceSize = 8

// Rates per minute over which a peer is cut off.
const (
	// MaxUnaskedBlocks is how many blocks a minute a peer may send that we did
	// not ask it for. Honest nodes send none.
	MaxUnaskedBlocks = 8
	// MaxPings is how many pings a minute we answer. Bitcoin Core sends one in
	// two minutes, bcoin two in one.
	MaxPings = 60
	// MaxDroppedBytes is how many bytes a minute may come in messages that we
	// drop, 24 for each one's header among them. Honest nodes stay under a few kilobytes.
	MaxDroppedBytes = 32 << 20
	// MaxMessages is how many messages a minute may pass, whatever they are: each costs
	// the brain a step. Headers that we ask for as quickly as we can, 2,000 in a message,
	// are at most that many in ten seconds.
	MaxMessages = 6000
	// MaxGossipBytes is how many bytes a minute may come in inv, addr and addrv2. An
	// answer to getaddr has 30 kB, or 534 kB if every address is as long as one may be;
	// announcements of all transactions, if they are wanted, under 100 kB.
	MaxGossipBytes = 4 << 20
)

// maxAddrV2 is the longest addrv2 that is read, in bytes: 1,000 entries of 49, the most
// that one of a known network takes (BIP-0155). Nodes send no others.
const maxAddrV2 = 3 + MaxAddresses*(4+9+1+1+32+2)

// maxControlContents is the most bytes that a packet of the v2 transport may hold when the
// peer owes us no block: the headers of a whole message with their command, the longest of
// what an honest peer then sends.
const maxControlContents = 1 + bip324.CommandSize + 3 + btc.MaxHeaders*headersSize

// Deadlines.
const (
	// EncryptTimeout is how long the handshake of the v2 transport may take: two
	// turns of a slow line, and then there is still v1.
	EncryptTimeout = 15 * time.Second
	// FallbackMemory is how long a peer that advertises v2 is spoken to by v1 after its
	// handshake came to nothing.
	FallbackMemory = time.Hour
	// WriteTimeout is how long a peer may take to accept one of our frames, and 1 s more
	// for each 20 kB of it.
	WriteTimeout = 20 * time.Second
	// IdleTimeout is how long a peer may send no frame at all. Our ping goes out
	// every two minutes, so this is two unanswered ones. It is shorter than the
	// engine's five minutes, which must not fire.
	IdleTimeout = 4 * time.Minute
	// PongTimeout is how long an answer to our ping may take.
	//
	// Source: TIMEOUT_INTERVAL, Bitcoin Core v30.0 src/net.h.
	PongTimeout = 20 * time.Minute
	// frameTimeoutBase and frameRate give the time for a payload: see FrameTimeout.
	frameTimeoutBase = 10 * time.Second
	frameRate        = 20_000 // bytes a second
)

// FrameTimeout returns how long a payload of the given size may take: 10 s, and
// 1 s more for each 20 kB. That is 210 s for the largest block.
func FrameTimeout(sizeBytes int) time.Duration {
	return frameTimeoutBase + time.Duration(sizeBytes)*time.Second/frameRate
}

// Memory.
const (
	// ChunkSize is the step in bytes in which the buffer of a block grows.
	ChunkSize = 64 << 10
	// MinBudget is the least total of a [Budget] and the least reserve in it:
	// the largest block in whole chunks.
	MinBudget = (MaxPayload + ChunkSize - 1) / ChunkSize * ChunkSize
	// readBufferSize is the read buffer of a connection, and what it keeps between
	// messages: what is longer goes past the buffer anyway.
	readBufferSize = 4 << 10
	// readStep is the step in bytes in which the memory of a long control message or
	// packet grows.
	readStep = 16 << 10
	// handshakeReadSize is the read buffer of that handshake.
	handshakeReadSize = 4 << 10
	// maxFallbacks is how many such peers are remembered: a hundred for each of ten
	// slots. One that is forgotten costs one try by v2 more.
	maxFallbacks = 1024
	// maxOutgoing is the longest frame that we ever write: a getdata of 1,000
	// entries has 36 kB.
	maxOutgoing = 64 << 10
)

// Waiting for budget.
const (
	// recheckInterval is how often a block that waits for budget is asked about
	// again: it may have become urgent, or have come from another peer.
	recheckInterval = time.Second
	// ProgressInterval is the shortest time between two calls of Config.Progress for a
	// block, after the first.
	ProgressInterval = 250 * time.Millisecond
	// keepAlive is how often the engine gets an empty frame meanwhile, so that
	// its idle timer does not run against a peer that we do not read from.
	keepAlive = time.Minute
)
