package pool

import (
	"time"

	"blockgate/sandbox/frame"
)

// Deadline is how long a worker has for one block, from the job that is sent to
// the last byte of its answer, whatever the block's size. The slowest block that
// fits takes less than 50 ms; the rest is for a machine that is busy or was asleep.
const Deadline = 2 * time.Second

// doubtMin and doubtMax bound how long a worker may have a block before [Job.Doubtful] is
// called; between them it is doubtFactor times what proven blocks took of late, on
// average over some usualMemory of them. The slowest block takes 6 ms on an idle machine,
// an ordinary one 1 ms; where those wait for a processor that one does, too. A doubt
// that was none costs one more download.
const (
	doubtMin, doubtMax = 12 * time.Millisecond, 250 * time.Millisecond
	doubtFactor        = 8
	usualMemory        = 8
)

// maxSettled is how many blocks are remembered of which it is known which bytes they
// are; the oldest is forgotten first. The window has 28, and who is late by more than
// a thousand is judged like anybody.
const maxSettled = 1024

// Standby is how many workers a pool needs beside those that work at a time: two
// spares, so that a broken rule can be confirmed at once, and the quarantine.
const Standby = confirmations + 1

// confirmations is how many fresh workers must agree that a rule is broken.
//
// Source: "two more fresh workers agree".
const confirmations = 2

const (
	// overdue is how long a block waits for workers that others keep before it may
	// have a spare. Twice the time of the slowest block.
	overdue = 100 * time.Millisecond
	// freshGrace is how long a worker that was started after a failure is preferred
	// to one that stood by. A start takes about 20 ms, on a machine that is busy ten times
	// that.
	freshGrace = time.Second
	// secondGrace is how long the second opinion on a body waits for who else has the
	// block: usually that settles it first, and the second worker need not die of it,
	// too. A block of 4 MB takes 200 ms at 160 Mbit/s.
	secondGrace = 200 * time.Millisecond
	// freshPatience is how long a second opinion waits for a fresh worker at most.
	// Source: the supervisor's brake on parsers ends at 5 s.
	freshPatience = 10 * time.Second
)

// lockupMin is the wait of the quarantine after a body that was not proven. It
// doubles with each in a row, lockupDoublings times, to lockupMax at most.
const (
	lockupMin       = 100 * time.Millisecond
	lockupMax       = 5 * time.Second
	lockupDoublings = 6
)

// maxPending is the most messages that a drain reads. The kernel charges each at
// least 512 bytes, and buffers 212,992 by default: no worker can leave more.
const maxPending = 4096

// readSize holds the longest message and one byte more, so that a longer one is
// seen.
const readSize = frame.MaxMessage + 1
