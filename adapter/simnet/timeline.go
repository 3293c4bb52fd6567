package simnet

import (
	"container/heap"
	"time"
)

// later is something that will happen. Of two at the same time the one that was
// planned first comes first.
type later struct {
	at   time.Time
	turn uint64
	do   func()
}

// agenda orders what will happen; it is a heap of package container/heap.
type agenda []later //nolint:recvcheck // container/heap wants it so

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].turn < a[j].turn
	}
	return a[i].at.Before(a[j].at)
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push adds x, which is a later.
func (a *agenda) Push(x any) { *a = append(*a, x.(later)) } //nolint:forcetypeassert // only these are pushed

// Pop takes the last one out.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	(*a)[len(*a)-1] = later{}
	*a = (*a)[:len(*a)-1]
	return last
}

// timeline is the clock of a run, and what will happen.
type timeline struct {
	now   time.Time
	turn  uint64
	queue agenda
}

// in plans something after a wait; a negative wait is none.
func (t *timeline) in(wait time.Duration, do func()) {
	t.turn++
	heap.Push(&t.queue, later{t.now.Add(max(0, wait)), t.turn, do})
}

// next moves the clock to what comes first and lets it happen. It is false if nothing
// will.
func (t *timeline) next() bool {
	if len(t.queue) == 0 {
		return false
	}
	first := heap.Pop(&t.queue).(later) //nolint:forcetypeassert // only these are pushed
	t.now = first.at
	first.do()
	return true
}
