package fuzz_test

import (
	"math/rand"
	"testing"

	"blockgate/fuzz"
	"blockgate/internal/btc"
)

// The shapes that are made here are sound, and as heavy as they may be.
func TestHostileShapesAreSound(t *testing.T) {
	judge := fuzz.NewJudge()
	for name, shape := range fuzz.Hostile() {
		if raceOn && name != "one-tx-all-outputs" {
			continue
		}
		body := shape.Block()
		got := judge.Alone(fuzz.MintedAt(), body)
		if !got.Accepted() {
			t.Errorf("%s: %q", name, got.Reason)
			continue
		}
		if weight := got.Checked.Weight(); weight < btc.MaxBlockWeight-40_000 {
			t.Errorf("%s: weight %d", name, weight)
		}
	}
}

func TestRandomShapesAreSound(t *testing.T) {
	const seed, rounds = 5, 2 + flips/1000
	rng, judge := rand.New(rand.NewSource(seed)), fuzz.NewJudge()
	for range rounds {
		shape := fuzz.RandomShape(rng.Intn).Neighbour(rng.Intn)
		shape.Txs = 1 + rng.Intn(20)
		if got := judge.Alone(fuzz.MintedAt(), shape.Block()); !got.Accepted() {
			t.Errorf("seed %d, %v: %q", seed, shape, got.Reason)
		}
	}
}
