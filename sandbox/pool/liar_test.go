package pool_test

import (
	"errors"
	"math/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/verdict"
)

// Whatever a worker that was taken over says instead of an answer costs it its life,
// and us one block. The pool goes on.
func TestNonsense(t *testing.T) {
	bare := func(v verdict.Code, count int) func(frame.Job) [][]byte {
		return func(job frame.Job) [][]byte {
			return [][]byte{frame.Answer{Seq: job.Seq, Verdict: v, Count: count}.Append(nil)}
		}
	}
	fixed := func(messages ...[]byte) func(frame.Job) [][]byte {
		return func(frame.Job) [][]byte { return messages }
	}
	for _, c := range []struct {
		name string
		say  func(job frame.Job) [][]byte
	}{
		{"an empty message", fixed([]byte{})},
		{"text", fixed([]byte("hello"))},
		{"the longest message", fixed(make([]byte, frame.MaxMessage))},
		{"longer than the longest message", fixed(make([]byte, frame.MaxMessage+1))},
		{"as much as the socket takes", fixed(make([]byte, 150_000))},
		{"the job", func(job frame.Job) [][]byte { return [][]byte{job.Append(nil)} }},
		{"verdict 0", bare(0, 0)},
		{"verdict 255", bare(255, 0)},
		{"well formed, without entries", bare(verdict.OK, 0)},
		{"malformed, with entries", bare(verdict.Trailing, 12)},
		{"too many entries for any block", bare(verdict.OK, btc.MaxBlockTransactions+1)},
		{"too many entries for this block", bare(verdict.OK, 9288/btc.MinTransactionSize+1)},
		{"2^32-1 entries", bare(verdict.OK, 1<<32-1)},
		{"another number", func(job frame.Job) [][]byte { return answerOf(job.Seq+1, smallClaim) }},
		{"number 0", func(frame.Job) [][]byte { return answerOf(0, smallClaim) }},
		{"chunk before the answer", func(job frame.Job) [][]byte { return answerOf(job.Seq, smallClaim)[1:] }},
		{"answer twice", func(job frame.Job) [][]byte {
			return slices.Concat(answerOf(job.Seq, smallClaim)[:1], answerOf(job.Seq, smallClaim))
		}},
		{"an entry missing", func(job frame.Job) [][]byte {
			all := answerOf(job.Seq, smallClaim)
			all[1] = all[1][:len(all[1])-claim.EntrySize]
			return all
		}},
		{"an entry more", func(job frame.Job) [][]byte {
			all := answerOf(job.Seq, smallClaim)
			all[1] = append(all[1], make([]byte, claim.EntrySize)...)
			return all
		}},
		{"chunk with another number", func(job frame.Job) [][]byte {
			return [][]byte{answerOf(job.Seq, smallClaim)[0], answerOf(job.Seq^1, smallClaim)[1]}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 1, patience)
			l.liar(func(fd int, job frame.Job) { tell(fd, c.say(job)...) })
			checked, err := l.check(l.put())
			if !errors.Is(err, pool.ErrWorkerNonsense) || !checked.IsZero() {
				t.Errorf("got %v", err)
			}
			if got, want := l.pool.Stats(), (pool.Stats{Nonsense: 1, Kills: 1}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			l.mustWait()
			l.pool.Died(0, 1, "killed")
			l.sound(0)
			l.mustProve()
		})
	}
}

// What comes after a whole answer does not spoil the proof, but the worker has no
// other job, however long the message took.
func TestTalksAfterTheEnd(t *testing.T) {
	l := newLab(t, 1, patience)
	l.liar(func(fd int, job frame.Job) {
		all := answerOf(job.Seq, smallClaim)
		tell(fd, append(all, all[len(all)-1])...)
	})
	if _, err := l.check(l.put()); err != nil {
		t.Errorf("got %v", err)
	}
	l.served.Wait()
	l.mustWait() // it was killed when its job ended, or is now
	if got, want := l.pool.Stats(), (pool.Stats{Proven: 1, Kills: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Claims that are well formed and wrong reach the proof, and end there.
func TestLies(t *testing.T) {
	for _, c := range []struct {
		name string
		lie  func(txs []claim.Tx) []claim.Tx
		want error
	}{
		{"one fewer", func(txs []claim.Tx) []claim.Tx { return txs[:len(txs)-1] }, claim.ErrCount},
		{"one more", func(txs []claim.Tx) []claim.Tx { return append(txs, txs[0]) }, claim.ErrCount},
		{"all of length 2^32-1", func(txs []claim.Tx) []claim.Tx {
			return slices.Repeat([]claim.Tx{{Len: 1<<32 - 1, Witness: 1<<32 - 1}}, len(txs))
		}, claim.ErrTiling},
		{"two swapped", func(txs []claim.Tx) []claim.Tx {
			txs[1], txs[2] = txs[2], txs[1]
			return txs
		}, nil},
		{"witnesses denied", func(txs []claim.Tx) []claim.Tx {
			for i := range txs[1:] {
				txs[i+1].Witness = 0
			}
			return txs
		}, claim.ErrMerkle},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 1, patience)
			l.liar(func(fd int, job frame.Job) {
				lie := claim.Block{Txs: c.lie(slices.Clone(smallClaim.Txs)), Verdict: verdict.OK}
				tell(fd, answerOf(job.Seq, lie)...)
			})
			_, err := l.check(l.put())
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if got, want := l.pool.Stats(), (pool.Stats{Unproven: 1, Kills: 1}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// A worker that never stops sending is cut off at its first wrong message; what is
// in the socket is thrown away in bounded time and memory.
func TestFlood(t *testing.T) {
	for _, size := range []int{0, 1, frame.AnswerSize, frame.MaxMessage} {
		l := newLab(t, 1, patience)
		stop := make(chan struct{})
		l.liar(func(fd int, _ frame.Job) {
			for message := make([]byte, size); ; {
				select {
				case <-stop:
					return
				default:
					tell(fd, message)
				}
			}
		})
		if _, err := l.check(l.put()); !errors.Is(err, pool.ErrWorkerNonsense) {
			t.Errorf("messages of %d bytes: %v", size, err)
		}
		l.mustWait()
		close(stop)
		l.served.Wait()
		l.pool.Died(0, 1, "killed")
		l.sound(0)
		l.mustProve()
	}
}

// Workers die, hang, talk nonsense and answer at random, while goroutines want
// blocks proven. Every Check ends, no slot is lost, good blocks get through in the end
// and nothing but the right block is ever proven.
func TestChaos(t *testing.T) {
	const seed, workers, goroutines, rounds = 7, 3, 4, 40
	l := newLab(t, workers, 40*time.Millisecond)
	l.respawn = true
	for i := range workers {
		rng := rand.New(rand.NewSource(int64(seed + i)))
		l.served.Go(func() { chaosWorker(l, i, rng) })
		l.pool.Ready(i, 1, "chaos")
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[bool]int{}
	for range goroutines {
		wg.Go(func() {
			for range rounds {
				job := l.put()
				checked, err := l.check(job)
				if err == nil && (checked.Hash().String() != smallHash || checked.TxCount() != len(smallClaim.Txs)) {
					t.Errorf("seed %d: another block was proven", seed)
				}
				mu.Lock()
				outcomes[err == nil]++
				mu.Unlock()
				l.ring.Release(job.Slot)
			}
		})
	}
	wg.Wait()
	s := l.pool.Stats()
	if sum := s.Proven + s.Malformed + s.Unproven + s.Died + s.Hung + s.Nonsense; sum != goroutines*rounds {
		t.Errorf("seed %d: %d outcomes, want %d: %+v", seed, sum, goroutines*rounds, s)
	}
	if outcomes[true] == 0 || outcomes[false] == 0 || uint64(outcomes[true]) != s.Proven || uint64(l.kills()) != s.Kills {
		t.Errorf("seed %d: %v, %d kills, %+v", seed, outcomes, l.kills(), s)
	}
	for range l.ring.Slots() {
		if _, ok := l.ring.Take(); !ok {
			t.Error("a slot was lost")
		}
	}
}

// chaosWorker answers what comes in one of several ways, for good and bad, until the
// pool is closed.
func chaosWorker(l *lab, i int, rng *rand.Rand) {
	fd := l.ends[i]
	for job, ok := l.next(i); ok; job, ok = l.next(i) {
		switch rng.Intn(8) {
		case 0: // says nothing
		case 1:
			tell(fd, []byte("nonsense"))
		case 2:
			l.pool.Died(i, 1, "chaos")
			l.pool.Ready(i, 1, "chaos")
		case 3:
			tell(fd, frame.Answer{Seq: job.Seq, Verdict: verdict.NoInputs}.Append(nil))
		case 4: // half an answer
			tell(fd, answerOf(job.Seq, smallClaim)[0])
		case 5: // more than an answer
			tell(fd, append(answerOf(job.Seq, smallClaim), []byte("and more"))...)
		default:
			tell(fd, answerOf(job.Seq, smallClaim)...)
		}
	}
}
