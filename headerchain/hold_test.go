package headerchain_test

import (
	"errors"
	"slices"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// siblings mines count headers on parent, each on a branch of its own.
func siblings(parent btc.Header, count int, mark byte) []btc.Header {
	headers := make([]btc.Header, count)
	for i := range headers {
		f := child(&parent, 0)
		f.MerkleRoot = btc.Hash{mark, byte(i), byte(i >> 8), byte(i >> 16)}
		headers[i] = mine(f)
	}
	return headers
}

// THREATS.md H01: the sides are full with 100,000 headers of as much work as the tip,
// and a heavier branch comes in batches of which all but the last have less. None
// of them can stay by its own work. What comes out of a presync, held, wins.
func TestHeavierForkWinsThoughSidesAreFull(t *testing.T) {
	room := headerchain.MaxSideHeaders
	if raceDetector || testing.Short() {
		room = 12_000
	}
	c := headerchain.New(btc.Regtest)
	c.SetMaxSide(room)
	trunk := branch(regtestGenesis(), 7_500, 0)
	for part := range slices.Chunk(trunk, btc.MaxHeaders) {
		mustAccept(t, c, part...)
	}
	for i := range trunk {
		if _, err := c.Complete(trunk[i].Hash()); err != nil {
			t.Fatal(err)
		}
	}
	sides := siblings(trunk[len(trunk)-2], room+1, 1)
	for i := range sides[:room] {
		mustAccept(t, c, sides[i])
	}
	fork := branch(regtestGenesis(), 9_900, 7)

	// As it comes, the lowest batch is lost: it is that with the least work of all.
	if done, err := c.Accept(fork[:btc.MaxHeaders], farFuture); !errors.Is(err, headerchain.ErrSideFull) || done.New != 0 {
		t.Fatalf("a batch alone: %+v, %v", done, err)
	}
	claim, err := c.Weigh(fork[:btc.MaxHeaders])
	threshold := c.WorkThreshold(btc.Work{})
	if err != nil || claim.Work.Cmp(threshold) >= 0 {
		t.Fatalf("%+v, %v: is above the threshold %v", claim, err, threshold)
	}
	if !c.Hold(1, claim.Parent.Hash) {
		t.Fatal("parent not held")
	}
	p := c.NewPresync(claim.Parent.Hash, threshold, farFuture, [32]byte{1})
	batches, below := 0, 0
	for !p.Done() {
		if err := p.Next(answer(p, fork)); err != nil {
			t.Fatal(err)
		}
		for ready := p.Ready(); len(ready) > 0; ready = p.Ready() {
			if done, err := c.AcceptHeld(1, ready, farFuture); err != nil || done.New != len(ready) {
				t.Fatalf("%+v, %v", done, err)
			}
			if batches++; c.Best().Hash == trunk[len(trunk)-1].Hash() {
				below++
			}
		}
		for _, other := range siblings(trunk[len(trunk)-2], room/28, byte(2+batches)) { // the flood goes on meanwhile
			_, _ = c.Accept([]btc.Header{other}, farFuture)
		}
	}
	if batches < 4 || below < 3 || c.Best().Hash != fork[7_999].Hash() {
		t.Fatalf("%d batches, %d of them below the tip, best %d", batches, below, c.Best().Height)
	}
	c.Release(1)
	mustAccept(t, c, fork[8_000:]...)
	if c.Best().Hash != fork[9_899].Hash() {
		t.Errorf("best %+v", c.Best())
	}
	_, _ = c.Accept(sides[room:], farFuture)        // one more, and there is order again
	if got := c.Len() - 9_901 - 7_500; got > room { // the complete tip stays
		t.Errorf("%d side headers", got)
	}
	mustHold(t, c)
}

// What is held stays with its ancestors while others go, until it is released or the
// holder holds another.
func TestHold(t *testing.T) {
	c, trunk := withSides(t, 20, 4)
	low, high := branch(regtestGenesis(), 4, 1), branch(trunk[14], 4, 2)
	if done, err := c.AcceptHeld(7, low, farFuture); err != nil || done.New != 4 {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := c.Accept(high, farFuture); !errors.Is(err, headerchain.ErrSideFull) || holds(c, low...) != 4 || holds(c, high...) != 0 {
		t.Fatalf("%d of the held, %d of the others: %v", holds(c, low...), holds(c, high...), err)
	}
	mustHold(t, c)
	if !c.Hold(7, low[1].Hash()) || c.Hold(8, high[0].Hash()) {
		t.Fatal("a header that is held, or one that is not")
	}
	mustAccept(t, c, high[:2]...)
	if holds(c, low...) != 2 || holds(c, high...) != 2 {
		t.Fatalf("%d and %d", holds(c, low...), holds(c, high...))
	}
	mustHold(t, c)
	c.Release(9) // nobody
	c.Release(7)
	mustAccept(t, c, high...)
	if holds(c, low...) != 0 || holds(c, high...) != 4 {
		t.Errorf("%d and %d", holds(c, low...), holds(c, high...))
	}
	mustHold(t, c)
}

// A batch that begins with a bad header holds nothing new.
func TestHoldOfNothing(t *testing.T) {
	c, trunk := withSides(t, 20, 1)
	side := branch(trunk[3], 1, 1)
	if _, err := c.AcceptHeld(1, side, farFuture); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AcceptHeld(1, []btc.Header{spoil(child(&trunk[3], 5))}, farFuture); !errors.Is(err, headerchain.ErrHighHash) {
		t.Fatal(err)
	}
	_, _ = c.Accept(branch(trunk[17], 1, 3), farFuture)
	if holds(c, side...) != 1 {
		t.Error("the side is gone")
	}
}

func TestHoldLimit(t *testing.T) {
	for _, others := range []int{headerchain.MaxHolds - 1, headerchain.MaxHolds, headerchain.MaxHolds + 1} {
		c, trunk := withSides(t, 20, 4)
		for i := range others {
			if held := c.Hold(uint64(i), trunk[0].Hash()); held != (i < headerchain.MaxHolds) {
				t.Fatalf("holder %d: %t", i, held)
			}
		}
		side := branch(regtestGenesis(), 5, 1)
		_, err := c.AcceptHeld(1<<40, side, farFuture)
		if full := errors.Is(err, headerchain.ErrSideFull); full != (others >= headerchain.MaxHolds) {
			t.Errorf("%d others: %v", others, err)
		}
		if !c.Hold(0, trunk[1].Hash()) {
			t.Errorf("%d others: the first cannot hold another", others)
		}
	}
}
