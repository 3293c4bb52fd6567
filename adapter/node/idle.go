package node

import (
	"slices"
	"time"

	"blockgate/adapter/addrbook"
)

// idle is whether anybody wants blocks. While nobody has for Config.IdleAfter, all
// peers are let go; the address book, the anchors and the headers stay. Who asks then
// finds the last peers dialled in the same step.
type idle struct {
	wanted bool      // somebody wants blocks now
	since  time.Time // when the last one ceased to, or the first step
	on     bool
	last   []addrbook.Addr // the automatic peers that were let go, the oldest first
}

func (n *Node) consumerActive() {
	n.idle.wanted = true
	if !n.idle.on {
		return
	}
	n.idle.on = false
	n.peers.lonelySince = n.now
	for _, a := range n.peers.manual {
		a.failures, a.next = 0, time.Time{}
	}
	last := n.idle.last
	n.idle.last = nil
	for _, at := range last {
		c := addrbook.Candidate{Addr: at, Group: n.cfg.Book.Group(at)}
		if !n.cfg.ConnectOnly && n.mayBePeer(c) {
			n.open(BlockRelay, &address{at: at})
		}
	}
}

func (n *Node) consumerIdle() { n.idle.wanted, n.idle.since = false, n.now }

// fallIdle lets all peers go once nobody has wanted blocks for so long, wherever the
// journal stands: what is missing is fetched when somebody asks.
func (n *Node) fallIdle() {
	i := &n.idle
	if i.since.IsZero() {
		i.since = n.now
	}
	if n.cfg.IdleAfter <= 0 || i.on || i.wanted || n.now.Sub(i.since) < n.cfg.IdleAfter {
		return
	}
	i.on = true
	for _, p := range slices.Clone(n.peers.all) {
		if p.ready && p.automatic() && len(i.last) < n.cfg.MaxOutbound {
			i.last = append(i.last, p.addr.at)
		}
		if p.kind.syncs() || p.kind == Feeler {
			n.disconnect(p, ReasonIdle, "")
		}
	}
}

// Idle reports whether all peers were let go because nobody wants blocks.
func (n *Node) Idle() bool { return n.idle.on }
