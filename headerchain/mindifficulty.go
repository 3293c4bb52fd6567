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
func bitsWithin(params *btc.Params, parent *node, time uint32) (bits uint32, known bool) {
	if !params.MinDifficultyBlocks {
		return parent.bits, true
	}
	if int64(time) > int64(parent.time)+2*btc.BlockSpacing {
		return params.PowLimitBits, true
	}
	return parent.realBits, parent.realBits != 0
}

// realBits returns what Core's walk back from n ends with, from what it ends with
// for the parent of n, so that no header costs a walk. Bits of 0 stand for no
// target, so that 0 can mean unknown.
func realBits(params *btc.Params, n *node, parent uint32) uint32 {
	if n.bits != params.PowLimitBits || startsPeriod(n.height) {
		return n.bits
	}
	return parent
}
