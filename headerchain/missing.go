package headerchain

import (
	"slices"
	"sort"
)

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
	complete := c.nodes.work(c.complete)
	for i, tip := range c.leaves {
		if i == len(seen) || len(wanted) >= limit || tip.work.Cmp(complete) <= 0 {
			break
		}
		low := c.lastChained(tip.at)
		for _, other := range seen[:i] {
			low = max(low, c.depth(c.forkOf(tip.at, other)))
		}
		wanted = c.appendMissing(wanted, limit, tip.at, low+1)
		seen[i] = tip.at
	}
	return wanted
}

// lastChained returns the depth of the highest ancestor of r that is chained: on
// the way to it all are, above it none is.
func (c *Chain) lastChained(r ref) int {
	depth := c.depth(r)
	return depth - sort.Search(depth, func(d int) bool { return c.nodes.is(c.ancestorAt(r, depth-d), chained) })
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
			if !c.nodes.is(r, held) {
				wanted = append(wanted, c.entry(r))
			}
			r = c.nodes.parent(r)
		}
		slices.Reverse(wanted[start:])
		wanted = wanted[:min(len(wanted), limit)]
		low += stretch
	}
	return wanted
}
