package node

import (
	"slices"

	"blockgate/headerchain"
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
	if len(coming) == 0 {
		return missing
	}
	first = first[:min(len(first), max(n.cfg.Window-len(coming), n.cfg.Window/2))]
	coming = coming[:min(len(coming), n.cfg.Window-len(first))]
	return slices.Concat(first, coming)
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
