package pool_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"blockgate/internal/btc"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
)

// hashOfSmall is the block that every job of these tests is about.
func (w *ward) hashOfSmall() btc.Hash {
	job := w.put()
	defer w.ring.Release(job.Slot)
	return job.Header.Hash()
}

// stuck says who got the job and never answers.
func stuck(begun chan<- int) act { return func(_ *ward, i int, _ frame.Job) { begun <- i } }

// Once other bytes are proven a body ends at once: what a worker has, what waits for
// one, and what comes later. The workers that had one are killed, no other one is, and
// no second one is asked.
func TestSettled(t *testing.T) {
	w := newWard(t, patience)
	begun := make(chan int, 3)
	hash := w.hashOfSmall()
	done := make(chan error, 4)
	start := time.Now()
	for name := range uint32(3) {
		go func() { done <- w.play(name, pool.Job{From: 1, Sum: [32]byte{2}}, stuck(begun)) }()
	}
	<-begun
	<-begun // the third waits: two work for that peer
	w.pool.Settled(btc.Hash{1}, [32]byte{1})
	w.pool.Settled(btc.Hash{1}, [32]byte{2}) // what is known stays
	select {
	case err := <-done:
		t.Fatalf("ended by what has nothing to do with it: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	w.pool.Settled(hash, [32]byte{1})
	for range 3 {
		if err := <-done; !errors.Is(err, pool.ErrOther) {
			t.Errorf("got %v", err)
		}
	}
	if err := w.play(3, pool.Job{From: 1, Sum: [32]byte{2}}, stuck(begun)); !errors.Is(err, pool.ErrOther) {
		t.Errorf("what comes later: %v", err)
	}
	if err := w.play(4, pool.Job{From: 1, Sum: [32]byte{1}}); err != nil {
		t.Errorf("the block itself: %v", err)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("it took %s", took)
	}
	if got, want := w.pool.Stats(), (pool.Stats{Proven: 1, Other: 4, Kills: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := slices.Concat(w.who(0), w.who(1), w.who(2), w.who(3)); len(got) != 2 {
		t.Errorf("workers %d had other bytes, want the two that were asked before", got)
	}
	for _, k := range w.killed {
		if k.why != frame.CauseUnproven {
			t.Errorf("killed for %s", k.why)
		}
	}
}

// The bytes that were proven are not given up because they are proven.
func TestSettledByTheSame(t *testing.T) {
	w := newWard(t, patience)
	begun, end := make(chan int, 1), make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- w.play(1, pool.Job{From: 1, Sum: [32]byte{2}}, holds(begun, end)) }()
	<-begun
	w.pool.Settled(w.hashOfSmall(), [32]byte{2})
	close(end)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// So many blocks are remembered and no more: the oldest goes first.
func TestSettledIsBounded(t *testing.T) {
	w := newWard(t, patience)
	hash := w.hashOfSmall()
	ask := func() error { return w.play(1, pool.Job{From: 1, Sum: [32]byte{2}}) }
	w.pool.Settled(hash, [32]byte{1})
	for i := range 1023 {
		w.pool.Settled(btc.Hash{1, byte(i), byte(i >> 8)}, [32]byte{1})
	}
	if err := ask(); !errors.Is(err, pool.ErrOther) {
		t.Errorf("after 1023 others: %v", err)
	}
	w.pool.Settled(btc.Hash{2}, [32]byte{1})
	if err := ask(); err != nil {
		t.Errorf("after 1024 others: %v", err)
	}
}

// Who waits elsewhere learns of it, too.
func TestWatch(t *testing.T) {
	w := newWard(t, patience)
	hash := w.hashOfSmall()
	other, endOther := w.pool.Watch(t.Context(), hash, [32]byte{2})
	same, endSame := w.pool.Watch(t.Context(), hash, [32]byte{1})
	w.pool.Settled(hash, [32]byte{1})
	late, endLate := w.pool.Watch(t.Context(), hash, [32]byte{3})
	for name, c := range map[string]struct {
		ctx  context.Context //nolint:containedctx // a table
		want error
	}{"other bytes": {other, pool.ErrOther}, "later": {late, pool.ErrOther}, "the same": {same, nil}} {
		if got := context.Cause(c.ctx); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for _, end := range []func(){endOther, endSame, endLate} {
		end()
	}
	if same.Err() == nil {
		t.Error("the end does not end the context")
	}
}

// doubts counts calls of Job.Doubtful, and says whether somebody else has the block.
type doubts struct {
	said  chan time.Time
	alone chan struct{}
}

func newDoubts(alone bool) *doubts {
	d := &doubts{said: make(chan time.Time, 10), alone: make(chan struct{})}
	if alone {
		close(d.alone)
	}
	return d
}

func (d *doubts) doubtful() <-chan struct{} {
	d.said <- time.Now()
	return d.alone
}

// A failure is told at once. The second opinion comes at once if nobody else has the
// block, and else when they had their time.
func TestDoubtful(t *testing.T) {
	for _, c := range []struct {
		name    string
		alone   bool
		first   act
		atLeast time.Duration
	}{
		{"dies, nobody else", true, dies, 0},
		{"dies, others have it", false, dies, 200 * time.Millisecond},
		{"hangs, nobody else", true, hangs, 0},
	} {
		w := newWard(t, soon)
		d := newDoubts(c.alone)
		begun := time.Now()
		if err := w.play(7, pool.Job{From: 1, Doubtful: d.doubtful}, c.first); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if took := time.Since(begun); took < c.atLeast {
			t.Errorf("%s: it took %s, want %s at least", c.name, took, c.atLeast)
		}
		if len(d.said) != 1 {
			t.Errorf("%s: said %d times", c.name, len(d.said))
		}
	}
}

// A worker that has a body for long makes it doubtful long before its deadline, and is
// killed as soon as other bytes are proven: then it hung. What a first worker said stands
// if that happens before a second one is asked.
func TestDoubtIsSettled(t *testing.T) {
	for _, c := range []struct {
		name string
		act  act
		want error
	}{{"hangs", hangs, pool.ErrWorkerHung}, {"dies", dies, pool.ErrWorkerDied}} {
		w, err := settledInDoubt(t, c.act)
		for tries := 1; tries < 5 && errors.Is(c.want, pool.ErrWorkerDied) && errors.Is(err, pool.ErrWorkerHung); tries++ {
			w, err = settledInDoubt(t, c.act) // it was doubted before it had the processor to die
		}
		if !errors.Is(err, c.want) || errors.Is(err, pool.ErrOther) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if got := w.who(7); len(got) != 1 || slices.Contains(got, quarantine) {
			t.Errorf("%s: workers %d had it", c.name, got)
		}
		if got := w.pool.Stats().Retried; got != 0 {
			t.Errorf("%s: %d retries", c.name, got)
		}
	}
}

// settledInDoubt has a first worker do something with a body, and other bytes proven as
// soon as it has begun and the body is doubtful.
func settledInDoubt(t *testing.T, first act) (*ward, error) {
	t.Helper()
	w := newWard(t, patience)
	d := newDoubts(false)
	done := make(chan error, 1)
	has := make(chan struct{})
	begins := func(w *ward, i int, job frame.Job) { close(has); first(w, i, job) }
	begun := time.Now()
	go func() { done <- w.play(7, pool.Job{From: 1, Sum: [32]byte{2}, Doubtful: d.doubtful}, begins) }()
	if said := <-d.said; said.Sub(begun) > patience/2 {
		t.Errorf("doubted after %s", said.Sub(begun))
	}
	<-has
	w.pool.Settled(w.hashOfSmall(), [32]byte{1})
	return w, <-done
}

// What waits for a worker, or for a second opinion, ends with its context.
func TestGivenUp(t *testing.T) {
	w := newWard(t, patience)
	d := newDoubts(false)
	job := w.put()
	job.MedianTime, job.From, job.Doubtful = 7, 1, d.doubtful
	w.mu.Lock()
	w.acts[7] = []act{dies}
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-d.said; cancel() }()
	if _, _, err := w.pool.Check(ctx, job); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, _, err := w.pool.Check(ctx, job); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
	if got := w.who(7); len(got) != 1 {
		t.Errorf("workers %d had it", got)
	}
}
