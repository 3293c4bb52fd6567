package adapter

import (
	"sync"
	"sync/atomic"
	"time"

	"blockgate/adapter/node"
)

// Pulse shows a running adapter to those who must not wait for it: when its
// goroutines turned last, where things stood then, and what was counted. It may be
// used from many goroutines; the zero Pulse is of an adapter that has not begun.
type Pulse struct {
	loop atomic.Int64 // when the loop turned last, Unix nanoseconds; 0: never
	job  atomic.Int64 // since when the journal does its job in hand; 0: it has none

	counts counts

	mu   sync.Mutex // guards what follows
	seen Snapshot
}

// Snapshot is where an adapter stood. All of it is by value, but for slices that
// nobody writes to any more.
type Snapshot struct {
	Time   time.Time // zero: nothing is known yet
	Status node.Status
	Idle   bool   // nobody wants blocks, so all peers were let go
	Bus    bool   // the bus did what it was asked for last
	BusWhy string // why it did not, in words of the bus
	// Events, Jobs, Verdicts and Headers are how many of each wait in the
	// shell's queues: for the loop, for the journal, for the disk.
	Events, Jobs, Verdicts, Headers int
	// Bodies is how many proven bodies are held, Addresses how many addresses the book
	// has; those are counted every [bookInterval].
	Bodies, Addresses int
	// Budget is the bytes of memory for bodies that are on their way, BudgetUsed how
	// many of them are in use, BudgetWaiting how many blocks wait for room.
	Budget, BudgetUsed, BudgetWaiting int
}

// Beat says how long ago the loop turned last, and how long the journal has been at
// the job in hand, 0 if it has none. ok is false before the loop has begun.
func (p *Pulse) Beat(now time.Time) (loop, job time.Duration, ok bool) {
	turned, since := p.loop.Load(), p.job.Load()
	if turned == 0 {
		return 0, 0, false
	}
	if since != 0 {
		job = max(0, time.Duration(now.UnixNano()-since))
	}
	return max(0, time.Duration(now.UnixNano()-turned)), job, true
}

// Snapshot returns where the adapter stood at its last tick.
func (p *Pulse) Snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

func (p *Pulse) turned(now time.Time) { p.loop.Store(now.UnixNano()) }

// working says that the journal begins a job, rested that it ended it.
func (p *Pulse) working(now time.Time) { p.job.Store(now.UnixNano()) }
func (p *Pulse) rested()               { p.job.Store(0) }

func (p *Pulse) show(s Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = s
}

// snapshot returns where things stand.
func (s *shell) snapshot(now time.Time) Snapshot {
	seen := Snapshot{
		Time: now, Status: s.brain.Status(now), Idle: s.brain.Idle(), Bus: s.bus.ok, BusWhy: s.bus.why,
		Events: len(s.events), Jobs: len(s.jobs), Verdicts: len(s.judged), Bodies: len(s.bodies),
		Budget: blockBudget, BudgetUsed: s.budget.InUse(), BudgetWaiting: s.budget.Waiting(),
	}
	if now.Sub(s.counted) >= bookInterval {
		s.counted, s.addresses = now, s.brain.BookStats().Entries
	}
	seen.Addresses = s.addresses
	if s.keeper != nil {
		seen.Headers = len(s.keeper.queue)
	}
	return seen
}
