package headerchain_test

import (
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Two branches whose headers come in turns: no header is the child of the one that came
// before it, so each is a run of its own, and nothing but the jumps shortens the way
// down. It takes a number of steps that grows with the logarithm of the length.
func TestAncestorTakesFewSteps(t *testing.T) {
	const height = 8192
	const most = 3 * 13 // its logarithm is 13
	genesis := regtestGenesis()
	c := headerchain.New(btc.Regtest)
	a, b := branch(genesis, height, 'a'), branch(genesis, height, 'b')
	for i := range height {
		mustAccept(t, c, a[i])
		mustAccept(t, c, b[i])
	}
	side := b // equal work: the first seen stays the best
	if c.Best().Hash != a[height-1].Hash() {
		t.Fatalf("best header %v", c.Best())
	}
	tip := side[height-1].Hash()
	worst := 0
	for at := range btc.Height(height + 1) {
		entry, ok := c.Ancestor(tip, at)
		want := genesis.Hash()
		if at > 0 {
			want = side[at-1].Hash()
		}
		if !ok || entry.Hash != want {
			t.Fatalf("height %d: %v", at, entry)
		}
		worst = max(worst, c.AncestorSteps(tip, at))
	}
	t.Logf("%d steps at most, of %d runs", worst, c.Runs())
	if worst > most || worst < 2 {
		t.Errorf("%d steps, want %d at most", worst, most)
	}
}
