package broker

import "time"

const (
	// MaxConnections is the most clients at once. A reader holds about 50 KB of
	// the server's memory; 500 full readers are the plan (docs/bus.md).
	MaxConnections = 1024
	// maxMemory is the most that streams and consumers kept in memory may take,
	// 64 MiB. The journal is on disk; consumers of readers need some KB each.
	maxMemory = 64 << 20
	// storeSlack is what the store may take beyond the streams' own limits, 64
	// MiB: the state of consumers, and the block that is written while the
	// oldest goes.
	storeSlack = 64 << 20
	// syncInterval is how often the server calls fsync. What is lost with the
	// power in that time is told from its absence by the hashes of the journal,
	// and written again from the chain.
	syncInterval = 10 * time.Second
	// lockWait is how long another server on the same folder may take to end.
	lockWait = 5 * time.Second
	// lockRetry is how often the lock is tried in that time.
	lockRetry = 20 * time.Millisecond
	// startWait bounds the recovery of the store and the start of the server.
	// 400,000 events took 1.4 s.
	startWait = 60 * time.Second
	// setupWait bounds [Config.Setup].
	setupWait = 30 * time.Second
	// maxFormat is the most bytes of a FORMAT file that are looked at.
	maxFormat = 64
)
