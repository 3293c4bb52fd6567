package link

import "time"

// meter counts what comes in a minute. The zero meter is ready.
type meter struct {
	since time.Time
	n     int
}

// add counts n more and returns the count since the current minute began. A new
// minute begins with the first call more than a minute after the last began.
func (m *meter) add(now time.Time, n int) int {
	if now.Sub(m.since) > time.Minute {
		m.since, m.n = now, 0
	}
	m.n += n
	return m.n
}
