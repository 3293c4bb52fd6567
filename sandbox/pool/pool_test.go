package pool_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
)

// Real blocks through real workers, from more goroutines than there are workers.
func TestProven(t *testing.T) {
	l := newLab(t, 2, patience)
	l.honest(0)
	l.honest(1)
	files := []string{small, "mainnet_0100001.raw", "testnet3_924634.raw", "mainnet_0951658.raw", big, "testnet4_0040000.raw"}
	var wg sync.WaitGroup
	slots := make(chan struct{}, l.ring.Slots())
	for round := range 4 {
		for _, file := range files {
			want, body := rows(t)[file], block(t, file)
			slots <- struct{}{}
			job := l.put(want, body)
			wg.Go(func() {
				c, err := l.check(job)
				if err != nil {
					t.Errorf("round %d, %s: %v", round, file, err)
				} else if c.Hash() != want.Hash || c.Weight() != want.Weight || c.TxCount() != want.Count || c.Height() != want.Height || c.Network() != want.Network {
					t.Errorf("%s: another block", file)
				} else if txs, err := claim.DecodeClaim(c.AppendClaim(nil)); err != nil || !slices.Equal(txs, parser.Block(body, nil).Txs) {
					t.Errorf("%s: another claim: %v", file, err)
				} else if inRing := l.ring.Bytes(job.Slot, job.Len); &c.Body()[0] != &inRing[0] || len(c.Body()) != len(body) {
					t.Errorf("%s: the body is not in its slot", file)
				}
				l.ring.Release(job.Slot)
				<-slots
			})
		}
	}
	wg.Wait()
	if got, want := l.pool.Stats(), (pool.Stats{Proven: uint64(4 * len(files))}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A claim stays what it is when its worker has other jobs.
func TestClaimOutlivesTheJob(t *testing.T) {
	l := newLab(t, 1, patience)
	l.honest(0)
	job := l.put(rows(t)[small], block(t, small))
	first, err := l.check(job)
	if err != nil {
		t.Fatal(err)
	}
	before := first.AppendClaim(nil)
	other := l.put(rows(t)[big], block(t, big))
	if _, err := l.check(other); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.AppendClaim(nil), before) {
		t.Error("the claim changed")
	}
}

// The slowest block for a parser is far from the deadline that is in force.
func TestWorstBlockMeetsTheDeadline(t *testing.T) {
	l := newLab(t, 1, 0)
	l.honest(0)
	body := block(t, worst)
	if _, err := l.check(l.put(row{Network: btc.Mainnet, Height: 800_000}, body)); err != nil {
		t.Error(err)
	}
}

// A worker that was given anything but a proven block is killed, and has no job
// before the supervisor says READY again.
func TestUnprovenKills(t *testing.T) {
	body, r := block(t, small), rows(t)[small]
	flipped := slices.Clone(body)
	flipped[len(flipped)-1] ^= 1
	wrongHeader := slices.Clone(body)
	wrongHeader[0] ^= 1
	for _, c := range []struct {
		name string
		body []byte
		row  row
		want error
		say  string
		stat pool.Stats
	}{
		{"cut", body[:len(body)-1], r, pool.ErrMalformed, claim.VerdictTruncated.String(), pool.Stats{Malformed: 1, Kills: 1}},
		{"a byte", []byte{0}, r, pool.ErrMalformed, "", pool.Stats{Malformed: 1, Kills: 1}},
		{"a bit flipped", flipped, r, claim.ErrMerkle, "", pool.Stats{Unproven: 1, Kills: 1}},
		{"another header", wrongHeader, r, claim.ErrHeader, "", pool.Stats{Unproven: 1, Kills: 1}},
		{"before segwit", body, row{Network: btc.Mainnet, Height: 1}, claim.ErrUnexpectedWitness, "", pool.Stats{Unproven: 1, Kills: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 1, patience)
			l.honest(0)
			job := pool.Job{}
			if len(c.body) < btc.HeaderSize {
				job = l.put(c.row, body)
				job.Len = len(c.body)
			} else {
				job = l.put(c.row, c.body)
			}
			job.Header = btc.Header(body[:btc.HeaderSize])
			checked, err := l.check(job)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.say) || !checked.IsZero() {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if got := l.pool.Stats(); got != c.stat {
				t.Errorf("got %+v, want %+v", got, c.stat)
			}
			l.mustWait()
			l.pool.Ready(0, "too early: it did not die yet")
			l.mustWait()
			l.pool.Died(0, "killed")
			l.mustWait()
			l.pool.Ready(0, "fresh")
			l.mustProve()
		})
	}
}

func TestMalformedCarriesItsVerdict(t *testing.T) {
	l := newLab(t, 1, patience)
	l.honest(0)
	body := append(block(t, small), 0)
	_, err := l.check(l.put(rows(t)[small], body))
	var malformed *claim.MalformedError
	if !errors.As(err, &malformed) || malformed.Verdict != claim.VerdictTrailing {
		t.Errorf("got %v", err)
	}
}

func TestHung(t *testing.T) {
	l := newLab(t, 1, 30*time.Millisecond)
	late := make(chan struct{})
	told := make(chan struct{})
	l.liar(0, func(fd int, job frame.Job) {
		<-late
		tell(fd, frame.Answer{Seq: job.Seq + 1, Verdict: claim.VerdictTruncated}.Append(nil)) // for the next job
		close(told)
	})
	job := l.put(rows(t)[small], block(t, small))
	_, err := l.check(job)
	if !errors.Is(err, pool.ErrWorkerHung) {
		t.Errorf("got %v", err)
	}
	if got, want := l.pool.Stats(), (pool.Stats{Hung: 1, Kills: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	close(late)
	<-told
	l.pool.Died(0, "killed") // throws the late answer away
	l.honest(0)
	l.mustProve()
}

// One deadline holds for the whole answer, not for each message.
func TestHungHalfWay(t *testing.T) {
	l := newLab(t, 1, 30*time.Millisecond)
	body := block(t, big)
	l.liar(0, func(fd int, job frame.Job) {
		said := parser.Block(body, nil)
		chunk, _ := frame.AppendChunk(nil, job.Seq, said.Txs, 0)
		tell(fd, frame.Answer{Seq: job.Seq, Verdict: claim.VerdictOK, Count: len(said.Txs)}.Append(nil), chunk)
	})
	if _, err := l.check(l.put(rows(t)[big], body)); !errors.Is(err, pool.ErrWorkerHung) {
		t.Errorf("got %v", err)
	}
}

func TestDiedWithAJob(t *testing.T) {
	l := newLab(t, 1, patience)
	l.liar(0, func(_ int, _ frame.Job) {
		l.pool.Died(0, "killed by signal 31")
		l.pool.Ready(0, "fresh") // comes before Check has returned
	})
	_, err := l.check(l.put(rows(t)[small], block(t, small)))
	if !errors.Is(err, pool.ErrWorkerDied) || !strings.Contains(err.Error(), "killed by signal 31") {
		t.Errorf("got %v", err)
	}
	if got, want := l.pool.Stats(), (pool.Stats{Died: 1}); got != want { // there is nobody to kill
		t.Errorf("got %+v, want %+v", got, want)
	}
	l.honest(0)
	l.mustProve()
	if w := l.pool.Workers()[0]; !w.Ready || w.Busy || w.Status != "honest" || w.Cause != "killed by signal 31" {
		t.Errorf("got %+v", w)
	}
}

func TestDiedIdle(t *testing.T) {
	l := newLab(t, 2, patience)
	l.honest(0)
	l.honest(1)
	l.pool.Died(0, "gone")
	l.mustProve()
	l.mustProve()
	l.pool.Died(1, "gone")
	l.mustWait()
	l.pool.Ready(0, "fresh")
	l.mustProve()
	if got, want := l.pool.Stats(), (pool.Stats{Proven: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// What a dead worker left behind, even an answer to the job to come, is not taken
// for the word of the next one.
func TestDeadWorkerLeavesAnswer(t *testing.T) {
	l := newLab(t, 1, patience)
	l.liar(0, func(fd int, job frame.Job) {
		var forged [][]byte
		for next := range uint64(20) {
			forged = append(forged, frame.Answer{Seq: job.Seq + next + 1, Verdict: claim.VerdictNoInputs}.Append(nil))
		}
		l.pool.Died(0, "gone")
		tell(fd, forged...)
	})
	if _, err := l.check(l.put(rows(t)[small], block(t, small))); !errors.Is(err, pool.ErrWorkerDied) && !errors.Is(err, pool.ErrWorkerNonsense) {
		t.Errorf("got %v", err)
	}
	l.served.Wait()
	l.pool.Died(0, "gone for good") // drains what came after the first word
	l.honest(0)
	l.mustProve()
}

// A worker that speaks without being asked gets no job.
func TestUnaskedMessage(t *testing.T) {
	l := newLab(t, 2, patience)
	tell(l.ends[0], []byte("hello"))
	l.pool.Ready(0, "talks")
	l.honest(1)
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
	body := block(t, small)
	l.liar(0, func(fd int, job frame.Job) {
		close(asked)
		<-answer
		tell(fd, honestAnswer(job, body)...)
	})
	l.pool.Ready(0, "again")
	job, done := l.put(rows(t)[small], body), make(chan error, 1)
	go func() {
		_, err := l.check(job)
		done <- err
	}()
	<-asked
	l.pool.Ready(0, "and again")
	l.mustWait()
	close(answer)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestContext(t *testing.T) {
	l := newLab(t, 1, patience)
	job := l.put(rows(t)[small], block(t, small))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.pool.Check(ctx, job); !errors.Is(err, context.Canceled) {
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
	body := block(t, small)
	l.liar(0, func(fd int, job frame.Job) {
		close(asked)
		<-answer
		tell(fd, honestAnswer(job, body)...)
	})
	busy, waiting, closed := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	job, other := l.put(rows(t)[small], body), l.put(rows(t)[small], body)
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
	l.pool.Ready(1, "too late")
	l.pool.Died(1, "too late")
	if _, err := l.check(job); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("after: %v", err)
	}
}

// The supervisor is gone, and with it the other end of the sockets.
func TestOtherEndClosed(t *testing.T) {
	l := newLab(t, 1, patience)
	l.pool.Ready(0, "gone in a moment")
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
	defer unix.Close(pair[1])
	blocking := os.NewFile(uintptr(pair[0]), "blocking")
	defer blocking.Close()
	kill := func(int) {}
	for _, c := range []struct {
		name string
		cfg  pool.Config
		want error
	}{
		{"no connections", pool.Config{Ring: l.ring, Kill: kill}, pool.ErrConfig},
		{"no ring", pool.Config{Conns: []*os.File{blocking}, Kill: kill}, pool.ErrConfig},
		{"no kill function", pool.Config{Conns: []*os.File{blocking}, Ring: l.ring}, pool.ErrConfig},
		{"a socket that blocks", pool.Config{Conns: []*os.File{blocking}, Ring: l.ring, Kill: kill}, os.ErrNoDeadline},
	} {
		if _, err := pool.New(c.cfg); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}
