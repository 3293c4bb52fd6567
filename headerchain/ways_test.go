package headerchain_test

import (
	"slices"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// slowLocator is LocatorEntries of Core with heights.
func slowLocator(base, tip int) []int {
	step := 1
	var heights []int
	for height := tip; ; {
		heights = append(heights, height)
		if height == base {
			return heights
		}
		height = max(height-step, base)
		if len(heights) > 10 {
			step *= 2
		}
	}
}

func TestLocator(t *testing.T) {
	headers := append([]btc.Header{regtestGenesis()}, branch(regtestGenesis(), 5000, 0)...)
	for _, base := range []int{0, 7} {
		for _, length := range []int{0, 1, 2, 9, 10, 11, 12, 13, 14, 15, 16, 17, 100, 2016, 4990} {
			c := headerchain.NewAnchored(btc.Regtest, headers[base], btc.Height(base))
			mustAccept(t, c, headers[base+1:base+1+length]...)
			locator := c.Locator()
			want := slowLocator(base, base+length)
			if len(locator) != len(want) {
				t.Fatalf("length %d: %d entries, want %d", length, len(locator), len(want))
			}
			for i, height := range want {
				if locator[i] != headers[height].Hash() {
					t.Errorf("length %d: entry %d is not at height %d", length, i, height)
				}
			}
		}
	}
}

// A locator follows the best header, whatever is complete or parked.
func TestLocatorFollowsBestHeader(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	a, b := branch(regtestGenesis(), 3, 'a'), branch(regtestGenesis(), 4, 'b')
	mustAccept(t, c, a...)
	mustAccept(t, c, b...)
	if _, err := c.Park(b[0].Hash()); err != nil {
		t.Fatal(err)
	}
	if got := c.Locator(); got[0] != b[3].Hash() {
		t.Errorf("locator begins with %v", got[0])
	}
}

// Two long branches: every ancestor and every fork point, on the best chain and
// off it.
func TestAncestorsOfLongBranches(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	trunk := branch(regtestGenesis(), 700, 0)
	a, b := branch(trunk[99], 900, 'a'), branch(trunk[399], 900, 'b')
	mustAccept(t, c, trunk...)
	mustAccept(t, c, a...)
	mustAccept(t, c, b...)
	lines := [][]btc.Hash{hashes(slices.Concat(trunk[:100], a)), hashes(slices.Concat(trunk[:400], b)), hashes(trunk)}
	for i, line := range lines {
		tip := line[len(line)-1]
		for height := range line {
			if e, ok := c.Ancestor(tip, btc.Height(height+1)); !ok || e.Hash != line[height] {
				t.Fatalf("line %d height %d: %+v", i, height+1, e)
			}
		}
		for j, other := range lines {
			same := 0
			for same < min(len(line), len(other)) && line[same] == other[same] {
				same++
			}
			for at := 0; at < len(other); at += 37 {
				want := line[min(same, at+1)-1]
				if e, ok := c.ForkPoint(tip, other[at]); !ok || e.Hash != want {
					t.Fatalf("lines %d and %d at %d: %+v", i, j, at, e)
				}
			}
		}
	}
	mustHold(t, c)
}

func TestPathOfNothing(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	headers := branch(regtestGenesis(), 3, 0)
	mustAccept(t, c, headers...)
	for i := range headers {
		down, up, ok := c.Path(headers[i].Hash(), headers[i].Hash())
		if !ok || len(down)+len(up) != 0 {
			t.Errorf("%d: %v, %v, %t", i, down, up, ok)
		}
	}
}

func TestMissingLooksAtFourBranches(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	trunk := branch(regtestGenesis(), 2, 0)
	mustAccept(t, c, trunk...)
	if err := c.Rebase(trunk[1].Hash()); err != nil {
		t.Fatal(err)
	}
	lengths := []int{1, 3, 2, 3, 1, 2, 1}
	branches := make([][]btc.Header, len(lengths))
	for i, n := range lengths {
		branches[i] = branch(trunk[1], n, byte(i+1))
		mustAccept(t, c, branches[i]...)
	}
	// Most work first, then first seen; a fifth branch is not looked at.
	want := slices.Concat(hashes(branches[1]), hashes(branches[3]), hashes(branches[2]), hashes(branches[5]))
	for limit := -1; limit < len(want)+5; limit++ {
		got := hashesOf(c.Missing(limit))
		if !slices.Equal(got, want[:max(0, min(limit, len(want)))]) {
			t.Errorf("limit %d: %d entries", limit, len(got))
		}
	}
	// What is parked makes room for the next.
	if _, err := c.Park(branches[1][0].Hash()); err != nil {
		t.Fatal(err)
	}
	want = slices.Concat(want[3:], hashes(branches[0]))
	if got := hashesOf(c.Missing(100)); !slices.Equal(got, want) {
		t.Errorf("after parking: %d entries, want %d", len(got), len(want))
	}
	mustHold(t, c)
}

// Bodies that came out of order are left out, near and far.
func TestMissingLeavesOutWhatIsHeld(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	headers := branch(regtestGenesis(), 400, 0)
	mustAccept(t, c, headers...)
	held := map[btc.Hash]bool{}
	for i := 1; i < len(headers); i++ {
		if i%3 != 0 || i > 100 && i < 300 {
			held[headers[i].Hash()] = true
			if change, err := c.Complete(headers[i].Hash()); err != nil || change.Moved() {
				t.Fatalf("%d: %+v, %v", i, change, err)
			}
		}
	}
	var want []btc.Hash
	for i := range headers {
		if !held[headers[i].Hash()] {
			want = append(want, headers[i].Hash())
		}
	}
	for _, limit := range []int{1, 2, 30, 34, 35, 36, 63, 64, 65, len(want) - 1, len(want), len(want) + 1, 1 << 40} {
		if got := hashesOf(c.Missing(limit)); !slices.Equal(got, want[:min(limit, len(want))]) {
			t.Errorf("limit %d: %d entries", limit, len(got))
		}
	}
	// One body can connect many.
	change, err := c.Complete(headers[0].Hash())
	if err != nil || len(change.Connected) != 3 || change.Tip.Height != 3 {
		t.Errorf("%d connected, tip %+v, %v", len(change.Connected), change.Tip, err)
	}
	mustHold(t, c)
}

func BenchmarkMissing(b *testing.B) {
	c := headerchain.New(btc.Mainnet)
	mustAccept(b, c, loadHeaders(b, "mainnet_0-10236.bin.gz")[1:]...)
	b.ReportAllocs()
	for b.Loop() {
		if len(c.Missing(16)) != 16 {
			b.Fatal("nothing is missing")
		}
	}
}
