package simnet

import (
	"slices"

	"blockgate/adapter/link"
	"blockgate/adapter/node"
)

// step hands one event to the brain and does what it says.
func (r *run) step(e node.Event) {
	if r.stepping {
		panic("simnet: an action brought an event about at once")
	}
	r.stepping = true
	r.report.Steps++
	r.before(e)
	actions := slices.Clone(r.brain.Step(r.time.now, e))
	r.audit(e, actions)
	for _, a := range actions {
		r.perform(a)
	}
	r.stepping = false
}

// before does what the shell does before the brain hears of an event.
func (r *run) before(e node.Event) {
	r.noteEvent(e)
	switch e := e.(type) {
	case node.PeerUp:
		if c := r.conns[e.Peer]; c != nil && !c.over {
			c.up = true
			r.greet(c)
		}
	case node.PeerDown:
		delete(r.conns, e.Peer)
	case node.DialFailed:
		delete(r.conns, e.Peer)
	}
}

// perform does one thing that the brain said. Nothing comes of it at once.
func (r *run) perform(a node.Action) {
	r.noteAction(a)
	switch a := a.(type) {
	case node.Dial:
		r.dialled(a)
	case node.Disconnect:
		r.disconnect(a)
	case node.Ban:
		r.ban(a)
	case node.GetHeaders:
		r.request(a.Peer, func(c *conn) {
			c.askedHeaders++
			if c.askedHeaders > 1 && !c.peer.traits.has(silent|slow) && c.peer.honest {
				r.complain("peer %d has %d getheaders without an answer", c.peer.index, c.askedHeaders)
			}
		}, func(c *conn) { r.getHeaders(c, a.Locator) })
	case node.GetData:
		r.asked(a)
	case node.GiveUp:
		if c := r.conns[a.Peer]; c != nil {
			c.givenUp = true
		}
	case node.AskAddrs:
		r.request(a.Peer, func(*conn) {}, r.tellAddrs)
	case node.ResolveSeeds:
		r.resolveSeeds()
	case node.Drop:
		r.release(a.Body)
	default:
		r.performJournal(a)
	}
}

func (r *run) performJournal(a node.Action) {
	switch a := a.(type) {
	case node.LoadJournal:
		r.loadJournal()
	case node.FetchHeader:
		r.fetchHeader(a)
	case node.Store:
		r.store(a)
	case node.Append:
		r.appendEvent(a)
	case node.Alarm:
		r.alarm(a)
	case node.OperatorTold:
		r.told(a)
	case node.Fatal:
		r.complain("fatal: %s", a.Detail)
	}
}

func (r *run) dialled(a node.Dial) {
	p := r.byAddr[a.Addr]
	if p == nil {
		p = r.nobody(a.Addr)
	}
	r.countSlots(a)
	if r.brain.Idle() {
		r.complain("dial of %v while nobody wants blocks", a.Addr)
	}
	if p.banned != "" {
		r.complain("dial of peer %d, which is banned for %s", p.index, p.banned)
	}
	r.pace(&p.dials, maxDials, "dials", p)
	r.dial(a.Peer, a.Kind, p)
}

// request brings a request to a peer, if it is connected.
func (r *run) request(id node.PeerID, now, then func(*conn)) {
	c := r.conns[id]
	if c == nil || c.over {
		return // it has left, and the brain will hear of it
	}
	r.report.Requests++
	r.pace(&c.requests, maxRequests, "requests", c.peer)
	now(c)
	r.time.in(r.wait(c.peer)/4, func() {
		if !c.over {
			then(c)
		}
	})
}

// asked asks a peer for blocks.
func (r *run) asked(a node.GetData) {
	if len(a.Hashes) == 0 || len(a.Hashes) > link.MaxInventory {
		r.complain("getdata of %d hashes", len(a.Hashes))
	}
	r.report.Asked += len(a.Hashes)
	for _, hash := range a.Hashes {
		delete(r.proven, hash) // it is asked for again after it was lost
		r.asks[hash]++
	}
	r.request(a.Peer, func(c *conn) {
		for _, hash := range a.Hashes {
			if slices.Contains(c.asked, hash) && c.peer.honest {
				r.complain("peer %d is asked twice for %s", c.peer.index, r.lib.name(hash))
			}
		}
	}, func(c *conn) { r.getData(c, a.Hashes) })
}

// disconnect ends a connection. The brain hears of it, as it may in the real shell,
// and must not care.
func (r *run) disconnect(a node.Disconnect) {
	c := r.conns[a.Peer]
	if c == nil || c.over {
		return
	}
	r.hangUp(c)
	if r.dice.IntN(2) == 0 {
		r.time.in(tickEvery, func() { r.step(node.PeerDown{Peer: a.Peer, Reason: node.Reason(link.ReasonLocal.String())}) })
	}
}

func (r *run) ban(a node.Ban) {
	p := r.byAddr[a.Addr]
	if p == nil {
		r.complain("ban of %v, which nobody named", a.Addr)
		return
	}
	r.report.Bans++
	p.banned = string(a.Reason)
	if p.honest {
		r.complain("honest peer %d is banned: %s: %s", p.index, a.Reason, a.Detail)
	} else if !p.traits.has(bannable) {
		r.complain("peer %d is banned for %s: %s; it is %s", p.index, a.Reason, a.Detail, p.traits)
	}
}

// alarm takes an alarm. Those that hold the journal back may not come about.
func (r *run) alarm(a node.Alarm) {
	switch a.Code {
	case node.AlarmNoPeers, node.AlarmSameBytes, node.AlarmParked, node.AlarmParkedLeads, node.AlarmHeld, node.AlarmClock:
	case node.AlarmDisagree, node.AlarmJournalUnknown, node.AlarmJournalEmptied:
		r.complain("alarm %s: %s", a.Code, a.Detail)
	}
}
