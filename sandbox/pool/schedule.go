package pool

import (
	"context"
	"slices"
	"time"

	"blockgate/sandbox/frame"
)

// lane says which workers a job may have.
type lane uint8

const (
	// laneOrdinary has as many workers at a time as Config.Parallel says, those first
	// that have read something, so that spares stay fresh.
	laneOrdinary lane = iota
	// laneQuarantine has the last worker alone, and a back-off of its own.
	laneQuarantine
	// laneFresh has workers that have read nothing since they were started.
	laneFresh
)

// waiter is a job that waits for a worker.
type waiter struct {
	lane  lane
	from  uint64 // Job.From
	since time.Time
	// before is for laneFresh: a worker that was started after this birth is taken
	// at once, an older one after freshGrace. Who stopped one of us may have stopped
	// those that stand by, too.
	before uint64
	given  chan turn       // has room for one
	over   <-chan struct{} // closed when it waits no more: it leaves by itself
}

// turn is a worker that is busy with a job, and the job's number.
type turn struct {
	*worker
	seq  uint64
	lane lane
}

// lockup is the back-off of the quarantine. It is nobody else's: who sends what kills
// parsers waits, and others do not.
type lockup struct {
	failures int       // in a row
	until    time.Time // no job before
}

// acquire waits for a worker that may have the job.
func (p *Pool) acquire(ctx context.Context, want waiter) (turn, error) {
	if ctx.Err() != nil {
		return turn{}, ended(ctx)
	}
	want.since, want.given, want.over = time.Now(), make(chan turn, 1), ctx.Done()
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return turn{}, ErrClosed
	}
	p.waiting = append(p.waiting, &want)
	p.mu.Unlock()
	p.look()
	select { // the usual case costs no timer
	case t := <-want.given:
		return t, nil
	default:
	}
	defer time.AfterFunc(want.patience(), p.look).Stop()
	select {
	case t := <-want.given:
		return t, nil
	case <-ctx.Done():
		return p.leave(&want, ended(ctx))
	case <-p.closed:
		return p.leave(&want, ErrClosed)
	}
}

func (w *waiter) isOver() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}

// patience returns after which time the waiter may have workers that it may not have
// at first.
func (w *waiter) patience() time.Duration {
	if w.lane == laneFresh {
		return freshGrace
	}
	return overdue
}

// leave ends a wait, unless a worker was given at the last moment.
func (p *Pool) leave(want *waiter, err error) (turn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(other *waiter) bool { return other == want })
	select {
	case t := <-want.given:
		return t, nil
	default:
		return turn{}, err
	}
}

// look gives workers that are free to those who wait, in the order in which they
// came. It must be called after whatever may free one, without mu.
func (p *Pool) look() {
	p.mu.Lock()
	var talkers []func()
	if !p.closing {
		now := time.Now()
		p.waiting = slices.DeleteFunc(p.waiting, func(want *waiter) bool {
			for w := p.pick(want, now); w != nil && !want.isOver(); w = p.pick(want, now) {
				if p.take(w, want) {
					return true
				}
				index, generation := w.index, w.generation
				talkers = append(talkers, func() { p.kill(index, generation, frame.CauseNonsense) })
			}
			return false
		})
	}
	p.mu.Unlock()
	for _, kill := range talkers {
		kill()
	}
}

// pick returns a worker for the waiter, or nil.
func (p *Pool) pick(want *waiter, now time.Time) *worker {
	switch p.laneOf(want) {
	case laneQuarantine:
		if p.quarantine.idle() && !now.Before(p.lockup.until) {
			return p.quarantine
		}
		return nil
	case laneFresh:
		return p.pickFresh(want, now)
	case laneOrdinary:
	}
	return p.pickOrdinary(want, now)
}

// laneOf returns the lane of the waiter as things stand: while a parser failed on
// what a peer sent and another one looks at it, the rest of that peer waits in
// quarantine.
func (p *Pool) laneOf(want *waiter) lane {
	switch {
	case want.lane == laneFresh:
		return laneFresh
	case p.quarantine != nil && (want.lane == laneQuarantine || want.from != 0 && p.trouble[want.from] > 0):
		return laneQuarantine
	default:
		return laneOrdinary
	}
}

// pickOrdinary returns a worker if fewer than Config.Parallel are busy, or if the
// waiter is overdue and nobody works for who sent it: then others hold them up.
func (p *Pool) pickOrdinary(want *waiter, now time.Time) *worker {
	busy, own := 0, 0
	var used, fresh *worker
	for _, w := range p.workers {
		switch {
		case w == p.quarantine:
		case w.busy && w.lane == laneOrdinary:
			busy++
			if w.from == want.from {
				own++
			}
		case !w.idle():
		case w.read:
			used = w
		default:
			fresh = w
		}
	}
	if busy >= p.parallel && (own > 0 || now.Sub(want.since) < overdue) {
		return nil
	}
	if used != nil {
		return used
	}
	return fresh
}

// pickFresh returns the worker that was started last of those that have read nothing.
func (p *Pool) pickFresh(want *waiter, now time.Time) *worker {
	var last *worker
	for _, w := range p.workers {
		if w != p.quarantine && w.idle() && !w.read && (last == nil || w.birth > last.birth) {
			last = w
		}
	}
	if last != nil && last.birth <= want.before && now.Sub(want.since) < freshGrace {
		return nil
	}
	return last
}

// settle moves the back-off of the quarantine. The caller holds mu.
func (p *Pool) settle(failed bool) {
	if !failed {
		p.lockup = lockup{}
		return
	}
	wait := lockupMax
	if p.lockup.failures < lockupDoublings {
		wait = lockupMin << p.lockup.failures
	}
	p.lockup.failures++
	p.lockup.until = time.Now().Add(wait)
	time.AfterFunc(wait, p.look) // finds a closed pool as it is
}

// surplus reports whether more workers are free that have read something than work at
// a time, so that one of them had better become a spare again. Those that are busy do
// not count: many of them will be killed, and a start costs more than a block. The
// caller holds mu.
func (p *Pool) surplus() bool {
	if p.quarantine == nil {
		return false
	}
	read := 0
	for _, w := range p.workers {
		if w != p.quarantine && w.idle() && w.read {
			read++
		}
	}
	return read > p.parallel
}
