package supervisor

import "time"

// MaxConfigBytes is the most bytes of a role's configuration.
//
// Source: what a Linux pipe holds, so that writing it never waits for a reader
// (pipe(7)).
const MaxConfigBytes = 64 << 10

// startBurst is how many parsers that were ready may be replaced at once, and
// startsPerSecond how many in the long run, by all places together, whoever ended
// them: their own fault, the adapter, the kernel. The next one waits.
//
// Source: a start costs 10 ms of one core, so 20 a second take a fifth of it. 64 is
// what a window of 28 blocks takes if each body kills the parser that gets it and the
// one that is asked then, and some more. What is behind a death that a body caused is
// the pool's to judge: it sends the next body of that peer to quarantine.
const (
	startBurst      = 64
	startsPerSecond = 20
)

const (
	// brokerDeadline is how long a broker has from start to READY, all its
	// attempts together. Source: recovery of a large file store takes seconds.
	brokerDeadline = 20 * time.Second
	// sealDeadline is how long an adapter has from start to SEALED. Source: it
	// may wait for a bus first.
	sealDeadline = 60 * time.Second
	// statusDeadline is how long a parser has from start to its status line.
	// Source: 12 ms on an idle machine.
	statusDeadline = 5 * time.Second
	// maxStartCrashes is how often in a row the first parser of a place may crash.
	// Source: a machine out of memory or threads recovers, a wrong program does not.
	maxStartCrashes = 3
	// adapterFollows is how long an adapter that closed its job sockets may take to
	// end. Source: it is the last thing that it does.
	adapterFollows = 500 * time.Millisecond
	// sendDeadline is how long a full control socket may block us. Source: a
	// healthy adapter reads its control socket at once.
	sendDeadline = 5 * time.Second

	// adapterGrace is how long an adapter has from SIGTERM to its end, brokerGrace
	// a broker after that. Source: 10 s for a graceful stop, less 1.5 s for a busy
	// machine.
	adapterGrace = 6500 * time.Millisecond
	brokerGrace  = 2 * time.Second
)

const (
	// leafBytes is the most memory of a parser where it has a cgroup. Source: what
	// package sandbox lets it map beyond its start, 32 MiB, and 128 MiB for that
	// start, page tables and buffers of sockets.
	leafBytes = 160 << 20
	// stderrLimit is how many bytes of a parser's standard error are kept. The
	// rest is read and dropped.
	stderrLimit = 4 << 10
	// lineLimit is how many bytes of its first line are told on.
	lineLimit = 1 << 10
	// lowestOwnDescriptor is where the supervisor keeps the parser's binary: an
	// inherited descriptor, 6 and one for each parser, never gets there.
	lowestOwnDescriptor = 100
	// maxStale is how many messages a drain reads at most. Source: a socket buffer
	// of 212,992 bytes holds fewer, each is charged 512 and more.
	maxStale = 4096
)
