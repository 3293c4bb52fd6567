package simnet

import (
	"net/netip"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// introduce tells the brain of its peers: by name, as an operator does, or, in one run
// of four, not at all: then it has seeds and gossip to find them.
func (r *run) introduce() {
	r.config.Book = addrbook.New(addrbook.Config{Network: btc.Regtest, Secret: r.config.Secret, Seed: r.seed})
	if r.dice.IntN(openShare) != 0 {
		for _, p := range r.peers {
			r.config.Connect = append(r.config.Connect, p.addr)
		}
		return
	}
	r.open, r.config.UseSeeds = true, true
}

// resolveSeeds answers as DNS seeds do: one knows the honest peer that can be reached
// among others, one is hostile, one is down.
func (r *run) resolveSeeds() {
	for _, name := range [...]string{"seed.one", "seed.two", "seed.down"} {
		answer := node.SeedsFound{Name: name, Services: 1 | 1<<3}
		for _, p := range r.peers {
			switch {
			case name == "seed.one" && (p.solid || r.dice.IntN(3) == 0), name == "seed.two" && !p.honest:
				answer.Addrs = append(answer.Addrs, p.addr)
			}
		}
		r.time.in(100*time.Millisecond+time.Duration(r.dice.IntN(3000))*time.Millisecond, func() { r.step(answer) })
	}
}

// tellAddrs lets a peer answer a request for addresses: the honest tell of all kinds of
// peers, the hostile of each other, and of nobody.
func (r *run) tellAddrs(c *conn) {
	if c.peer.traits.has(silent) {
		return
	}
	told := node.AddrsHeard{Peer: c.id}
	for _, p := range r.peers {
		if r.dice.IntN(2) == 0 && (c.peer.honest || !p.honest) {
			told.Addrs = append(told.Addrs, r.heard(p.addr))
		}
	}
	for range r.dice.IntN(20) {
		told.Addrs = append(told.Addrs, r.heard(r.madeUp()))
	}
	r.send(c, frame{command: "addrv2", size: 3 + 20*len(told.Addrs), ready: r.time.now.Add(r.wait(c.peer)), event: told})
}

func (r *run) heard(a addrbook.Addr) addrbook.Heard {
	return addrbook.Heard{Addr: a, Services: 1 | 1<<3, Seen: uint32(r.time.now.Unix()) - uint32(r.dice.IntN(86400))}
}

// madeUp returns an address at which nobody is, in one of few groups; one in eight is
// not publicly routable.
func (r *run) madeUp() addrbook.Addr {
	ip := [4]byte{13, byte(r.dice.IntN(4)), byte(r.dice.Uint32()), byte(r.dice.Uint32())}
	if r.dice.IntN(8) == 0 {
		ip[0] = 10
	}
	return addrbook.FromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(ip), 18444))
}

// nobody returns the peer that is at an address at which nobody is.
func (r *run) nobody(a addrbook.Addr) *peer {
	if !a.Routable() {
		r.complain("dial of %v, which is not publicly routable", a)
	}
	p := &peer{index: -1, addr: a, traits: refuses, think: [2]time.Duration{time.Millisecond, 10 * time.Second}, rate: 1}
	r.byAddr[a] = p
	return p
}

// floodAddrs sends as many addresses as fit.
func (r *run) floodAddrs(c *conn) {
	told := node.AddrsHeard{Peer: c.id}
	for range 200 {
		told.Addrs = append(told.Addrs, r.heard(r.madeUp()))
	}
	r.send(c, frame{command: "addrv2", size: 3 + 1000*20, event: told})
}

// countSlots holds the brain to its slots, and to one peer of a group that it chose
// itself.
func (r *run) countSlots(a node.Dial) {
	slots, groups := 0, 0
	for _, p := range r.peers {
		c := p.conn
		if c == nil || c.over || c.kind == node.Manual || a.Kind == node.Manual {
			continue
		}
		slots++
		if c.kind == node.BlockRelay && a.Kind == node.BlockRelay && r.config.Book.Group(p.addr) == r.config.Book.Group(a.Addr) {
			groups++
		}
	}
	if slots > maxSlots {
		r.complain("%d connections that the brain chose itself", slots)
	}
	if groups > 0 {
		r.complain("dial of %v: there is a peer of its group", a.Addr)
	}
}
