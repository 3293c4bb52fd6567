package link

import "time"

// openPing is a ping of ours that has no answer yet.
type openPing struct {
	nonce [nonceSize]byte
	at    time.Time
}

// sentPing takes note of a ping of the engine, if none is open.
func (c *Conn) sentPing(nonce []byte) {
	if len(nonce) == nonceSize {
		c.ping.CompareAndSwap(nil, &openPing{nonce: [nonceSize]byte(nonce), at: time.Now()})
	}
}

// gotPong takes note of an answer. A pong that nobody asked for means nothing.
func (c *Conn) gotPong(nonce [nonceSize]byte) {
	if p := c.ping.Load(); p != nil && p.nonce == nonce {
		c.ping.CompareAndSwap(p, nil)
	}
}

// checkPong ends a connection whose peer owes us a pong for too long.
func (c *Conn) checkPong() error {
	if p := c.ping.Load(); p != nil && time.Since(p.at) > PongTimeout {
		return &EndError{ReasonNoPong, "for " + PongTimeout.String()}
	}
	return nil
}

// forgivePong starts the clock of an open ping anew, after a time in which we
// did not read: the answer may be among what waits to be read.
func (c *Conn) forgivePong() {
	if p := c.ping.Load(); p != nil {
		c.ping.CompareAndSwap(p, &openPing{nonce: p.nonce, at: time.Now()})
	}
}
