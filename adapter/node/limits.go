package node

import (
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Peers.
const (
	// MaxManual is the most peers that the operator can name.
	MaxManual = 64
	// DefaultOutbound is how many peers are held beside the manual ones: as many as
	// Core has outbound, MAX_OUTBOUND_FULL_RELAY_CONNECTIONS and
	// MAX_BLOCK_RELAY_ONLY_CONNECTIONS together.
	//
	// Source: Bitcoin Core v30.0 src/net.h.
	DefaultOutbound = 10
	// MaxOutboundLimit bounds Config.MaxOutbound.
	MaxOutboundLimit = 125
	// DefaultFeelers is how many feelers there may be at once, MaxFeelers bounds
	// Config.Feelers.
	//
	// Source: MAX_FEELER_CONNECTIONS, Bitcoin Core v30.0 src/net.h.
	DefaultFeelers, MaxFeelers = 1, 8
	// MaxExtra is how many peers there may be beyond the slots, for a while.
	MaxExtra = 1
	// MaxBans is the most bans of hosts. When full, the oldest is dropped.
	MaxBans = 4096
	// MaxOperatorBans is the most ranges of addresses that the operator may ban.
	MaxOperatorBans = 64
	// DefaultBanTime is how long a ban lasts.
	//
	// Source: DEFAULT_MISBEHAVING_BANTIME, Bitcoin Core v30.0 src/banman.h.
	DefaultBanTime = 24 * time.Hour
	// ManualBanTime is how long at most a ban of a peer lasts that the operator named.
	ManualBanTime = time.Hour
	// MaxOperatorBanTime is how long the operator may ban somebody: 100 years.
	MaxOperatorBanTime = 100 * 365 * 24 * time.Hour
	// banBits is how much of an IPv6 address a ban is for: what one owner has at least.
	banBits = 64

	redialMin, redialMax = time.Second, 10 * time.Minute
	// steadyAfter is how long a peer must be ready before its failures are forgotten.
	steadyAfter = time.Minute
	// dialTimeout is the longest wait for the shell to say how a dial ended.
	dialTimeout = 2 * time.Minute
	// fewPeers: below this many ready peers seeds are asked, at once if nobody
	// was ever reached, else after seedMin.
	fewPeers         = 2
	seedMin, seedMax = 30 * time.Second, 10 * time.Minute
	// fixedSeedsAfter is how long nobody may be reached before all fixed seeds go into
	// the book.
	//
	// Source: ThreadOpenConnections, Bitcoin Core v30.0 src/net.cpp.
	fixedSeedsAfter = time.Minute
	// dialPace is the shortest time between two rounds of dials, and dialPaceMax that
	// while nobody answers.
	//
	// Source: ThreadOpenConnections, Bitcoin Core v30.0 src/net.cpp, for the former.
	dialPace, dialPaceMax = 500 * time.Millisecond, 30 * time.Second
	// nobodyPace is how long a round waits when there was nobody to dial, for peers or
	// for a transaction.
	nobodyPace = 2 * time.Second
	// maxDraws is how many addresses of the book are looked at for one that may be
	// dialled; each is the best of up to 100 that the book looks at.
	maxDraws = 8
	// feelerWait is how long a feeler waits for addresses.
	feelerWait = 15 * time.Second
	// fewAddresses: with less in the book the operator's peers are asked for some.
	//
	// Source: DNSSEEDS_DELAY_PEER_THRESHOLD, Bitcoin Core v30.0 src/net.cpp.
	fewAddresses = 1000
	// anchorsEvery is how often anchors are chosen, anchorAfter how long a peer must be
	// ready to be one: who makes us crash sooner is not dialled first.
	anchorsEvery, anchorAfter = 5 * time.Minute, 10 * time.Minute
	// noPeersAfter is how long nobody may be ready before it is said.
	noPeersAfter = 30 * time.Second
)

// Peers that do not keep up.
const (
	// chainSyncTimeout is how long a peer may show less work than we have.
	//
	// Source: CHAIN_SYNC_TIMEOUT, Bitcoin Core v30.0 src/net_processing.cpp.
	chainSyncTimeout = 20 * time.Minute
	// maxProtected is how many peers stay that have kept up once.
	//
	// Source: MAX_OUTBOUND_PEERS_TO_PROTECT_FROM_DISCONNECT, Bitcoin Core v30.0
	// src/net_processing.cpp.
	maxProtected = 4
	// staleAfter is how long there may be no better header: three blocks' time.
	//
	// Source: PeerManagerImpl::TipMayBeStale, Bitcoin Core v30.0 src/net_processing.cpp.
	staleAfter = 3 * btc.BlockSpacing * time.Second
	// extraInterval is the mean time between two peers beyond the slots.
	//
	// Source: EXTRA_BLOCK_RELAY_ONLY_PEER_INTERVAL, Bitcoin Core v30.0 src/net.cpp.
	extraInterval = 5 * time.Minute
	// extraCheck is how often it is looked whether there is one peer too many, and
	// minConnected how long one must have been there to be let go.
	//
	// Source: EXTRA_PEER_CHECK_INTERVAL and MINIMUM_CONNECT_TIME, Bitcoin Core v30.0
	// src/net_processing.cpp.
	extraCheck, minConnected = 45 * time.Second, 30 * time.Second
	// evictEvery is how often it is looked who does not keep up.
	evictEvery = time.Second
	// limitedDepth is how many blocks below the tip a node has that keeps the last
	// blocks alone: two less than it should, since it may be ahead of us.
	//
	// Source: NODE_NETWORK_LIMITED_MIN_BLOCKS (288), Bitcoin Core v30.0
	// src/net_processing.cpp; BIP-0159.
	limitedDepth = 288 - 2
)

// Alarms.
const (
	// alarmEvery is the shortest time between two alarms that say the same.
	alarmEvery = 5 * time.Minute
	// maxAlarms is how many alarms are remembered; the oldest is forgotten first.
	maxAlarms = 64
	// maxDetail is how many bytes of a text from outside go into one of ours.
	maxDetail = 240
)

// Headers.
const (
	// headersTimeout is the longest wait for an answer to getheaders.
	//
	// Source: HEADERS_RESPONSE_TIME, Bitcoin Core v30.0 src/net_processing.cpp.
	headersTimeout = 2 * time.Minute
	// headersHedge is how long the first sync waits for one peer before it asks
	// the next one too.
	headersHedge = 5 * time.Second
	// headersPoll is how often a peer that announces nothing is asked; during the
	// first sync it is headersPollSync.
	headersPoll, headersPollSync = 5 * time.Minute, 30 * time.Second
	// tooNewRetry is when a peer is asked again whose header was more than two hours
	// ahead of our clock: it may be good by then, and costs the peer nothing.
	tooNewRetry = time.Minute
	// headersWiden is how long the first sync lasts for each peer more that is asked
	// for headers at the same time.
	headersWiden = time.Minute
	// maxAnnounced is the most headers that announce blocks without being asked for.
	//
	// Source: MAX_BLOCKS_TO_ANNOUNCE, Bitcoin Core v30.0 src/net_processing.cpp.
	maxAnnounced = 8
	// maxPresyncs is how many peers' headers may be in a presync at once, which are
	// 16 * 1.6 MB = 26 MB on mainnet (see headerchain.PresyncLimits): each of the
	// [DefaultOutbound] peers, and some that the operator named. When full, a peer
	// is asked again at its next poll; presyncTimeout and presyncPerBlock see to it
	// that there is an end to each.
	maxPresyncs = 16
	// presyncTimeout, and presyncPerBlock for each block that there should be by now,
	// is how long a presync may last: twice Core's time for one pass. From genesis of
	// mainnet it is 15 min + 893,700 * 2 ms = 45 min in 2026.
	//
	// Source: HEADERS_DOWNLOAD_TIMEOUT_BASE and _PER_HEADER, Bitcoin Core v30.0
	// src/net_processing.cpp.
	presyncTimeout  = 15 * time.Minute
	presyncPerBlock = 2 * time.Millisecond
	// lowWorkPoll is how often a peer is asked that gave a whole chain, of more than
	// one message, that has not work enough.
	lowWorkPoll = 10 * time.Minute
	// maxUnconnected is how many headers messages without a known parent a peer
	// may send between two that have one.
	//
	// Source: MAX_NUM_UNCONNECTING_HEADERS_MSGS, Bitcoin Core v26.0 src/net_processing.cpp.
	maxUnconnected = 10
	// maxIdleHeaders is how many headers messages a minute may bring nothing: no new
	// header and no more work than the peer has shown. Our own questions bring one in 30 s
	// at most, an honest peer's announcement of what we have from others brings work. The
	// same bound holds for messages of more than maxAnnounced that nobody asked for.
	maxIdleHeaders = 30
	// maxFlat is how many full batches in a row may show no more work than before: 16,000
	// headers below the point where a branch overtakes what the peer had. No network has
	// seen a reorg of a tenth of that in years. A new connection begins anew.
	maxFlat = 8
	// maxInvs is how many inv messages that announce blocks a peer may send a minute.
	maxInvs = 300
	// maxIdleInvs is after how many messages in a minute that brought nothing an inv of an
	// unknown block is no reason to ask at once, but after idleInvWait.
	maxIdleInvs = 4
	idleInvWait = 10 * time.Second
	// nearNow is how old the best header may be for all peers to be asked at once.
	//
	// Source: CanDirectFetch and the 24 h rule of SendMessages, Bitcoin Core
	// v30.0 src/net_processing.cpp.
	nearNow = 24 * time.Hour
	// syncGrace is how long the first sync waits for the other peers' answers
	// after one peer has given all it has.
	syncGrace = 10 * time.Second
)

// Blocks.
const (
	// DefaultWindow is how many blocks may be on their way from the chain to the
	// journal at once. A ring of 32 slots has 4 to spare for late answers.
	DefaultWindow = 28
	// MaxWindow bounds Config.Window.
	MaxWindow = 1024
	// DefaultWindowBytes is how many bytes those blocks may have together: 16 of the
	// largest, 32 of the usual. What has not come yet counts with what blocks had of
	// late. The block that is waited for is asked for in any case.
	DefaultWindowBytes = 64 << 20
	// MinWindowBytes and MaxWindowBytes bound Config.WindowBytes.
	MinWindowBytes, MaxWindowBytes = btc.MaxBlockSize, 4 << 30
	// firstSize is how large blocks are taken for before the first has come: mainnet's
	// mean in 2024 and 2025 was between 1.5 MB and 1.8 MB. Each later one changes it by a
	// part, one in sizeMemory, of the difference.
	firstSize  = 2_000_000
	sizeMemory = 8
	// DefaultPerNewPeer is how many blocks a peer is asked for at once that has
	// served none yet, or is under suspicion: each of its lies costs a parser.
	DefaultPerNewPeer = 2
	// DefaultPerPeer is the most blocks that one peer is asked for at once, minPerPeer
	// the fewest once it has served one; between them it is what the peer delivers in
	// keepBusy, at its speed of some speedMemory blocks. keepBusy is no longer than
	// stallMin, so that a block at the end of the queue is no stall, and longer than a
	// turn on any line, so that the speed can grow. Bitcoin Core asks each for 16
	// (MAX_BLOCKS_IN_TRANSIT_PER_PEER, v30.0 src/net_processing.cpp).
	DefaultPerPeer = 32
	minPerPeer     = 2
	keepBusy       = 2 * time.Second
	speedMemory    = 8
	// hedgeRoom is how many blocks more a peer may owe if others keep us waiting for them.
	hedgeRoom = 2
	// maxAsked is how many peers owe us one block at once.
	maxAsked = 3
	// maxSide is how many blocks of branches beside the first may be on their way or
	// here at once: who announces branches does not take the line from the best one.
	maxSide = 2
	// sideRetryMin and sideRetryMax bound the wait before such a block is asked again of
	// those who all failed it. Whoever shows that he has it, too, ends the wait.
	sideRetryMin, sideRetryMax = 4 * time.Second, 5 * time.Minute
	// hopelessTries is how often all who have a block must have failed it for what stands
	// on it, on the side, to be let go.
	hopelessTries = 3
	// tipDepth is how many blocks below the best header count as the tip. One of them is
	// asked of another peer, too, if no byte of it came for firstByteWait or it is not
	// whole after tipPatience: a block of 4 MB takes that at 8 Mbit/s, and at least a
	// second goes by on the slowest of lines before the first byte.
	tipDepth      = 2
	firstByteWait = 1500 * time.Millisecond
	tipPatience   = 4 * time.Second
	// slowRate, in bytes a second, is below which the block that the window waits for is
	// asked of another peer, too: 2 MB take 10 s. The firstSecond tells nothing.
	slowRate    = 200_000
	firstSecond = time.Second
	// minBlockRate is the least bytes a second of a block, once it has come for
	// dripGrace.
	minBlockRate = 20_000
	dripGrace    = 5 * time.Second
	// silentAfter is how long a peer may send no byte of what it owes before it is asked
	// for no more.
	silentAfter = 10 * time.Second
	// MaxPerPeer bounds Config.PerPeer.
	MaxPerPeer = 128
	// lookahead is how many missing blocks are looked at when a branch of which
	// nobody gives the next block has to be passed over.
	lookahead = 1024
	// maxAside is how many branches of which nobody gives the next block are
	// skipped at once, each for asideTime, and for asideMost longer while others move.
	// When full, none is added.
	maxAside             = 64
	asideTime, asideMost = time.Minute, 5 * time.Minute
	// failTime is how long a peer that failed a block is not asked for it again,
	// while there are others.
	failTime = 30 * time.Second
	// maxFailed is how many peers that failed a block are remembered with it, and
	// maxWants how many blocks with their failures; the oldest, and those not in
	// the window, go first.
	maxFailed, maxWants = 256, MaxWindow + 64
	// stallMin and stallMax bound the wait for the block that the window waits
	// for; each stall doubles the wait, each block shortens it by stallDecay.
	//
	// Source: BLOCK_STALLING_TIMEOUT_DEFAULT and _MAX, Bitcoin Core v30.0
	// src/net_processing.cpp; 0.85 stands there in ProcessBlock.
	stallMin, stallMax = 2 * time.Second, 64 * time.Second
	// maxStalls is after how many stalls in a row a peer is let go.
	maxStalls = 4
	// maxNotFound is after how many blocks it does not have a peer is let go.
	maxNotFound = 16
	// blockTimeout is the longest that a peer may send nothing of the blocks that it
	// owes. Bitcoin Core waits 10 min for a whole block, and 5 min more for each other
	// peer that sends (BLOCK_DOWNLOAD_TIMEOUT_BASE, v30.0 src/net_processing.cpp).
	blockTimeout = 2 * time.Minute
	// judgeTimeout is the longest wait for the shell to say what became of a body.
	judgeTimeout = time.Minute
	// hedgeMin and hedgeMax bound how long the block that the window waits for may be
	// with the parsers before it is asked of another peer, too; between them it is
	// hedgeFactor times what proven bodies took of late, on average over some
	// hedgeMemory of them. A body on which parsers hang takes seconds. maxCopies bounds
	// how many bodies of one block are with the parsers then.
	hedgeMin, hedgeMax = 50 * time.Millisecond, 250 * time.Millisecond
	hedgeFactor        = 4
	hedgeMemory        = 8
	maxCopies          = 3
	// retryMin and retryMax bound the wait before a block that all peers failed
	// is asked of them again.
	retryMin, retryMax = time.Second, time.Minute
)

// Verdicts.
const (
	// MaxSuspects is the most bodies that were not proven and wait for one that
	// is. When full, the oldest is forgotten.
	MaxSuspects = 1024
	// maxProven is how many proven blocks are remembered to judge late answers;
	// the oldest is forgotten first.
	maxProven = 1024
	// maxJudging is how many bodies may be with the parsers; when full, the oldest
	// is given up.
	maxJudging = 2 * MaxWindow
)

// Parked branches.
const (
	// MaxParked is how many blocks are parked, maxOperatorParked how many of them by
	// the operator. When full, the oldest that is not the operator's is judged again.
	MaxParked, maxOperatorParked = 64, 32
	// parkMin and parkMax bound the wait before a block that breaks a rule is judged
	// again: our parser does not change while it runs, so it is for a fault that was
	// the machine's.
	parkMin, parkMax = time.Minute, time.Hour
	// parkedLeadBlocks is by how many blocks' work a parked branch may lead before we
	// are not ready: by then most miners have taken it for valid.
	parkedLeadBlocks = 6
	// operatorWhy is why a block is parked by the operator.
	operatorWhy = "the operator called it invalid"
)

// Journal.
const (
	// DefaultFinalDepth is how many blocks below its tip the journal is final.
	DefaultFinalDepth = 144
	// MaxStoring is how many bodies are on their way to the journal at once.
	MaxStoring = 4
	// maxBacklog is how many stored blocks may wait for their events before no
	// more are stored.
	maxBacklog = 64
	// MaxStored is how many stored blocks the shell keeps the parts' numbers of.
	// When full, nothing more is stored until some are final.
	MaxStored = 4096
	// maxWalk is how many headers are fetched from the journal to join its tip
	// to our chain.
	maxWalk              = 2016
	journalMin           = time.Second
	journalMax           = time.Minute
	journalUnknownEvery  = time.Minute
	mainnetStartDepth    = 144
	otherNetStartDepth   = 2016
	rateBucket           = 5 * time.Second // rateBuckets of it are the minute of Status
	rateBuckets          = 12
	syncedLag            = 2 // blocks that the journal may lag behind and count as in sync
	maxSeenErrorsInAlarm = 5
)

// Headers on the disk.
const (
	// KeepBlocks is how many blocks' work, each worth what the best header's is, a
	// branch may be behind the best header and still be kept on the disk: as many
	// as a payment is usually left to wait for. A branch that is further behind is
	// kept as soon as it catches up.
	KeepBlocks = 6
	// heldBackSlack is the part of the headers that were left out by which they may
	// grow between two looks at which of them are still in the chain.
	heldBackSlack = 16
	// heldBackLimit is from how many on there is such a look: all that a chain has
	// beside its best one, and the slack; 8 MB.
	heldBackLimit = headerchain.MaxSideHeaders + headerchain.MaxSideHeaders/heldBackSlack
)

// Transactions.
const (
	// MaxTransactions is how many wait at once; the shell's store holds no more.
	MaxTransactions = 1000
	// DefaultCarriers is to how many peers a transaction is announced in a round, and
	// MaxCarriers bounds Config.Carriers.
	//
	// Source: NUM_PRIVATE_BROADCAST_PER_TX, Bitcoin Core v31.0 src/net_processing.cpp.
	DefaultCarriers, MaxCarriers = 3, 16
	// DefaultObservers is how many peers are listened to for transactions that come
	// back, and MaxObservers bounds Config.Observers.
	DefaultObservers, MaxObservers = 2, 8
	// maxCarriers is how many connections that bring a transaction there are at once.
	maxCarriers = 16
	// triesPerCarrier is how many addresses a round dials for each peer that is to be
	// told: most of a book's addresses do not answer.
	triesPerCarrier = 8
	// maxTxDraws is how often the book is asked for an address that will do.
	maxTxDraws = 16
	// maxTxBlocks is in how many proven blocks a transaction is remembered to be.
	maxTxBlocks = 4
	// maxSeers is how many observers are counted that heard of a transaction.
	maxSeers = 8
	// txLook is how often the transactions are looked at if nothing happens.
	txLook = 200 * time.Millisecond
	// txJitter is the longest wait between a transaction's coming and its first dial,
	// and carrierSpacing that between two dials for it.
	txJitter, carrierSpacing = time.Second, time.Second
	// carrierTime is how long a carrier waits for its peer to ask. Nodes ask peers that
	// dialled them some seconds late, by txid two more (NONPREF_PEER_TX_DELAY and
	// TXID_RELAY_DELAY, Bitcoin Core v30.0 src/node/txdownloadman.h).
	carrierTime = time.Minute
	// roundMin and roundMax bound the wait between two rounds, longer after each;
	// roundRetryMin and roundRetryMax that after a round in which nobody was told.
	roundMin, roundMax           = 2 * time.Minute, 30 * time.Minute
	roundRetryMin, roundRetryMax = 2 * time.Second, time.Minute
	// observerWait is how long a transaction waits for the observers, observerWaitFew
	// if one of them is there: what is announced before one is there it never hears of.
	observerWait, observerWaitFew = 15 * time.Second, 5 * time.Second
	// observerLinger is how long observers stay after the last need, and
	// observerRedialMax the longest wait before the next one is dialled.
	observerLinger    = 10 * time.Minute
	observerRedialMax = time.Minute
	// txExpiredFor is how long an expired transaction is remembered.
	txExpiredFor = 24 * time.Hour
)
