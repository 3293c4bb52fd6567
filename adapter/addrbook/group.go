package addrbook

import (
	"crypto/sha256"
	"encoding/binary"
)

// Group is the part of an address that costs an attacker: the network that hands
// out such addresses. It is a value to compare; the zero Group is that of no address.
//
//	byte  0      1 .. 7
//	      class  IPv4 /16, IPv6 /32 (/36 of he.net), the first bits of a key, an
//	             autonomous system's number, or a hash of a seed's name
type Group [8]byte

// The classes below 16 are the kinds.
const (
	classAS byte = 16 + iota
	classUnroutable
	classDNSSeed
	classFixedSeed
	classManual
)

// groupOf returns the group of an address: its autonomous system if a map knows it,
// else its prefix.
//
// Source: NetGroupManager::GetGroup, Bitcoin Core v30.0 src/netgroup.cpp.
func groupOf(a Addr, systems *ASMap) Group {
	if as := systems.lookup(a); as != 0 {
		g := Group{classAS}
		binary.BigEndian.PutUint32(g[1:], as)
		return g
	}
	if !a.Routable() {
		return Group{classUnroutable, byte(a.kind)}
	}
	if ip, ok := a.linkedIPv4(); ok {
		v4 := ip.As4()
		return Group{byte(IPv4), v4[0], v4[1]}
	}
	switch {
	case a.kind == TorV3, a.kind == I2P:
		return prefix(a, 4)
	case a.kind == CJDNS:
		return prefix(a, 12) // The first 8 bits are always fc.
	case special[heNet].Contains(a.ip()):
		return prefix(a, 36)
	default:
		return prefix(a, 32)
	}
}

// prefix returns the group of the first bits of an address: 1 to 48 of them.
func prefix(a Addr, bits int) Group {
	g := Group{byte(a.kind)}
	n := copy(g[1:], a.bytes[:(bits+7)/8])
	if rest := bits % 8; rest > 0 {
		g[n] |= 0xff >> rest
	}
	return g
}

// Source is who named an address. The zero Source is none: nothing of it is taken.
type Source struct {
	group Group
	from  Addr // Of a peer.
}

// PeerSource is a peer's gossip. Peers of one group are one source.
func (b *Book) PeerSource(from Addr) Source { return Source{group: b.Group(from), from: from} }

// DNSSource is what a DNS seed of that name answered. Each seed is one source.
func DNSSource(name string) Source {
	sum := sha256.Sum256([]byte(name[:min(len(name), maxSeedName)]))
	g := Group{classDNSSeed}
	copy(g[1:], sum[:])
	return Source{group: g}
}

// seedSource is the fixed seed itself: each is a source of its own, so that no two
// of them fight for a bucket and no gossip reaches the buckets of all.
func seedSource(seed Addr) Source {
	sum := sha256.Sum256(appendAddr(make([]byte, 0, maxAddrSize), seed))
	g := Group{classFixedSeed}
	copy(g[1:], sum[:])
	return Source{group: g}
}

// ManualSource is the operator, who alone may name what is not publicly routable.
func ManualSource() Source { return Source{group: Group{classManual}} }
