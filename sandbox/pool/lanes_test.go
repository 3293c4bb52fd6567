package pool_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/verdict"
)

const (
	wardWorkers = 5
	quarantine  = wardWorkers - 1
)

// soon is the deadline where a worker hangs, and long enough for one that does not.
const soon = 700 * time.Millisecond

// ward is a lab with two workers at a time, two spares and a quarantine. What a worker
// does with a block is said by the block's name, which is its median time: the first
// act by who gets it first, and so on; after the last act and without any all are sound.
// A killed worker is replaced at once.
type ward struct {
	*lab

	mu    sync.Mutex
	asked map[uint32][]int // which workers got the block, in order
	acts  map[uint32][]act
}

// act is what a worker does with a job.
type act func(w *ward, i int, job frame.Job)

func newWard(t *testing.T, deadline time.Duration) *ward {
	t.Helper()
	w := &ward{lab: newLabWith(t, wardWorkers, 2, deadline), asked: map[uint32][]int{}, acts: map[uint32][]act{}}
	w.respawn = true
	for i := range wardWorkers {
		w.served.Go(func() {
			for job, ok := w.next(i); ok; job, ok = w.next(i) {
				w.act(i, job)(w, i, job)
			}
		})
		w.pool.Ready(i, 1, "sound")
	}
	return w
}

// act notes who got the job and returns what to do.
func (w *ward) act(i int, job frame.Job) act {
	w.mu.Lock()
	defer w.mu.Unlock()
	turn := len(w.asked[job.MedianTime])
	w.asked[job.MedianTime] = append(w.asked[job.MedianTime], i)
	if acts := w.acts[job.MedianTime]; turn < len(acts) {
		return acts[turn]
	}
	return says(smallClaim)
}

func (w *ward) who(name uint32) []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked[name])
}

// play has the block with that name checked, which meets these acts.
func (w *ward) play(name uint32, job pool.Job, acts ...act) error {
	w.t.Helper()
	w.mu.Lock()
	w.acts[name] = acts
	w.mu.Unlock()
	put := w.put()
	defer w.ring.Release(put.Slot)
	put.MedianTime, put.From, put.Suspect, put.Sum, put.Doubtful = name, job.From, job.Suspect, job.Sum, job.Doubtful
	_, err := w.check(put)
	return err
}

func (w *ward) fresh() (count int) {
	for _, worker := range w.pool.Workers() {
		if worker.Ready && worker.Fresh {
			count++
		}
	}
	return count
}

// allFresh waits until all workers are fresh. Who dies is ready again only after
// whoever asked it knows.
func (w *ward) allFresh() bool {
	late := time.After(patience)
	for w.fresh() != wardWorkers {
		select {
		case <-late:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

func says(said claim.Block) act {
	return func(w *ward, i int, job frame.Job) { tell(w.ends[i], answerOf(job.Seq, said)...) }
}

// breaks says that the block breaks a rule.
func breaks(rule verdict.Code) act { return says(claim.Block{Txs: smallClaim.Txs, Verdict: rule}) }

// dies ends, and another process is there before anybody knows.
func dies(w *ward, i int, _ frame.Job) {
	w.lab.mu.Lock()
	w.born[i]++
	generation := w.born[i]
	w.lab.mu.Unlock()
	w.pool.Died(i, generation, "killed by signal 31")
	w.pool.Ready(i, generation+1, "again")
}

func hangs(*ward, int, frame.Job) {}

func babbles(w *ward, i int, _ frame.Job) { tell(w.ends[i], []byte("hello")) }

// holds waits before it says the truth.
func holds(begun chan<- int, end <-chan struct{}) act {
	return func(w *ward, i int, job frame.Job) {
		begun <- i
		<-end
		says(smallClaim)(w, i, job)
	}
}

// A body on which a worker failed is given to a fresh one before it counts, once, and
// not at all if it is a suspect's.
func TestSecondOpinion(t *testing.T) {
	for _, c := range []struct {
		name string
		job  pool.Job
		acts []act
		want error
		by   int
	}{
		{"died once", pool.Job{}, []act{dies}, nil, 2},
		{"hung once", pool.Job{}, []act{hangs}, nil, 2},
		{"babbled once", pool.Job{}, []act{babbles}, nil, 2},
		{"died twice", pool.Job{}, []act{dies, dies}, pool.ErrWorkerDied, 2},
		{"died and hung", pool.Job{}, []act{dies, hangs}, pool.ErrWorkerHung, 2},
		{"died, then called malformed", pool.Job{}, []act{dies, says(claim.Block{Verdict: verdict.Truncated})}, pool.ErrMalformed, 2},
		{"malformed", pool.Job{}, []act{says(claim.Block{Verdict: verdict.Truncated})}, pool.ErrMalformed, 1},
		{"a suspect's", pool.Job{Suspect: true}, []act{dies}, pool.ErrWorkerDied, 1},
		{"died, then breaks a rule", pool.Job{}, []act{dies, breaks(verdict.ValueTooLarge), breaks(verdict.ValueTooLarge), breaks(verdict.ValueTooLarge)}, claim.ErrRule, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWard(t, soon)
			c.job.From = 1
			if err := w.play(7, c.job, c.acts...); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if got := w.who(7); len(got) != c.by {
				t.Errorf("workers %d had it, want %d of them", got, c.by)
			}
			if got, want := w.pool.Stats().Retried, uint64(min(c.by-1, 1)); got != want {
				t.Errorf("%d retries, want %d", got, want)
			}
			if got := w.fresh(); got < wardWorkers-2 {
				t.Errorf("%d workers are fresh", got)
			}
		})
	}
}

// After a failure a worker that was started since is taken rather than one that stood
// by: whatever stopped the one may have stopped the others, too.
func TestNewbornFirst(t *testing.T) {
	w := newWard(t, soon)
	if err := w.play(7, pool.Job{From: 1}, hangs); err != nil {
		t.Error(err)
	}
	if got := w.who(7); len(got) != 2 || got[0] != got[1] {
		t.Errorf("workers %d had it, want the one that was replaced twice", got)
	}
}

// If no worker is started, one that stands by does it.
func TestSparesDo(t *testing.T) {
	w := newWard(t, soon)
	w.lab.mu.Lock()
	w.respawn = false
	w.lab.mu.Unlock()
	if err := w.play(7, pool.Job{From: 1}, hangs); err != nil {
		t.Error(err)
	}
	if got := w.who(7); len(got) != 2 || got[0] == got[1] || got[1] == quarantine {
		t.Errorf("workers %d had it", got)
	}
}

// A broken rule is one worker's word until two more fresh workers say the same.
func TestConfirm(t *testing.T) {
	const rule, other = verdict.ValueTooLarge, verdict.DuplicateInputs
	for _, c := range []struct {
		name  string
		acts  []act
		want  error
		stats pool.Stats
	}{
		{"all agree", []act{breaks(rule), breaks(rule), breaks(rule)}, claim.ErrRule, pool.Stats{Broken: 1, Confirmed: 1, Kills: 3}},
		{"the second says proven", []act{breaks(rule), says(smallClaim)}, pool.ErrDisagree, pool.Stats{Disagreed: 1, Kills: 2}},
		{"the third says proven", []act{breaks(rule), breaks(rule), says(smallClaim)}, pool.ErrDisagree, pool.Stats{Disagreed: 1, Kills: 3}},
		{"the second says another rule", []act{breaks(rule), breaks(other)}, pool.ErrDisagree, pool.Stats{Disagreed: 1, Kills: 2}},
		{"the second calls it malformed", []act{breaks(rule), says(claim.Block{Verdict: verdict.Truncated})}, pool.ErrDisagree, pool.Stats{Disagreed: 1, Kills: 2}},
		{"the second dies", []act{breaks(rule), dies}, pool.ErrDisagree, pool.Stats{Disagreed: 1, Kills: 1}},
		{"the third hangs", []act{breaks(rule), breaks(rule), hangs}, pool.ErrDisagree, pool.Stats{Disagreed: 1, Kills: 3}},
	} {
		for _, suspect := range []bool{false, true} {
			w := newWard(t, soon)
			err := w.play(7, pool.Job{From: 1, Suspect: suspect}, c.acts...)
			if !errors.Is(err, c.want) || errors.Is(c.want, pool.ErrDisagree) && errors.Is(err, claim.ErrRule) {
				t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			}
			if got := w.pool.Stats(); got != c.stats {
				t.Errorf("%s: got %+v, want %+v", c.name, got, c.stats)
			}
			if got := w.who(7); len(got) != len(c.acts) || suspect != (got[0] == quarantine) || slices.Contains(got[1:], quarantine) {
				t.Errorf("%s: workers %d had it", c.name, got)
			}
			if !w.allFresh() {
				t.Errorf("%s: %d workers are fresh, want all: each that read it was killed", c.name, w.fresh())
			}
		}
	}
}

// Ordinary work leaves spares and quarantine alone.
func TestSparesStayFresh(t *testing.T) {
	w := newWard(t, patience)
	var wg sync.WaitGroup
	for from := range uint64(6) {
		wg.Go(func() {
			for range 20 {
				if err := w.play(7, pool.Job{From: from}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := w.fresh(); got < wardWorkers-2 {
		t.Errorf("%d workers are fresh, want %d", got, wardWorkers-2)
	}
	if !w.pool.Workers()[quarantine].Fresh {
		t.Error("the quarantine was used")
	}
}

// A suspect's blocks go to the quarantine and nowhere else; it waits ever longer
// between bodies that are not proven, and nobody else does.
func TestQuarantine(t *testing.T) {
	w := newWard(t, patience)
	malformed := says(claim.Block{Verdict: verdict.Truncated})
	begun := time.Now()
	for name := range uint32(3) {
		if err := w.play(name, pool.Job{From: 1, Suspect: true}, malformed); !errors.Is(err, pool.ErrMalformed) {
			t.Errorf("block %d: %v", name, err)
		}
		for other := range uint32(5) {
			if err := w.play(10+other, pool.Job{From: 2}); err != nil {
				t.Error(err)
			}
		}
	}
	if got, want := time.Since(begun), 300*time.Millisecond; got < want { // 100 and 200 ms
		t.Errorf("three bad blocks of a suspect took %s, want %s at least", got, want)
	}
	if err := w.play(3, pool.Job{From: 1, Suspect: true}); err != nil { // 400 ms
		t.Error(err)
	}
	if err := w.play(5, pool.Job{From: 1, Suspect: true}, malformed); !errors.Is(err, pool.ErrMalformed) {
		t.Error(err)
	}
	begun = time.Now()
	if err := w.play(4, pool.Job{From: 1, Suspect: true}); err != nil { // 100 ms, or 800 without the good one
		t.Error(err)
	}
	if got := time.Since(begun); got > 700*time.Millisecond {
		t.Errorf("a good block did not end the back-off: %s", got)
	}
	for name, by := range map[uint32]bool{0: true, 1: true, 2: true, 3: true, 4: true, 5: true, 10: false, 14: false} {
		for _, worker := range w.who(name) {
			if by != (worker == quarantine) {
				t.Errorf("worker %d had block %d", worker, name)
			}
		}
	}
}

// Who keeps all workers busy does not keep others out.
func TestOthersGoOn(t *testing.T) {
	w := newWard(t, patience)
	begun, end := make(chan int, 2), make(chan struct{})
	var wg sync.WaitGroup
	for name := range uint32(2) {
		wg.Go(func() {
			if err := w.play(name, pool.Job{From: 1}, holds(begun, end)); err != nil {
				t.Error(err)
			}
		})
	}
	<-begun
	<-begun
	for name := range uint32(3) {
		if err := w.play(10+name, pool.Job{From: 2}); err != nil {
			t.Error(err)
		}
	}
	job := w.put()
	job.From = 1
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := w.pool.Check(ctx, job); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third worker for one that keeps two: %v", err)
	}
	close(end)
	wg.Wait()
	if got := w.fresh(); got < wardWorkers-2 {
		t.Errorf("%d workers are fresh, want %d: spares that worked become spares again", got, wardWorkers-2)
	}
}

// While a fresh worker looks at a body that one failed on, the rest of who sent it is
// in quarantine, also what has waited before.
func TestTroubleKeepsTheRestAway(t *testing.T) {
	w := newWard(t, patience)
	begun, end := make(chan int, 1), make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- w.play(1, pool.Job{From: 1}, dies, holds(begun, end)) }()
	<-begun
	if err := w.play(2, pool.Job{From: 1}); err != nil {
		t.Error(err)
	}
	if err := w.play(3, pool.Job{From: 2}); err != nil {
		t.Error(err)
	}
	close(end)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := w.play(4, pool.Job{From: 1}); err != nil {
		t.Error(err)
	}
	for name, want := range map[uint32]bool{2: true, 3: false, 4: false} {
		if got := w.who(name); len(got) != 1 || (got[0] == quarantine) != want {
			t.Errorf("worker %d had block %d, in quarantine: want %v", got, name, want)
		}
	}
}

// Who waits for a second opinion when the pool closes, or gives up, is told so.
func TestCloseDuringSecondOpinion(t *testing.T) {
	w := newWard(t, patience)
	asked := make(chan struct{})
	w.mu.Lock()
	w.acts[1] = []act{func(w *ward, i int, _ frame.Job) {
		for other := range wardWorkers {
			if other != i {
				w.pool.Died(other, 1, "gone")
			}
		}
		w.pool.Died(i, 1, "gone")
		close(asked)
	}}
	w.mu.Unlock()
	job := w.put()
	job.MedianTime, job.From = 1, 1
	done := make(chan error, 1)
	go func() {
		_, err := w.check(job)
		done <- err
	}()
	<-asked
	if err := w.pool.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, pool.ErrClosed) && !errors.Is(err, pool.ErrWorkerDied) {
		t.Errorf("got %v", err)
	}
}
