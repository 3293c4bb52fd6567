package node

import (
	"net/netip"
	"slices"
	"time"
)

// bans says until when an address is not dialled. A peer that the operator named
// is banned by address and port, since he named the port; others by address.
// Invariant: at most [MaxBans].
type bans map[netip.AddrPort]time.Time

func banKey(a *address) netip.AddrPort {
	if a.manual {
		return a.at
	}
	return netip.AddrPortFrom(a.at.Addr(), 0)
}

func (b bans) has(a *address, now time.Time) bool {
	until, ok := b[banKey(a)]
	return ok && now.Before(until)
}

func (b bans) add(key netip.AddrPort, until time.Time) {
	if _, there := b[key]; !there && len(b) >= MaxBans {
		b.dropFirst()
	}
	b[key] = until
}

// dropFirst drops the ban that ends first, of those the lowest address.
func (b bans) dropFirst() {
	var first netip.AddrPort
	var ends time.Time
	for key, until := range b {
		if ends.IsZero() || until.Before(ends) || until.Equal(ends) && key.Compare(first) < 0 {
			first, ends = key, until
		}
	}
	delete(b, first)
}

// ban bans an address and ends every connection that the ban is for. id is the
// connection that earned it. A ban that is there stands as it is.
func (n *Node) ban(id PeerID, a *address, why Reason, detail string) {
	if n.peers.bans.has(a, n.now) {
		return
	}
	key, until := banKey(a), n.now.Add(n.cfg.BanTime)
	if n.peers.bans.has(a, n.now) {
		return // earned again by what was on its way
	}
	n.peers.bans.add(key, until)
	n.do(Ban{Peer: id, Addr: a.at, Until: until, Reason: why, Detail: clip(detail)})
	n.giveUp(key)
	for _, p := range slices.Backward(n.peers.all) { // some go meanwhile
		if banKey(p.addr) == key {
			n.disconnect(p, why, detail)
		}
	}
}
