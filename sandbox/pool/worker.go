package pool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/verdict"
)

// worker is one parser as seen from here: a place that processes come to and go
// from. Its state is guarded by Pool.mu; conn and checker belong to the goroutine
// that made it busy.
//
//	     Ready           take            giveBack, proven
//	down ─────▶ idle ──────────▶ busy ────────────────────▶ idle
//	  ▲           │ Died          │ giveBack, not proven
//	  └───────────┴─── Died ◀── condemned (kill was sent)
type worker struct {
	index   int
	conn    *conn
	checker *claim.Checker
	txs     []claim.Tx // of the last answer

	// generation is that of the process that was ready last. A reason to kill goes
	// with it: by the time the supervisor reads it another one may be here.
	generation uint32

	ready     bool   // the supervisor said so, and nothing else since
	condemned bool   // it is being killed. Cleared by Died.
	busy      bool   // a Check has it
	read      bool   // it was given something since it was ready
	birth     uint64 // when it was ready, in the order of Pool.births
	lane      lane   // of the job that it is busy with
	from      uint64 // who sent that
	died      bool   // it died while busy. Cleared by giveBack.
	status    string // what it said when it was last ready
	cause     string // why it last died
}

// idle reports whether w may have a job. The caller holds Pool.mu.
func (w *worker) idle() bool { return w.ready && !w.condemned && !w.busy }

// take gives w, which is idle, to the waiter. It reports false if w may not have a
// job and is to be killed. The caller holds mu.
func (p *Pool) take(w *worker, want *waiter) bool {
	if stale, err := w.conn.drain(); stale > 0 || err != nil {
		// Nobody asked it anything: an attacker, or the answer to a job that its
		// predecessor left unread.
		w.condemned = true
		p.stats.Kills++
		return false
	}
	w.busy, w.died, w.read = true, false, true
	w.lane, w.from = p.laneOf(want), want.from
	p.seq++
	p.jobs.Add(1)
	want.given <- turn{w, p.seq, w.lane}
	return true
}

// giveBack ends a job whose outcome is err. Only a worker that led to a proven block,
// and has said no more than that took, may have another one.
func (p *Pool) giveBack(t turn, err error) {
	defer p.jobs.Done()
	w := t.worker
	p.mu.Lock()
	more, drainErr := w.conn.drain()
	sound := err == nil && more == 0 && drainErr == nil
	died := w.died // then the process that erred is gone
	w.busy, w.died = false, false
	condemn := !died && (!sound || t.lane != laneQuarantine && p.surplus())
	if condemn {
		w.condemned = true
		p.stats.Kills++
	}
	generation := w.generation
	if t.lane == laneQuarantine && !errors.Is(err, ErrOther) {
		p.settle(err != nil && !errors.Is(err, claim.ErrRule))
	}
	p.mu.Unlock()
	if condemn {
		why := frame.CauseSurplus
		if !sound {
			why = reasonToKill(err)
		}
		p.kill(w.index, generation, why)
	}
	p.look()
}

// reasonToKill returns why a worker is killed whose job ended with err, nil if it
// said more than it had to.
func reasonToKill(err error) frame.Cause {
	switch {
	case err == nil, errors.Is(err, ErrWorkerNonsense):
		return frame.CauseNonsense
	case errors.Is(err, ErrWorkerHung), errors.Is(err, ErrWorkerDied): // its socket fails, and it did not end
		return frame.CauseHung
	default:
		return frame.CauseUnproven
	}
}

// count counts what came of a job that a worker had.
func (s *Stats) count(err error) {
	switch {
	case err == nil:
		s.Proven++
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrClosed), errors.Is(err, ErrNoFresh):
	case errors.Is(err, ErrOther):
		s.Other++
	case errors.Is(err, claim.ErrRule):
		s.Broken++
	case errors.Is(err, ErrDisagree):
		s.Disagreed++
	case errors.Is(err, ErrMalformed):
		s.Malformed++
	case errors.Is(err, ErrWorkerDied):
		s.Died++
	case errors.Is(err, ErrWorkerHung):
		s.Hung++
	case errors.Is(err, ErrWorkerNonsense):
		s.Nonsense++
	default:
		s.Unproven++
	}
}

// check does one job about a block.
func (w *worker) check(p *Pool, job Job, a *attempt, seq uint64) (claim.Checked, claim.Counts, error) {
	body := p.ring.Bytes(job.Slot, job.Len)
	said, err := w.ask(p, a, frame.Job{
		Kind: frame.KindBlock, Seq: seq, Slot: uint32(job.Slot), Len: uint32(job.Len),
		Network: job.Context.Network, Height: job.Context.Height, MedianTime: job.MedianTime,
	})
	if err != nil {
		return claim.Checked{}, claim.Counts{}, err
	}
	if said.Verdict.Rule() && slices.Contains(job.Ignored, said.Verdict) {
		said.Verdict = verdict.OK
	}
	checked, err := w.checker.Check(job.Context, job.Header, body, said, &p.rooms[job.Slot])
	return checked, said.Counts, err
}

// checkTx does one job about a transaction.
func (w *worker) checkTx(p *Pool, job TxJob, seq uint64) (claim.CheckedTx, claim.Counts, error) {
	raw := p.ring.Bytes(job.Slot, job.Len)
	said, err := w.ask(p, &attempt{}, frame.Job{Kind: frame.KindTransaction, Seq: seq, Slot: uint32(job.Slot), Len: uint32(job.Len)})
	if err != nil {
		return claim.CheckedTx{}, claim.Counts{}, err
	}
	checked, err := w.checker.CheckTx(raw, said)
	return checked, said.Counts, err
}

// ask sends job to the worker and collects its answer, whose entries are valid until
// the next one.
func (w *worker) ask(p *Pool, a *attempt, job frame.Job) (claim.Block, error) {
	deadline, err := p.await(w, a)
	if err != nil {
		return claim.Block{}, err
	}
	if err := w.conn.write(job.Append(make([]byte, 0, frame.JobSize)), deadline); err != nil {
		return claim.Block{}, p.blame(w, a, err)
	}
	assembly := frame.Begin(job, w.txs)
	for done := false; !done; { // at most 6 messages, see frame.MaxChunkEntries, and once it is slow
		message, err := w.conn.read()
		if p.isSlow(w, a, err) {
			continue
		}
		if err != nil {
			return claim.Block{}, p.blame(w, a, err)
		}
		if done, err = assembly.Accept(message); err != nil {
			return claim.Block{}, fmt.Errorf("%w: %w", ErrWorkerNonsense, err)
		}
	}
	said := assembly.Block()
	if said.Txs != nil {
		w.txs = said.Txs
	}
	return said, nil
}

// await sets until when the answer of w about a is waited for at first, unless it is
// not waited for any more, and returns until when at last.
func (p *Pool) await(w *worker, a *attempt) (deadline time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case w.died:
		return deadline, fmt.Errorf("%w: %s", ErrWorkerDied, w.cause)
	case a.settled:
		return deadline, ErrOther
	}
	a.worker, a.begun = w, time.Now()
	a.deadline = a.begun.Add(p.deadline)
	first := a.deadline
	if a.doubtful != nil && !a.doubted {
		first = a.begun.Add(min(p.deadline, p.doubtAfter()))
	}
	if err := w.conn.awaitUntil(first); err != nil {
		return deadline, fmt.Errorf("%w: its socket: %w", ErrWorkerDied, err)
	}
	return a.deadline, nil
}

// isSlow reports whether a wait ended with err because w has had a for long, and is to
// go on. It says that a is doubtful then.
func (p *Pool) isSlow(w *worker, a *attempt, err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	p.mu.Lock()
	slow := !w.died && !a.settled && a.doubtful != nil && !a.doubted && time.Now().Before(a.deadline)
	if slow {
		slow = w.conn.awaitUntil(a.deadline) == nil
	}
	p.mu.Unlock()
	if slow {
		p.doubt(a)
	}
	return slow
}

// blame says what the end of a wait for w means.
func (p *Pool) blame(w *worker, a *attempt, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := time.Since(a.begun).Round(time.Millisecond)
	switch {
	case w.died:
		return fmt.Errorf("%w: %s", ErrWorkerDied, w.cause)
	case a.settled && a.doubted: // it would have taken longer, whatever it is
		return fmt.Errorf("%w: no answer within %s, and other bytes are the block", ErrWorkerHung, took)
	case a.settled:
		return fmt.Errorf("%w: its parser was killed after %s", ErrOther, took)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: no answer within %s", ErrWorkerHung, p.deadline)
	default:
		return fmt.Errorf("%w: its socket: %w", ErrWorkerDied, err)
	}
}
