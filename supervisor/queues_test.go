//go:build linux

package supervisor

import (
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 15 * time.Second

// queues hold lines that a test has not asked for yet, by their first key.
type queues[T any] struct {
	t      *testing.T
	what   string
	source <-chan T
	key    func(T) string
	waits  map[string][]T
}

// next returns the oldest one with that key that was not returned before.
func (q *queues[T]) next(key string) T {
	q.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for len(q.waits[key]) == 0 {
		select {
		case one, ok := <-q.source:
			if !ok {
				q.t.Fatalf("%s ended before %q; it had %v", q.what, key, q.waits)
			}
			q.waits[q.key(one)] = append(q.waits[q.key(one)], one)
		case <-late.C:
			q.t.Fatalf("no %q from %s; there was %v", key, q.what, q.waits)
		}
	}
	one := q.waits[key][0]
	q.waits[key] = q.waits[key][1:]
	return one
}
