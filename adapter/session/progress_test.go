package session

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// TestProgress: the session passes on how far a block comes that was asked for, and
// nothing of others.
func TestProgress(t *testing.T) {
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 7, PadBytes: 50_000})
	if err := chain.Mine(2); err != nil {
		t.Fatal(err)
	}
	type step struct {
		hash   btc.Hash
		bytes  int
		paused bool
	}
	var mu sync.Mutex
	var steps []step
	told := func(hash btc.Hash, bytes int, paused bool) {
		mu.Lock()
		defer mu.Unlock()
		steps = append(steps, step{hash, bytes, paused})
	}
	byHand(t, "10.0.0.2:18444", func(c *Config) { c.Progress = told }, func(r *recorder, s *Session, h *hand) {
		h.handshake()
		asked, _ := chain.At(1)
		other, _ := chain.At(2)
		if err := s.GetData([]btc.Hash{asked}); err != nil {
			t.Fatal(err)
		}
		for _, hash := range []btc.Hash{other, asked} {
			raw, _, ok := chain.Block(hash)
			if !ok {
				t.Fatal("no block")
			}
			stream := frame("block", raw)
			for _, part := range [][]byte{stream[:20_000], stream[20_000:30_000], stream[30_000:]} {
				if _, err := h.conn.Write(part); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				time.Sleep(link.ProgressInterval)
			}
		}
		if len(steps) < 2 || len(only[*Block](r)) != 1 {
			t.Errorf("%d blocks, told %v", len(only[*Block](r)), steps)
		}
		for i, s := range steps {
			if s.hash != asked || s.paused || i > 0 && s.bytes <= steps[i-1].bytes {
				t.Errorf("told %v", steps)
			}
		}
	})
}
