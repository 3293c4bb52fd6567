package node

import (
	"fmt"
	"net/netip"
	"slices"

	"blockgate/adapter/addrbook"
)

// operatorBan bans a host or a range.
func (n *Node) operatorBan(e OperatorBan) {
	lasts := min(e.For, MaxOperatorBanTime)
	if lasts <= 0 {
		lasts = n.cfg.BanTime
	}
	refuse := ""
	switch b := &n.peers.bans; {
	case e.Prefix.IsValid():
		r := bannedRange{e.Prefix.Masked(), n.now.Add(lasts)}
		b.ranges = slices.DeleteFunc(b.ranges, func(old bannedRange) bool { return old.prefix == r.prefix || !n.now.Before(old.until) })
		if len(b.ranges) >= MaxOperatorBans {
			refuse = fmt.Sprintf("%d ranges are banned already", MaxOperatorBans)
			break
		}
		b.ranges = append(b.ranges, r)
		n.dropBanned(ReasonOperator, "")
	case e.Addr != addrbook.Addr{}:
		n.operatorBanHost(e.Addr, e)
	default:
		refuse = "no address"
	}
	n.do(OperatorTold{Request: e.Request, Refused: refuse})
}

// operatorBanHost bans whoever is at the address, whether he was named or not.
func (n *Node) operatorBanHost(at addrbook.Addr, e OperatorBan) {
	lasts := min(e.For, MaxOperatorBanTime)
	if lasts <= 0 {
		lasts = n.cfg.BanTime
	}
	n.banFor(0, &address{at: at}, lasts, ReasonOperator, "")
	for _, a := range n.peers.manual {
		if within(banKey(&address{at: at}).within, a.at) || a.at == at {
			n.banFor(0, a, lasts, ReasonOperator, "")
		}
	}
}

func within(prefix netip.Prefix, at addrbook.Addr) bool {
	ip, isIP := at.AddrPort()
	return isIP && prefix.IsValid() && prefix.Contains(ip.Addr())
}

// operatorUnban ends bans.
func (n *Node) operatorUnban(e OperatorUnban) {
	b := &n.peers.bans
	prefix := e.Prefix
	if prefix.IsValid() {
		prefix = prefix.Masked()
	} else {
		prefix = banKey(&address{at: e.Addr}).within
	}
	lifted := b.lift(func(key banned) bool {
		return key.addr == e.Addr && key.addr != addrbook.Addr{} || within(prefix, key.addr) ||
			key.within.IsValid() && prefix.IsValid() && prefix.Bits() <= key.within.Bits() && prefix.Contains(key.within.Addr())
	})
	before := len(b.ranges)
	b.ranges = slices.DeleteFunc(b.ranges, func(r bannedRange) bool {
		return prefix.IsValid() && prefix.Bits() <= r.prefix.Bits() && prefix.Contains(r.prefix.Addr())
	})
	refuse := ""
	if lifted+before-len(b.ranges) == 0 {
		refuse = "nobody there is banned"
	}
	n.do(OperatorTold{Request: e.Request, Refused: refuse})
}

// operatorConnect names a peer, or has one dialled at once that was named before.
func (n *Node) operatorConnect(e OperatorConnect) {
	n.do(OperatorTold{Request: e.Request, Refused: n.name(e.Addr)})
}

// name makes an address one of the operator's and returns why not, "" if it is.
func (n *Node) name(at addrbook.Addr) string {
	a := n.peers.named(at)
	switch {
	case at.Kind() == 0:
		return "no address"
	case n.peers.bans.inRange(at, n.now):
		return "it is in a range that is banned"
	case a == nil && len(n.peers.manual) >= MaxManual:
		return fmt.Sprintf("%d peers are named already", MaxManual)
	case a == nil:
		a = &address{at: at, manual: true}
		n.peers.manual = append(n.peers.manual, a)
	}
	a.failures, a.next = 0, n.now
	n.peers.bans.lift(func(key banned) bool { return key == banKey(a) })
	return ""
}
