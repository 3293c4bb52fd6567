package node

import (
	"slices"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// fillWindow takes the blocks that are missing next. A branch of which nobody
// gives the next block stands behind the others, so that who withholds a heavier
// branch does not keep us from ours.
func (n *Node) fillWindow() {
	f := &n.fetch
	n.takeBack()
	missing := n.missing(n.cfg.Window)
	if slices.ContainsFunc(missing, n.entryStuck) {
		missing = n.stuckLast()
	}
	missing = n.withComing(missing)
	f.window = f.window[:0]
	for i := range missing[:min(len(missing), n.cfg.Window)] {
		f.window = append(f.window, f.wanted(&missing[i]))
	}
	n.pruneWants(missing)
}

// missing returns the blocks that are wanted next, limit or more. What stands on a
// block that is to be judged again is left out until it is proven: it would be fetched
// in vain each time.
func (n *Node) missing(limit int) []headerchain.Entry {
	if !slices.ContainsFunc(n.parked, func(p parked) bool { return p.lifted }) {
		return n.chain.Missing(limit)
	}
	entries := n.chain.Missing(max(limit, lookahead))
	var last btc.Hash
	waits := false // the last one, or it is to be judged itself
	return slices.DeleteFunc(entries, func(e headerchain.Entry) bool {
		if e.Header.Prev() != last { // another branch begins
			waits = n.standsOnLifted(&e)
		}
		drop := waits
		last, waits = e.Hash, waits || n.isLifted(e.Hash)
		return drop
	})
}

// markSides says which blocks of the window are not on the branch that comes first: the
// best header's, or another that moves while that one is withheld. What stands there on
// a block that nobody gives is not asked for.
func (n *Node) markSides() {
	if len(n.fetch.window) == 0 {
		return
	}
	first := n.fetch.window[0]
	isBest := n.isOnBest(first)
	for _, w := range n.fetch.window {
		if isBest {
			w.side = !n.isOnBest(w)
		} else {
			w.side = !n.leadsTo(first.hash, first.height, w.hash)
		}
		n.markBlocked(w, n.fetch.wants[w.prev])
	}
}

// markBlocked says whether a block stands on one that nobody gives; prev is its parent,
// nil if that is here or not looked at. Its body is let go when they who have the parent
// have failed it again and again: so no branch without its lowest block fills the window.
func (n *Node) markBlocked(w, prev *want) {
	w.blocked, w.hopeless = false, false
	if !w.side || prev == nil || prev.phase != phaseMissing {
		return
	}
	w.hopeless = prev.hopeless || prev.unserved && prev.tries >= hopelessTries
	w.blocked = w.hopeless || prev.blocked || prev.unserved && n.now.Before(prev.retry)
	if w.hopeless && w.phase == phaseHeld {
		n.drop(w.body)
		w.phase, w.body, w.unserved = phaseMissing, 0, false
	}
}

func (n *Node) isOnBest(w *want) bool {
	at, ok := n.chain.AtHeight(w.height)
	return ok && at.Hash == w.hash
}

func (f *fetch) wanted(e *headerchain.Entry) *want {
	w := f.wants[e.Hash]
	if w == nil {
		w = &want{hash: e.Hash, prev: e.Header.Prev(), height: e.Height}
		f.wants[e.Hash] = w
	}
	return w
}

func (n *Node) entryStuck(e headerchain.Entry) bool {
	if w := n.fetch.wants[e.Hash]; w != nil {
		return n.isStuck(w)
	}
	return n.isStuck(&want{hash: e.Hash, height: e.Height})
}

// isStuck reports whether nobody is left to ask for the block, for now. Once all
// who have it failed it, they get another chance after a wait.
func (n *Node) isStuck(w *want) bool {
	if w.phase != phaseMissing || len(w.asked) > 0 || n.isJudging(w.hash) {
		return false
	}
	if n.now.Before(w.retry) {
		return true
	}
	stuck := !n.hasCandidate(w)
	if stuck && len(w.failed) > 0 {
		least, most := retryMin, retryMax
		if w.side {
			least, most = sideRetryMin, sideRetryMax
		}
		w.tries++
		w.failed = w.failed[:0]
		w.retry, w.unserved = n.now.Add(n.dice.backoff(w.tries, least, most)), true
	}
	return stuck
}

// endWaits ends the wait for blocks that all failed, since p has just shown to have
// them: nobody is the only source of a block for others have failed it.
func (n *Node) endWaits(p *peer) {
	for _, w := range n.fetch.wants {
		if w.unserved && n.now.Before(w.retry) && n.peerHas(p, w.hash, w.height) && !w.hasFailed(p.id, n.now) {
			w.retry, w.unserved = n.now, false
		}
	}
}

// stuckLast returns the missing blocks of all branches. What is stuck, and what
// stands on it, is at the end: there first what is held or on its way, so that it
// is not fetched twice.
func (n *Node) stuckLast() []headerchain.Entry {
	const coming, rest = 1, 2 // 0: it moves
	missing := n.missing(lookahead)
	behind := make(map[btc.Hash]bool, len(missing)) // what is stuck, and what stands on it
	places, moves := make([]uint8, len(missing)), false
	var roots []btc.Hash
	for i := range missing {
		e := &missing[i]
		stuck := behind[e.Header.Prev()]
		if !stuck && n.entryStuck(*e) {
			stuck = true
			roots = append(roots, e.Hash)
		}
		if !stuck {
			moves = true
			continue
		}
		behind[e.Hash] = true
		places[i] = rest
		if w := n.fetch.wants[e.Hash]; w != nil && n.isComing(w) {
			places[i] = coming
		}
	}
	if !moves && (len(roots) >= headerchain.MaxFetchBranches || len(missing) >= lookahead) {
		n.setAside(roots)
	}
	ordered := make([]headerchain.Entry, 0, len(missing))
	for place := range uint8(rest + 1) {
		for i := range missing {
			if places[i] == place {
				ordered = append(ordered, missing[i])
			}
		}
	}
	return ordered
}

// aside is a branch that the header chain skips until some time, because nobody
// gave its next block.
type aside struct {
	root  btc.Hash
	until time.Time
}

// setAside lets the header chain skip branches that are stuck. We look for missing
// blocks in the heaviest few branches only, and for [lookahead] of them; if none of
// those moves, the others must have their turn.
func (n *Node) setAside(roots []btc.Hash) {
	for _, root := range roots {
		if len(n.fetch.aside) >= maxAside {
			return // the first to come back make room
		}
		if _, err := n.chain.Park(root); err != nil {
			panic("node: missing block is not in the header chain: " + err.Error()) // it came from there
		}
		n.fetch.aside = append(n.fetch.aside, aside{root, n.now.Add(asideTime)})
	}
}

// takeBack ends the time of branches that were set aside. While what took their turn
// moves they stay, [asideMost] longer at most: their return would push it out of the
// window and what is on its way would come in vain.
func (n *Node) takeBack() {
	f := &n.fetch
	for len(f.aside) > 0 && !n.now.Before(f.aside[0].until) {
		if n.now.Sub(f.aside[0].until) < asideMost && slices.ContainsFunc(f.window, n.isDelivered) {
			return
		}
		root := f.aside[0].root
		f.aside = slices.Delete(f.aside, 0, 1)
		n.setFree(root)
	}
}

// isDelivered reports whether a body of the block has come, or is asked of a peer that
// has served others.
func (n *Node) isDelivered(w *want) bool {
	return w.phase != phaseMissing || n.isJudging(w.hash) || slices.ContainsFunc(w.asked, func(id PeerID) bool {
		p := n.ready(id)
		return p != nil && p.blocks.served
	})
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
		if w.phase != phaseStoring && !slices.Contains(f.window, w) && (w.body != 0 || !keep[hash] || w.tries == 0 && len(w.failed) == 0 && !n.isComing(w)) {
			gone = append(gone, w)
		}
	}
	slices.SortFunc(gone, func(a, b *want) int { return slices.Compare(a.hash[:], b.hash[:]) })
	for _, w := range gone {
		n.drop(w.body)
		delete(f.wants, w.hash)
	}
}

// isComing reports whether the body is held or may come soon.
func (n *Node) isComing(w *want) bool {
	return w.body != 0 || len(w.asked) > 0 || n.isJudging(w.hash)
}
