package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// opinion is what came of one worker's look at a block.
type opinion struct {
	checked claim.Checked
	counts  claim.Counts
	err     error
}

// attempt is the body that a Check is about.
type attempt struct {
	hash    btc.Hash
	sum     [32]byte
	settled bool      // other bytes are the block: nobody needs to know what these are
	worker  *worker   // that has it now, else nil
	begun   time.Time // when it got it
}

// Settled says that the block with hash is proven, by bytes with that sum. Parsers that
// have other bytes for it, now or later, get no more than [settledDeadline] for them
// from when they began, and who hangs on them is not followed by a second one: the peer
// that sent them is convicted already.
func (p *Pool) Settled(hash btc.Hash, sum [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a := range p.attempts {
		if a.hash == hash && a.sum != sum && !a.settled {
			a.settled = true
			if a.worker != nil && !a.worker.died {
				_ = a.worker.conn.awaitUntil(a.begun.Add(settledDeadline)) // if it fails the first deadline holds
			}
		}
	}
}

// begin notes that a body is being judged.
func (p *Pool) begin(job Job) *attempt {
	a := &attempt{hash: job.Header.Hash(), sum: job.Sum}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempts[a] = true
	return a
}

func (p *Pool) end(a *attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.attempts, a)
}

func (p *Pool) isSettled(a *attempt) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return a.settled
}

// once has one worker look at the block. With want it is asked whether it agrees: any
// other outcome than that broken rule is then [ErrDisagree], or no answer.
func (p *Pool) once(ctx context.Context, job Job, a *attempt, in waiter, want verdict.Code) opinion {
	t, err := p.acquire(ctx, in)
	if err != nil {
		return opinion{err: err}
	}
	var o opinion
	o.checked, o.counts, o.err = t.check(p, job, a, t.seq)
	if want != 0 {
		o = opinion{err: agree(o.err, want)}
	}
	p.mu.Lock()
	a.worker = nil
	p.mu.Unlock()
	p.giveBack(t, o.err)
	return o
}

// agree returns err if it is that broken rule or if there is no answer at all.
func agree(err error, want verdict.Code) error {
	if rule, broken := errors.AsType[*claim.RuleError](err); broken && rule.Code == want || noAnswer(err) {
		return err
	}
	said := "proven"
	if err != nil {
		said = err.Error()
	}
	return fmt.Errorf("%w: one says %q, another %q", ErrDisagree, want.String(), said)
}

// noAnswer reports whether the worker failed: it said nothing that can be judged, or a
// broken rule that the proof finds kept.
func noAnswer(err error) bool {
	return errors.Is(err, claim.ErrContradiction) || errors.Is(err, ErrWorkerDied) || errors.Is(err, ErrWorkerHung) || errors.Is(err, ErrWorkerNonsense)
}

// judge has the block looked at as often as it takes. Without spares that is once.
func (p *Pool) judge(ctx context.Context, job Job) opinion {
	in := waiter{lane: laneOrdinary, from: job.From}
	if job.Suspect {
		in.lane = laneQuarantine
	}
	a := p.begin(job)
	defer p.end(a)
	o := p.once(ctx, job, a, in, 0)
	if p.quarantine == nil {
		return o
	}
	if noAnswer(o.err) && !job.Suspect && !p.isSettled(a) {
		o = p.again(ctx, job, a, o)
	}
	if rule, broken := errors.AsType[*claim.RuleError](o.err); broken {
		o = p.confirm(ctx, job, a, o, rule.Code)
	}
	return o
}

// again gives a block on which a worker failed to a fresh one: the worker may have
// been at fault. Meanwhile nothing else of who sent it costs the others a worker.
func (p *Pool) again(ctx context.Context, job Job, a *attempt, first opinion) opinion {
	p.mu.Lock()
	p.stats.Retried++
	p.trouble[job.From]++
	before := p.births
	p.mu.Unlock()
	defer p.troubleOver(job.From)
	wait, cancel := context.WithTimeout(ctx, freshPatience)
	defer cancel()
	second := p.once(wait, job, a, waiter{lane: laneFresh, from: job.From, before: before}, 0)
	switch {
	case errors.Is(second.err, context.DeadlineExceeded) && ctx.Err() == nil:
		return first
	case noAnswer(second.err):
		second.err = fmt.Errorf("%w; and before that: %v", second.err, first.err) //nolint:errorlint // its kind would count as well
	}
	return second
}

func (p *Pool) troubleOver(from uint64) {
	p.mu.Lock()
	if p.trouble[from]--; p.trouble[from] <= 0 {
		delete(p.trouble, from)
	}
	p.mu.Unlock()
	p.look()
}

// confirm asks more fresh workers about a body that is proven and, by one worker's
// word, breaks a rule. Unless all agree nothing is known.
func (p *Pool) confirm(ctx context.Context, job Job, a *attempt, first opinion, code verdict.Code) opinion {
	wait, cancel := context.WithTimeout(ctx, freshPatience)
	defer cancel()
	for range confirmations {
		o := p.once(wait, job, a, waiter{lane: laneFresh, from: job.From}, code)
		switch {
		case errors.Is(o.err, claim.ErrRule):
		case noAnswer(o.err):
			o.err = fmt.Errorf("%w: one says %q, another fails: %v", ErrDisagree, code.String(), o.err) //nolint:errorlint // its kind would count as well
			fallthrough
		case errors.Is(o.err, ErrDisagree):
			return o
		case errors.Is(o.err, context.DeadlineExceeded) && ctx.Err() == nil:
			return opinion{err: fmt.Errorf("%w to confirm: %w", ErrNoFresh, first.err)}
		default: // the pool is closed, or nobody waits any more
			return o
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Confirmed++
	return first
}
