package headerchain

import "blockgate/internal/btc"

// CheckProofOfWork judges a hash that nobody has to find.
func CheckProofOfWork(params *btc.Params, hash btc.Hash, bits uint32) error {
	if refused := newChain(params, params.Genesis, 0).checkProofOfWork(&hash, bits); refused != nil {
		return refused.kind
	}
	return nil
}

// AcceptWithPoison adds headers to the best header as one batch does, without
// their proof of work, while the bits and times of all nodes are wrong, those of
// the batch too. What the rules make of headers then they make of what the batch
// carries along. It returns how many were valid and puts the right fields back.
func (c *Chain) AcceptWithPoison(headers []btc.Header, now int64) (valid int, err error) {
	b := batch{first: ref(c.nodes.count), front: c.frontAt(c.best)}
	poison := func(r ref) {
		n := c.nodes.at(r)
		n.time, n.bits = ^n.time, n.bits^1
	}
	for r := range ref(c.nodes.count) {
		poison(r)
	}
	defer func() {
		for r := range ref(c.nodes.count) {
			poison(r) // twice is not at all
		}
		c.settle(&b)
	}()
	for i := range headers {
		hash := headers[i].Hash()
		if refused := c.checkContext(&b.front, now, &headers[i]); refused != nil {
			return i, refused.kind
		}
		c.add(&b.front, &headers[i], &hash)
		poison(b.front.at)
	}
	return len(headers), nil
}

// CallBest gives the best header another hash, so that a real header can be given
// to Accept as its child where the real parent is not at hand.
func (c *Chain) CallBest(hash btc.Hash) {
	c.nodes.at(c.best).hash = hash
	c.index.rebuild(&c.nodes)
}
