package simnet

import (
	"slices"

	"blockgate/internal/btc"
)

// budget is the memory of bodies on their way, as link.Budget grants it: in order, with
// a part for the block that the window waits for.
type budget struct {
	used    int
	waiting []claim
}

// claim is a body that waits for its memory, and how it goes on then.
type claim struct {
	size   int
	hash   btc.Hash
	conn   *conn
	resume func()
}

// claim grants a body's memory now or later, and then goes on.
func (b *budget) claim(r *run, c claim) {
	b.waiting = append(b.waiting, c)
	b.settle(r)
}

func (b *budget) release(r *run, size int) {
	b.used -= size
	if b.used < 0 {
		r.complain("%d bytes more are released than were granted", -b.used)
	}
	b.settle(r)
}

// settle grants what can be granted: the urgent block first, then the others in order.
func (b *budget) settle(r *run) {
	b.waiting = slices.DeleteFunc(b.waiting, func(c claim) bool { return c.conn.over })
	if len(b.waiting) == 0 {
		return
	}
	urgent := r.brain.Urgent()
	var granted []claim
	b.waiting = slices.DeleteFunc(b.waiting, func(c claim) bool {
		if c.hash != urgent || b.used+c.size > blockBudget {
			return false
		}
		b.used += c.size
		granted = append(granted, c)
		return true
	})
	for len(b.waiting) > 0 && b.used+b.waiting[0].size <= blockBudget-reservedBudget {
		b.used += b.waiting[0].size
		granted = append(granted, b.waiting[0])
		b.waiting = slices.Delete(b.waiting, 0, 1)
	}
	r.mostUsed = max(r.mostUsed, b.used)
	for _, c := range granted {
		c.resume()
	}
}
