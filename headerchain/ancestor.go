package headerchain

import "blockgate/internal/btc"

// jumpOver returns the run to which the jump of a run on run up points: up itself,
// or as far again as the last two jumps went, if those were as long as each
// other. From any run the way down to any height takes O(log n) steps.
//
// Source: Myers, "An applicative random-access stack", 1983.
func (a *arena) jumpOver(up int32) int32 {
	near := a.runs[up].jump
	far := a.runs[near].jump
	if a.runs[up].depth-a.runs[near].depth == a.runs[near].depth-a.runs[far].depth {
		return far
	}
	return up
}

// ancestorAt returns the ancestor of r at depth, 0 <= depth <= depth of r: at once
// where r is on the best chain, else in O(log n) steps.
func (c *Chain) ancestorAt(r ref, depth int) ref {
	if c.onSpine(r) {
		return c.spine[depth]
	}
	runs := c.nodes.runs
	height := runs[0].height + btc.Height(depth)
	at := c.nodes.runOf(r)
	for runs[at].height > height {
		if jump := runs[at].jump; runs[jump].height > height {
			at = jump
		} else {
			at = runs[at].up
		}
	}
	return runs[at].start + ref(height-runs[at].height)
}

// Ancestor returns the ancestor at height of the header with hash, which is
// itself at its own height. It is false if the header is not known or there is
// no ancestor at that height.
func (c *Chain) Ancestor(hash btc.Hash, height btc.Height) (Entry, bool) {
	r := c.find(hash)
	if r == none || height > c.nodes.height(r) || height < c.nodes.height(base) {
		return Entry{}, false
	}
	return c.entry(c.ancestorAt(r, int(height-c.nodes.height(base)))), true
}
