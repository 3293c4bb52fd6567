package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// opinion is what came of one worker's look at a block.
type opinion struct {
	checked claim.Checked
	counts  claim.Counts
	err     error
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
	if o.err == nil {
		p.usual += (time.Since(a.begun) - p.usual) / usualMemory
	}
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
	ctx, a := p.begin(ctx, job.Header.Hash(), job.Sum)
	defer p.end(a)
	a.doubtful = job.Doubtful
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
// been at fault. Meanwhile nothing else of who sent it costs the others a worker. If
// other bytes turn out to be the block, what the first one said stands.
func (p *Pool) again(ctx context.Context, job Job, a *attempt, first opinion) opinion {
	p.mu.Lock()
	p.trouble[job.From]++
	before := p.births
	p.mu.Unlock()
	defer p.troubleOver(job.From)
	p.doubt(a)
	p.grace(ctx, a)
	switch {
	case p.isSettled(a):
		return first
	case ctx.Err() != nil:
		return opinion{err: ctx.Err()}
	}
	p.mu.Lock()
	p.stats.Retried++
	p.mu.Unlock()
	wait, cancel := context.WithTimeout(ctx, freshPatience)
	defer cancel()
	second := p.once(wait, job, a, waiter{lane: laneFresh, from: job.From, before: before}, 0)
	switch {
	case p.isSettled(a), errors.Is(second.err, context.DeadlineExceeded) && ctx.Err() == nil:
		return first
	case noAnswer(second.err):
		second.err = fmt.Errorf("%w; and before that: %v", second.err, first.err) //nolint:errorlint // its kind would count as well
	}
	return second
}

// grace waits as long as somebody else may settle what a is worth.
func (p *Pool) grace(ctx context.Context, a *attempt) {
	if a.alone == nil {
		return
	}
	late := time.NewTimer(secondGrace)
	defer late.Stop()
	select {
	case <-a.alone:
	case <-late.C:
	case <-ctx.Done():
	case <-p.closed:
	}
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
