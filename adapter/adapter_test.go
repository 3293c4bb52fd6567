package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/addrbook"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

func TestSyncs600Blocks(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	w := newWorld(t, chain, fakepeer.Script{}, fakepeer.Script{}).run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	synced := w.log.await(t, "the end of the sync", isSynced)
	if synced["tip"] != tip.String() {
		t.Errorf("%v", synced)
	}
	w.stop()
	w.synced(chain)
	if peers := w.log.banned(); len(peers) > 0 {
		t.Errorf("honest peers were banned: %v", peers)
	}
	for _, p := range w.peers {
		if p.Stats().Handshakes != 1 {
			t.Errorf("%s: %+v", p.Addr(), p.Stats())
		}
	}
}

// untilAsked returns the gate of an honest peer that sends nothing before the
// liar was asked, and the liar's.
func untilAsked() (honest, liar func(context.Context, btc.Height, btc.Hash)) {
	asked, once := make(chan struct{}), sync.Once{}
	honest = func(ctx context.Context, _ btc.Height, _ btc.Hash) {
		select {
		case <-asked:
		case <-ctx.Done():
		}
	}
	liar = func(context.Context, btc.Height, btc.Hash) { once.Do(func() { close(asked) }) }
	return honest, liar
}

func TestLiars(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lie     fakepeer.Lie
		message string
		reason  string
	}{
		{fakepeer.TruncatedBody, "peer banned", "body-malformed"},
		{fakepeer.WrongBody, "peer banned", "body-merkle"},
		{fakepeer.UnsolicitedTx, "peer banned", "unrequested-tx"},
		{fakepeer.WrongMagic, "peer banned", "wrong-magic"},
		{fakepeer.Oversize, "peer banned", "oversize"},
		{fakepeer.BadChecksum, "peer gone", "bad-checksum"}, // a broken router can do it: no ban
		{fakepeer.HalfBlock, "peer gone", "remote-closed"},
	} {
		t.Run(tt.lie.String(), func(t *testing.T) {
			t.Parallel()
			chain := fakepeer.First600()
			honest, liar := untilAsked()
			w := newWorld(t, chain, fakepeer.Script{Gate: honest}, fakepeer.Script{Lie: tt.lie, Gate: liar}).run()
			_, tip := chain.Tip()
			w.journal.await(t, tip)
			found := w.log.await(t, "the liar", func(r map[string]any) bool {
				return r["msg"] == tt.message && r["peer"] == w.peers[1].Addr().String()
			})
			if found["reason"] != tt.reason {
				t.Errorf("%v", found)
			}
			w.stop()
			w.synced(chain)
			w.log.await(t, "an honest peer", func(r map[string]any) bool {
				return r["msg"] == "peer ready" && r["peer"] == w.peers[0].Addr().String()
			})
			for _, peer := range w.log.banned() {
				if peer != w.peers[1].Addr().String() || tt.message != "peer banned" {
					t.Errorf("%s was banned", peer)
				}
			}
		})
	}
}

// TestFollowsReorg mines, forks and looks at the events: each block of the old
// branch taken back, highest first, then the new branch.
func TestFollowsReorg(t *testing.T) {
	t.Parallel()
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 1, Witness: true, FirstTime: uint32(time.Now().Add(-24 * time.Hour).Unix())})
	if err := chain.Mine(20); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, chain, fakepeer.Script{}).run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	if err := chain.Fork(17, 4); err != nil {
		t.Fatal(err)
	}
	_, tip = chain.Tip()
	w.journal.await(t, tip)
	w.stop()
	var got []string
	for _, e := range w.journal.events[20:] {
		got = append(got, fmt.Sprintf("%d:%d", e.Kind, e.Height))
	}
	if want := []string{"2:20", "2:19", "2:18", "1:18", "1:19", "1:20", "1:21"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// upTo fails the first n calls.
func upTo(n int, err error) func(int) error {
	return func(call int) error {
		if call <= n {
			return err
		}
		return nil
	}
}

// at fails these calls.
func at(err error, calls ...int) func(int) error {
	return func(call int) error {
		if slices.Contains(calls, call) {
			return err
		}
		return nil
	}
}

// TestOutlivesTheJournalsFaults lets the journal fail in each way that it may.
// Nothing is lost and nothing is doubled.
func TestOutlivesTheJournalsFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(*journal)
		loads int // at least
	}{
		{"load fails", func(j *journal) { j.failLoad = upTo(2, errDown) }, 3},
		{"stores fail", func(j *journal) { j.failStore = at(errDown, 1, 2, 50, 51, 300) }, 1},
		{"append refused", func(j *journal) { j.failAppend = at(errDown, 10, 200) }, 3},
		{"append unknown, went through", func(j *journal) { j.failAppend, j.lateAppend = at(errUnknown, 1, 100, 599), true }, 4},
		{"append stale", func(j *journal) { j.failAppend = at(adapter.ErrStale, 20) }, 2},
		{"all of it", func(j *journal) {
			j.failLoad, j.failStore, j.failAppend = at(errDown, 1, 3), at(errDown, 7, 100), at(errDown, 30, 31)
		}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			chain := fakepeer.First600()
			w := newWorld(t, chain, fakepeer.Script{}, fakepeer.Script{})
			tt.spoil(w.journal)
			w.run()
			_, tip := chain.Tip()
			w.journal.await(t, tip)
			w.log.await(t, "the end of the sync", isSynced)
			w.stop()
			w.synced(chain)
			if loads, _ := w.journal.count(); loads < tt.loads {
				t.Errorf("loaded %d times, want %d at least", loads, tt.loads)
			}
			if peers := w.log.banned(); len(peers) > 0 {
				t.Errorf("%v were banned for faults of the journal", peers)
			}
		})
	}
}

func TestEndsWithAPermanentError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakepeer.First600(), fakepeer.Script{})
	cause := errors.New("wrong credentials")
	w.journal.failLoad = upTo(1, fmt.Errorf("%w: %w", adapter.ErrPermanent, cause))
	if err := w.run().wait(); !errors.Is(err, adapter.ErrPermanent) || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}

// TestGoesOn runs twice over one journal, the second time from where the first
// was stopped.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	first := newWorld(t, chain, fakepeer.Script{}).run()
	part, _ := chain.At(250)
	first.journal.await(t, part)
	first.stop()
	_, before := first.journal.count()
	if before < 250 || before == 599 {
		t.Logf("stopped at %d", before)
	}
	second := newWorld(t, chain, fakepeer.Script{})
	second.journal.events = first.journal.events
	second.run()
	_, tip := chain.Tip()
	second.journal.await(t, tip)
	second.stop()
	second.synced(chain)
}

func TestEndsWhenStartAndJournalDisagree(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	first := newWorld(t, chain, fakepeer.Script{}).run()
	part, _ := chain.At(5)
	first.journal.await(t, part)
	first.stop()
	second := newWorld(t, chain, fakepeer.Script{})
	second.journal.events = first.journal.events
	second.config.Node.Start.Height = 3
	err := second.run().wait()
	var fatal *adapter.FatalError
	if !errors.As(err, &fatal) || fatal.Code != node.FatalStartConflict || fatal.Detail == "" || err.Error() != fatal.Detail {
		t.Errorf("%v", err)
	}
}

// TestEndsInTime cancels in the middle, with each kind of work under way. Every
// body comes back; wait counts.
func TestEndsInTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(w *world, reached func())
	}{
		{"bodies in the cell", func(w *world, reached func()) {
			w.cell.hold = func(ctx context.Context) { reached(); <-ctx.Done() }
		}},
		{"body in the journal", func(w *world, reached func()) {
			w.journal.stall = func(context.Context) { reached(); w.cancel() }
		}},
		{"event in the journal", func(w *world, reached func()) {
			w.journal.failAppend = func(call int) error {
				if call == 40 {
					reached()
					w.cancel()
				}
				return nil
			}
		}},
		{"journal down", func(w *world, reached func()) {
			w.journal.failLoad = func(int) error { reached(); return errDown }
		}},
		{"nobody there", func(w *world, reached func()) {
			w.peers[0].Close()
			go reached()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 5 {
				reached, once := make(chan struct{}), sync.Once{}
				w := newWorld(t, fakepeer.First600(), fakepeer.Script{})
				begin := make(chan struct{})
				tt.spoil(w, func() { <-begin; once.Do(func() { close(reached) }) })
				w.run()
				close(begin)
				select {
				case <-reached:
				case <-time.After(patience):
					t.Fatal("it does not come to that")
				}
				started := time.Now()
				w.stop()
				if took := time.Since(started); took > 5*time.Second {
					t.Errorf("Run took %s to end", took)
				}
			}
		})
	}
}

// TestGivesUpAStuckJournal cancels while the journal hangs: the job gets some
// seconds, then its context ends.
func TestGivesUpAStuckJournal(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes the 7 s that a job of the journal gets")
	}
	w := newWorld(t, fakepeer.First600(), fakepeer.Script{})
	stuck, once := make(chan struct{}), sync.Once{}
	w.journal.stall = func(ctx context.Context) {
		once.Do(func() { close(stuck) })
		<-ctx.Done()
	}
	w.journal.failStore = upTo(1<<20, context.Canceled)
	w.run()
	<-stuck
	started := time.Now()
	w.stop()
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("Run took %s to end; the supervisor waits 10 s", took)
	}
}

// TestParamsOfAnotherNetwork wants parameters and network to agree, before anything
// is dialled.
func TestParamsOfAnotherNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakepeer.First600(), fakepeer.Script{})
	w.config.Params = btc.Signet.Params()
	if err := w.run().wait(); err == nil || !strings.Contains(err.Error(), "parameters of signet for a node of mainnet") {
		t.Errorf("%v", err)
	}
	if w.peers[0].Stats().Connections > 0 {
		t.Error("a peer was dialled")
	}
}

// TestEndsWithoutNetwork resolves no seed and dials nobody who answers.
func TestEndsWithoutNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakepeer.First600())
	gone, _ := addrbook.ParseAddr("127.0.0.1:1")
	w.config.Node.Connect = []addrbook.Addr{gone}
	w.run()
	w.stop()
}
