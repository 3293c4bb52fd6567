package jetstream_test

import (
	"context"
	"testing"

	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// reset ends the chain in b, below what was final.
func (w *writer) reset(t testing.TB, ctx context.Context, b testBlock) {
	t.Helper()
	w.final = b.height
	event := w.fill(t, bus.Event{Kind: bus.Reset, Hash: b.hash, Prev: b.header.Prev(), Height: b.height, Header: b.header}, b)
	if _, err := w.journal.Append(ctx, event); err != nil {
		t.Fatalf("reset to %d: %v", b.height, err)
	}
}

// TestReset: a reset reaches every reader as one event, wherever it begins, and the
// chain goes on from there; the writer finds itself in it after a load.
func TestReset(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	old := mineChain(t, regtestGenesis(), 1, 8, 300)
	fresh := mineChain(t, old[3], 2, 6, 300)
	w := newWriter(t, ctx, b)
	live := b.follow(t, ctx, jetstream.FromStart())
	w.connect(t, ctx, old[:7]...)
	w.final = 7
	w.connect(t, ctx, old[7])
	cursor := read(t, ctx, live, connects(old...)...)
	wantAppendRefused(t, ctx, w, old[7]) // final up to 7: a disconnect of 7 would be refused
	w.reset(t, ctx, old[3])
	state, err := w.journal.Load(ctx)
	if err != nil || state.Tip != old[3].hash || state.TipHeight != 4 || state.TipHeader != old[3].header || state.Final != 4 {
		t.Fatalf("%+v, %v", state, err)
	}
	w.connect(t, ctx, fresh...)
	after := append([]step{{bus.Reset, old[3]}}, connects(fresh...)...)
	read(t, ctx, live, after...)

	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), append(connects(old...), after...)...)
	read(t, ctx, b.follow(t, ctx, jetstream.FromCursor(cursor)), after...)
	read(t, ctx, b.follow(t, ctx, jetstream.FromHeight(7)), connects(fresh[2:]...)...)
	nextIs(t, ctx, b.follow(t, ctx, jetstream.FromNew()), w, mine(t, fresh[5], 2, 300))
}

// wantAppendRefused checks that the tip is taken away, and the block below it is not.
func wantAppendRefused(t *testing.T, ctx context.Context, w *writer, tip testBlock) {
	t.Helper()
	event := w.undo(t, tip)
	event.Final = tip.height - 2
	_, err := w.journal.Append(ctx, event)
	wantKind(t, err, bus.ErrFinal)
}

// TestResetBelowTheFirstBlock: the chain then begins with the first block after it.
func TestResetBelowTheFirstBlock(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	old := mineChain(t, regtestGenesis(), 1, 8, 300)
	fresh := mineChain(t, old[1], 2, 8, 300)
	w := newWriter(t, ctx, b)
	for _, block := range old { // so that their work is known
		w.works.of(t, block)
	}
	w.connect(t, ctx, old[4:]...)
	live := b.follow(t, ctx, jetstream.FromStart())
	read(t, ctx, live, connects(old[4:]...)...)
	w.reset(t, ctx, old[1])
	w.connect(t, ctx, fresh...)
	after := append([]step{{bus.Reset, old[1]}}, connects(fresh...)...)
	read(t, ctx, live, after...)

	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), connects(fresh...)...)
	read(t, ctx, b.follow(t, ctx, jetstream.FromHeight(4)), connects(fresh[1:]...)...)
}
