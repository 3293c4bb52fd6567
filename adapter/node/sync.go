package node

import "time"

// firstSync is over, for good, when we know what the peers know: from then on
// blocks are fetched and published.
type firstSync struct {
	done bool
	// begun is when a peer was asked for headers for the first time.
	begun time.Time
	// firstAnswer is when a peer had given all its headers and they had work
	// enough; zero before.
	firstAnswer time.Time
}

// allHeadersOf notes that the peer has given all it has.
func (n *Node) allHeadersOf(p *peer) {
	p.headers.answered = true
	if p.headers.known.IsZero() {
		n.endWaits(p)
	}
	if n.sync.firstAnswer.IsZero() && n.enoughWork() {
		n.sync.firstAnswer = n.now
	}
}

func (n *Node) enoughWork() bool {
	return n.chain.Best().Work.Cmp(n.cfg.MinimumChainWork) >= 0
}

// finishSync ends the first sync once one peer gave all it had, that is work
// enough, and the others did too or had [syncGrace] to do it.
func (n *Node) finishSync() {
	if n.sync.done || n.sync.firstAnswer.IsZero() {
		return
	}
	n.sync.done = n.now.Sub(n.sync.firstAnswer) >= syncGrace || n.allAnswered()
}

// allAnswered reports whether each ready peer gave all its headers, and whether
// there is one at all.
func (n *Node) allAnswered() bool {
	for _, p := range n.peers.all {
		if p.ready && !p.headers.answered {
			return false
		}
	}
	return n.peers.readyCount() > 0
}
