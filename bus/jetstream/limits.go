package jetstream

import "time"

const (
	// DefaultMaxBytes is the default size of the journal, 4 GiB: about 2,500
	// blocks of mainnet, 17 days.
	DefaultMaxBytes = 4 << 30
	// MinMaxBytes is the smallest size of the journal, 16 MiB: four of the
	// largest blocks.
	MinMaxBytes = 16 << 20
	// maxMsgSize is the most bytes of a message in the stream, headers included:
	// a part of 120 KiB and room for a larger one one day.
	maxMsgSize = 256 << 10
	// duplicateWindow is how long the server knows a message by its id. It is
	// the server's own default, longer than any try of ours.
	duplicateWindow = 2 * time.Minute

	// ackTimeout bounds every single answer of the server. A cluster that lost
	// its leader took 8 s to elect another; the caller tries again.
	ackTimeout = 10 * time.Second
	// dialTimeout bounds the connection to a server.
	dialTimeout = 5 * time.Second
	// pingInterval and pingsOut tell a dead connection after 15 s. The
	// library's 2 min would hold a block for as long.
	pingInterval = 5 * time.Second
	pingsOut     = 2
	// reconnectWait is the pause between tries to reach a server again.
	reconnectWait = 250 * time.Millisecond

	// appendTries is how often one event is sent again because others stored
	// parts in between.
	appendTries = 8
	// tailWalk is how many messages before the end of the stream are looked at
	// one by one for the last event, before the server is asked to search. The
	// parts of a typical block are fewer, and a search looks at every subject.
	tailWalk = 24
	// firstWalk is how many events at the head of the stream may have lost parts
	// to retention before the journal counts as having no whole block.
	firstWalk = 4096
	// maxOwn is how many acknowledged sequences beyond a foreign one are
	// remembered. Beyond it the next event needs one more try.
	maxOwn = 4096
)

const (
	// pullBytes is how many bytes of messages a reader asks for at once, 8 MiB:
	// two of the largest blocks, far from the 64 MiB at which a server cuts a
	// slow reader off.
	pullBytes = 8 << 20
	// pullExpiry is how long one such request stands.
	pullExpiry = 30 * time.Second
	// pullHeartbeat is how often the server says that a request still stands.
	pullHeartbeat = 5 * time.Second
	// idleCheck is how long no message may come until the reader looks whether
	// the stream is still the same. A consumer of a stream that was made anew
	// stays silent for ever.
	idleCheck = 5 * time.Second
	// consumerIdle is after how long the server forgets a consumer whose reader
	// is gone.
	consumerIdle = 2 * time.Minute
	// retryFirst and retryMost bound the pause between tries to reach the
	// stream again; it doubles.
	retryFirst = 100 * time.Millisecond
	retryMost  = 2 * time.Second
	// streamGrace is how long a stream may be missing, while the server answers,
	// until the reader gives up.
	streamGrace = 30 * time.Second
)
