package store_test

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// forkedRun returns 500 regtest headers in batches, each batch on any header before.
func forkedRun(random *rand.Rand) [][]btc.Header {
	all := []btc.Header{btc.Regtest.Params().Genesis}
	var batches [][]btc.Header
	for len(all) < 501 {
		parent := all[max(0, len(all)-1-random.IntN(20))]
		batch := mineOn(parent, min(501-len(all), 1+random.IntN(12)), byte(len(batches)))
		all = append(all, batch...)
		batches = append(batches, batch)
	}
	return batches
}

// chainOf checks headers by the rules, in the batches in which a store hands them
// on.
func chainOf(t *testing.T, d *fakeDisk) *headerchain.Chain {
	t.Helper()
	chain := headerchain.New(btc.Regtest)
	_, headers := mustLoad(t, d)
	for len(headers) > 0 {
		_, err := chain.Accept(headers, time.Unix(1<<33, 0))
		if err == nil {
			return chain
		}
		refused, ok := errors.AsType[*headerchain.HeaderError](err)
		if !ok || !errors.Is(err, headerchain.ErrDiscontinuous) {
			t.Fatal(err)
		}
		headers = headers[refused.Index:]
	}
	return chain
}

// A run of 500 headers with forks is killed, or loses power, at every write: what
// comes back is the tree as it was when the last acknowledged header came, or
// later.
func TestForksSurvive(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	batches := forkedRun(random)
	for last := range batches {
		d := newDisk()
		s, _ := mustLoad(t, d)
		want := headerchain.New(btc.Regtest)
		for _, batch := range batches[:last] {
			mustKeep(t, s, batch)
			if _, err := want.Accept(batch, time.Unix(1<<33, 0)); err != nil {
				t.Fatal(err)
			}
		}
		d.space = random.IntN(len(batches[last]) * store.RecordSize)
		if s.Keep(batches[last]) == nil {
			t.Fatalf("batch %d: written beyond the disk's space", last)
		}
		for _, after := range []*fakeDisk{d.killed(), d.powerCut(random)} {
			got := chainOf(t, after)
			extra := got.Len() - want.Len()
			if extra < 0 || extra > len(batches[last]) {
				t.Fatalf("batch %d: %d headers, %d were acknowledged", last, got.Len(), want.Len())
			}
			if _, err := want.Accept(batches[last][:extra], time.Unix(1<<33, 0)); err != nil {
				t.Fatal(err)
			}
			if got.Best() != want.Best() {
				t.Fatalf("batch %d: best is %d %v, want %d %v", last, got.Best().Height, got.Best().Hash, want.Best().Height, want.Best().Hash)
			}
			want = rebuilt(t, batches[:last])
		}
	}
}

// Each write of a run of 500 headers with forks fails, by a full disk or by a sync
// that does not come through, and later ones do not: the whole tree is there.
func TestForksGoOn(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	batches := forkedRun(random)
	want := rebuilt(t, batches)
	for failing := range batches {
		d := newDisk()
		s, _ := mustLoad(t, d)
		for i, batch := range batches {
			if i != failing {
				mustKeep(t, s, batch)
				continue
			}
			if random.IntN(2) == 0 {
				d.space = random.IntN(len(batch) * store.RecordSize)
			} else {
				d.failSync = syscall.EIO
			}
			if err := s.Keep(batch); err == nil || s.Waiting() != len(batch) {
				t.Fatalf("batch %d: %v, %d wait", i, err, s.Waiting())
			}
			d.space, d.failSync = -1, nil
		}
		mustKeep(t, s, nil)
		if got := chainOf(t, d.killed()); got.Len() != want.Len() || got.Best() != want.Best() {
			t.Fatalf("write %d failed: %d headers, want %d", failing, got.Len(), want.Len())
		}
	}
}

func rebuilt(t *testing.T, batches [][]btc.Header) *headerchain.Chain {
	t.Helper()
	chain := headerchain.New(btc.Regtest)
	for _, batch := range batches {
		if _, err := chain.Accept(batch, time.Unix(1<<33, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return chain
}
