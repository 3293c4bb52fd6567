package headerchain

import "blockgate/internal/btc"

// Complete says that the body of the header with hash is proven and held. If all
// its ancestors are complete it and what stands complete upon it count for the
// best complete tip, which moves if there is more work; else it counts as soon as
// they are. Saying so twice changes nothing.
//
// It returns [ErrUnknown] if the header is not held.
func (c *Chain) Complete(hash btc.Hash) (Change, error) {
	r := c.find(hash)
	if r == none {
		return Change{}, ErrUnknown
	}
	c.nodes.set(r, held)
	if c.nodes.is(r, chained) || !c.nodes.is(c.nodes.parent(r), chained) {
		return Change{}, nil
	}
	if best := c.chainUp(r); best != none && c.nodes.heavier(best, c.complete) {
		return c.moveComplete(best), nil
	}
	return Change{}, nil
}

// chainUp marks as chained root, whose parent is, and all held nodes that stand on
// it without a gap. It returns the foremost of them that is not parked, or none.
func (c *Chain) chainUp(root ref) ref {
	c.calls++
	best := none
	for r := root; r != none; {
		enter := c.nodes.is(r, held)
		if enter {
			c.nodes.set(r, chained)
			*c.nodes.since(r) = c.calls
			best = c.foremost(best, r)
		}
		r = c.next(root, r, enter)
	}
	return best
}

// foremost returns the one of best, which may be none, and r that fork choice
// prefers: not parked, more work, then first complete, then first seen.
func (c *Chain) foremost(best, r ref) ref {
	// If its child is chained, too, or will be, that one is preferred to it.
	outdone := c.nodes.follows(r) && c.nodes.is(r+1, held) && !c.nodes.is(r+1, parked)
	if c.nodes.is(r, parked) || !c.nodes.is(r, chained) || outdone {
		return best
	}
	if best == none {
		return r
	}
	since, before := *c.nodes.since(r), *c.nodes.since(best)
	order := c.nodes.work(r).Cmp(c.nodes.work(best))
	if order > 0 || order == 0 && (since < before || since == before && r < best) {
		return r
	}
	return best
}

// next returns the node after r in a walk through the subtree of root, parents
// first, or none at its end. Without enter it leaves out what stands on r.
func (c *Chain) next(root, r ref, enter bool) ref {
	if child := c.nodes.firstChild(r); enter && child != none {
		return child
	}
	for ; r != root; r = c.nodes.parent(r) {
		if sibling := c.nodes.nextSibling(r); sibling != none {
			return sibling
		}
	}
	return none
}

// Rebase makes the header with hash the best complete tip: it and all its
// ancestors become complete, every other header incomplete. Their parking ends,
// that of others stays. It takes time in proportion to all headers held.
//
// It is for a caller whose journal says what is published: whatever has less work
// than that tip does not come up again, whatever has more work does once it is
// complete.
//
// It returns [ErrUnknown], and changes nothing, if the header is not held.
func (c *Chain) Rebase(hash btc.Hash) error {
	to := c.find(hash)
	if to == none {
		return ErrUnknown
	}
	for r := range ref(c.nodes.count) {
		c.nodes.unset(r, held|chained)
		*c.nodes.since(r) = 0
	}
	c.calls = 0
	for r := to; r != none; r = c.nodes.parent(r) {
		c.unpark(r)
		c.nodes.set(r, held|chained)
	}
	c.complete = to
	return nil
}
