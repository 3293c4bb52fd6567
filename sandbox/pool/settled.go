package pool

import (
	"context"
	"errors"
	"time"

	"blockgate/internal/btc"
)

// settled are the blocks of which it is known which bytes they are.
type settled struct {
	sums  map[btc.Hash][32]byte
	order []btc.Hash // of sums, oldest first; maxSettled at most
}

// add notes a block; what is known stays.
func (s *settled) add(hash btc.Hash, sum [32]byte) {
	if _, known := s.sums[hash]; known {
		return
	}
	if len(s.order) >= maxSettled {
		delete(s.sums, s.order[0])
		s.order = s.order[1:]
	}
	s.sums[hash] = sum
	s.order = append(s.order, hash)
}

// excludes reports whether other bytes are that block.
func (s *settled) excludes(hash btc.Hash, sum [32]byte) bool {
	is, known := s.sums[hash]
	return known && is != sum
}

// attempt is the body that a Check is about.
type attempt struct {
	hash     btc.Hash
	sum      [32]byte
	settled  bool // other bytes are the block: nobody needs to know what these are
	cancel   context.CancelCauseFunc
	worker   *worker   // that has it now, else nil
	begun    time.Time // when it got it
	deadline time.Time // until when it may have it

	doubtful func() <-chan struct{} // Job.Doubtful
	doubted  bool                   // that was called, or need not be
	alone    <-chan struct{}        // what it returned; for the goroutine of Check alone
}

// Settled says that the block with hash is proven, by bytes with that sum. A header
// commits to one byte string, so what is said to be it, now or later, and has another
// sum ends at once with [ErrOther]: what waits leaves the queue, and the worker that is
// busy with it is killed.
func (p *Pool) Settled(hash btc.Hash, sum [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled.add(hash, sum)
	for a := range p.attempts {
		if a.hash == hash && a.sum != sum {
			a.settle()
		}
	}
}

// settle ends a, which other bytes have overtaken. The caller holds Pool.mu.
func (a *attempt) settle() {
	a.settled = true
	a.cancel(ErrOther)
	if a.worker != nil && !a.worker.died {
		_ = a.worker.conn.wake() // if it fails the deadline ends the wait
	}
}

// Watch returns a context that ends, with [ErrOther] as its cause, when other bytes
// than those with sum are the block with hash, and a function to be called when that
// is of no interest any more. It is for who waits before [Pool.Check], which watches by
// itself.
func (p *Pool) Watch(ctx context.Context, hash btc.Hash, sum [32]byte) (context.Context, func()) {
	ctx, a := p.begin(ctx, hash, sum)
	return ctx, func() { p.end(a) }
}

// begin notes that a body is being judged, until end.
func (p *Pool) begin(ctx context.Context, hash btc.Hash, sum [32]byte) (context.Context, *attempt) {
	a := &attempt{hash: hash, sum: sum}
	ctx, a.cancel = context.WithCancelCause(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempts[a] = true
	if p.settled.excludes(hash, sum) {
		a.settle()
	}
	return ctx, a
}

func (p *Pool) end(a *attempt) {
	p.mu.Lock()
	delete(p.attempts, a)
	p.mu.Unlock()
	a.cancel(nil)
}

func (p *Pool) isSettled(a *attempt) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return a.settled
}

// ended returns why ctx, which is done, is: [ErrOther], or its own error.
func ended(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), ErrOther) {
		return ErrOther
	}
	return ctx.Err()
}

// doubtAfter returns how long a worker may have a block before that is doubtful. The
// caller holds mu.
func (p *Pool) doubtAfter() time.Duration {
	return min(max(doubtFactor*p.usual, doubtMin), doubtMax)
}

// doubt says once that a is doubtful.
func (p *Pool) doubt(a *attempt) {
	p.mu.Lock()
	first := !a.doubted
	a.doubted = true
	p.mu.Unlock()
	if first && a.doubtful != nil {
		a.alone = a.doubtful()
	}
}
