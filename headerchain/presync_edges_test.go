package headerchain_test

import (
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// presyncEdges are the ends of a presync.
func presyncEdges() []edge {
	const source = "ProcessNextHeaders and what it calls, src/headerssync.cpp"
	return []edge{
		{"presync: a message is full", headerchain.ErrPresyncShort, source, presyncShort, []int{-1}, nil},
		{"presync: a message goes on where the last one ended", headerchain.ErrPresyncMoved, source, presyncMoved, []int{-1, 1}, nil},
		{"presync: the target changes at a period's start alone", headerchain.ErrPresyncDifficulty, source, presyncDifficulty, []int{-1, 1}, nil},
		{"presync: no more bits than blocks can be", headerchain.ErrPresyncTooLong, source, presyncTooLong, []int{1}, nil},
		{"presync: bits are compared below the required work", headerchain.ErrPresyncMismatch, source, presyncMismatch, []int{-1, 0}, nil},
	}
}

// smallPresync has a bit for each header, and any message is a full one.
func smallPresync(c *headerchain.Chain, required, maxBits int) *headerchain.Presync {
	p := c.NewPresync(c.Base().Hash, blocks(required), presyncClock, [32]byte{})
	p.SetLimits(headerchain.PresyncLimits{Period: 1, Buffer: 4}, maxBits, 1, [32]byte{})
	return p
}

func presyncShort(_ *testing.T, delta int) error {
	c := headerchain.New(btc.Regtest)
	p := c.NewPresync(c.Base().Hash, blocks(10_000), presyncClock, [32]byte{})
	return p.Next(branch(regtestGenesis(), btc.MaxHeaders+delta, 0))
}

func presyncMoved(t *testing.T, delta int) error {
	t.Helper()
	p := smallPresync(headerchain.New(btc.Regtest), 100, 100)
	chain := branch(regtestGenesis(), 30, 0)
	if err := p.Next(chain[:10]); err != nil {
		t.Fatal(err)
	}
	return p.Next(chain[10+delta : 20])
}

func presyncDifficulty(_ *testing.T, delta int) error {
	c := headerchain.NewByParams(strictRegtest(), regtestGenesis(), 0)
	return smallPresync(c, 10_000, 10_000).Next(chainWithBits(2020, btc.RetargetInterval+delta, 0x201fffff))
}

func presyncTooLong(_ *testing.T, delta int) error {
	return smallPresync(headerchain.New(btc.Regtest), 100, 10).Next(branch(regtestGenesis(), 10+delta, 0))
}

// presyncMismatch gives other headers from the last height on that is compared, plus
// delta. Half of them have the same bit, so it tries several.
func presyncMismatch(t *testing.T, delta int) error {
	t.Helper()
	shown := branch(regtestGenesis(), 30, 0)
	for mark := range byte(16) {
		p := smallPresync(headerchain.New(btc.Regtest), 22, 100) // height 20 has the work of 21 blocks
		if err := p.Next(shown); err != nil {
			t.Fatal(err)
		}
		given := append(shown[:19+delta:19+delta], branch(shown[18+delta], 5, 1+mark)...)
		if err := p.Next(given); err != nil {
			return err
		}
	}
	return nil
}
