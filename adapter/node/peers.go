package node

import (
	"slices"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// peers are the connections and dials, in the order in which they were dialled,
// and the addresses that they come from. Invariant: at most MaxManual manual and
// Config.MaxOutbound other peers.
type peers struct {
	all   []*peer
	last  PeerID // given out last
	addrs []*address
	bans  bans
	// lonelySince is when the last ready peer went, or the first step.
	lonelySince time.Time
}

// address is somewhere to dial.
type address struct {
	at       addrbook.Addr
	manual   bool
	services uint64 // as said
	inUse    bool   // a peer has it
	failures int    // in a row
	next     time.Time
	lastErr  string
}

// peer is a dial under way or, once ready, a connection.
type peer struct {
	id          PeerID
	addr        *address
	ready       bool
	since       time.Time // of the dial, then of the handshake
	startHeight btc.Height
	headers     peerHeaders
	blocks      peerBlocks
}

func newPeers(connect []addrbook.Addr) peers {
	t := peers{bans: make(bans)}
	for _, at := range connect {
		if t.find(at) == nil {
			t.addrs = append(t.addrs, &address{at: at, manual: true})
		}
	}
	return t
}

func (t *peers) find(at addrbook.Addr) *address {
	for _, a := range t.addrs {
		if a.at == at {
			return a
		}
	}
	return nil
}

func (t *peers) byID(id PeerID) *peer {
	for _, p := range t.all {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (t *peers) readyCount() int {
	count := 0
	for _, p := range t.all {
		if p.ready {
			count++
		}
	}
	return count
}

// ready returns the peer if it is connected, else nil.
func (n *Node) ready(id PeerID) *peer {
	if p := n.peers.byID(id); p != nil && p.ready {
		return p
	}
	return nil
}

func (n *Node) peerUp(e PeerUp) {
	p := n.peers.byID(e.Peer)
	if p == nil || p.ready {
		n.do(Disconnect{Peer: e.Peer, Reason: ReasonUnknownPeer})
		if p != nil {
			n.forgetPeer(p, ReasonUnknownPeer, "two handshakes")
		}
		return
	}
	p.ready, p.since = true, n.now
	p.startHeight = btc.Height(e.StartHeight)
	p.headers.due = true
	if !p.addr.manual && e.Services&servesBlocks != servesBlocks {
		n.disconnect(p, ReasonServices, "")
	}
}

// servesBlocks are the service bits NODE_NETWORK and NODE_WITNESS (BIP-0144).
const servesBlocks = 1 | 1<<3

func (n *Node) dialFailed(e DialFailed) {
	if p := n.peers.byID(e.Peer); p != nil {
		n.forgetPeer(p, "", e.Detail)
	}
}

func (n *Node) peerDown(e PeerDown) {
	p := n.peers.byID(e.Peer)
	if p == nil {
		return
	}
	n.forgetPeer(p, e.Reason, e.Detail)
	if e.Ban {
		n.ban(p.id, p.addr, e.Reason, e.Detail)
	}
}

// disconnect ends a connection or a dial for a reason that costs a wait.
func (n *Node) disconnect(p *peer, why Reason, detail string) {
	n.do(Disconnect{Peer: p.id, Reason: why})
	n.forgetPeer(p, why, detail)
}

// forgetPeer takes the peer out. Its address waits before the next dial.
func (n *Node) forgetPeer(p *peer, why Reason, detail string) {
	a := p.addr
	a.inUse = false
	if p.ready && why == "" && n.now.Sub(p.since) >= steadyAfter {
		a.failures = 0
	}
	a.failures++
	a.next = n.now.Add(n.dice.backoff(a.failures, redialMin, redialMax))
	a.lastErr = clip(joinReason(why, detail))
	n.peers.all = slices.DeleteFunc(n.peers.all, func(other *peer) bool { return other == p })
	n.fetch.peerGone(p.id)
	p.headers.presync = nil
	n.chain.Release(uint64(p.id))
	if p.ready && n.peers.readyCount() == 0 {
		n.peers.lonelySince = n.now
	}
}

func joinReason(why Reason, detail string) string {
	switch {
	case why == "":
		return detail
	case detail == "":
		return string(why)
	default:
		return string(why) + ": " + detail
	}
}

// dialPeers fills the slots: every manual peer, and others up to MaxOutbound.
func (n *Node) dialPeers() {
	others := 0
	for _, p := range slices.Clone(n.peers.all) {
		if !p.ready && n.now.Sub(p.since) > dialTimeout {
			n.disconnect(p, ReasonDialTimeout, "")
		} else if !p.addr.manual {
			others++
		}
	}
	for _, a := range n.peers.addrs {
		if a.manual && n.canDial(a) {
			n.dial(a)
		}
	}
	for ; others < n.cfg.MaxOutbound; others++ {
		a := n.pickAddress()
		if a == nil {
			return
		}
		n.dial(a)
	}
}

func (n *Node) canDial(a *address) bool {
	return !a.inUse && !n.now.Before(a.next) && !n.peers.bans.has(a, n.now)
}

func (n *Node) dial(a *address) {
	n.peers.last++
	a.inUse = true
	n.peers.all = append(n.peers.all, &peer{id: n.peers.last, addr: a, since: n.now})
	kind := BlockRelay
	if a.manual {
		kind = Manual
	}
	n.do(Dial{Peer: n.peers.last, Addr: a.at, Kind: kind, Services: a.services})
}

// pickAddress returns a random address that may be dialled and whose group no
// peer is of, or nil.
func (n *Node) pickAddress() *address {
	var taken []addrbook.Group
	for _, p := range n.peers.all {
		if !p.addr.manual {
			taken = append(taken, n.cfg.Book.Group(p.addr.at))
		}
	}
	var picked *address
	seen := 0
	for _, a := range n.peers.addrs {
		if a.manual || !n.canDial(a) || slices.Contains(taken, n.cfg.Book.Group(a.at)) {
			continue
		}
		seen++
		if n.dice.below(seen) == 0 {
			picked = a
		}
	}
	return picked
}
