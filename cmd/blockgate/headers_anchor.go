package main

import (
	"fmt"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// begin makes the chain from the first header of a file: genesis or an anchor.
func (w *headerWalk) begin(headers []btc.Header) error {
	s, first := w.settings, &headers[0]
	network := s.network.Network
	params := network.Params()
	w.next = btc.Height(s.anchor)
	switch {
	case *first == params.Genesis && s.anchor != 0:
		return usagef("--anchor-height %d: the file starts at the genesis of %s, height 0", s.anchor, network)
	case *first == params.Genesis:
		w.chain = newChain(network, s.engine.Engine)
	case genesisOf(first).Valid():
		return usagef("--network %s: the file starts at the genesis of %s", network, genesisOf(first))
	case s.anchor == 0 && (s.anchorGiven || meantAsGenesis(headers, params)):
		w.refuse(first, ruleNotGenesis, fmt.Sprintf("the genesis of %s is %s", network, params.Genesis.Hash()))
		return nil
	case !s.anchorGiven:
		return usagef("the file does not start at the genesis of %s: --anchor-height is required, the height of its first header", network)
	default:
		if w.checkAnchor(first, params); w.refused != nil {
			return nil
		}
		w.chain = headerchain.NewAnchored(network, *first, w.next)
		w.chain.SetEngine(s.engine.Engine)
	}
	w.count, w.next, w.last = 1, w.next+1, first.Hash()
	return nil
}

// genesisOf returns the network that begins with header, none if there is none.
func genesisOf(header *btc.Header) btc.Network {
	for _, network := range btc.Networks() {
		if network.Params().Genesis == *header {
			return network
		}
	}
	return 0
}

// meantAsGenesis reports whether a first header that is not genesis stands in its
// place: it has no parent, or the header after it is genesis' child.
func meantAsGenesis(headers []btc.Header, params *btc.Params) bool {
	return headers[0].Prev().IsZero() || len(headers) > 1 && headers[1].Prev() == params.Genesis.Hash()
}

// checkAnchor holds an anchor to its own proof of work, so that a damaged one is
// not blamed on its child.
func (w *headerWalk) checkAnchor(anchor *btc.Header, params *btc.Params) {
	hash := anchor.Hash()
	target, err := btc.TargetFromCompact(anchor.Bits())
	switch {
	case err != nil:
		w.refuse(anchor, ruleTarget, fmt.Sprintf("bits %08x: %v", anchor.Bits(), err))
	case target.Cmp(params.PowLimit.Uint256) > 0:
		w.refuse(anchor, ruleTarget, fmt.Sprintf("bits %08x, easier than the limit %08x", anchor.Bits(), params.PowLimitBits))
	case !target.Meets(&hash):
		w.refuse(anchor, ruleHighHash, fmt.Sprintf("hash %s is above the target of bits %08x", hash, anchor.Bits()))
	}
}
