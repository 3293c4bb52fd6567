package pool_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/verdict"
)

func TestProven(t *testing.T) {
	l := newLab(t, 2, patience)
	l.sound(0)
	l.sound(1)
	var wg sync.WaitGroup
	for range l.ring.Slots() {
		job := l.put()
		wg.Go(func() {
			for range 10 {
				checked, err := l.check(job)
				if err != nil || checked.Hash().String() != smallHash || checked.Height() != smallHeight || checked.TxCount() != len(smallClaim.Txs) {
					t.Errorf("got %v, %s", err, checked.Hash())
				}
			}
		})
	}
	wg.Wait()
	if got, want := l.pool.Stats(), (pool.Stats{Proven: uint64(10 * l.ring.Slots())}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A worker that was given anything but a proven block is killed, and has no job
// before the supervisor says READY again.
func TestUnprovenKills(t *testing.T) {
	for _, c := range []struct {
		name  string
		said  claim.Block
		spoil func(b []byte)
		want  error
		stats pool.Stats
	}{
		{"malformed", claim.Block{Verdict: verdict.Trailing}, func([]byte) {}, pool.ErrMalformed, pool.Stats{Malformed: 1, Kills: 1}},
		{"a bit flipped", smallClaim, func(b []byte) { b[len(b)-1] ^= 1 }, claim.ErrMerkle, pool.Stats{Unproven: 1, Kills: 1}},
		{"another header", smallClaim, func(b []byte) { b[0] ^= 1 }, claim.ErrHeader, pool.Stats{Unproven: 1, Kills: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 1, patience)
			l.liar(func(fd int, job frame.Job) { tell(fd, answerOf(job.Seq, c.said)...) })
			job := l.put()
			c.spoil(l.ring.Bytes(job.Slot, job.Len))
			checked, err := l.check(job)
			if !errors.Is(err, c.want) || !checked.IsZero() {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if got := l.pool.Stats(); got != c.stats {
				t.Errorf("got %+v, want %+v", got, c.stats)
			}
			l.mustWait()
			l.pool.Ready(0, 1, "too early: it did not die yet")
			l.mustWait()
			l.pool.Died(0, 1, "killed")
			l.mustWait()
			l.sound(0)
			l.mustProve()
		})
	}
}

func TestHung(t *testing.T) {
	l := newLab(t, 1, 30*time.Millisecond)
	late := make(chan struct{})
	told := make(chan struct{})
	l.liar(func(fd int, job frame.Job) {
		<-late
		tell(fd, frame.Answer{Seq: job.Seq + 1, Verdict: verdict.Truncated}.Append(nil)) // for the next job
		close(told)
	})
	job := l.put()
	_, err := l.check(job)
	if !errors.Is(err, pool.ErrWorkerHung) {
		t.Errorf("got %v", err)
	}
	if got, want := l.pool.Stats(), (pool.Stats{Hung: 1, Kills: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	close(late)
	<-told
	l.pool.Died(0, 1, "killed") // throws the late answer away
	l.sound(0)
	l.mustProve()
}

// One deadline holds for the whole answer, not for each message.
func TestHungHalfWay(t *testing.T) {
	l := newLab(t, 1, 30*time.Millisecond)
	l.liar(func(fd int, job frame.Job) {
		half := answerOf(job.Seq, claim.Block{Txs: make([]claim.Tx, 8000), Verdict: verdict.OK})
		tell(fd, half[:2]...)
	})
	job := l.put()
	job.Len = btc.MaxBlockSize // room for so many
	if _, err := l.check(job); !errors.Is(err, pool.ErrWorkerHung) {
		t.Errorf("got %v", err)
	}
}

func TestDiedWithAJob(t *testing.T) {
	l := newLab(t, 1, patience)
	again := make(chan struct{})
	l.liar(func(_ int, _ frame.Job) {
		l.pool.Died(0, 1, "killed by signal 31")
		l.pool.Ready(0, 1, "fresh") // may come before Check has returned
		close(again)
	})
	_, err := l.check(l.put())
	<-again
	if !errors.Is(err, pool.ErrWorkerDied) || !strings.Contains(err.Error(), "killed by signal 31") {
		t.Errorf("got %v", err)
	}
	if got, want := l.pool.Stats(), (pool.Stats{Died: 1}); got != want { // there is nobody to kill
		t.Errorf("got %+v, want %+v", got, want)
	}
	l.sound(0)
	l.mustProve()
	if w := l.pool.Workers()[0]; !w.Ready || w.Busy || w.Status != "sound" || w.Cause != "killed by signal 31" {
		t.Errorf("got %+v", w)
	}
}

func TestDiedIdle(t *testing.T) {
	l := newLab(t, 2, patience)
	l.sound(0)
	l.sound(1)
	l.pool.Died(0, 1, "gone")
	l.mustProve()
	l.mustProve()
	l.pool.Died(1, 1, "gone")
	l.mustWait()
	l.pool.Ready(0, 1, "fresh")
	l.mustProve()
	if got, want := l.pool.Stats(), (pool.Stats{Proven: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// What a dead worker left behind, even an answer to the job to come, is not taken
// for the word of the next one.
func TestDeadWorkerLeavesAnswer(t *testing.T) {
	l := newLab(t, 1, patience)
	l.liar(func(fd int, job frame.Job) {
		var forged [][]byte
		for next := range uint64(20) {
			forged = append(forged, frame.Answer{Seq: job.Seq + next + 1, Verdict: verdict.NoInputs}.Append(nil))
		}
		l.pool.Died(0, 1, "gone")
		tell(fd, forged...)
	})
	if _, err := l.check(l.put()); !errors.Is(err, pool.ErrWorkerDied) && !errors.Is(err, pool.ErrWorkerNonsense) {
		t.Errorf("got %v", err)
	}
	l.served.Wait()
	l.pool.Died(0, 1, "gone for good") // drains what came after the first word
	l.sound(0)
	l.mustProve()
}

// A worker that speaks without being asked gets no job.
func TestUnaskedMessage(t *testing.T) {
	l := newLab(t, 2, patience)
	tell(l.ends[0], []byte("hello"))
	l.pool.Ready(0, 1, "talks")
	l.mustWait()
	l.sound(1)
	for range 3 {
		l.mustProve()
	}
	if got, want := l.pool.Stats(), (pool.Stats{Proven: 3, Kills: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if w := l.pool.Workers(); w[0].Ready || !w[1].Ready {
		t.Errorf("got %+v", w)
	}
}

// READY said twice does not give one worker two jobs.
func TestReadyTwice(t *testing.T) {
	l := newLab(t, 1, patience)
	asked, answer := make(chan struct{}), make(chan struct{})
	l.liar(func(fd int, job frame.Job) {
		close(asked)
		<-answer
		tell(fd, answerOf(job.Seq, smallClaim)...)
	})
	l.pool.Ready(0, 1, "again")
	job, done := l.put(), make(chan error, 1)
	go func() {
		_, err := l.check(job)
		done <- err
	}()
	<-asked
	l.pool.Ready(0, 1, "and again")
	l.mustWait()
	close(answer)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestContext(t *testing.T) {
	l := newLab(t, 1, patience)
	job := l.put()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.pool.Check(ctx, job); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestJobLengthLimits(t *testing.T) {
	l := newLab(t, 1, patience)
	for _, n := range []int{-1, 0, btc.MaxBlockSize + 1} {
		if _, err := l.check(pool.Job{Len: n}); !errors.Is(err, claim.ErrSize) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if got := l.pool.Stats(); got != (pool.Stats{}) {
		t.Errorf("a worker was asked: %+v", got)
	}
}

func TestClose(t *testing.T) {
	l := newLab(t, 2, patience)
	asked, answer := make(chan struct{}), make(chan struct{})
	l.liar(func(fd int, job frame.Job) {
		close(asked)
		<-answer
		tell(fd, answerOf(job.Seq, smallClaim)...)
	})
	busy, waiting, closed := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	job, other := l.put(), l.put()
	go func() {
		_, err := l.check(job)
		busy <- err
	}()
	<-asked
	go func() {
		_, err := l.check(other)
		waiting <- err
	}()
	go func() { closed <- l.pool.Close() }()
	if err := <-waiting; !errors.Is(err, pool.ErrClosed) {
		t.Errorf("who waits: %v", err)
	}
	close(answer)
	if err := <-busy; err != nil {
		t.Errorf("who was served: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := l.pool.Close(); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	l.pool.Ready(1, 1, "too late")
	l.pool.Died(1, 1, "too late")
	if _, err := l.check(job); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("after: %v", err)
	}
}

// The supervisor is gone, and with it the other end of the sockets.
func TestOtherEndClosed(t *testing.T) {
	l := newLab(t, 1, patience)
	l.pool.Ready(0, 1, "gone in a moment")
	if err := unix.Close(l.ends[0]); err != nil {
		t.Fatal(err)
	}
	l.ends = nil
	l.mustWait()
	if got, want := l.pool.Stats(), (pool.Stats{Kills: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestConfig(t *testing.T) {
	l := newLab(t, 1, patience)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	blocking := os.NewFile(uintptr(pair[0]), "blocking")
	kill := func(int, uint32, frame.Cause) {}
	for _, c := range []struct {
		name string
		cfg  pool.Config
		want error
	}{
		{"no connections", pool.Config{Ring: l.ring, Checker: newChecker, Kill: kill}, pool.ErrConfig},
		{"no ring", pool.Config{Conns: []*os.File{blocking}, Checker: newChecker, Kill: kill}, pool.ErrConfig},
		{"no checkers", pool.Config{Conns: []*os.File{blocking}, Ring: l.ring, Kill: kill}, pool.ErrConfig},
		{"no kill function", pool.Config{Conns: []*os.File{blocking}, Ring: l.ring, Checker: newChecker}, pool.ErrConfig},
		{"nobody to stand by", pool.Config{Conns: make([]*os.File, 1+pool.Standby), Ring: l.ring, Checker: newChecker, Kill: kill, Parallel: 2}, pool.ErrConfig},
		{"fewer than none work", pool.Config{Conns: []*os.File{blocking}, Ring: l.ring, Checker: newChecker, Kill: kill, Parallel: -1}, pool.ErrConfig},
		{"a socket that blocks", pool.Config{Conns: []*os.File{blocking}, Ring: l.ring, Checker: newChecker, Kill: kill}, os.ErrNoDeadline},
	} {
		if _, err := pool.New(c.cfg); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if err := errors.Join(blocking.Close(), unix.Close(pair[1])); err != nil {
		t.Error(err)
	}
}
