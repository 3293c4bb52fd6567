package node

import (
	"slices"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// fetch is the window: the blocks that are on their way from the header chain to
// the journal, in the order in which the journal wants them.
type fetch struct {
	window []*want // Config.Window at most
	// wants holds the window and what was in it and may come back.
	wants map[btc.Hash]*want
	stall time.Duration // how long the first of the window may be waited for
	turn  uint64        // counts what was asked, to take peers in turn
}

// want is a block that the window is about.
type want struct {
	hash, prev btc.Hash
	height     btc.Height
	phase      phase
	body       BodyID // held; not 0 exactly in phaseHeld
	asked      []PeerID
	lastAsk    time.Time
	failed     []PeerID // not asked again until retry; maxFailed at most
	tries      int      // how often all peers had failed it
	retry      time.Time
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
	stalls   int    // in a row
	notFound int    // since the last block
	turn     uint64 // of the last ask
}

type owed struct {
	hash   btc.Hash
	height btc.Height
	since  time.Time
}

func newFetch() fetch { return fetch{wants: map[btc.Hash]*want{}, stall: stallMin} }

func (p *peer) owes(hash btc.Hash) int {
	return slices.IndexFunc(p.blocks.owed, func(o owed) bool { return o.hash == hash })
}

func (p *peer) settle(hash btc.Hash) bool {
	i := p.owes(hash)
	if i >= 0 {
		p.blocks.owed = slices.Delete(p.blocks.owed, i, i+1)
	}
	return i >= 0
}

func (w *want) fail(id PeerID) {
	w.unask(id)
	if slices.Contains(w.failed, id) {
		return
	}
	if len(w.failed) >= maxFailed {
		w.failed = slices.Delete(w.failed, 0, 1)
	}
	w.failed = append(w.failed, id)
}

func (w *want) unask(id PeerID) {
	w.asked = slices.DeleteFunc(w.asked, func(a PeerID) bool { return a == id })
}

// peerGone forgets what a peer was asked. What it failed stays: its id is not
// given out again.
func (f *fetch) peerGone(id PeerID) {
	for _, w := range f.wants {
		w.unask(id)
		w.failed = slices.DeleteFunc(w.failed, func(a PeerID) bool { return a == id })
	}
}

// fetchBlocks keeps the window full and every block of it asked of somebody.
func (n *Node) fetchBlocks() {
	n.dropLatePeers()
	n.expireJudging()
	n.fillWindow()
	n.breakStall()
	var asks []GetData
	for _, w := range n.fetch.window {
		if w.phase != phaseMissing || len(w.asked) > 0 || n.isJudging(w.hash) || n.now.Before(w.retry) {
			continue
		}
		if p := n.pickPeer(w); p != nil {
			asks = n.ask(asks, p, w)
		} else if len(w.failed) > 0 && !n.hasCandidate(w) {
			w.tries++
			w.failed = w.failed[:0]
			w.retry = n.now.Add(n.dice.backoff(w.tries, retryMin, retryMax))
		}
	}
	for _, a := range asks {
		n.do(a)
	}
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

// pickPeer returns the peer to ask for a block: of those that have it and have not
// failed it the one that owes least, of those the one asked longest ago.
func (n *Node) pickPeer(w *want) *peer {
	var best *peer
	for _, p := range n.peers.all {
		if len(p.blocks.owed) >= n.cfg.PerPeer || !n.isCandidate(p, w) {
			continue
		}
		if best == nil || len(p.blocks.owed) < len(best.blocks.owed) ||
			len(p.blocks.owed) == len(best.blocks.owed) && p.blocks.turn < best.blocks.turn {
			best = p
		}
	}
	return best
}

// isCandidate reports whether p may be asked for the block now or when it owes
// less. One that owes the block already is none: asked twice it might send twice.
func (n *Node) isCandidate(p *peer, w *want) bool {
	if !p.ready || slices.Contains(w.failed, p.id) || p.owes(w.hash) >= 0 {
		return false
	}
	return n.peerHas(p, w.hash, w.height)
}

func (n *Node) hasCandidate(w *want) bool {
	return slices.ContainsFunc(n.peers.all, func(p *peer) bool { return n.isCandidate(p, w) })
}

// peerHas reports whether the peer has shown that it has the block. For one that
// has shown nothing the height of its version message must do.
func (n *Node) peerHas(p *peer, hash btc.Hash, height btc.Height) bool {
	h := &p.headers
	if h.known.IsZero() {
		return h.answered && p.startHeight >= height
	}
	e, ok := n.chain.Ancestor(h.known, height)
	return ok && e.Hash == hash
}

// fillWindow takes the blocks that are missing next. A branch of which nobody
// gives the next block stands behind the others, so that who withholds a heavier
// branch does not keep us from ours.
func (n *Node) fillWindow() {
	f := &n.fetch
	missing := n.chain.Missing(n.cfg.Window)
	if slices.ContainsFunc(missing, func(e headerchain.Entry) bool { return n.isStuck(f.wants[e.Hash]) }) {
		missing = n.stuckLast(n.chain.Missing(lookahead))
	}
	f.window = f.window[:0]
	for i := range missing[:min(len(missing), n.cfg.Window)] {
		f.window = append(f.window, f.wanted(&missing[i]))
	}
	n.pruneWants(missing)
}

func (f *fetch) wanted(e *headerchain.Entry) *want {
	w := f.wants[e.Hash]
	if w == nil {
		w = &want{hash: e.Hash, prev: e.Header.Prev(), height: e.Height}
		f.wants[e.Hash] = w
	}
	return w
}

// isStuck reports whether nobody is left to ask for the block, for now.
func (n *Node) isStuck(w *want) bool {
	if w == nil || w.phase != phaseMissing || len(w.asked) > 0 || n.isJudging(w.hash) {
		return false
	}
	return n.now.Before(w.retry) || !n.hasCandidate(w)
}

// stuckLast moves what is stuck, and what stands on it, to the end.
func (n *Node) stuckLast(missing []headerchain.Entry) []headerchain.Entry {
	behind := map[btc.Hash]bool{}
	var first, last []headerchain.Entry
	for _, e := range missing {
		if behind[e.Header.Prev()] || n.isStuck(n.fetch.wants[e.Hash]) {
			behind[e.Hash] = true
			last = append(last, e)
		} else {
			first = append(first, e)
		}
	}
	return append(first, last...)
}

// pruneWants forgets what is no longer in the window: bodies are dropped, and of
// the rest only what is missing still and was tried is kept, [maxWants] at most.
func (n *Node) pruneWants(missing []headerchain.Entry) {
	f := &n.fetch
	if len(f.wants) == len(f.window) {
		return
	}
	keep := make(map[btc.Hash]bool, len(missing))
	for i, e := range missing {
		keep[e.Hash] = i < maxWants
	}
	var gone []*want
	for hash, w := range f.wants {
		if w.phase != phaseStoring && !slices.Contains(f.window, w) && (w.body != 0 || !keep[hash] || w.untried()) {
			gone = append(gone, w)
		}
	}
	slices.SortFunc(gone, func(a, b *want) int { return slices.Compare(a.hash[:], b.hash[:]) })
	for _, w := range gone {
		n.drop(w.body)
		delete(f.wants, w.hash)
	}
}

func (w *want) untried() bool { return len(w.failed) == 0 && w.tries == 0 && len(w.asked) == 0 }

// breakStall asks another peer for the block that the window waits for. The first
// peer keeps owing it: a late answer is welcome.
func (n *Node) breakStall() {
	f := &n.fetch
	i := slices.IndexFunc(f.window, func(w *want) bool { return w.phase == phaseMissing && !n.isStuck(w) })
	if i < 0 {
		return
	}
	w := f.window[i]
	if len(w.asked) == 0 || n.isJudging(w.hash) || n.now.Sub(w.lastAsk) < f.stall {
		return
	}
	others := n.hasCandidate(w)
	for _, id := range slices.Clone(w.asked) {
		w.fail(id)
		if p := n.ready(id); p != nil && others {
			n.stalled(p)
		}
	}
	if others {
		f.stall = min(2*f.stall, stallMax)
	}
}

// stalled counts a stall against a peer. It costs no more than the connection.
func (n *Node) stalled(p *peer) {
	if p.blocks.stalls++; p.blocks.stalls >= maxStalls {
		n.disconnect(p, ReasonStall, "")
	}
}

func (n *Node) dropLatePeers() {
	for i := len(n.peers.all) - 1; i >= 0; i-- {
		p := n.peers.all[i]
		if o := p.blocks.owed; len(o) > 0 && n.now.Sub(o[0].since) >= blockTimeout {
			n.disconnect(p, ReasonBlockTimeout, "")
		}
	}
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
		if w := n.fetch.wants[hash]; w != nil {
			w.fail(p.id)
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
