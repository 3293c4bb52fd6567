package headerchain

import (
	"slices"
	"time"

	"blockgate/internal/btc"
)

// hold keeps a node, and so its ancestors, from leaving for want of room.
type hold struct {
	holder uint64
	at     ref
}

// AcceptHeld does what [Chain.Accept] does, for a branch that comes in several
// batches. Its last valid header, with all ancestors, stays whatever the bound on
// side headers is, until the same holder's next one or [Chain.Release]. So a branch
// that gets more work than the best header only with its last batch is not lost
// before.
//
// A holder is any number, one for each peer. If [MaxHolds] others hold something, or
// no header is valid, it is as Accept.
//
// Held branches come on top of [MaxSideHeaders]: a caller holds only what has shown
// work enough, see [Chain.WorkThreshold].
func (c *Chain) AcceptHeld(holder uint64, headers []btc.Header, now time.Time) (Accepted, error) {
	return c.accept(headers, now, &holder)
}

// Hold does for a header that is in the chain what [Chain.AcceptHeld] does for the
// last of a batch. It reports whether the header is held.
func (c *Chain) Hold(holder uint64, hash btc.Hash) bool {
	r := c.find(hash)
	return r != none && c.holdAt(holder, r)
}

// Release ends what the holder holds, if anything.
func (c *Chain) Release(holder uint64) {
	c.holds = slices.DeleteFunc(c.holds, func(h hold) bool { return h.holder == holder })
}

func (c *Chain) holdAt(holder uint64, r ref) bool {
	for i := range c.holds {
		if c.holds[i].holder == holder {
			c.holds[i].at = r
			return true
		}
	}
	if len(c.holds) >= MaxHolds {
		return false
	}
	c.holds = append(c.holds, hold{holder, r})
	return true
}
