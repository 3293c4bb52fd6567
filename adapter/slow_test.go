package adapter_test

import (
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
)

// TestSyncsPastTheSlow: M05 over sockets. A peer that stops in the middle of each block
// holds nobody up for long: its blocks are asked of the other, and its own copies dropped.
func TestSyncsPastTheSlow(t *testing.T) {
	t.Parallel()
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 3, PadBytes: 200_000})
	if err := chain.Mine(12); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, chain, fakepeer.Script{}, fakepeer.Script{Lie: fakepeer.Slow, Delay: time.Hour})
	begun := time.Now()
	w.run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	took := time.Since(begun)
	w.stop()
	w.synced(chain)
	if peers := w.log.banned(); len(peers) > 0 {
		t.Errorf("banned: %v", peers)
	}
	t.Logf("12 blocks in %v", took)
	if took > 30*time.Second {
		t.Errorf("the slow peer held us up for %v", took)
	}
}
