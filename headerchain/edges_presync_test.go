package headerchain_test

import (
	"slices"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// presyncEdges are the rows of what a presync refuses: nothing of it says that a
// header is invalid, all of it that a peer's chain is not worth more of our time.
func presyncEdges() []edge {
	const source = "HeadersSyncState, src/headerssync.cpp: "
	const far = 1_000_000
	every := headerchain.PresyncLimits{Period: 1, Buffer: 3} // each header has a bit
	line := branch(regtestGenesis(), 8, 0)
	begin := func(c *headerchain.Chain, required, maxBits, page int) *headerchain.Presync {
		p := c.NewPresync(c.Base().Hash, blocks(required), presyncClock, [32]byte{})
		p.SetLimits(every, maxBits, page, [32]byte{7})
		return p
	}
	return []edge{
		{
			rule: "presync: the work that is asked for", kind: headerchain.ErrPresyncShort, bad: []int{-1},
			source: source + "ProcessNextHeaders, a message that is not full before the work is enough",
			judge: func(_ *testing.T, delta int) error { // genesis and five more
				return begin(headerchain.New(btc.Regtest), 6, far, btc.MaxHeaders).Next(line[:5+delta])
			},
		},
		{
			rule: "presync: a full message", kind: headerchain.ErrPresyncShort, bad: []int{-1},
			source: source + "ProcessNextHeaders, full_headers_message",
			judge: func(_ *testing.T, delta int) error {
				return begin(headerchain.New(btc.Regtest), far, far, 5).Next(line[:5+delta])
			},
		},
		{
			rule: "presync: on where the last message ended", kind: headerchain.ErrPresyncMoved, bad: []int{-1, 1},
			source: source + "ValidateAndStoreHeadersCommitments",
			judge: func(t *testing.T, delta int) error {
				t.Helper()
				p := begin(headerchain.New(btc.Regtest), far, far, 3)
				if err := p.Next(line[:3]); err != nil {
					t.Fatal(err)
				}
				return p.Next(line[3+delta : 6+delta])
			},
		},
		{
			rule: "presync: the target within a period", kind: headerchain.ErrPresyncDifficulty, bad: []int{-1, 1},
			source: source + "ValidateAndProcessSingleHeader by PermittedDifficultyTransition, src/pow.cpp",
			judge: func(_ *testing.T, delta int) error {
				const compact = 0x200fffff
				genesis := regtestGenesis()
				anchor := mine(bits(child(&genesis, 0), compact))
				p := begin(headerchain.NewByParams(strictRegtest(), anchor, 10), far, far, 1)
				return p.Next([]btc.Header{mine(bits(child(&anchor, 0), uint32(compact+delta)))})
			},
		},
		{
			rule: "presync: as many bits as there can be blocks", kind: headerchain.ErrPresyncTooLong, bad: []int{1},
			source: source + "ValidateAndProcessSingleHeader, m_max_commitments",
			judge: func(_ *testing.T, delta int) error {
				return begin(headerchain.New(btc.Regtest), far, 5, 1).Next(line[:5+delta])
			},
		},
		{
			// Another header than at the first time: one below the height at which the
			// work is enough is found out, from there on all is proven.
			rule: "presync: bits up to the work", kind: headerchain.ErrPresyncMismatch, bad: []int{-1},
			source: source + "ValidateAndStoreRedownloadedHeader, m_process_all_remaining_headers",
			judge: func(t *testing.T, delta int) error {
				t.Helper()
				same := line[:4+delta]
				for mark := range byte(64) { // half of the others have another bit
					p := begin(headerchain.New(btc.Regtest), 6, far, 1)
					if err := p.Next(line); err != nil {
						t.Fatal(err)
					}
					other := branch(same[len(same)-1], 1, 100+mark)
					if err := p.Next(append(slices.Clip(same), other...)); err != nil {
						return err
					}
				}
				return nil
			},
		},
	}
}
