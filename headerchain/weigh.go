package headerchain

import (
	"math"

	"blockgate/internal/btc"
)

// Claim is what a batch of headers says of itself, see [Chain.Weigh].
type Claim struct {
	// Parent is the header that the first one stands on.
	Parent Entry
	// Work is that of the branch up to and with the last header.
	Work btc.Work
	// Known says that all are held already.
	Known bool
}

// Weigh says how much work the branch has to which headers lead, each the child of
// the one before, and keeps nothing of them. Each hash meets the header's own target,
// so the work was done; whether the target is the right one there is not looked at.
// An empty batch is known.
//
// The error is a [*HeaderError] of kind [ErrDiscontinuous], [ErrTarget], [ErrHighHash]
// or, with all those in order, [ErrUnlinked].
//
// Source: CheckHeadersPoW and CalculateClaimedHeadersWork, Bitcoin Core v30.0
// src/net_processing.cpp.
func (c *Chain) Weigh(headers []btc.Header) (Claim, error) {
	if len(headers) == 0 {
		return Claim{Known: true}, nil
	}
	parent := c.find(headers[0].Prev())
	below := btc.Height(-1)
	if parent != none {
		below = c.nodes.height(parent)
	}
	var sum btc.Work
	prev := headers[0].Prev()
	for at := 0; at < len(headers); at += hashStretch {
		stretch := headers[at:min(at+hashStretch, len(headers))]
		hashes := c.hashes[:len(stretch)]
		c.hasher.hashBatch(hashes, stretch)
		for i := range stretch {
			refused := c.weighOne(&prev, &stretch[i], &hashes[i])
			if refused != nil {
				return Claim{}, refused.of(at+i, heightAbove(below, at+i), &hashes[i])
			}
			addWork(&sum, &c.allowed.work)
		}
	}
	if parent == none {
		hash := headers[0].Hash()
		return Claim{}, (&refusal{kind: ErrUnlinked}).of(0, -1, &hash)
	}
	up := c.entry(parent)
	return Claim{Parent: up, Work: up.Work.Add(sum), Known: c.find(prev) != none}, nil
}

// weighOne holds a header to its proof of work, whose target is the allowed one
// then, and to prev, which it moves to the header.
func (c *Chain) weighOne(prev *btc.Hash, header *btc.Header, hash *btc.Hash) *refusal {
	if header.Prev() != *prev {
		return &refusal{kind: ErrDiscontinuous}
	}
	*prev = *hash
	return c.checkProofOfWork(hash, header.Bits())
}

// heightAbove returns the height of the header with an index in a batch that
// stands on one at height below, -1 if that one is not known.
func heightAbove(below btc.Height, index int) btc.Height {
	if height := int64(below) + int64(index) + 1; below >= 0 && height <= math.MaxInt32 {
		return btc.Height(height)
	}
	return -1
}

// of returns the error about a header.
func (r *refusal) of(index int, height btc.Height, hash *btc.Hash) *HeaderError {
	return &HeaderError{Index: index, Height: height, Hash: *hash, Kind: r.kind, Detail: r.detail}
}

// WorkThreshold returns the work that a branch must have, with its batch, before a
// stranger's headers are kept: minimum, or the work of the best complete tip less 144
// blocks' at that tip's difficulty, if that is more. So headers that cost nothing to
// make cost us nothing, and a fork near the tip is seen.
//
// The best header does not count: its bodies may not exist, and a branch that
// withholds them would then keep out a better one.
//
// Source: GetAntiDoSWorkThreshold, Bitcoin Core v30.0 src/net_processing.cpp.
func (c *Chain) WorkThreshold(minimum btc.Work) btc.Work {
	block := c.nodes.proofs.of(c.nodes.at(c.complete).bits).work
	near := c.nodes.work(c.complete).Sub(block.Mul(thresholdBlocks))
	if near.Cmp(minimum) > 0 {
		return near
	}
	return minimum
}
