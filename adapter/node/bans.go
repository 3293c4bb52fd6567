package node

import (
	"net/netip"
	"slices"
	"time"

	"blockgate/adapter/addrbook"
)

// bans says until when an address is not dialled. They end with the process, as
// Core's discouragement does.
//
// Invariant: order holds the keys of until, each once, oldest first; at most
// [MaxBans] of them, and at most [MaxOperatorBans] ranges.
type bans struct {
	until map[banned]time.Time
	order []banned
	// ranges are the operator's, who may name more than one host.
	ranges []bannedRange
}

// banned is whom a ban is for: a host, for IPv6 its /64, since that is what one owner
// has at least. An address that is no IP address is banned with its port, and so is one
// that the operator named, since he named the port.
type banned struct {
	within netip.Prefix
	addr   addrbook.Addr
}

type bannedRange struct {
	prefix netip.Prefix
	until  time.Time
}

func newBans() bans { return bans{until: map[banned]time.Time{}} }

func banKey(a *address) banned {
	at, isIP := a.at.AddrPort()
	if a.manual || !isIP {
		return banned{addr: a.at}
	}
	size := at.Addr().BitLen()
	if at.Addr().Is6() {
		size = banBits
	}
	within, err := at.Addr().Prefix(size)
	if err != nil {
		panic("node: an address has no prefix: " + err.Error()) // it is valid and the size fits
	}
	return banned{within: within}
}

// has reports whether nobody is to be dialled there: one look in a table, and one at
// each range of the operator's.
func (b *bans) has(a *address, now time.Time) bool {
	if until, ok := b.until[banKey(a)]; ok && now.Before(until) {
		return true
	}
	return b.inRange(a.at, now)
}

// inRange reports whether the operator banned a range that the address is in.
func (b *bans) inRange(addr addrbook.Addr, now time.Time) bool {
	at, isIP := addr.AddrPort()
	return isIP && slices.ContainsFunc(b.ranges, func(r bannedRange) bool {
		return now.Before(r.until) && r.prefix.Contains(at.Addr())
	})
}

// add bans until then. When full, the oldest ban goes, after those that have ended.
func (b *bans) add(key banned, until, now time.Time) {
	if _, there := b.until[key]; there {
		b.until[key] = until
		return
	}
	for len(b.order) > 0 && (len(b.order) >= MaxBans || !now.Before(b.until[b.order[0]])) {
		delete(b.until, b.order[0])
		b.order = b.order[1:] // append moves what is left to a new array now and then
	}
	b.until[key] = until
	b.order = append(b.order, key)
}

// lift ends every ban for which meets returns true, and returns how many.
func (b *bans) lift(meets func(banned) bool) int {
	before := len(b.order)
	b.order = slices.DeleteFunc(b.order, func(key banned) bool {
		if !meets(key) {
			return false
		}
		delete(b.until, key)
		return true
	})
	return before - len(b.order)
}

// ban bans an address and ends every connection that the ban is for. id is the
// connection that earned it. A ban that is there stands as it is. A peer that the
// operator named comes back after [ManualBanTime] at most: Core does not ban such a
// peer at all, but then it gives up a slot to what may be a liar, as we do not.
func (n *Node) ban(id PeerID, a *address, why Reason, detail string) {
	if n.peers.bans.has(a, n.now) {
		return // earned again by what was on its way
	}
	lasts := n.cfg.BanTime
	if a.manual {
		lasts = min(lasts, ManualBanTime)
	}
	n.banFor(id, a, lasts, why, detail)
}

func (n *Node) banFor(id PeerID, a *address, lasts time.Duration, why Reason, detail string) {
	until := n.now.Add(lasts)
	n.peers.bans.add(banKey(a), until, n.now)
	n.do(Ban{Peer: id, Addr: a.at, Until: until, Reason: why, Detail: clip(detail)})
	n.giveUpBodies()
	n.dropBanned(why, detail)
}

// dropBanned ends the connections to those that are banned.
func (n *Node) dropBanned(why Reason, detail string) {
	for _, p := range slices.Backward(n.peers.all) { // some go meanwhile
		if n.peers.bans.has(p.addr, n.now) {
			n.disconnect(p, why, detail)
		}
	}
}
