package fakepeer

import "time"

const (
	// MaxConnections is how many connections a peer serves at a time. Further
	// ones are closed at once.
	MaxConnections = 64
	// MaxFileBlocks is the most blocks that LoadBlocks reads.
	MaxFileBlocks = 100_000
	// maxRequest is the longest message in bytes that a peer reads: a getdata of
	// 1,000 entries has 36 kB.
	maxRequest = 64 << 10
	// maxQueued is how many asked blocks may wait to be sent on a connection.
	maxQueued = 4096
	// maxStats is how many asked hashes a peer remembers.
	maxStats = 65_536
	// maxAnnounce is how many headers announce new blocks; of more, an inv names
	// the tip.
	//
	// Source: MAX_BLOCKS_TO_ANNOUNCE, Bitcoin Core v30.0 src/net_processing.cpp.
	maxAnnounce = 8
	// maxLocator is the most hashes of a locator (MAX_LOCATOR_SZ, same file).
	maxLocator = 101
	// writeTimeout is how long a client may take to read one message.
	writeTimeout = 20 * time.Second
	// idleTimeout is how long a client may say nothing.
	idleTimeout = 30 * time.Minute
)

// maxProxyRequests is how many requests a [Proxy] writes down: more than a test makes.
const maxProxyRequests = 4096
