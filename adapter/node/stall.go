package node

import (
	"slices"

	"blockgate/internal/btc"
)

// Who keeps us waiting. No clock here costs more than the connection, and none runs
// while the shell does not read for want of memory.
//
//	the block that the window waits for: nothing for fetch.stall ──▶ another is asked
//	a block near the tip: no byte for 1.5 s, or not whole in 4 s ──▶ another is asked, too
//	any block: below 20 kB/s after 5 s, or no byte for 10 s ───────▶ late: asked nothing
//	late again and again while others serve, or 2 min in silence ──▶ let go

// isMoving reports whether bytes of what the peer owes came of late.
func (n *Node) isMoving(p *peer) bool {
	at := p.blocks.coming.at
	return !at.IsZero() && n.now.Sub(at) < stallMin
}

// breakStall gives up on the peers that the window waits for: everything that they
// were asked goes to others, and they are asked nothing more until they send a block.
// What they send late is welcome.
func (n *Node) breakStall() {
	f := &n.fetch
	i := slices.IndexFunc(f.window, func(w *want) bool { return w.phase == phaseMissing && !n.isStuck(w) })
	if i < 0 {
		return
	}
	w := f.window[i]
	var stalled []*peer
	for _, id := range w.asked {
		p := n.ready(id)
		if p == nil || n.isMoving(p) {
			continue
		}
		if at := p.owes(w.hash); at >= 0 && n.now.Sub(p.blocks.owed[at].since) >= f.stall {
			stalled = append(stalled, p)
		}
	}
	if len(stalled) > 0 && n.hasCandidate(w) {
		f.stall = min(2*f.stall, stallMax)
	}
	for _, p := range stalled {
		n.giveUp(p)
	}
}

// giveUp lets others have what the peer was asked.
func (n *Node) giveUp(p *peer) {
	p.blocks.late = n.now
	for _, w := range n.fetch.wants {
		if slices.Contains(w.asked, p.id) {
			w.fail(p.id, n.now.Add(failTime))
		}
	}
}

// dropLatePeers finds out who is late, and lets go of peers that are silent for too
// long, and of those that are late again and again while others serve.
func (n *Node) dropLatePeers() {
	for _, p := range slices.Backward(n.peers.all) { // some go meanwhile
		b := &p.blocks
		if len(b.owed) > 0 && n.now.Sub(b.active()) >= blockTimeout {
			n.disconnect(p, ReasonBlockTimeout, "")
			continue
		}
		if b.late.IsZero() && (b.drips(n.now) || len(b.owed) > 0 && n.now.Sub(b.active()) >= silentAfter) {
			n.giveUp(p)
		}
		if b.late.IsZero() || n.now.Sub(b.late) < stallMin<<b.stalls || !n.othersServe(p) {
			continue
		}
		if b.stalls++; b.stalls >= maxStalls {
			n.disconnect(p, ReasonStall, "")
		}
	}
}

func (n *Node) othersServe(p *peer) bool {
	return slices.ContainsFunc(n.peers.all, func(q *peer) bool { return q != p && q.ready && q.blocks.served })
}

// maySecond reports whether a block that was asked of somebody may be asked of one more:
// at the tip seconds count, and who announces a block first may be who keeps it. The
// copy that comes second is not taken in.
func (n *Node) maySecond(w *want) bool {
	if len(w.asked) >= maxAsked {
		return false
	}
	waited := n.now.Sub(w.lastAsk)
	if w.height > n.chain.Best().Height-tipDepth {
		return waited >= tipPatience || waited >= firstByteWait && !n.hasBegun(w)
	}
	return waited >= n.fetch.stall && n.Urgent() == w.hash && !n.isFast(w)
}

// hasBegun reports whether somebody has begun to send the block whose first bytes mean
// something: he has served blocks, or sends quickly.
func (n *Node) hasBegun(w *want) bool {
	return slices.ContainsFunc(w.asked, func(id PeerID) bool {
		p := n.ready(id)
		return p != nil && p.blocks.isSending(w.hash) && (p.blocks.served || p.blocks.coming.perSecond(n.now) >= slowRate)
	})
}

// isFast reports whether one of those who were asked for the block sends quickly, or has
// just begun to.
func (n *Node) isFast(w *want) bool {
	return slices.ContainsFunc(w.asked, func(id PeerID) bool {
		p := n.ready(id)
		if p == nil || p.blocks.coming.since.IsZero() {
			return false
		}
		t := &p.blocks.coming
		return n.now.Sub(t.since) < firstSecond || t.perSecond(n.now) >= slowRate
	})
}

// bodyProgress notes how far a body has come.
func (n *Node) bodyProgress(e BodyProgress) {
	p := n.ready(e.Peer)
	if p == nil || len(p.blocks.owed) == 0 || !e.Hash.IsZero() && p.owes(e.Hash) < 0 {
		return
	}
	t := &p.blocks.coming
	switch {
	case e.Paused:
		*t = transfer{hash: e.Hash, since: n.now, at: n.now, bytes: e.Bytes, before: e.Bytes}
	case t.since.IsZero() || t.hash != e.Hash && !e.Hash.IsZero():
		*t = transfer{hash: e.Hash, since: n.now, at: n.now, bytes: e.Bytes}
	case e.Bytes != t.bytes: // fewer: by the encrypted transport, another packet
		t.at, t.bytes = n.now, e.Bytes
	}
}

// bodyMeasured notes how fast a peer delivered a block that it owed, and how large
// blocks are.
func (n *Node) bodyMeasured(e BodyArrived) {
	p := n.ready(e.Peer)
	if p == nil || e.Size < 0 {
		return
	}
	i := p.owes(e.Hash)
	if i < 0 {
		return
	}
	b := &p.blocks
	begin := b.owed[i].since
	if b.last.After(begin) {
		begin = b.last
	}
	b.last = n.now
	b.speed.add(e.Size, n.now.Sub(begin))
	n.fetch.usual += (min(e.Size, btc.MaxBlockSize) - n.fetch.usual) / sizeMemory
	if w := n.fetch.wants[e.Hash]; w != nil {
		w.size = e.Size
	}
}
