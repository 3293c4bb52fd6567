package headerchain

// Change says how the best complete tip moved. The zero Change says that it did
// not. The slices are the caller's.
type Change struct {
	// Reverted are the headers that the tip left, tip first.
	Reverted []Entry
	// Connected are the headers that it entered, lowest first.
	Connected []Entry
	// Tip is the new tip.
	Tip Entry
}

// Moved reports whether the tip moved.
func (ch *Change) Moved() bool { return len(ch.Reverted)+len(ch.Connected) > 0 }

// moveComplete makes to, another node, the best complete tip.
func (c *Chain) moveComplete(to ref) Change {
	down, up := c.path(c.complete, to)
	c.complete = to
	return Change{Reverted: down, Connected: up, Tip: c.entry(to)}
}
