package pool_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/verdict"
)

// TestKillNamesGeneration: a worker is killed as the process that erred, for the
// reason that it gave.
func TestKillNamesGeneration(t *testing.T) {
	for _, c := range []struct {
		name   string
		script func(fd int, job frame.Job)
		why    frame.Cause
	}{
		{"silence", func(int, frame.Job) {}, frame.CauseHung},
		{"nonsense", func(fd int, _ frame.Job) { tell(fd, []byte("hello")) }, frame.CauseNonsense},
		{"a lie", func(fd int, job frame.Job) {
			tell(fd, answerOf(job.Seq, claim.Block{Verdict: verdict.Trailing})...)
		}, frame.CauseUnproven},
		{"too much", func(fd int, job frame.Job) {
			tell(fd, append(answerOf(job.Seq, smallClaim), []byte("more"))...)
		}, frame.CauseNonsense},
	} {
		l := newLab(t, 1, 50*time.Millisecond)
		l.liar(c.script)
		l.pool.Ready(0, 7, "the seventh") // before it is asked
		_, _ = l.check(l.put())
		// The next job is when what came too much is seen, at the latest.
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, _, _ = l.pool.Check(ctx, l.put())
		cancel()
		if want := []kill{{0, 7, c.why}}; !slices.Equal(l.killed, want) {
			t.Errorf("%s: killed %v, want %v", c.name, l.killed, want)
		}
	}
}

// TestLateDeath: the end of a worker that was replaced does not end its successor.
func TestLateDeath(t *testing.T) {
	l := newLab(t, 1, patience)
	l.sound(0)
	l.pool.Ready(0, 3, "the third")
	l.pool.Died(0, 2, "late")
	l.mustProve()
	if w := l.pool.Workers()[0]; !w.Ready || w.Cause != "" {
		t.Errorf("got %+v", w)
	}
	l.pool.Died(0, 4, "never ready")
	l.mustWait()
}
