package adapter_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// first returns a function that is true once, for the first body that comes.
func first() func() bool {
	var once atomic.Bool
	return func() bool { return !once.Swap(true) }
}

// TestDoubtfulAlone: if nobody else has the block the second opinion is told at once that
// it need not wait.
func TestDoubtfulAlone(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	w := newWorld(t, chain, fakepeer.Script{})
	isFirst := first()
	w.cell.before = func(_ context.Context, b adapter.Body) (adapter.Verdict, bool) {
		if isFirst() {
			select {
			case <-b.Doubtful():
			case <-time.After(patience):
				t.Error("it waits for nobody")
			}
		}
		return adapter.Verdict{}, false
	}
	w.run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	w.stop()
	w.synced(chain)
}

// whenAllAreAsked returns the gates of so many peers, none of which sends a block before
// each was asked for one.
func whenAllAreAsked(count int) []func(context.Context, btc.Height, btc.Hash) {
	all := make(chan struct{})
	var asked atomic.Int64
	gates := make([]func(context.Context, btc.Height, btc.Hash), count)
	for i := range gates {
		var once sync.Once
		gates[i] = func(ctx context.Context, _ btc.Height, _ btc.Hash) {
			once.Do(func() {
				if asked.Add(1) == int64(count) {
					close(all)
				}
			})
			select {
			case <-all:
			case <-ctx.Done():
			}
		}
	}
	return gates
}

// TestDoubtfulElsewhere: a doubtful body has the block asked of another peer at once,
// and the second opinion waits for that.
func TestDoubtfulElsewhere(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	gates := whenAllAreAsked(3)
	w := newWorld(t, chain, fakepeer.Script{Gate: gates[0]}, fakepeer.Script{Gate: gates[1]}, fakepeer.Script{Gate: gates[2]})
	isFirst := first()
	var doubted atomic.Value // the block, a btc.Hash
	var peer atomic.Uint64
	other := make(chan struct{})
	w.cell.before = func(_ context.Context, b adapter.Body) (adapter.Verdict, bool) {
		if hash, ok := doubted.Load().(btc.Hash); ok && b.Block.Hash == hash && uint64(b.Peer) != peer.Load() {
			close(other)
			return adapter.Verdict{}, false
		}
		if b.Height > 20 && isFirst() { // all have been asked by then
			peer.Store(uint64(b.Peer))
			doubted.Store(b.Block.Hash)
			alone := b.Doubtful()
			select {
			case <-other:
			case <-alone:
				t.Error("nobody else was asked")
			case <-time.After(patience):
				t.Error("no other body came")
			}
		}
		return adapter.Verdict{}, false
	}
	w.run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	w.stop()
	w.synced(chain)
	if got := w.log.banned(); len(got) > 0 {
		t.Errorf("banned: %v", got)
	}
}

// TestBannedIsGivenUp: when a peer is banned for one body, what it has in the cell is not
// waited for any longer, and the blocks come from others.
func TestBannedIsGivenUp(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	honest, liar := untilAsked()
	w := newWorld(t, chain, fakepeer.Script{Gate: honest}, fakepeer.Script{Lie: fakepeer.TruncatedBody, Gate: liar})
	isFirst := first()
	var given atomic.Int64
	w.cell.before = func(ctx context.Context, b adapter.Body) (adapter.Verdict, bool) {
		raw := make([]byte, b.Block.Size())
		b.Block.CopyTo(raw)
		want, _, _ := chain.Block(b.Block.Hash)
		if len(raw) == len(want) || isFirst() {
			return adapter.Verdict{}, false
		}
		select {
		case <-ctx.Done():
			given.Add(1)
		case <-time.After(patience):
			t.Error("nobody gave it up")
		}
		return adapter.Verdict{Outcome: node.OutcomeNotJudged, Detail: "given up"}, true
	}
	w.run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	w.stop()
	w.synced(chain)
	if got := w.log.banned(); len(got) != 1 || got[0] != w.peers[1].Addr().String() {
		t.Errorf("banned: %v", got)
	}
	if given.Load() == 0 {
		t.Error("nothing was given up")
	}
}
