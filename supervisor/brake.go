package supervisor

import (
	"sync"
	"time"
)

// brake says how long to wait before something that died is started again: not
// at all if it lived long enough, else a time that doubles with each early death.
type brake struct {
	first, most time.Duration // Invariant: 0 < first <= most.
	within      time.Duration // A shorter life is an early death.
	delay       time.Duration // What the last early death cost.
}

// parserBrake is for parsers that die before they are ready: those that died after it
// share [starts].
func parserBrake() brake {
	return brake{first: 50 * time.Millisecond, most: 5 * time.Second, within: time.Second}
}

func roleBrake() brake {
	return brake{first: 100 * time.Millisecond, most: 10 * time.Second, within: 10 * time.Second}
}

// next returns the pause after a life of that length.
func (b *brake) next(lived time.Duration) time.Duration {
	if lived >= b.within {
		b.delay = 0
		return 0
	}
	b.delay = min(max(2*b.delay, b.first), b.most)
	return b.delay
}

// calm forgets the early deaths.
func (b *brake) calm() { b.delay = 0 }

// starts is a bucket of [startBurst] tokens, filled by [startsPerSecond], from which each
// parser takes one that follows a parser which was ready. All places share it, and it
// outlives adapters. Its zero value is a full bucket.
type starts struct {
	mu   sync.Mutex // guards what follows
	full time.Time  // when it is full if nothing more is taken
}

// wait takes a token, from the future if there is none, and returns how long it is
// until then. Who comes later waits longer.
func (s *starts) wait(now time.Time) time.Duration {
	const each = time.Second / startsPerSecond
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full.Before(now) {
		s.full = now
	}
	s.full = s.full.Add(each)
	return max(0, s.full.Sub(now)-startBurst*each)
}
