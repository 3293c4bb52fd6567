package headerchain

import (
	"math/bits"

	"blockgate/internal/btc"
)

// checkBits holds a header to the target that its ancestors demand.
func (c *Chain) checkBits(up *front, header *btc.Header) *refusal {
	got := header.Bits()
	if !startsPeriod(up.height + 1) {
		want, ok := bitsWithin(c.params, up, header.Time())
		return sameBits(got, want, ok)
	}
	if c.params.NoRetargeting {
		return sameBits(got, up.bits, true)
	}
	depth := c.depth(up.at)
	if depth < btc.RetargetInterval-1 {
		return c.checkStep(up.bits, got)
	}
	first := c.nodes.at(c.ancestorAt(up.at, depth-(btc.RetargetInterval-1)))
	from := up.bits
	if c.params.EnforceBIP94 {
		from = first.bits
	}
	want, ok := retarget(c.params, from, int64(up.time)-int64(first.time))
	return sameBits(got, want, ok)
}

func sameBits(got, want uint32, known bool) *refusal {
	if known && got != want {
		return refuse(ErrBits, "bits %08x, want %08x", got, want)
	}
	return nil
}

// retarget returns the bits of a period that follows one whose blocks took span
// seconds from the first to the last:
//
//	target = target(from) * clamp(span, timespan/4, timespan*4) / timespan
//
// but at most the limit. The span covers 2,015 intervals, not 2,016: it is Core's
// off-by-one and consensus. from are the bits of the last block of the period, or
// of the first where BIP-0094 holds, so that a last block by the 20-minute rule
// does not reset the difficulty. ok is false if from stands for no target, which
// only an anchor can have.
//
// Source: CalculateNextWorkRequired, Bitcoin Core v30.0 src/pow.cpp.
func retarget(params *btc.Params, from uint32, span int64) (compact uint32, ok bool) {
	target, err := btc.TargetFromCompact(from)
	if err != nil || target.Cmp(params.PowLimit.Uint256) > 0 {
		return 0, false
	}
	span = max(btc.RetargetTimespan/retargetFactor, min(btc.RetargetTimespan*retargetFactor, span))
	next, fits := scale(target.Uint256, uint64(span), btc.RetargetTimespan)
	if !fits || next.Cmp(params.PowLimit.Uint256) > 0 {
		next = params.PowLimit.Uint256
	}
	return btc.Target{Uint256: next}.Compact(), true
}

// scale returns n*mul/div, rounded down, and whether it fits 256 bits. The product
// has 320 bits, so that it is right under any limit.
func scale(n btc.Uint256, mul, div uint64) (quotient btc.Uint256, fits bool) {
	var carry, rest uint64
	for i := range n {
		hi, lo := bits.Mul64(n[i], mul)
		var c uint64
		n[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
	if carry >= div {
		return quotient, false
	}
	rest = carry
	for i := 3; i >= 0; i-- {
		quotient[i], rest = bits.Div64(rest, n[i], div)
	}
	return quotient, true
}

// checkStep is what is left of the retarget in an anchored chain that does not
// hold the first block of the period: no change by more than the factor. It says
// nothing where the 20-minute rule may have changed the bits in between.
func (c *Chain) checkStep(from, got uint32) *refusal {
	if c.params.MinDifficultyBlocks || isStep(c.params, from, got) {
		return nil
	}
	least, _ := retarget(c.params, from, 0)
	most, _ := retarget(c.params, from, btc.RetargetTimespan*retargetFactor)
	return refuse(ErrBits, "bits %08x, want %08x to %08x", got, least, most)
}

// isStep reports whether the bits of a period can follow those of the one before
// by any retarget at all. It is true if from stands for no target, which only an
// anchor can have.
//
// Source: PermittedDifficultyTransition, Bitcoin Core v30.0 src/pow.cpp.
func isStep(params *btc.Params, from, to uint32) bool {
	least, ok := retarget(params, from, 0)
	if !ok {
		return true
	}
	most, _ := retarget(params, from, btc.RetargetTimespan*retargetFactor)
	low, _ := btc.TargetFromCompact(least) // a target has a compact form
	high, _ := btc.TargetFromCompact(most)
	target, err := btc.TargetFromCompact(to)
	return err == nil && target.Cmp(low.Uint256) >= 0 && target.Cmp(high.Uint256) <= 0
}

// isPermitted reports whether a header at height may have the bits to after a
// parent with the bits from, for all that its ancestors could be: the bits change
// at the start of a period alone, and by no more than the factor. Where the
// 20-minute rule holds nothing can be said.
//
// Source: PermittedDifficultyTransition, Bitcoin Core v30.0 src/pow.cpp.
func isPermitted(params *btc.Params, height int64, from, to uint32) bool {
	switch {
	case params.MinDifficultyBlocks:
		return true
	case height%btc.RetargetInterval == 0:
		return isStep(params, from, to)
	default:
		return from == to
	}
}
