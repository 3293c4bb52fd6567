package link

import (
	"time"

	"blockgate/internal/btc"
)

// progress tells that a block has come so far, if it is the first time or long enough
// since the last.
func (c *Conn) progress(hash btc.Hash, sizeBytes int, first bool) {
	if c.cfg.Progress == nil {
		return
	}
	now := time.Now()
	if !first && now.Sub(c.told) < ProgressInterval {
		return
	}
	c.told = now
	c.cfg.Progress(hash, sizeBytes, false)
}

// pause tells that a block waits for budget.
func (c *Conn) pause(b *incoming) {
	if c.cfg.Progress != nil {
		c.cfg.Progress(b.hash, btc.HeaderSize, true)
	}
}

// packetProgress tells how far a packet of the v2 transport has come that may be a
// block. The interval holds for the first bytes, too: whoever sends many packets that
// are none gets no more said of them.
func (c *Conn) packetProgress(sizeBytes int) {
	if c.phase == open && c.cfg.Owes != nil && c.cfg.Owes() {
		c.progress(btc.Hash{}, sizeBytes, false)
	}
}
