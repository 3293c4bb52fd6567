package headerchain_test

import (
	"math"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Reserve changes what is made at once, and nothing that a caller sees.
func TestReserve(t *testing.T) {
	const count = 3000
	headers := branch(regtestGenesis(), count, 0)
	side := branch(headers[10], 50, 1)
	want := headerchain.New(btc.Regtest)
	mustAccept(t, want, headers...)
	mustAccept(t, want, side...)
	for _, room := range []int{math.MinInt, -1, 0, 1, count - 1, count, count + 1, 10 * count} {
		c := headerchain.New(btc.Regtest)
		c.Reserve(room)
		mustAccept(t, c, headers[:count/2]...)
		c.Reserve(room)
		mustAccept(t, c, headers[count/2:]...)
		mustAccept(t, c, side...)
		c.Reserve(room)
		if c.Best() != want.Best() || c.Len() != want.Len() {
			t.Errorf("room %d: best %v of %d, want %v of %d", room, c.Best(), c.Len(), want.Best(), want.Len())
		}
		for i := range headers {
			if got, ok := c.Lookup(headers[i].Hash()); !ok || got.Header != headers[i] || int(got.Height) != i+1 {
				t.Fatalf("room %d: header %d is %+v, %v", room, i, got, ok)
			}
		}
	}
}

// A count that no chain can have is cut to what one can.
func TestReserveIsBounded(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	c.SetMaxHeaders(5000)
	before := heap()
	c.Reserve(math.MaxInt)
	if grown := heap() - before; grown > 5000*12 {
		t.Errorf("%d bytes for 5000 headers", grown)
	}
	mustAccept(t, c, branch(regtestGenesis(), 100, 0)...)
}
