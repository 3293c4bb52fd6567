package headerchain

import (
	"slices"

	"blockgate/internal/btc"
)

// Park sets the branch of the header with hash aside: fork choice and
// [Chain.Missing] skip the header and all that stands or will stand on it. The
// best header stays what it is, so that a caller can see what it does not follow.
//
// If the best complete tip is on that branch it moves to the foremost header that
// is left. It returns [ErrUnknown] if the header is not held and [ErrBase] for the
// first header of the chain. Parking twice changes nothing.
func (c *Chain) Park(hash btc.Hash) (Change, error) {
	r := c.find(hash)
	if r == none {
		return Change{}, ErrUnknown
	}
	if r == base {
		return Change{}, ErrBase
	}
	c.park(r)
	if !c.nodes.is(c.complete, parked) {
		return Change{}, nil
	}
	best := none
	for r := range ref(c.nodes.count) {
		best = c.foremost(best, r)
	}
	return c.moveComplete(best), nil // the first header is chained and never parked
}

func (c *Chain) park(root ref) {
	already := c.nodes.is(root, parked)
	c.nodes.set(root, parkedHere)
	if already {
		return
	}
	for r := root; r != none; {
		enter := !c.nodes.is(r, parked) // else all that stands on it is, too
		c.nodes.set(r, parked)
		r = c.next(root, r, enter)
	}
	c.leaves = slices.DeleteFunc(c.leaves, func(l leaf) bool { return c.nodes.is(l.at, parked) })
	if up := c.nodes.parent(root); c.isLeaf(up) {
		c.addLeaf(c.leafAt(up))
	}
}

// Unpark takes back the parking of the header with hash. What stands on it counts
// again, unless the header or one between is parked on its own account. The best
// complete tip moves if there is more work.
//
// It returns [ErrUnknown] if the header is not held. A header that was not parked
// itself is left as it is.
func (c *Chain) Unpark(hash btc.Hash) (Change, error) {
	root := c.find(hash)
	if root == none {
		return Change{}, ErrUnknown
	}
	if !c.unpark(root) {
		return Change{}, nil
	}
	best := none
	for r := root; r != none; {
		best = c.foremost(best, r)
		r = c.next(root, r, c.nodes.is(r, chained) && !c.nodes.is(r, parked))
	}
	if best != none && c.nodes.heavier(best, c.complete) {
		return c.moveComplete(best), nil
	}
	return Change{}, nil
}

// unpark reports whether the branch of root is free now and was not before.
func (c *Chain) unpark(root ref) bool {
	if !c.nodes.is(root, parkedHere) {
		return false
	}
	c.nodes.unset(root, parkedHere)
	up := c.nodes.parent(root)
	if c.nodes.is(up, parked) {
		return false
	}
	if c.isLeaf(up) {
		c.dropLeaf(c.leafAt(up))
	}
	for r := root; r != none; {
		free := !c.nodes.is(r, parkedHere)
		if free {
			c.nodes.unset(r, parked)
		}
		r = c.next(root, r, free)
	}
	for r := root; r != none; {
		if c.isLeaf(r) {
			c.addLeaf(c.leafAt(r))
		}
		r = c.next(root, r, !c.nodes.is(r, parked))
	}
	return true
}
