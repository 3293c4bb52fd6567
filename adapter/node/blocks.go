package node

import (
	"slices"
	"time"

	"blockgate/internal/btc"
)

// fetch is the window: the blocks that are on their way from the header chain to
// the journal, in the order in which the journal wants them.
type fetch struct {
	window []*want // Config.Window at most
	// wants holds the window and what was in it and may come back.
	wants map[btc.Hash]*want
	stall time.Duration // how long the first of the window may be waited for
	usual int           // how large blocks were of late, bytes
	turn  uint64        // counts what was asked, to take peers in turn
	aside []aside       // maxAside at most
}

// want is a block that the window is about.
type want struct {
	hash, prev btc.Hash
	height     btc.Height
	phase      phase
	body       BodyID   // held; not 0 exactly in phaseHeld
	size       int      // bytes of the last body that came for it, 0 if none has
	side       bool     // it is not on the branch that comes first
	blocked    bool     // it is on the side, and one below it waits for somebody who gives it
	hopeless   bool     // and has waited for long
	asked      []PeerID // maxAsked at most
	lastAsk    time.Time
	failed     []failure // maxFailed at most
	tries      int       // how often all peers had failed it
	retry      time.Time
	unserved   bool // retry is set because all who have it failed it
}

// phase is how far a wanted block is.
type phase uint8

const (
	phaseMissing phase = iota // asked or not
	phaseHeld                 // proven; its parent is not there yet
	phaseStoring              // on its way to the journal
)

// peerBlocks is what one peer owes.
type peerBlocks struct {
	owed     []owed // late ones too; Config.PerPeer at most
	speed    speed
	coming   transfer  // since the last block that came
	last     time.Time // when a block that it owed came last
	late     time.Time // since when nothing more is asked of it; zero if it is not late
	stalls   int       // since the last block: how often it was late, each longer than the one before
	notFound int       // since the last block
	served   bool      // sent a block that was proven
	turn     uint64    // of the last ask
}

type owed struct {
	hash   btc.Hash
	height btc.Height
	since  time.Time
}

func newFetch() fetch {
	return fetch{wants: map[btc.Hash]*want{}, stall: stallMin, usual: firstSize}
}

func (p *peer) owes(hash btc.Hash) int {
	return slices.IndexFunc(p.blocks.owed, func(o owed) bool { return o.hash == hash })
}

func (p *peer) settle(hash btc.Hash) bool {
	i := p.owes(hash)
	if i >= 0 {
		p.blocks.owed = slices.Delete(p.blocks.owed, i, i+1)
		p.blocks.coming = transfer{}
	}
	return i >= 0
}

// failure is a peer that is not asked for a block again for some time.
type failure struct {
	peer  PeerID
	until time.Time
}

func (w *want) fail(id PeerID, until time.Time) {
	w.unask(id)
	w.forgive(id)
	if len(w.failed) >= maxFailed {
		w.failed = slices.Delete(w.failed, 0, 1)
	}
	w.failed = append(w.failed, failure{id, until})
}

func (w *want) forgive(id PeerID) {
	w.failed = slices.DeleteFunc(w.failed, func(f failure) bool { return f.peer == id })
}

func (w *want) hasFailed(id PeerID, now time.Time) bool {
	return slices.ContainsFunc(w.failed, func(f failure) bool { return f.peer == id && now.Before(f.until) })
}

func (w *want) unask(id PeerID) {
	w.asked = slices.DeleteFunc(w.asked, func(a PeerID) bool { return a == id })
}

// peerGone forgets what a peer was asked and what it failed.
func (f *fetch) peerGone(id PeerID) {
	for _, w := range f.wants {
		w.unask(id)
		w.forgive(id)
	}
}

// fetchBlocks keeps the window full and every block of it asked of somebody.
func (n *Node) fetchBlocks() {
	n.dropLatePeers()
	n.expireJudging()
	n.fillWindow()
	n.markSides()
	n.breakStall()
	n.askBlocks()
}

// askBlocks asks for what is missing, in the order of the window, as long as there is
// room: bytes for all, and few blocks for branches beside the first. What the window waits
// for, and the lowest that is missing on the side, is asked for in any case: others may be
// held that wait for it.
func (n *Node) askBlocks() {
	room := n.room()
	urgent, lowest := n.Urgent(), n.lowestSide()
	var asks []GetData
	for _, w := range n.fetch.window {
		if w.phase != phaseMissing || !n.mayAsk(w) || !room.has(w, n.sizeOf(w)) && w.hash != urgent && w != lowest {
			continue
		}
		if p := n.pickPeer(w); p != nil {
			asks = n.ask(asks, p, w)
			room.take(w, n.sizeOf(w))
		}
	}
	for _, a := range asks {
		n.do(a)
	}
}

// lowestSide returns the first block on the side that is missing, nil if there is none.
func (n *Node) lowestSide() *want {
	i := slices.IndexFunc(n.fetch.window, func(w *want) bool { return w.side && w.phase == phaseMissing && !w.blocked })
	if i < 0 {
		return nil
	}
	return n.fetch.window[i]
}

// mayAsk reports whether the block may be asked of somebody now.
func (n *Node) mayAsk(w *want) bool {
	if n.now.Before(w.retry) || n.isJudging(w.hash) && !n.mayHedge(w) {
		return false
	}
	return len(w.asked) == 0 || n.maySecond(w)
}

// room is what may be asked for yet.
type room struct{ bytes, side int }

// room counts what the window holds and what is on its way to it.
func (n *Node) room() room {
	r := room{n.cfg.WindowBytes, maxSide}
	for _, w := range n.fetch.window {
		if w.phase != phaseMissing || n.isComing(w) {
			r.take(w, n.sizeOf(w))
		}
	}
	return r
}

func (r *room) has(w *want, sizeBytes int) bool {
	return len(w.asked) > 0 || r.bytes >= sizeBytes && (!w.side || r.side > 0 && !w.blocked)
}

func (r *room) take(w *want, sizeBytes int) {
	r.bytes -= sizeBytes
	if w.side {
		r.side--
	}
}

// sizeOf returns how large the block is, as far as we know.
func (n *Node) sizeOf(w *want) int {
	if w.size > 0 {
		return w.size
	}
	return n.fetch.usual
}

// ask adds the block to what the peer is asked in this step.
func (n *Node) ask(asks []GetData, p *peer, w *want) []GetData {
	n.fetch.turn++
	p.blocks.turn = n.fetch.turn
	p.blocks.owed = append(p.blocks.owed, owed{w.hash, w.height, n.now})
	w.asked = append(w.asked, p.id)
	w.lastAsk = n.now
	i := slices.IndexFunc(asks, func(a GetData) bool { return a.Peer == p.id })
	if i < 0 {
		return append(asks, GetData{Peer: p.id, Hashes: []btc.Hash{w.hash}})
	}
	asks[i].Hashes = append(asks[i].Hashes, w.hash)
	return asks
}

// pickPeer returns the peer to ask for a block, of those that have it and have not
// failed it, or nil.
func (n *Node) pickPeer(w *want) *peer {
	var best *peer
	spare := 0
	if len(w.asked) > 0 || n.isJudging(w.hash) {
		spare = hedgeRoom // somebody keeps us waiting for it
	}
	for _, p := range n.peers.all {
		if len(p.blocks.owed) >= min(n.cfg.PerPeer, n.mayOwe(p)+spare) || !n.isCandidate(p, w) {
			continue
		}
		if best == nil || !n.isTrusted(best.id) && n.isTrusted(p.id) || n.isTrusted(best.id) == n.isTrusted(p.id) && w.prefers(p, best) {
			best = p
		}
	}
	return best
}

// mayOwe returns how many blocks the peer may be asked for at once: what it delivers in
// [keepBusy], so that who is slow is asked for little and nothing waits long in its queue.
func (n *Node) mayOwe(p *peer) int {
	if !p.blocks.served || !n.isTrusted(p.id) {
		return min(n.cfg.PerPeer, n.cfg.PerNewPeer)
	}
	return min(n.cfg.PerPeer, max(minPerPeer, p.blocks.speed.blocksIn(keepBusy)))
}

// prefers reports whether p is asked before q: who owes less, then who was asked
// longer ago. Once a peer has failed the block, or somebody keeps us waiting for it, or it
// takes one of the few places of the side, who has served blocks comes first, and of
// those who is twice as fast.
func (w *want) prefers(p, q *peer) bool {
	a, b := &p.blocks, &q.blocks
	if len(w.failed)+len(w.asked) > 0 || w.side && w.tries == 0 {
		if a.served != b.served {
			return a.served
		}
		if fast, other := a.speed.perSecond(), b.speed.perSecond(); fast >= 2*other || other >= 2*fast {
			return fast > other
		}
	}
	if len(a.owed) != len(b.owed) {
		return len(a.owed) < len(b.owed)
	}
	return a.turn < b.turn
}

// isCandidate reports whether p may be asked for the block now or when it owes
// less. One that owes the block already is none: asked twice it might send twice.
func (n *Node) isCandidate(p *peer, w *want) bool {
	if !p.ready || !p.blocks.late.IsZero() || w.hasFailed(p.id, n.now) || p.owes(w.hash) >= 0 {
		return false
	}
	return n.keeps(p, w.height) && n.peerHas(p, w.hash, w.height) && !n.isJudgingOf(p.id, w.hash)
}

func (n *Node) hasCandidate(w *want) bool {
	return slices.ContainsFunc(n.peers.all, func(p *peer) bool { return n.isCandidate(p, w) })
}

// peerHas reports whether the peer has shown that it has the block. For one that
// has shown nothing the height of its version message must do, on the branch that it
// agreed with: asked for a block that it does not have, a node does not answer at all.
func (n *Node) peerHas(p *peer, hash btc.Hash, height btc.Height) bool {
	h := &p.headers
	if h.known.IsZero() {
		return h.answered && p.startHeight >= height && (h.agreed.IsZero() || n.leadsTo(hash, height, h.agreed))
	}
	e, ok := n.chain.Ancestor(h.known, height)
	return ok && e.Hash == hash
}

func (n *Node) notFound(e NotFound) {
	p := n.ready(e.Peer)
	if p == nil {
		return
	}
	for _, hash := range e.Hashes {
		if !p.settle(hash) {
			continue
		}
		p.blocks.late = time.Time{}
		if w := n.fetch.wants[hash]; w != nil {
			w.fail(p.id, n.now.Add(failTime))
		}
		if p.blocks.notFound++; p.blocks.notFound >= maxNotFound {
			n.disconnect(p, ReasonNoBlocks, "")
			return
		}
	}
}

func (n *Node) drop(body BodyID) {
	if body != 0 {
		n.do(Drop{Body: body})
	}
}

// releaseAll drops all bodies that are held.
func (n *Node) releaseAll() {
	var held []BodyID
	for _, w := range n.fetch.wants {
		if w.phase == phaseHeld {
			held = append(held, w.body)
			w.phase, w.body = phaseMissing, 0
		}
	}
	slices.Sort(held)
	for _, body := range held {
		n.drop(body)
	}
}
