package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// step is what a test wants to see of one event.
type step struct {
	kind  bus.Kind
	block testBlock
}

func connects(blocks ...testBlock) []step {
	var steps []step
	for _, b := range blocks {
		steps = append(steps, step{bus.Connect, b})
	}
	return steps
}

func disconnects(blocks ...testBlock) []step {
	var steps []step
	for _, b := range blocks {
		steps = append(steps, step{bus.Disconnect, b})
	}
	return steps
}

// read takes the wanted events from the reader and returns the last cursor.
func read(t testing.TB, ctx context.Context, r *jetstream.Reader, want ...step) bus.Cursor {
	t.Helper()
	var cursor bus.Cursor
	for i, s := range want {
		got, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("event %d of %d: %v", i, len(want), err)
		}
		if got.Event.Kind != s.kind || got.Event.Hash != s.block.hash || got.Event.Height != s.block.height {
			t.Fatalf("event %d: got %v of %d %v, want %v of %d %v", i,
				got.Event.Kind, got.Event.Height, got.Event.Hash, s.kind, s.block.height, s.block.hash)
		}
		if s.kind == bus.Connect && (!bytes.Equal(got.Body, s.block.body) || len(got.Claim) != got.Event.TxCount) {
			t.Fatalf("event %d: another body or claim", i)
		}
		if s.kind == bus.Disconnect && (got.Body != nil || got.Claim != nil) {
			t.Fatalf("event %d: disconnect with a body", i)
		}
		cursor = got.Cursor
	}
	return cursor
}

// nextIs checks that nothing waits: the next event is one that is written now.
func nextIs(t testing.TB, ctx context.Context, r *jetstream.Reader, w *writer, b testBlock) {
	t.Helper()
	w.connect(t, ctx, b)
	read(t, ctx, r, step{bus.Connect, b})
}

func TestRealBlocksComeBackProven(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Mainnet)
	blocks := mainnetBlocks(t)
	w := newWriter(t, ctx, b)
	live := b.follow(t, ctx, jetstream.FromStart()) // from before the first event
	w.connect(t, ctx, blocks[:60]...)
	read(t, ctx, live, connects(blocks[:60]...)...)
	w.connect(t, ctx, blocks[60:]...)
	read(t, ctx, live, connects(blocks[60:]...)...)

	replay := b.follow(t, ctx, jetstream.FromStart())
	for _, want := range blocks {
		got, err := replay.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got.Event.Hash != want.hash || !got.Anchored || !bytes.Equal(got.Body, want.body) {
			t.Fatalf("block %d: %v, anchored %v", want.height, got.Event.Hash, got.Anchored)
		}
		if got.Event.Work != w.works.of(t, want) {
			t.Fatalf("block %d: work %v", want.height, got.Event.Work)
		}
	}
}

func TestSegwitBlockInTheMiddleOfTheChain(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Mainnet)
	block := segwitBlock(t)
	j := b.open(t, ctx)
	if _, err := j.Load(ctx); err != nil {
		t.Fatal(err)
	}
	stored, err := j.Store(ctx, prove(t, btc.Mainnet, block))
	if err != nil {
		t.Fatal(err)
	}
	event := stored.Connect()
	event.Work, _ = btc.ParseWork("8d0000000000000000000")
	event.Best, event.BestWork, event.Final, event.Time = block.hash, event.Work, 482000, time.Unix(1_500_000_000, 5_000_000)
	seq, err := j.Append(ctx, event)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.follow(t, ctx, jetstream.FromStart()).Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	event.Seq, event.Epoch, event.Time = seq, 0, event.Time.UTC()
	if got.Anchored || !sameEvent(got.Event, event) {
		t.Fatalf("got %+v\nwant %+v", got.Event, event)
	}
	witness := 0
	for _, tx := range got.Claim {
		if tx.Witness > 0 {
			witness++
		}
	}
	if witness != 2 || len(got.Claim) != 12 {
		t.Fatalf("%d of %d transactions have a witness", witness, len(got.Claim))
	}
}

func TestLargeBlocksGoInParts(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	var blocks []testBlock
	parent := regtestGenesis()
	for _, size := range []int{1, bus.PartSize - 500, bus.PartSize, 900_000} {
		parent = mine(t, parent, 1, size)
		blocks = append(blocks, parent)
	}
	w.connect(t, ctx, blocks...)
	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), connects(blocks...)...)
}

func TestReorgIsSaidOutLoud(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	old := mineChain(t, regtestGenesis(), 1, 5, 300)
	fresh := mineChain(t, old[1], 2, 4, 300)
	r := b.follow(t, ctx, jetstream.FromStart())
	w.connect(t, ctx, old...)
	w.disconnect(t, ctx, old[4], old[3], old[2])
	w.connect(t, ctx, fresh...)
	want := slices.Concat(connects(old...), disconnects(old[4], old[3], old[2]), connects(fresh...))
	read(t, ctx, r, want...)
	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), want...)
}

func TestBlockThatComesBackIsSaidAgain(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	one := mine(t, regtestGenesis(), 1, 300)
	stored := w.store(t, ctx, one)
	r := b.follow(t, ctx, jetstream.FromStart())
	for range 3 { // within the server's window of duplicates
		if _, err := w.journal.Append(ctx, w.fill(t, stored.Connect(), one)); err != nil {
			t.Fatal(err)
		}
		w.disconnect(t, ctx, one)
	}
	round := slices.Concat(connects(one), disconnects(one))
	read(t, ctx, r, slices.Concat(round, round, round)...)
}

func TestNextMayBeCalledAgainAfterItsContextEnded(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	r := b.follow(t, ctx, jetstream.FromStart())
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.Next(ended); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	nextIs(t, ctx, r, w, mine(t, regtestGenesis(), 1, 300))
	r.Close()
	_, err := r.Next(ctx)
	wantKind(t, err, jetstream.ErrClosed)
}

// sameEvent compares what is encoded, and the sequence.
func sameEvent(a, b bus.Event) bool {
	sameSeq := a.DataSeq.Equal(b.DataSeq) && a.Time.Equal(b.Time)
	a.DataSeq, b.DataSeq, a.Time, b.Time = bus.SeqSet{}, bus.SeqSet{}, time.Time{}, time.Time{}
	return sameSeq && fmt.Sprintf("%v", a) == fmt.Sprintf("%v", b)
}
