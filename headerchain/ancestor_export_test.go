package headerchain

import "blockgate/internal/btc"

// AncestorSteps returns how many runs the way from the header with hash down to height
// leads over, by the rule of ancestorAt.
func (c *Chain) AncestorSteps(hash btc.Hash, height btc.Height) int {
	steps, at := 0, c.nodes.runOf(c.find(hash))
	for runs := c.nodes.runs; runs[at].height > height; steps++ {
		if jump := runs[at].jump; runs[jump].height > height {
			at = jump
		} else {
			at = runs[at].up
		}
	}
	return steps
}
