package node

import (
	"slices"
	"time"

	"blockgate/internal/btc"
)

// chainSync is whether an automatic peer keeps up with our chain.
//
// Source: ChainSyncTimeoutState, Bitcoin Core v30.0 src/net_processing.cpp.
type chainSync struct {
	deadline  time.Time // zero if the peer keeps up
	work      btc.Work  // that it must show until then
	asked     bool      // it had its deadline, and a last getheaders
	protected bool      // it has kept up, and is among the few that stay whatever comes
}

// staleTip is when the best header was a better one last.
type staleTip struct {
	best  btc.Hash
	since time.Time
	next  time.Time // when peers are looked at next
	check time.Time // when extra peers are
}

// evictPeers lets go of automatic peers that do not keep up, and of one if there is
// one too many.
func (n *Node) evictPeers() {
	if best := n.chain.Best().Hash; best != n.stale.best || n.stale.since.IsZero() {
		n.stale.best, n.stale.since = best, n.now
	}
	if n.now.Before(n.stale.next) {
		return
	}
	n.stale.next = n.now.Add(evictEvery)
	n.dropLimited()
	n.evictBehind()
	if !n.now.Before(n.stale.check) {
		n.stale.check = n.now.Add(extraCheck)
		n.evictExtra()
	}
}

// evictBehind gives a peer whose chain has less work than ours so long to show as much
// as ours has now, then a last question, then the place to another. It is not held
// against it: it may be behind itself.
//
// Source: PeerManagerImpl::ConsiderEviction, Bitcoin Core v30.0 src/net_processing.cpp.
func (n *Node) evictBehind() {
	tip := n.chain.BestComplete()
	for _, p := range slices.Backward(n.peers.all) { // some go meanwhile
		c, h := &p.chainSync, &p.headers
		held := n.showsHeld(p)
		if !p.ready || !p.automatic() || c.protected && !held {
			continue
		}
		shown := func(work btc.Work) bool { return !held && !h.known.IsZero() && h.knownWork.Cmp(work) >= 0 }
		switch {
		case tip.Height == 0: // everybody has genesis
			*c = chainSync{}
		case shown(tip.Work):
			*c = chainSync{protected: p.kind != Extra && n.mayProtect()}
		case c.deadline.IsZero() || shown(c.work):
			*c = chainSync{deadline: n.now.Add(chainSyncTimeout), work: tip.Work}
		case n.now.Before(c.deadline):
		case c.asked:
			n.disconnect(p, ReasonBehind, "")
		default:
			h.due = true
			c.asked, c.deadline = true, n.now.Add(headersTimeout)
		}
	}
}

// showsHeld reports whether a heavier branch is held and the peer's best is of such a
// one: it forks below what is final, so that the peer has no block that we may ask for.
// It keeps its place, and its network group's, from others as one that is behind does.
func (n *Node) showsHeld(p *peer) bool {
	j, h := &n.journal, &p.headers
	if j.held == "" || h.known.IsZero() || h.knownHeight < j.final {
		return false
	}
	final, ok := n.chain.Ancestor(j.tip, j.final)
	return ok && !n.leadsTo(final.Hash, final.Height, h.known)
}

// mayProtect reports whether one more peer may be protected: so that somebody can go,
// one slot is never protected.
func (n *Node) mayProtect() bool {
	protected := n.peers.count(func(p *peer) bool { return p.chainSync.protected })
	return protected < min(maxProtected, n.cfg.MaxOutbound-1)
}

// isStale reports whether there has been no better header for so long that the peers
// may be keeping one from us.
//
// Source: PeerManagerImpl::TipMayBeStale, Bitcoin Core v30.0 src/net_processing.cpp.
func (n *Node) isStale() bool {
	if !n.sync.done || n.now.Sub(n.stale.since) < staleAfter {
		return false
	}
	return n.peers.count(func(p *peer) bool { return len(p.blocks.owed) > 0 }) == 0
}

// extraDue reports whether a peer beyond the slots is wanted: now and then, to hear
// from somebody else, and while the tip looks stale.
//
// Source: EXTRA_BLOCK_RELAY_ONLY_PEER_INTERVAL, Bitcoin Core v30.0 src/net.cpp.
func (n *Node) extraDue() bool {
	if !n.sync.done || n.peers.count(func(p *peer) bool { return p.kind == Extra }) > 0 {
		return false
	}
	if n.slots.extra.IsZero() {
		n.slots.extra = n.now.Add(n.jitter(extraInterval))
	}
	return n.isStale() || !n.now.Before(n.slots.extra)
}

// keepExtra gives a free slot to the extra peer if there is one.
func (n *Node) keepExtra() bool {
	for _, p := range n.peers.all {
		if p.kind == Extra && p.ready {
			p.kind = BlockRelay
			return true
		}
	}
	return false
}

// evictExtra lets one peer go if there is one more than slots: of those that are not
// protected who told us of a better header longest ago, and of those the newest; but
// only once it was there for a while and owes nothing.
//
// Source: PeerManagerImpl::EvictExtraOutboundPeers, Bitcoin Core v30.0
// src/net_processing.cpp.
func (n *Node) evictExtra() {
	if n.peers.count(func(p *peer) bool { return p.ready && p.automatic() }) <= n.cfg.MaxOutbound {
		return
	}
	var worst *peer
	for _, p := range n.peers.all { // the newest last
		if p.ready && p.automatic() && !p.chainSync.protected && (worst == nil || !p.announced.After(worst.announced)) {
			worst = p
		}
	}
	if worst == nil || n.now.Sub(worst.since) < minConnected || len(worst.blocks.owed) > 0 || worst.headers.presync != nil {
		return
	}
	n.disconnect(worst, ReasonExtra, "")
	n.keepExtra()
}
