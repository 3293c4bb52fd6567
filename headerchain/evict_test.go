package headerchain_test

import (
	"errors"
	"slices"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// withSides returns a chain with a best chain of depth headers and a bound on the
// others, and that chain's headers.
func withSides(t *testing.T, depth, maxSide int) (*headerchain.Chain, []btc.Header) {
	t.Helper()
	c := headerchain.New(btc.Regtest)
	c.SetMaxSide(maxSide)
	trunk := branch(regtestGenesis(), depth, 0)
	mustAccept(t, c, trunk...)
	return c, trunk
}

func holds(c *headerchain.Chain, headers ...btc.Header) int {
	held := 0
	for i := range headers {
		if _, ok := c.Lookup(headers[i].Hash()); ok {
			held++
		}
	}
	return held
}

// The leaf with the least work goes, whatever its height or age, and comes back
// when it is given again and there is room.
func TestLeastWorkGoes(t *testing.T) {
	c, trunk := withSides(t, 20, 10)
	low, high, mid := branch(regtestGenesis(), 4, 1), branch(trunk[14], 3, 2), branch(trunk[4], 3, 3)
	mustAccept(t, c, low...)
	mustAccept(t, c, high...)
	mustAccept(t, c, mid...) // as many as may be
	for i, tc := range []struct{ low, mid int }{{3, 3}, {2, 3}, {1, 3}, {0, 3}, {0, 2}, {0, 1}, {0, 0}} {
		mustAccept(t, c, branch(trunk[17], 1, byte(10+i))...)
		if got := holds(c, low...); got != tc.low {
			t.Errorf("%d: %d of the lowest branch are held, want %d", i, got, tc.low)
		}
		if got := holds(c, mid...); got != tc.mid || holds(c, high...) != 3 || holds(c, trunk...) != 20 {
			t.Errorf("%d: %d of the next branch are held, want %d", i, got, tc.mid)
		}
		mustHold(t, c)
	}
	done, err := c.Accept(low, farFuture) // less work than all that are held
	var refused *headerchain.HeaderError
	if !errors.Is(err, headerchain.ErrSideFull) || !errors.As(err, &refused) || refused.Index != 0 || refused.Height != 1 ||
		refused.Hash != low[0].Hash() || done != (headerchain.Accepted{}) {
		t.Fatalf("the least: %+v, %v", done, err)
	}
	if c.Len() != 31 {
		t.Errorf("%d held", c.Len())
	}
	c.SetMaxSide(14)
	if done := mustAccept(t, c, low...); done.New != 4 || holds(c, low...) != 4 {
		t.Errorf("back: %+v", done)
	}
	mustHold(t, c)
}

// H01: what is off the best chain is bounded.
func TestSideLimit(t *testing.T) {
	for _, room := range []int{9, 10, 11} {
		c, _ := withSides(t, 20, room)
		side := branch(regtestGenesis(), 10, 1)
		done, err := c.Accept(side, farFuture)
		want := min(room, 10)
		full := errors.Is(err, headerchain.ErrSideFull)
		if full != (room < 10) || done.New != want || done.Last != side[want-1].Hash() || holds(c, side...) != want {
			t.Errorf("room for %d: %+v, %v", room, done, err)
		}
		done, err = c.Accept(side, farFuture) // again: what is held is known
		if done.Known != want || done.New != 0 || (err == nil) != (room >= 10) || done.Last != side[want-1].Hash() {
			t.Errorf("room for %d, again: %+v, %v", room, done, err)
		}
		mustHold(t, c)
	}
	// A sixteenth is made free at once.
	c, _ := withSides(t, 100, 64)
	mustAccept(t, c, branch(regtestGenesis(), 64, 1)...)
	done, err := c.Accept(branch(regtestGenesis(), 66, 2), farFuture) // costs all of the first, and six of its own
	if got := c.Len() - 101; !errors.Is(err, headerchain.ErrSideFull) || done.New != 60 || got != 60 {
		t.Errorf("%+v, %v: %d are left", done, err, got)
	}
	mustHold(t, c)
}

// The lack of room counts more than the reason for which a batch ends, when the
// headers before that are gone.
func TestSideLimitAndFault(t *testing.T) {
	c, _ := withSides(t, 20, 2)
	side := branch(regtestGenesis(), 5, 1)
	side[4] = spoil(child(&side[3], 0))
	if done, err := c.Accept(side, farFuture); !errors.Is(err, headerchain.ErrSideFull) || done.New != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	side[2] = spoil(child(&side[1], 0))
	if done, err := c.Accept(side, farFuture); !errors.Is(err, headerchain.ErrHighHash) || done.Known != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
}

// A batch that makes the best chain is never refused, be the bound what it may, and
// what was the best chain pays.
func TestSideLimitNeverRefusesTheBest(t *testing.T) {
	for _, room := range []int{0, 1, 5, 40} {
		c, trunk := withSides(t, 30, room)
		other := branch(trunk[4], 26, 9)
		done := mustAccept(t, c, other...)
		if done.New != 26 || !done.TipMoved || c.Best().Hash != other[25].Hash() {
			t.Fatalf("room for %d: %+v", room, done)
		}
		if left := holds(c, trunk[5:]...); left > room || left < room-room/8 && left < 25 {
			t.Errorf("room for %d: %d of the old chain are left", room, left)
		}
		mustHold(t, c)
	}
}

// The best complete tip stays with its ancestors, though it is off the best chain,
// and the way from it to a new tip is whole.
func TestCompleteTipStays(t *testing.T) {
	c, trunk := withSides(t, 30, 4)
	for _, h := range trunk {
		if _, err := c.Complete(h.Hash()); err != nil {
			t.Fatal(err)
		}
	}
	other := branch(trunk[4], 40, 9)
	mustAccept(t, c, other...)
	low := branch(trunk[9], 1, 7)
	if _, err := c.Accept(low, farFuture); !errors.Is(err, headerchain.ErrSideFull) {
		t.Errorf("a leaf with less work: %v", err)
	}
	if holds(c, trunk...) != 30 || c.BestComplete().Hash != trunk[29].Hash() {
		t.Fatalf("%d of the complete chain are held", holds(c, trunk...))
	}
	mustHold(t, c)
	for i := range other {
		change, err := c.Complete(other[i].Hash())
		if err != nil || i == 25 && (len(change.Reverted) != 25 || len(change.Connected) != 26) {
			t.Fatalf("%d: %d reverted, %d connected, %v", i, len(change.Reverted), len(change.Connected), err)
		}
	}
	// Now nothing holds the old chain.
	mustAccept(t, c, branch(other[30], 1, 8)...)
	if left := holds(c, trunk[5:]...); left != 3 {
		t.Errorf("%d of the old chain are left", left)
	}
	mustHold(t, c)
}

// What is complete is forgotten with the header. What was parked stays, with its
// ancestors: no flood brings back what the caller ruled out.
func TestParkedHeaderStays(t *testing.T) {
	c, trunk := withSides(t, 20, 3)
	side, high := branch(trunk[3], 3, 1), branch(trunk[15], 3, 2)
	mustAccept(t, c, side...)
	for i := range side {
		if _, err := c.Complete(side[i].Hash()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Park(side[1].Hash()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Accept(high, farFuture); !errors.Is(err, headerchain.ErrSideFull) || holds(c, side...) != 2 || holds(c, high...) != 1 {
		t.Fatalf("%d and %d are held, %v", holds(c, side...), holds(c, high...), err)
	}
	mustHold(t, c)
	if _, err := c.Unpark(side[1].Hash()); err != nil {
		t.Errorf("Unpark: %v", err)
	}
	mustAccept(t, c, high...)
	if holds(c, side...) != 0 || holds(c, high...) != 3 {
		t.Fatalf("%d and %d are held", holds(c, side...), holds(c, high...))
	}
	c.SetMaxSide(6)
	mustAccept(t, c, side...)
	for i := range side {
		if e, ok := c.Lookup(side[i].Hash()); !ok || e.Complete || e.Parked {
			t.Errorf("%d: %+v", i, e)
		}
	}
	mustHold(t, c)
}

// Retargets and medians are right after headers between the ancestors are gone:
// the real chain goes on as if nothing had been there.
func TestRealChainAmongEvictions(t *testing.T) {
	headers := loadHeaders(t, "testnet3_0-22176.bin.gz")
	c := headerchain.New(btc.Testnet3)
	c.SetMaxSide(40)
	for at := 1; at < len(headers); {
		n := 1 + at*7%397
		part := headers[at:min(at+n, len(headers))]
		mustAccept(t, c, part...)
		if at += len(part); at == len(headers) {
			break
		}
		tip := part[len(part)-1]
		for i := range 8 { // siblings of the next header, as easy as it is
			f := child(&tip, byte(i))
			f.Time, f.Bits = tip.Time()+1201, 0x1d00ffff
			_ = c.AcceptUnproven(f.Header(), farFuture)
		}
	}
	want := headers[len(headers)-1].Hash()
	if c.Best().Hash != want {
		t.Errorf("best %+v", c.Best())
	}
	if sides := c.Len() - len(headers); sides > 40+8 || sides < 20 {
		t.Errorf("%d sides", sides)
	}
	for _, at := range []int{0, 1, 777, 10_000, len(headers) - 1} {
		if e, ok := c.Ancestor(want, btc.Height(at)); !ok || e.Header != headers[at] {
			t.Errorf("ancestor at %d: %+v", at, e)
		}
	}
	mustHold(t, c)
}

// A comb has a run for each header: every way through it is found.
func TestWaysThroughManyRuns(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	a, b := branch(regtestGenesis(), 600, 'a'), branch(regtestGenesis(), 601, 'b')
	for i := range a {
		mustAccept(t, c, a[i])
		mustAccept(t, c, b[i])
	}
	mustAccept(t, c, b[600])
	if c.Runs() < 1200 {
		t.Fatalf("%d runs", c.Runs())
	}
	for _, line := range [][]btc.Hash{hashes(a), hashes(b)} {
		for _, from := range []int{599, 598, 511, 300, 1} {
			for height := range from {
				if e, ok := c.Ancestor(line[from], btc.Height(height+1)); !ok || e.Hash != line[height] {
					t.Fatalf("ancestor of %d at %d: %+v", from+1, height+1, e)
				}
			}
		}
	}
	down, up, ok := c.Path(a[599].Hash(), b[600].Hash())
	slices.Reverse(down)
	if !ok || !slices.Equal(hashesOf(down), hashes(a)) || !slices.Equal(hashesOf(up), hashes(b)) {
		t.Errorf("%d down, %d up", len(down), len(up))
	}
	mustHold(t, c)
}
