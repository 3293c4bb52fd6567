package headerchain

import "blockgate/internal/btc"

// Locator returns hashes of the best header chain for a getheaders message: the
// tip and the eleven before it, then in steps that double, down to the first header.
// It has about 10 + log2(height) entries; the slice is the caller's.
//
// Source: LocatorEntries, Bitcoin Core v30.0 src/chain.cpp.
func (c *Chain) Locator() []btc.Hash { return c.locatorOf(c.best) }

// locatorOf does so for any chain, of which r is the last header.
func (c *Chain) locatorOf(r ref) []btc.Hash {
	var hashes []btc.Hash
	step := 1
	for i := c.depth(r); ; {
		hashes = append(hashes, c.nodes.at(c.ancestorAt(r, i)).hash)
		if i == 0 {
			return hashes
		}
		i = max(0, i-step)
		if len(hashes) > locatorDense {
			step *= 2
		}
	}
}
