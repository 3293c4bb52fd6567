package headerchain

import "slices"

// Missing returns the headers whose bodies are wanted next, limit at most: of the
// [MaxFetchBranches] heaviest branches that are not parked and have more work than
// the best complete tip, the heaviest branch first and in it the lowest height
// first. Bodies that are held are left out. The slice is the caller's.
//
// It takes time in proportion to limit and to the bodies held above the first gap,
// not to the length of the chain.
func (c *Chain) Missing(limit int) []Entry {
	var wanted []Entry
	var seen [MaxFetchBranches]ref
	for i, leaf := range c.leaves {
		if i == len(seen) || len(wanted) >= limit || !c.heavier(leaf, c.complete) {
			break
		}
		low := c.depth(c.lastChained(leaf))
		for _, other := range seen[:i] {
			low = max(low, c.depth(c.forkOf(leaf, other)))
		}
		wanted = c.appendMissing(wanted, limit, leaf, low+1)
		seen[i] = leaf
	}
	return wanted
}

// lastChained returns the highest ancestor of r that is chained: as on the way to
// every node below it all are, it is found like an ancestor by depth.
func (c *Chain) lastChained(r ref) ref {
	for !c.nodes.at(r).is(chained) {
		if skip := c.nodes.at(r).skip; !c.nodes.at(skip).is(chained) {
			r = skip
		} else {
			r = c.nodes.at(r).parent
		}
	}
	return r
}

// missingStretch is how many headers appendMissing looks at in one go at least.
const missingStretch = 64

// appendMissing appends the headers without a body from depth low up to leaf. It
// finds the top of a stretch, walks down from there and turns the order round.
func (c *Chain) appendMissing(wanted []Entry, limit int, leaf ref, low int) []Entry {
	top := c.depth(leaf)
	for low <= top && len(wanted) < limit {
		stretch := min(max(limit-len(wanted), missingStretch), top-low+1)
		wanted = slices.Grow(wanted, min(stretch, limit-len(wanted)))
		start := len(wanted)
		r := c.ancestorAt(leaf, low+stretch-1)
		for range stretch {
			if n := c.nodes.at(r); !n.is(held) {
				wanted = append(wanted, c.entry(r))
			}
			r = c.nodes.at(r).parent
		}
		slices.Reverse(wanted[start:])
		wanted = wanted[:min(len(wanted), limit)]
		low += stretch
	}
	return wanted
}
