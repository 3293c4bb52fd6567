package headerchain

import "blockgate/internal/btc"

// bitsWithin returns the bits of a block within a period: those of its parent.
//
// Where the 20-minute rule holds, a block more than 20 minutes after its parent
// has the limit's bits; any other has those of the last block before it in the
// period that was not so easy, or of the first of the period. known is false if
// that block is below the first header of an anchored chain.
//
// Source: GetNextWorkRequired, Bitcoin Core v30.0 src/pow.cpp.
func bitsWithin(params *btc.Params, up *front, time uint32) (bits uint32, known bool) {
	if !params.MinDifficultyBlocks {
		return up.bits, true
	}
	if int64(time) > int64(up.time)+2*btc.BlockSpacing {
		return params.PowLimitBits, true
	}
	return up.realBits, up.realBits != 0
}

// realBits returns what Core's walk back from a node with bits at height ends
// with, from what it ends with for its parent, so that no header of a batch costs
// a walk. Bits of 0 stand for no target, so that 0 can mean unknown.
func realBits(params *btc.Params, bits uint32, height btc.Height, parent uint32) uint32 {
	if bits != params.PowLimitBits || startsPeriod(height) {
		return bits
	}
	return parent
}

// realBits is that walk, once a batch and over one period at most.
func (c *Chain) realBits(r ref) uint32 {
	if !c.params.MinDifficultyBlocks {
		return c.nodes.at(r).bits
	}
	for height := c.nodes.height(r); r != none; height, r = height-1, c.nodes.parent(r) {
		if bits := realBits(c.params, c.nodes.at(r).bits, height, 0); bits != 0 {
			return bits
		}
	}
	return 0
}
