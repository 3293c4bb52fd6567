package jetstream_test

import (
	"testing"
	"time"

	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// TestReaders counts those who read, with the rights of a publisher: each from the moment
// it follows until it is closed.
func TestReaders(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	j := b.open(t, ctx)
	until := func(want int) {
		t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			got, err := j.Readers(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if got == want {
				return
			}
			select {
			case <-tick.C: // a consumer is taken away a moment after it was said
			case <-ctx.Done():
				t.Fatalf("%d readers, want %d", got, want)
			}
		}
	}
	until(0)
	first := b.follow(t, ctx, jetstream.From{})
	second := b.follow(t, ctx, jetstream.From{})
	until(2)
	first.Close()
	until(1)
	second.Close()
	until(0)
	j.Close()
	if _, err := j.Readers(ctx); err == nil {
		t.Error("a journal that is closed counts")
	}
}
