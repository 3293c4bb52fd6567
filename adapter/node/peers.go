package node

import (
	"slices"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// peers are the connections and dials, in the order in which they were dialled,
// and the addresses that the operator named.
type peers struct {
	all    []*peer
	last   PeerID     // given out last
	manual []*address // MaxManual at most
	bans   bans
	// troubles are what went wrong last with other addresses, for people.
	troubles []string // maxSeenErrorsInAlarm at most
	// lonelySince is when the last ready peer went, or the first step.
	lonelySince time.Time
}

// address is where a peer is. Those that the operator named stay; others last as
// long as who knows them.
type address struct {
	at       addrbook.Addr
	manual   bool
	services uint64 // that a node there is said to have
	inUse    bool   // a peer has it
	failures int    // in a row
	next     time.Time
	lastErr  string
}

// peer is a dial under way or, once up, a connection.
type peer struct {
	id    PeerID
	addr  *address
	group addrbook.Group
	kind  Kind
	up    bool // the handshake is done
	// ready says that headers and blocks are talked about. Only of some kinds; see
	// [Kind.syncs].
	ready bool
	since time.Time // of the dial, then of the handshake
	seed  bool      // a fixed seed, dialled since nobody was ever reached
	claim PeerUp    // what its version message said

	startHeight btc.Height
	gossip      gossip
	chainSync   chainSync
	announced   time.Time // when it was the first to tell of a better header
	headers     peerHeaders
	blocks      peerBlocks
}

func newPeers(connect []addrbook.Addr) peers {
	t := peers{bans: newBans()}
	for _, at := range connect {
		if t.named(at) == nil {
			t.manual = append(t.manual, &address{at: at, manual: true})
		}
	}
	return t
}

// named returns the address if the operator named it.
func (t *peers) named(at addrbook.Addr) *address {
	for _, a := range t.manual {
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

// isNamed reports whether the operator named the address.
func (t *peers) isNamed(at addrbook.Addr) bool {
	return slices.ContainsFunc(t.manual, func(a *address) bool { return a.at == at })
}

// inUse reports whether there is a peer or a dial at the address.
func (t *peers) inUse(at addrbook.Addr) bool {
	return slices.ContainsFunc(t.all, func(p *peer) bool { return p.addr.at == at })
}

// count returns how many peers and dials meet a condition.
func (t *peers) count(meets func(*peer) bool) int {
	count := 0
	for _, p := range t.all {
		if meets(p) {
			count++
		}
	}
	return count
}

func (t *peers) readyCount() int { return t.count(func(p *peer) bool { return p.ready }) }

// ready returns the peer if it is connected and of a kind that syncs, else nil.
func (n *Node) ready(id PeerID) *peer {
	if p := n.peers.byID(id); p != nil && p.ready {
		return p
	}
	return nil
}

// open dials. Whoever calls has looked that the address is free and not banned.
func (n *Node) open(kind Kind, a *address) *peer {
	n.peers.last++
	a.inUse = true
	p := &peer{id: n.peers.last, addr: a, group: n.cfg.Book.Group(a.at), kind: kind, since: n.now}
	n.peers.all = append(n.peers.all, p)
	if !a.manual {
		n.cfg.Book.Attempt(a.at, false, n.now)
	}
	n.do(Dial{Peer: p.id, Addr: a.at, Kind: kind, Services: a.services})
	return p
}

// blameAddress has the book count a dial that came to nothing, if others answer.
//
// Source: count_failures in ThreadOpenConnections, Bitcoin Core v30.0 src/net.cpp.
func (n *Node) blameAddress(p *peer) {
	if !p.addr.manual && n.peers.readyCount() >= fewPeers {
		n.cfg.Book.Attempt(p.addr.at, true, n.now)
	}
}

func (n *Node) peerUp(e PeerUp) {
	p := n.peers.byID(e.Peer)
	if p == nil || p.up {
		n.do(Disconnect{Peer: e.Peer, Reason: ReasonUnknownPeer})
		if p != nil {
			n.forgetPeer(p, ReasonUnknownPeer, "two handshakes")
		}
		return
	}
	e.UserAgent = clip(e.UserAgent)
	p.up, p.since, p.claim = true, n.now, e
	p.startHeight = btc.Height(e.StartHeight)
	n.slots.refused = 0
	n.cfg.Book.SetServices(p.addr.at, e.Services)
	if !p.addr.manual && !n.servesUs(e.Services) {
		n.disconnect(p, ReasonServices, "")
		return
	}
	n.cfg.Book.Good(p.addr.at, n.now)
	p.ready = p.kind.syncs()
	p.headers.due = p.ready
	n.askAddrs(p)
}

func (n *Node) dialFailed(e DialFailed) {
	p := n.peers.byID(e.Peer)
	if p == nil {
		return
	}
	n.blameAddress(p)
	n.forgetPeer(p, "", e.Detail)
}

func (n *Node) peerDown(e PeerDown) {
	p := n.peers.byID(e.Peer)
	if p == nil {
		return
	}
	n.forgetPeer(p, e.Reason, e.Detail)
	if cost := e.Reason.Cost(); cost == Discourages || cost == CostUnknown && e.Ban {
		n.ban(p.id, p.addr, e.Reason, e.Detail)
	}
}

// disconnect ends a connection or a dial. What it costs the address stands in the
// table of reasons.
func (n *Node) disconnect(p *peer, why Reason, detail string) {
	n.do(Disconnect{Peer: p.id, Reason: why})
	n.forgetPeer(p, why, detail)
}

// forgetPeer takes the peer out. If the operator named its address, it waits before
// the next dial, unless we ended the connection for no fault.
func (n *Node) forgetPeer(p *peer, why Reason, detail string) {
	a := p.addr
	a.inUse = false
	if why.Cost() != Free {
		if p.ready && why == "" && n.now.Sub(p.since) >= steadyAfter {
			a.failures = 0
		}
		a.failures++
		a.next = n.now.Add(n.dice.backoff(a.failures, redialMin, redialMax))
		a.lastErr = clip(joinReason(why, detail))
		n.noteTrouble(a)
	}
	n.peers.all = slices.DeleteFunc(n.peers.all, func(other *peer) bool { return other == p })
	if p.up {
		n.cfg.Book.Connected(a.at, n.now)
	} else {
		n.slots.refused++
	}
	n.fetch.peerGone(p.id)
	p.headers.presync = nil
	n.chain.Release(uint64(p.id))
	if p.ready && n.peers.readyCount() == 0 {
		n.peers.lonelySince = n.now
	}
}

// noteTrouble remembers what went wrong last at an address that nobody named.
func (n *Node) noteTrouble(a *address) {
	if a.manual {
		return
	}
	t := &n.peers
	if len(t.troubles) >= maxSeenErrorsInAlarm {
		t.troubles = slices.Delete(t.troubles, 0, 1)
	}
	t.troubles = append(t.troubles, a.at.String()+": "+a.lastErr)
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
