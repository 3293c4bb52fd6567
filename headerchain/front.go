package headerchain

import "blockgate/internal/btc"

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
func (f *front) move(params *btc.Params, time, bits uint32, block *btc.Work) {
	f.height++
	f.time, f.bits = time, bits
	f.realBits = realBits(params, f.bits, f.height, f.realBits)
	f.work = f.work.Add(*block)
	f.median.push(time)
}
