package node

import (
	"slices"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// txConn is a dial or a connection that is there for transactions alone: a [Carrier] of
// one of them, or an [Observer] of all. Nothing is asked on it but for that, and what it
// says of blocks is not listened to.
type txConn struct {
	id     PeerID
	kind   Kind
	at     addrbook.Addr
	manual bool
	tx     *transaction // of a carrier
	ready  bool
	since  time.Time // of the dial, then of the handshake
	claim  PeerUp    // what its version message said
}

// appendTxPeers appends what an operator wants to know of the connections for
// transactions. Which one a carrier brings is not said.
func (n *Node) appendTxPeers(all []PeerStatus) []PeerStatus {
	for _, c := range n.txs.conns {
		s := PeerStatus{
			ID: c.id, Addr: c.at, Kind: c.kind, Up: c.ready, Encrypted: c.claim.Encrypted, Relay: c.claim.Relay,
			Services: c.claim.Services, UserAgent: c.claim.UserAgent, StartHeight: btc.Height(c.claim.StartHeight), Since: c.since,
		}
		switch {
		case !c.ready:
			s.State = "dialling"
		case c.kind == Observer:
			s.State, s.Why = "listening", "for transactions of ours"
		default:
			s.State, s.Why = "waiting", "to be asked for a transaction, or for the pong behind it"
		}
		all = append(all, s)
	}
	return all
}

func (x *transactions) conn(id PeerID) *txConn {
	for _, c := range x.conns {
		if c.id == id {
			return c
		}
	}
	return nil
}

// count returns how many connections of a kind there are, and how many of them are
// ready.
func (x *transactions) count(kind Kind) (all, ready int) {
	for _, c := range x.conns {
		if c.kind == kind {
			all++
			if c.ready {
				ready++
			}
		}
	}
	return all, ready
}

// txConnUp takes in the handshake of a connection of ours, and reports whether it is
// one. A peer that wants to hear of no transactions is of no use to either kind.
func (n *Node) txConnUp(e PeerUp) bool {
	c := n.txs.conn(e.Peer)
	if c == nil {
		return false
	}
	n.txs.changed = true
	switch {
	case c.ready:
		n.closeTxConn(c, ReasonUnknownPeer)
		return true
	case !e.Relay:
		n.closeTxConn(c, ReasonNoRelay)
		return true
	}
	e.UserAgent = clip(e.UserAgent)
	c.ready, c.since, c.claim = true, n.now, e
	if c.kind == Observer {
		n.txs.observerFailures = 0
		return true
	}
	if !n.wantsAnnouncing(c.tx) {
		n.closeTxConn(c, ReasonNotNeeded)
		return true
	}
	c.tx.told++
	c.tx.round.told++
	n.progressed(c.tx, TxProgressAnnounced)
	n.do(Announce{Peer: c.id, Txid: c.tx.txid, Wtxid: c.tx.wtxid})
	return true
}

// txConnGone takes in the end of a connection of ours, and reports whether it is one.
func (n *Node) txConnGone(id PeerID, e PeerDown) bool {
	c := n.txs.conn(id)
	if c == nil {
		return false
	}
	n.txs.changed = true
	n.dropTxConn(c)
	if cost := e.Reason.Cost(); cost == Discourages || cost == CostUnknown && e.Ban {
		n.ban(id, &address{at: c.at, manual: c.manual}, e.Reason, e.Detail)
	}
	return true
}

// closeTxConn ends a connection.
func (n *Node) closeTxConn(c *txConn, why Reason) {
	n.do(Disconnect{Peer: c.id, Reason: why})
	n.dropTxConn(c)
}

// dropTxConn takes a connection out. The slot of an observer waits before it is filled
// again.
func (n *Node) dropTxConn(c *txConn) {
	n.txs.conns = slices.DeleteFunc(n.txs.conns, func(other *txConn) bool { return other == c })
	if c.kind == Observer {
		n.txs.observerFailures++
		n.txs.observerNext = n.now.Add(n.dice.backoff(n.txs.observerFailures, redialMin, observerRedialMax))
	}
}

func (n *Node) endCarriersOf(t *transaction) {
	for _, c := range slices.Clone(n.txs.conns) {
		if c.tx == t {
			n.closeTxConn(c, ReasonNotNeeded)
		}
	}
}

// endTxConns ends what takes too long.
func (n *Node) endTxConns() {
	for _, c := range slices.Clone(n.txs.conns) {
		switch waited := n.now.Sub(c.since); {
		case !c.ready && waited > dialTimeout:
			n.closeTxConn(c, ReasonDialTimeout)
		case c.kind == Carrier && c.ready && waited > carrierTime:
			n.closeTxConn(c, ReasonCarrierTimeout)
		case n.peers.bans.has(&address{at: c.at, manual: c.manual}, n.now):
			n.closeTxConn(c, ReasonBanned)
		}
	}
}

// keepObservers holds observers as long as a transaction is to be announced, and some
// time longer: a peer announces what comes to it after the handshake alone, so they are
// there before, and who watches when they go learns little.
func (n *Node) keepObservers() {
	x := &n.txs
	if slices.ContainsFunc(x.all, n.wantsAnnouncing) {
		x.needless = time.Time{}
	} else if x.needless.IsZero() {
		x.needless = n.now
	}
	all, _ := x.count(Observer)
	switch {
	case x.needless.IsZero():
		for ; all < n.cfg.Observers && !n.now.Before(x.observerNext); all++ {
			if !n.dialTx(Observer, nil) {
				x.observerNext = n.now.Add(nobodyPace)
				return
			}
		}
	case n.now.Sub(x.needless) >= observerLinger:
		for _, c := range slices.Clone(x.conns) {
			if c.kind == Observer {
				n.closeTxConn(c, ReasonNotNeeded)
			}
		}
		x.observerFailures, x.observerNext = 0, time.Time{}
	}
}

// observed reports whether the observers are there, or have been waited for long enough.
func (n *Node) observed(t *transaction) bool {
	_, ready := n.txs.count(Observer)
	waited := n.now.Sub(t.arrived)
	return ready >= n.cfg.Observers || ready > 0 && waited >= observerWaitFew || waited >= observerWait
}

// announce dials the next carrier of a transaction, if one is due, or ends its round.
func (n *Node) announce(t *transaction) {
	if !n.wantsAnnouncing(t) {
		return
	}
	r := &t.round
	for !n.now.Before(r.next) && n.observed(t) {
		dialling := 0
		for _, c := range n.txs.conns {
			if c.tx == t && !c.ready {
				dialling++
			}
		}
		all, _ := n.txs.count(Carrier)
		switch {
		case r.told >= n.cfg.Carriers || r.tries >= triesPerCarrier*n.cfg.Carriers:
			if dialling == 0 {
				n.endRound(t)
			}
			return
		case r.told+dialling >= n.cfg.Carriers || all >= maxCarriers:
			return
		case !n.dialTx(Carrier, t):
			r.next = n.now.Add(nobodyPace)
			if dialling == 0 {
				n.endRound(t)
			}
			return
		}
		r.tries++
		r.next = n.now.Add(time.Duration(n.dice.below(int(carrierSpacing))))
	}
}

// endRound puts the next round off: longer after each one in which somebody was told,
// shorter if there was nobody to tell.
func (n *Node) endRound(t *transaction) {
	r := txRound{number: t.round.number, failures: t.round.failures}
	if t.round.told > 0 {
		r.number, r.failures = r.number+1, 0
		r.next = n.now.Add(n.dice.backoff(r.number, roundMin, roundMax))
	} else {
		r.failures++
		r.next = n.now.Add(n.dice.backoff(r.failures, roundRetryMin, roundRetryMax))
	}
	t.round = r
}

// dialTx dials an observer, or a carrier of t; false if there is nobody to dial.
func (n *Node) dialTx(kind Kind, t *transaction) bool {
	a := n.pickForTx(kind, t)
	if a == nil {
		return false
	}
	n.peers.last++
	n.txs.conns = append(n.txs.conns, &txConn{id: n.peers.last, kind: kind, at: a.at, manual: a.manual, tx: t, since: n.now})
	if t != nil {
		t.round.used = append(t.round.used, a.at)
	}
	n.cfg.Book.Attempt(a.at, false, n.now)
	n.do(Dial{Peer: n.peers.last, Addr: a.at, Kind: kind, Services: a.services})
	return true
}

// pickForTx returns an address for a connection of that kind, nil if there is none: one
// of the book, unless the operator wants none but those that he named. Of these one may
// have several connections; of the book each gets one, and carriers as well as observers
// are of different groups.
func (n *Node) pickForTx(kind Kind, t *transaction) *address {
	if n.cfg.ConnectOnly {
		return n.pickNamed(kind, t)
	}
	want := addrbook.Wanted{Kinds: n.cfg.Kinds, Services: servesBlocks}
	for _, c := range n.txs.conns {
		if c.kind == kind {
			want.InUse = append(want.InUse, n.cfg.Book.Group(c.at))
		}
	}
	for range maxTxDraws {
		c, ok := n.cfg.Book.Pick(want, n.now)
		if !ok {
			break
		}
		if a := (&address{at: c.Addr, services: c.Services}); n.freeForTx(kind, t, a) {
			return a
		}
	}
	return n.pickNamed(kind, t) // somebody must hear of it
}

func (n *Node) pickNamed(kind Kind, t *transaction) *address {
	var picked *address
	seen := 0
	for _, a := range n.peers.manual {
		if !n.freeForTx(kind, t, a) {
			continue
		}
		seen++
		if n.dice.below(seen) == 0 {
			picked = a
		}
	}
	return picked
}

// freeForTx reports whether an address may be dialled: it is not banned, this round has
// not used it, and, unless the operator named it, no other connection of ours goes there.
func (n *Node) freeForTx(kind Kind, t *transaction, a *address) bool {
	if t != nil && slices.Contains(t.round.used, a.at) {
		return false
	}
	if !a.manual {
		return n.mayDial(a.at)
	}
	return !n.peers.bans.has(a, n.now) && !(kind == Observer && slices.ContainsFunc(n.txs.conns, func(c *txConn) bool {
		return c.kind == Observer && c.at == a.at
	}))
}

// inUse reports whether one of these connections goes to the address.
func (x *transactions) inUse(at addrbook.Addr) bool {
	return slices.ContainsFunc(x.conns, func(c *txConn) bool { return c.at == at })
}
