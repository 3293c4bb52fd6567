package simnet

import (
	"encoding/binary"
	"slices"
	"time"

	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// conn is a connection, from the dial on: a line with one end at a peer and the other
// at a model of link and session. What the peer sends stands in a queue; one frame
// after the other takes its time on the line.
type conn struct {
	id     node.PeerID
	kind   node.Kind
	peer   *peer
	up     bool // the handshake is done
	over   bool // no frame arrives any more
	gate   *link.Gate
	outbox []frame
	busy   bool // a frame is on the line
	heard  time.Time
	asked  []btc.Hash // blocks without an answer
	// requests are when it was sent something, within the last minute.
	requests []time.Time
	// askedHeaders is how many getheaders have no answer.
	askedHeaders int
	givenUp      bool   // nothing of it is to be judged any more
	coming       *body  // on the line
	drop         func() // gives back the memory of the body on the line; nil if there is none
}

// frame is what a peer sends.
type frame struct {
	command string
	size    int        // bytes of the payload
	ready   time.Time  // not sent before
	event   node.Event // what the session makes of it; nil for nothing
	body    *body      // of a block
	junk    bool       // no frame at all
	half    bool       // the peer goes away in the middle
}

// frameHead is the size of what stands before a payload.
const frameHead = 24

// header returns the first 24 bytes of the frame.
func (f *frame) header(r *run) [frameHead]byte {
	var h [frameHead]byte
	if f.junk {
		for i := range h {
			h[i] = byte(r.dice.Uint32())
		}
		return h
	}
	binary.LittleEndian.PutUint32(h[:], btc.Regtest.Params().Magic)
	copy(h[4:16], f.command)
	binary.LittleEndian.PutUint32(h[16:], uint32(f.size))
	return h
}

// send queues a frame.
func (r *run) send(c *conn, f frame) {
	if c.over || len(c.outbox) >= maxOutbox {
		return
	}
	c.outbox = append(c.outbox, f)
	r.pump(c)
}

// pump puts the next frame on the line if it is free.
func (r *run) pump(c *conn) {
	if c.over || c.busy || len(c.outbox) == 0 {
		return
	}
	f := c.outbox[0]
	c.outbox = slices.Delete(c.outbox, 0, 1)
	c.busy = true
	wait := max(0, f.ready.Sub(r.time.now)) + c.peer.onLine(frameHead)
	r.time.in(wait, func() { r.frameBegins(c, f) })
}

// onLine is how long so many bytes take.
func (p *peer) onLine(size int) time.Duration {
	return time.Duration(size) * time.Second / time.Duration(p.rate)
}

// frameBegins looks at the head of a frame, as the link does.
func (r *run) frameBegins(c *conn, f frame) {
	if c.over {
		return
	}
	c.heard = r.time.now
	_, _, verdict, err := c.gate.Frame(r.time.now, f.header(r))
	if err != nil {
		r.endBy(c, err)
		return
	}
	if verdict == link.Divert {
		r.blockBegins(c, f)
		return
	}
	r.carry(c, f.size, func() {
		if (verdict == link.Pass || verdict == link.Take) && f.event != nil {
			if _, ok := f.event.(node.HeadersReceived); ok {
				c.askedHeaders = max(0, c.askedHeaders-1)
			}
			r.step(f.event)
		}
	})
}

// carry lets the payload of a frame arrive, within the deadline that the link sets, and
// then the next frame begin.
func (r *run) carry(c *conn, size int, arrived func()) {
	if need, most := c.peer.onLine(size), link.FrameTimeout(size); need > most {
		r.time.in(most, func() { r.endBy(c, &link.EndError{Reason: link.ReasonSlowFrame}) })
		return
	}
	r.time.in(c.peer.onLine(size), func() {
		if c.over {
			return
		}
		c.heard = r.time.now
		arrived()
		c.busy = false
		r.pump(c)
	})
}

// blockBegins asks whether a block is wanted once its header is in.
func (r *run) blockBegins(c *conn, f frame) {
	hash := f.body.block.hash
	i := slices.Index(c.asked, hash)
	if i < 0 {
		if err := c.gate.Unasked(r.time.now, hash); err != nil {
			r.endBy(c, err)
			return
		}
		r.carry(c, f.size, func() {})
		return
	}
	c.asked = slices.Delete(c.asked, i, i+1)
	if r.proven[hash] {
		r.step(node.BodyUnneeded{Peer: c.id, Hash: hash})
		r.carry(c, f.size, func() {})
		return
	}
	granted := false
	r.budget.claim(r, claim{f.size, hash, c, func() { granted = true; r.bodyComes(c, f) }})
	if !granted {
		r.step(node.BodyProgress{Peer: c.id, Hash: hash, Bytes: btc.HeaderSize, Paused: true})
	}
}

// progress tells now and then how far a body has come, until it is whole.
func (r *run) progress(c *conn, f frame, begun time.Time) {
	if c.over || c.coming != f.body {
		return
	}
	sizeBytes := int(r.time.now.Sub(begun).Seconds() * float64(c.peer.rate))
	r.step(node.BodyProgress{Peer: c.id, Hash: f.body.block.hash, Bytes: min(f.size, btc.HeaderSize+sizeBytes)})
	r.time.in(progressEvery, func() { r.progress(c, f, begun) })
}

// bodyComes lets a body that has its memory come in.
func (r *run) bodyComes(c *conn, f frame) {
	c.coming = f.body
	begun := r.time.now
	if f.size > oneRead {
		r.time.in(c.peer.onLine(oneRead), func() { r.progress(c, f, begun) })
	}
	c.drop = func() { // the connection ends before
		c.drop = nil
		r.budget.release(r, f.size)
	}
	if f.half {
		r.time.in(c.peer.onLine(f.size/2), func() { r.endBy(c, &link.EndError{Reason: link.ReasonRemoteClosed}) })
		return
	}
	r.carry(c, f.size, func() {
		c.drop, c.coming = nil, nil
		hash := f.body.block.hash
		if _, ok := r.brain.Wanted(c.id, hash); !ok {
			r.budget.release(r, f.size)
			return
		}
		r.step(node.BodyArrived{Peer: c.id, Hash: hash, Size: f.size})
		r.judge(c, *f.body)
	})
}

// endBy ends a connection for a reason of the link, and tells the brain.
func (r *run) endBy(c *conn, err error) {
	if c.over {
		return
	}
	r.hangUp(c)
	reason := link.ReasonOf(err)
	r.time.in(time.Millisecond, func() {
		if !c.up && !reason.Ban() {
			r.step(node.DialFailed{Peer: c.id, Detail: err.Error()})
			return
		}
		r.step(node.PeerDown{Peer: c.id, Reason: node.Reason(reason.String()), Ban: reason.Ban(), Detail: err.Error()})
	})
}

// hangUp takes the line down.
func (r *run) hangUp(c *conn) {
	c.over = true
	c.outbox = nil
	if c.drop != nil {
		c.drop()
	}
	if c.peer.conn == c {
		c.peer.conn = nil
	}
}
