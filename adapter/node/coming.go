package node

import (
	"slices"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// withComing puts what is coming among the blocks that are wanted next, if it is not: a
// heavier branch that turns up, whose bodies perhaps nobody gives, must not make us
// drop what others have sent or are sending. It gets half of the window at least; of
// the rest the lowest stay.
func (n *Node) withComing(missing []headerchain.Entry) []headerchain.Entry {
	first := missing[:min(len(missing), n.cfg.Window)]
	var coming []headerchain.Entry
	for _, w := range n.fetch.window {
		if !n.isComing(w) || slices.ContainsFunc(first, func(e headerchain.Entry) bool { return e.Hash == w.hash }) {
			continue
		}
		if e, ok := n.chain.Lookup(w.hash); ok && !e.Complete && !e.Parked && n.leadsFurther(&e) {
			coming = append(coming, e)
		}
	}
	coming = n.withRivals(first, coming)
	if len(coming) == 0 {
		return missing
	}
	first = first[:min(len(first), max(n.cfg.Window-len(coming), n.cfg.Window/2))]
	coming = coming[:min(len(coming), n.cfg.Window-len(first))]
	return slices.Concat(first, coming)
}

// withRivals puts before what is coming the next blocks of other branches, [maxSide] at
// most, while the first branch keeps us waiting for its lowest block: whoever comes again
// and again as somebody new with a heavier branch, and keeps its bodies, would have the
// window to himself each time.
func (n *Node) withRivals(first, coming []headerchain.Entry) []headerchain.Entry {
	if len(first) < n.cfg.Window || !n.keepsWaiting(&first[0]) {
		return coming
	}
	var rivals []headerchain.Entry
	behind := make(map[btc.Hash]bool) // what is stuck, and what stands on it
	for _, e := range n.missing(lookahead) {
		if len(rivals) >= maxSide {
			break
		}
		same := func(other headerchain.Entry) bool { return other.Hash == e.Hash }
		switch {
		case n.leadsTo(first[0].Hash, first[0].Height, e.Hash), slices.ContainsFunc(first, same):
		case behind[e.Header.Prev()] || n.entryStuck(e):
			behind[e.Hash] = true
		default:
			coming = slices.DeleteFunc(coming, same)
			rivals = append(rivals, e)
		}
	}
	return append(rivals, coming...)
}

// keepsWaiting reports whether nothing came of a block though somebody failed it, or had
// the time to send it.
func (n *Node) keepsWaiting(e *headerchain.Entry) bool {
	w := n.fetch.wants[e.Hash]
	if w == nil || w.phase != phaseMissing || n.isJudging(w.hash) {
		return false
	}
	return w.tries > 0 || len(w.failed) > 0 || len(w.asked) > 0 && n.now.Sub(w.lastAsk) >= stallMin
}

// leadsFurther reports whether somebody has shown a branch with that block that has more
// work than our complete one.
func (n *Node) leadsFurther(e *headerchain.Entry) bool {
	ours := n.chain.BestComplete().Work
	return slices.ContainsFunc(n.peers.all, func(p *peer) bool {
		h := &p.headers
		return p.ready && h.knownWork.Cmp(ours) > 0 && n.leadsTo(e.Hash, e.Height, h.known)
	})
}
