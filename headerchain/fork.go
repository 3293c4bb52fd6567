package headerchain

import (
	"slices"
	"sort"

	"blockgate/internal/btc"
)

// forkOf returns the last common ancestor of a and b. Up to it their ancestors are
// the same at each depth and above it never, so it is found by halves, in
// O(log² n) steps.
func (c *Chain) forkOf(a, b ref) ref {
	depth := min(c.depth(a), c.depth(b))
	above := sort.Search(depth+1, func(d int) bool { return c.ancestorAt(a, depth-d) == c.ancestorAt(b, depth-d) })
	return c.ancestorAt(a, depth-above)
}

// ForkPoint returns the last common ancestor of two headers, false if one of them
// is not known.
func (c *Chain) ForkPoint(a, b btc.Hash) (Entry, bool) {
	x, y := c.find(a), c.find(b)
	if x == none || y == none {
		return Entry{}, false
	}
	return c.entry(c.forkOf(x, y)), true
}

// Path returns the way through the tree: down are the headers to leave, from tip
// first to the child of the fork point; up are those to enter, lowest first, to
// the last. Both are empty if from is to. ok is false if one of them is not known.
// The slices are the caller's.
func (c *Chain) Path(from, to btc.Hash) (down, up []Entry, ok bool) {
	a, b := c.find(from), c.find(to)
	if a == none || b == none {
		return nil, nil, false
	}
	down, up = c.path(a, b)
	return down, up, true
}

func (c *Chain) path(from, to ref) (down, up []Entry) {
	fork := c.forkOf(from, to)
	down, up = c.descend(from, fork), c.descend(to, fork)
	slices.Reverse(up)
	return down, up
}

// descend returns the entries from r down to the child of its ancestor end.
func (c *Chain) descend(r, end ref) []Entry {
	if r == end {
		return nil
	}
	entries := make([]Entry, 0, c.depth(r)-c.depth(end))
	for ; r != end; r = c.nodes.parent(r) {
		entries = append(entries, c.entry(r))
	}
	return entries
}
