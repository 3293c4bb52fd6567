package addrbook

import "time"

// The tables. Source: Bitcoin Core v30.0 src/addrman_impl.h and src/addrman.cpp.
const (
	// NewBuckets and TriedBuckets are how many buckets the tables have, and
	// BucketSize is how many slots a bucket has.
	//
	// Source: ADDRMAN_NEW_BUCKET_COUNT, ADDRMAN_TRIED_BUCKET_COUNT, ADDRMAN_BUCKET_SIZE.
	NewBuckets   = 1024
	TriedBuckets = 256
	BucketSize   = 64
	// NewSlots and TriedSlots are how many slots the tables have.
	NewSlots   = NewBuckets * BucketSize
	TriedSlots = TriedBuckets * BucketSize
	// MaxEntries is the most addresses that a book holds: 65,536 + 16,384. An entry
	// takes at most [EntrySizeBytes], so entries take at most 17.2 MiB; the slots of
	// the tables add 330 KiB.
	MaxEntries = NewSlots + TriedSlots
	// EntrySizeBytes bounds what an address takes in memory, in bytes: 96 of the
	// entry itself, up to 1.25 times as much while the list grows, and up to 94 in
	// the index (a key of 36, a value of 4, one byte of control, at 7/16 load).
	EntrySizeBytes = 220
	// MaxReferences is the most slots of the new table in which an address stands.
	//
	// Source: ADDRMAN_NEW_BUCKETS_PER_ADDRESS.
	MaxReferences = 8
	// TriedBucketsPerGroup is how many buckets of the tried table the addresses of
	// one group reach: 8 of 256.
	//
	// Source: ADDRMAN_TRIED_BUCKETS_PER_GROUP.
	TriedBucketsPerGroup = 8
	// NewBucketsPerSource is how many buckets of the new table the addresses that
	// one source group names reach: 64 of 1024.
	//
	// Source: ADDRMAN_NEW_BUCKETS_PER_SOURCE_GROUP.
	NewBucketsPerSource = 64
	// MaxCollisions is the most addresses that wait for a taken slot of the tried
	// table. One more is not kept; it may try again when it is reached again.
	//
	// Source: ADDRMAN_SET_TRIED_COLLISION_SIZE.
	MaxCollisions = 10
)

// Ageing, in seconds as the book counts. Source: Bitcoin Core v30.0 src/addrman.cpp.
const (
	// horizon is how long ago an address may have been seen at the most.
	//
	// Source: ADDRMAN_HORIZON.
	horizon = 30 * 24 * 60 * 60
	// retries is how many failures end an address that was never reached.
	//
	// Source: ADDRMAN_RETRIES.
	retries = 3
	// maxFailures in a row end an address not reached for minFail.
	//
	// Source: ADDRMAN_MAX_FAILURES, ADDRMAN_MIN_FAIL.
	maxFailures = 10
	minFail     = 7 * 24 * 60 * 60
	// replacement is how recently an address must have been reached to keep its
	// slot of the tried table.
	//
	// Source: ADDRMAN_REPLACEMENT.
	replacement = 4 * 60 * 60
	// testWindow is how long the owner of a taken slot may go untested before the
	// newcomer gets it.
	//
	// Source: ADDRMAN_TEST_WINDOW.
	testWindow = 40 * 60
	// justTried protects an address from being dropped while its dial is under way.
	//
	// Source: AddrInfo::IsTerrible.
	justTried = 60
	// maxAhead is how far in the future an address may have been seen.
	//
	// Source: AddrInfo::IsTerrible.
	maxAhead = 10 * 60
	// recentTry is how long after a dial an address is dialled rarely.
	//
	// Source: AddrInfo::GetChance.
	recentTry = 10 * 60
	// maxChanceFailures is how many failures lower the chance, each by a third.
	//
	// Source: AddrInfo::GetChance.
	maxChanceFailures = 8
	// seenStep is by how much "seen" must move to be written while connected.
	//
	// Source: AddrManImpl::Connected_.
	seenStep = 20 * 60
	// onlineStep and offlineStep are by how much gossip must move "seen", of an
	// address heard of within a day and of another.
	//
	// Source: AddrManImpl::AddSingle.
	onlineStep  = 60 * 60
	offlineStep = 24 * 60 * 60
)

// What is heard.
const (
	// MaxHeard is the most addresses that one call of [Book.Add] takes.
	//
	// Source: MAX_ADDR_TO_SEND, Bitcoin Core v30.0 src/net_processing.cpp.
	MaxHeard = 1000
	// QuotaRefill is after how long a peer may name one address more: 0.1 a second.
	//
	// Source: MAX_ADDR_RATE_PER_SECOND, Bitcoin Core v30.0 src/net_processing.cpp.
	QuotaRefill = 10 * time.Second
	// QuotaSize is how many addresses a peer may save up, and how many it may name
	// more once we asked for addresses.
	//
	// Source: MAX_ADDR_PROCESSING_TOKEN_BUCKET, Bitcoin Core v30.0 src/net_processing.cpp.
	QuotaSize = 1000
	// gossipPenalty is by how many seconds gossip counts as older than it says.
	//
	// Source: ProcessMessage (addr), Bitcoin Core v30.0 src/net_processing.cpp.
	gossipPenalty = 2 * 60 * 60
	// oldestClaim is the earliest time that gossip can mean, and wrongClaim how many
	// seconds ago an address counts as seen whose time is impossible.
	//
	// Source: ProcessMessage (addr), Bitcoin Core v30.0 src/net_processing.cpp.
	oldestClaim = 100_000_000
	wrongClaim  = 5 * 24 * 60 * 60
	// An address from DNS counts as seen 3 to 7 days ago, a fixed seed 7 to 14.
	//
	// Source: ThreadDNSAddressSeed and ConvertSeeds, Bitcoin Core v30.0 src/net.cpp.
	dnsAgeMin, dnsAgeMax   = 3 * 24 * 60 * 60, 7 * 24 * 60 * 60
	seedAgeMin, seedAgeMax = 7 * 24 * 60 * 60, 14 * 24 * 60 * 60
	// maxSeedName is the most bytes of a DNS name that count.
	maxSeedName = 255
)

// Whom to dial.
const (
	// MinSeedSlots is how many slots dial fixed seeds while nobody was ever reached.
	MinSeedSlots = 2
	// MaxAnchors is how many peers of the last run are dialled first in the next.
	//
	// Source: MAX_BLOCK_RELAY_ONLY_ANCHORS, Bitcoin Core v30.0 src/net.cpp.
	MaxAnchors = 2
	// FeelerInterval is the mean time between feelers.
	//
	// Source: FEELER_INTERVAL, Bitcoin Core v30.0 src/net.h.
	FeelerInterval = 2 * time.Minute
	// maxPicks is how many addresses are looked at for one that is wanted.
	//
	// Source: ThreadOpenConnections, Bitcoin Core v30.0 src/net.cpp.
	maxPicks = 100
	// leastRest is how many seconds an address is not dialled after a dial, however few
	// others there are. Bitcoin Core would dial the only one of a book twice a second.
	leastRest = 3
	// recentPicks is how many picks pass over what was tried within recentTry.
	//
	// Source: ThreadOpenConnections, Bitcoin Core v30.0 src/net.cpp.
	recentPicks = 30
	// badPortPicks is how many picks pass over ports of other protocols.
	//
	// Source: ThreadOpenConnections, Bitcoin Core v30.0 src/net.cpp.
	badPortPicks = 50
)

// Files.
const (
	// MaxFileSize is the most bytes that [Book.Append] writes and [Decode] takes: the
	// header, the anchors, and MaxEntries of at most 81 bytes.
	MaxFileSize = fileHeaderSize + 1 + MaxAnchors*maxAddrSize + 8 + MaxEntries*maxEntrySize + checksumSize
	// MaxASMapSize is the most bytes that a map of autonomous systems may have. The
	// whole Internet took 1.6 MB in 2025.
	//
	// Source: bitcoin-core/asmap-data, latest_asmap.dat.
	MaxASMapSize = 8 << 20
	// MaxSeeds is the most fixed seeds of a network, and maxSeedText the most bytes
	// of their list.
	MaxSeeds    = 4096
	maxSeedText = 1 << 18
)
