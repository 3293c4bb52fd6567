package headerchain

import "blockgate/internal/btc"

// skipDepth returns the depth of the ancestor to which the skip of a node at
// depth points: some skips are long, and from any node the way down to any depth
// takes O(log n) steps.
//
// Source: GetSkipHeight, Bitcoin Core v30.0 src/chain.cpp.
func skipDepth(depth int) int {
	if depth < 2 {
		return 0
	}
	if depth&1 == 1 {
		return clearLowest(clearLowest(depth-1)) + 1
	}
	return clearLowest(depth)
}

// clearLowest clears the lowest bit of n that is set.
func clearLowest(n int) int { return n & (n - 1) }

// ancestorAt returns the ancestor of r at depth, 0 <= depth <= depth of r: at once
// where r is on the best chain, else in O(log n) steps.
//
// Source: CBlockIndex::GetAncestor, Bitcoin Core v30.0 src/chain.cpp.
func (c *Chain) ancestorAt(r ref, depth int) ref {
	for at := c.depth(r); at > depth; at = c.depth(r) {
		if c.onSpine(r) {
			return c.spine[depth]
		}
		if c.skipFits(at, depth) {
			r = c.nodes.at(r).skip
		} else {
			r = c.nodes.at(r).parent
		}
	}
	return r
}

// skipFits reports whether, on the way from depth at down to depth, the skip is
// the best next step: it does not go too far, and that of the parent is not
// better.
func (c *Chain) skipFits(at, depth int) bool {
	skip, before := skipDepth(at), skipDepth(at-1)
	return skip == depth || skip > depth && (before >= skip-2 || before < depth)
}

// Ancestor returns the ancestor at height of the header with hash, which is
// itself at its own height. It is false if the header is not known or there is
// no ancestor at that height.
func (c *Chain) Ancestor(hash btc.Hash, height btc.Height) (Entry, bool) {
	r := c.find(hash)
	if r == none || height > c.nodes.at(r).height || height < c.nodes.at(base).height {
		return Entry{}, false
	}
	return c.entry(c.ancestorAt(r, int(height-c.nodes.at(base).height))), true
}
