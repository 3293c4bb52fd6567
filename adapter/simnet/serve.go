package simnet

import (
	"time"

	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// dial plays the peer's end of a dial.
func (r *run) dial(id node.PeerID, kind node.Kind, p *peer) {
	c := &conn{id: id, kind: kind, peer: p, gate: link.NewGate(btc.Regtest.Params().Magic), heard: r.time.now}
	r.conns[id] = c
	switch {
	case p.conn != nil:
		r.complain("peer %d is dialled twice", p.index)
	case p.traits.has(refuses), !p.solid && r.faulty(5):
		r.time.in(r.wait(p), func() { r.endBy(c, &link.EndError{Reason: link.ReasonRemoteClosed, Detail: "refused"}) })
		return
	}
	p.conn = c
	if p.traits.has(dumb) {
		r.time.in(handshakeTimeout, func() { r.endBy(c, &link.EndError{Reason: link.ReasonHandshakeTimeout}) })
		return
	}
	height := int32(r.shown(p).height)
	if p.traits.has(lyingHeight) {
		height = [...]int32{-1, 0, 1 << 30, height + 500}[r.dice.IntN(4)]
	}
	services := uint64(1 | 1<<3)
	if p.traits.has(noServices) {
		services = uint64(r.dice.IntN(2)) << 3
	}
	r.send(c, frame{command: "version", size: 100, ready: r.time.now.Add(r.wait(p))})
	r.send(c, frame{command: "verack", event: node.PeerUp{Peer: id, Services: services, StartHeight: height, UserAgent: p.traits.String()}})
}

// greet lets the peer do what it does unasked, once the handshake is done.
func (r *run) greet(c *conn) {
	p := c.peer
	r.live(c)
	for _, habit := range habits() {
		if p.traits.has(habit.trait) {
			r.every(c, habit.least, habit.most, func() { habit.do(r, c) })
		}
	}
	switch {
	case p.traits.has(leaving):
		r.leave(c, 100*time.Millisecond, 30*time.Second)
	case p.traits.has(flaky) && r.time.now.Before(r.calm):
		r.leave(c, 5*time.Second, 90*time.Second)
	}
}

func (r *run) leave(c *conn, least, most time.Duration) {
	r.time.in(least+time.Duration(r.dice.Int64N(int64(most-least))), func() { r.endBy(c, &link.EndError{Reason: link.ReasonRemoteClosed}) })
}

// live answers our pings, unless the peer is silent, and hangs up on who says nothing
// for too long.
func (r *run) live(c *conn) {
	if !c.peer.traits.has(silent) {
		r.every(c, pongEvery, pongEvery, func() { r.send(c, frame{command: "pong", size: 8}) })
	}
	r.every(c, link.IdleTimeout/4, link.IdleTimeout/4, func() {
		if !c.busy && r.time.now.Sub(c.heard) >= link.IdleTimeout {
			r.endBy(c, &link.EndError{Reason: link.ReasonSilent})
		}
	})
}

// every repeats something as long as the connection lasts, with random waits.
func (r *run) every(c *conn, least, most time.Duration, do func()) {
	wait := least
	if most > least {
		wait += time.Duration(r.dice.Int64N(int64(most - least)))
	}
	r.time.in(wait, func() {
		if !c.over {
			do()
			r.every(c, least, most, do)
		}
	})
}

// getHeaders lets the peer answer a getheaders.
func (r *run) getHeaders(c *conn, locator []btc.Hash) {
	p := c.peer
	if p.traits.has(silent) {
		return
	}
	tip := r.shown(p)
	if p.traits.has(spamLow) && r.dice.IntN(2) == 0 {
		tip = r.lowTip()
	}
	headers := r.lib.headersAfter(tip, locator)
	if p.traits.has(badHeader) && len(headers) > 0 && r.dice.IntN(2) == 0 {
		headers[len(headers)-1][74] = 1 // no target of regtest
	}
	r.sendHeaders(c, headers, r.wait(p))
	if p.traits.has(duplicate) {
		for range 4 {
			r.sendHeaders(c, headers, r.wait(p))
		}
	}
}

// sendHeaders sends a headers message after a wait.
func (r *run) sendHeaders(c *conn, headers []btc.Header, wait time.Duration) {
	r.send(c, frame{
		command: "headers", size: 3 + len(headers)*(btc.HeaderSize+1), ready: r.time.now.Add(wait),
		event: node.HeadersReceived{Peer: c.id, Headers: headers},
	})
}

// getData lets the peer answer a getdata.
func (r *run) getData(c *conn, hashes []btc.Hash) {
	p := c.peer
	for _, hash := range hashes {
		b := r.lib.byHash[hash]
		c.asked = append(c.asked, hash)
		switch {
		case b == nil:
			r.complain("a block is asked for that nobody mined: %v", hash)
		case r.keepsBody(p, b):
		case p.traits.has(notFound):
			r.send(c, frame{
				command: "notfound", size: 37, ready: r.time.now.Add(r.wait(p)),
				event: node.NotFound{Peer: c.id, Hashes: []btc.Hash{hash}},
			})
		default:
			r.sendBlock(c, b)
		}
	}
}

func (r *run) sendBlock(c *conn, b *block) {
	p := c.peer
	sent := r.truth(b)
	if p.traits.has(mutating|poisonous) && r.dice.IntN(3) == 0 {
		sent = r.lie(p, b)
	}
	r.send(c, frame{
		command: "block", size: sent.size, ready: r.time.now.Add(r.wait(p)), body: &sent,
		half: p.traits.has(halving) && r.dice.IntN(2) == 0,
	})
}

// announce tells the brain of a block that the honest network has found.
func (r *run) announce(p *peer, tip *block) {
	c := p.conn
	p.tip = tip
	if c == nil || !c.up || p.traits.has(silent|frozen|twoFaced) || r.shown(p) != tip {
		return
	}
	if p.traits.has(byInv) {
		r.send(c, frame{command: "inv", size: 37, event: node.BlocksAnnounced{Peer: c.id, Hashes: []btc.Hash{tip.hash}}})
		return
	}
	headers := []btc.Header{tip.header}
	if !tip.parent.onMain || !tip.onMain {
		headers = r.lib.headersAfter(tip, []btc.Hash{r.lib.main[max(0, tip.height-5)].hash})
	}
	r.sendHeaders(c, headers, 0)
}
