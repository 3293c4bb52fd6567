package headerchain

import (
	"time"

	"blockgate/internal/btc"
)

// CheckProofOfWork judges a hash that nobody has to find, as if the bits were met
// the first time or a second time.
func CheckProofOfWork(params *btc.Params, hash btc.Hash, bits uint32, again bool) error {
	c := newChain(params, params.Genesis, 0)
	if again {
		c.allowed = newProof(bits)
	}
	if refused := c.checkProofOfWork(&hash, bits); refused != nil {
		return refused.kind
	}
	return nil
}

// AcceptBatchUnproven adds headers to the best header as one batch does, without
// their proof of work, and returns how many were valid. If poisoned, the bits and
// times of all nodes are wrong meanwhile, those of the batch too: what the rules
// make of headers then, within a period, they make of what the batch carries along.
func (c *Chain) AcceptBatchUnproven(headers []btc.Header, now time.Time, poisoned bool) (valid int, err error) {
	b := batch{first: ref(c.nodes.count), front: c.frontAt(c.best)}
	poison := func(from, end ref) {
		for r := from; poisoned && r < end; r++ {
			n := c.nodes.at(r)
			n.time, n.bits = ^n.time, n.bits^1
		}
	}
	poison(0, b.first)
	defer func() {
		poison(0, ref(c.nodes.count)) // twice is not at all
		c.settle(&b)
	}()
	for i := range headers {
		hash := headers[i].Hash()
		if refused := c.checkContext(&b.front, now.Unix(), &headers[i]); refused != nil {
			return i, refused.kind
		}
		c.add(&b.front, &headers[i], &hash)
		poison(b.front.at, b.front.at+1)
	}
	return len(headers), nil
}

// CallBest gives the best header another hash, so that a real header can be given
// to Accept as its child where the real parent is not at hand.
func (c *Chain) CallBest(hash btc.Hash) {
	c.nodes.at(c.best).hash = hash
	c.index.rebuild(&c.nodes)
}
