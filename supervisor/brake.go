package supervisor

import "time"

// brake says how long to wait before something that died is started again: not
// at all if it lived long enough, else a time that doubles with each early death.
type brake struct {
	first, most time.Duration // Invariant: 0 < first <= most.
	within      time.Duration // A shorter life is an early death.
	delay       time.Duration // What the last early death cost.
}

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

// pace lets at most [MaxKillsPerSecond] kills happen in any second.
type pace struct {
	last [MaxKillsPerSecond]time.Time // When the last kills happened, a ring.
	next int                          // The oldest of them.
}

// wait books a kill at the earliest time from now on, and returns how long it is
// until then.
func (p *pace) wait(now time.Time) time.Duration {
	at := now
	if earliest := p.last[p.next].Add(time.Second); earliest.After(at) {
		at = earliest
	}
	p.last[p.next] = at
	p.next = (p.next + 1) % len(p.last)
	return at.Sub(now)
}
