package simnet

import (
	"net/netip"
	"time"

	"blockgate/adapter/addrbook"
)

// peer is a node of the simulated network, at one address.
type peer struct {
	index  int
	addr   addrbook.Addr
	honest bool
	solid  bool // honest, reachable, does not leave
	traits trait
	think  [2]time.Duration // of an answer, from and to
	rate   int              // bytes a second that its line takes
	tip    *block           // of the honest chain, as it knows it
	hide   *block           // tip of the branch whose bodies it keeps, or of a rebel's
	turn   int              // counts what it does in turn
	lies   []*block         // of which it sent other bytes, once they were judged
	banned string           // why, "" if it is not
	conn   *conn            // nil if it is not connected
	dials  []time.Time      // within the last minute
}

// addPeers makes the peers of a run: one solid honest one, others, and the hostile.
func (r *run) addPeers() {
	total := 2 + r.dice.IntN([...]int{fewPeers, maxPeers}[r.dice.IntN(2)]-1)
	honest := max(1, total*(100-hostileShare)/100)
	if r.dice.IntN(4) == 0 {
		honest = 1
	}
	for i := range total {
		p := &peer{index: i, honest: i < honest, solid: i == 0, tip: r.tip}
		if p.honest {
			r.makeHonest(p)
		} else {
			r.makeHostile(p)
		}
		r.peers = append(r.peers, p)
	}
}

// settle gives the peers their addresses.
func (r *run) settle() {
	r.dice.Shuffle(len(r.peers), func(i, j int) { r.peers[i], r.peers[j] = r.peers[j], r.peers[i] })
	for i, p := range r.peers {
		// Some share a network group.
		group := byte(i)
		if r.dice.IntN(5) == 0 {
			group = byte(r.dice.IntN(i + 1))
		}
		p.index = i
		p.addr = addrbook.FromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{12, group, byte(i), 1}), 18444))
		r.byAddr[p.addr] = p
	}
}

func (r *run) makeHonest(p *peer) {
	p.think = [2]time.Duration{10 * time.Millisecond, 400 * time.Millisecond}
	p.rate = 400_000 + r.dice.IntN(4_000_000)
	for _, t := range [...]trait{byInv, chatty, future} {
		if r.dice.IntN(3) == 0 {
			p.traits |= t
		}
	}
	if p.solid {
		return
	}
	for _, t := range [...]trait{flaky, sluggish, behind} {
		if r.dice.IntN(4) == 0 {
			p.traits |= t
		}
	}
	if p.traits.has(sluggish) {
		p.think[1], p.rate = 2*time.Second, 40_000+r.dice.IntN(100_000)
	}
}

func (r *run) makeHostile(p *peer) {
	for range 1 + r.dice.IntN(maxTraits) {
		p.traits |= 1 << r.dice.IntN(hostileTraits)
	}
	r.equip(p)
}

// equip gives a hostile peer what its traits need.
func (r *run) equip(p *peer) {
	p.think = [2]time.Duration{time.Millisecond, 200 * time.Millisecond}
	p.rate = 1_000_000 + r.dice.IntN(10_000_000)
	switch {
	case p.traits.has(crawling):
		p.rate = 2_000
	case p.traits.has(dripping):
		p.rate = 20_000
	}
	if p.traits.has(slow) {
		p.think = [2]time.Duration{3 * time.Second, 20 * time.Second}
	}
	at := r.station
	switch {
	case p.traits.has(heavy1100) && at.heavy[1100] != nil:
		p.hide = at.heavy[1100]
	case p.traits.has(heavy200 | heavy1100):
		p.hide = at.heavy[200]
	case p.traits.has(heavy6):
		p.hide = at.heavy[6]
	case p.traits.has(heavy1):
		p.hide = at.heavy[1]
	case p.traits.has(rebel):
		p.hide = at.rebel
	}
}

// shown returns the tip of the chain that the peer shows now.
func (r *run) shown(p *peer) *block {
	switch {
	case p.traits.has(twoFaced):
		p.turn++
		return r.station.twins[p.turn%len(r.station.twins)]
	case p.traits.has(frozen):
		return r.lib.main[max(1, r.station.height-10)]
	case p.hide != nil && p.hide.height > p.tip.height:
		return p.hide
	}
	return p.tip
}

// keepsBody reports whether the peer does not send the body of b though it is asked.
func (r *run) keepsBody(p *peer, b *block) bool {
	switch {
	case p.traits.has(silent | stalling):
		return true
	case p.traits.has(gaps) && (int(b.height)+p.index)%3 == 0:
		return true
	}
	return !b.open && !(p.hide == r.station.rebel && r.lib.has(p.hide, b))
}

// wait is how long the peer thinks about an answer.
func (r *run) wait(p *peer) time.Duration {
	return p.think[0] + time.Duration(r.dice.Int64N(int64(p.think[1]-p.think[0])))
}
