package adapter

import (
	"time"

	"blockgate/adapter/node"
)

const (
	// tickInterval is how often the brain looks at its deadlines.
	tickInterval = 250 * time.Millisecond

	// seedTimeout is how long all DNS seeds together may take.
	seedTimeout = 15 * time.Second

	// seedFetchTimeout is how long asking one seed by a proxy may take: two dials, a
	// handshake, and an answer that nodes send within a minute at random.
	seedFetchTimeout = 3 * time.Minute

	// maxSeedAddrs is the most addresses that are taken from one seed.
	//
	// Source: nMaxIPs in ThreadDNSAddressSeed, Bitcoin Core v30.0 src/net.cpp.
	maxSeedAddrs = 32

	// eventQueue is how many events wait for the loop. When it is full those who
	// send wait: for a peer that is back-pressure on its connection. The largest
	// event is a headers message of 160 kB, so all together hold 10 MB at most.
	eventQueue = 64

	// journalQueue is how many jobs wait for the journal. The brain has at most
	// node.MaxStoring stores, one Append or look-up, and a Forget for each of
	// node.MaxStored blocks under way, so it never fills.
	journalQueue = node.MaxStored + node.MaxStoring + 64

	// keepQueue is how many batches of headers wait for the disk: 1,024 full ones
	// are two mainnets. When it is full no more are kept in this run, since later
	// ones would lack their parents; peers are asked for them after the next start.
	keepQueue = 1024

	// keepRetry is how often a disk that takes no headers is tried.
	keepRetry = 5 * time.Second

	// bookEvery is how often the address book is saved.
	//
	// Source: DUMP_PEERS_INTERVAL, Bitcoin Core v30.0 src/net.cpp.
	bookEvery = 15 * time.Minute

	// loadSilence is how long loading headers may take before a line says how far
	// it is, and from then on the time between two such lines.
	loadSilence = time.Second

	// rateSpan is over how long a peer's rate is smoothed.
	rateSpan = 10 * time.Second

	// bookInterval is how often the addresses of the book are counted, which walks all
	// of it: some milliseconds for 80,000.
	bookInterval = 10 * time.Second

	// maxOrders is how many orders of an operator may wait for the brain's answer.
	// Source: more than may ask at a time; each is answered in its own step.
	maxOrders = 32

	// maxWords is the most different reasons, outcomes or commands that are counted;
	// what comes beyond is counted as [OtherWord]. Source: all tables of reasons
	// together have some 60.
	maxWords = 128

	// maxProven is how many proven blocks are remembered, so that a late second
	// copy is not taken in. The brain has some tens under way.
	maxProven = 4096

	// clockStep is by how much the machine's clock must be ahead for the brain's to be
	// put right at once. All that the brain waits for ends then, so it is more than
	// what servers of time correct in one step on a machine that runs.
	clockStep = time.Minute

	// stopTimeout is how long the journal may take to end the job in hand when
	// the process stops. The supervisor kills it after 6.5 s.
	stopTimeout = 6 * time.Second

	// progressInterval is how often a line says how far the sync is.
	progressInterval = 10 * time.Second

	// blockBudget is the memory for bodies that are on their way, 64 MiB, and
	// reservedBudget the part kept for the block that the window waits for.
	blockBudget    = 64 << 20
	reservedBudget = 8 << 20

	// maxTxChecks is how many transactions are checked at once, 400 kB each at most.
	maxTxChecks = 8

	// txNotes is how many notes about transactions wait for the disk. One that does not
	// fit is lost, and found out again.
	txNotes = 256
)

// How long a transaction is announced until it is seen or in a block.
const (
	// DefaultTxLifetime is what 0 stands for.
	DefaultTxLifetime = 24 * time.Hour
	// MaxTxLifetime is the most: nodes drop what was not mined by then.
	//
	// Source: DEFAULT_MEMPOOL_EXPIRY_HOURS (336), Bitcoin Core v30.0
	// src/kernel/mempool_options.h.
	MaxTxLifetime = 336 * time.Hour
)
