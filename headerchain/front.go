package headerchain

import (
	"math/bits"

	"blockgate/internal/btc"
)

// front is a node with all that the rules want to know of it and of its
// ancestors, so that a batch looks it up once and then carries it along.
type front struct {
	at     ref
	loaded bool // else nothing but at is right
	flags  flags
	height btc.Height
	time   uint32
	bits   uint32
	// realBits are the bits of the last ancestor, this one included, back to the
	// first of the period, that does not have the limit's bits; 0 if an anchored
	// chain does not know. See mindifficulty.go.
	realBits uint32
	work     btc.Work
	median   window
}

// frontAt returns the front of r.
func (c *Chain) frontAt(r ref) front {
	n := c.nodes.at(r)
	f := front{
		at: r, loaded: true, flags: *c.nodes.flagsOf(r) & parked, height: c.nodes.height(r),
		time: n.time, bits: n.bits, realBits: c.realBits(r), work: c.nodes.work(r),
	}
	c.loadWindow(&f.median, r)
	return f
}

// move moves f to a child, but for its ref. block is the work of the child.
func (f *front) move(params *btc.Params, time, compact uint32, block *btc.Work) {
	f.height++
	f.time, f.bits = time, compact
	f.realBits = realBits(params, f.bits, f.height, f.realBits)
	addWork(&f.work, block)
	f.median.push(time)
}

// addWork adds block to sum in place, without the copies of [btc.Work.Add].
func addWork(sum, block *btc.Work) {
	s, b := &sum.Uint256, &block.Uint256
	var carry uint64
	s[0], carry = bits.Add64(s[0], b[0], 0)
	s[1], carry = bits.Add64(s[1], b[1], carry)
	s[2], carry = bits.Add64(s[2], b[2], carry)
	s[3], _ = bits.Add64(s[3], b[3], carry)
}
