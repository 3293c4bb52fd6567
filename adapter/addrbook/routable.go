package addrbook

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// Ranges that have a meaning of their own, by their place in special.
const (
	torV2 = iota
	internal
	heNet
	teredo
	sixToFour
	nat64
	siit
)

// special are those ranges.
//
// Source: Bitcoin Core v30.0 src/netaddress.h and src/netaddress.cpp.
var special = [...]netip.Prefix{ //nolint:gochecknoglobals // a table, never written
	torV2:     netip.MustParsePrefix("fd87:d87e:eb43::/48"), // TORV2_IN_IPV6_PREFIX.
	internal:  netip.MustParsePrefix("fd6b:88c0:8724::/48"), // INTERNAL_IN_IPV6_PREFIX.
	heNet:     netip.MustParsePrefix("2001:470::/32"),       // IsHeNet.
	teredo:    netip.MustParsePrefix("2001::/32"),           // RFC4380.
	sixToFour: netip.MustParsePrefix("2002::/16"),           // RFC3964.
	nat64:     netip.MustParsePrefix("64:ff9b::/96"),        // RFC6052.
	siit:      netip.MustParsePrefix("::ffff:0:0:0/96"),     // RFC6145.
}

// unroutable are the ranges that no stranger may name: those of CNetAddr::IsRoutable,
// Bitcoin Core v30.0 src/netaddress.cpp, and, below the line, more of IANA's registries
// of special addresses. IPv4 in a tunnel of IPv6 is held to the same list.
var unroutable = [...]netip.Prefix{ //nolint:gochecknoglobals // a table, never written
	netip.MustParsePrefix("0.0.0.0/8"),          // IsLocal, INADDR_ANY.
	netip.MustParsePrefix("127.0.0.0/8"),        // IsLocal.
	netip.MustParsePrefix("255.255.255.255/32"), // INADDR_NONE.
	netip.MustParsePrefix("10.0.0.0/8"),         // RFC1918.
	netip.MustParsePrefix("172.16.0.0/12"),      // RFC1918.
	netip.MustParsePrefix("192.168.0.0/16"),     // RFC1918.
	netip.MustParsePrefix("198.18.0.0/15"),      // RFC2544.
	netip.MustParsePrefix("169.254.0.0/16"),     // RFC3927.
	netip.MustParsePrefix("100.64.0.0/10"),      // RFC6598.
	netip.MustParsePrefix("192.0.2.0/24"),       // RFC5737.
	netip.MustParsePrefix("198.51.100.0/24"),    // RFC5737.
	netip.MustParsePrefix("203.0.113.0/24"),     // RFC5737.
	netip.MustParsePrefix("fe80::/64"),          // RFC4862.
	netip.MustParsePrefix("fc00::/7"),           // RFC4193, with TORv2 and internal in it.
	netip.MustParsePrefix("2001:10::/28"),       // RFC4843.
	netip.MustParsePrefix("2001:20::/28"),       // RFC7343.
	netip.MustParsePrefix("2001:db8::/32"),      // RFC3849.
	netip.MustParsePrefix("::/127"),             // Unspecified, and IsLocal.
	// Beyond Core's.
	netip.MustParsePrefix("192.0.0.0/24"),   // RFC6890, IETF protocol assignments.
	netip.MustParsePrefix("224.0.0.0/4"),    // RFC5771, multicast.
	netip.MustParsePrefix("240.0.0.0/4"),    // RFC1112, reserved.
	netip.MustParsePrefix("::/96"),          // RFC4291, IPv4-compatible, deprecated.
	netip.MustParsePrefix("64:ff9b:1::/48"), // RFC8215, translation within a site.
	netip.MustParsePrefix("100::/64"),       // RFC6666, discard only.
	netip.MustParsePrefix("3fff::/20"),      // RFC9637, documentation.
	netip.MustParsePrefix("fe80::/10"),      // RFC4291, link-local, all of it.
	netip.MustParsePrefix("fec0::/10"),      // RFC3879, site-local, deprecated.
	netip.MustParsePrefix("ff00::/8"),       // RFC4291, multicast.
}

// Routable reports whether strangers may name the address: it is well formed, has a
// port (I2P needs none), and belongs to no host or network of its own.
//
// Source: CNetAddr::IsRoutable, Bitcoin Core v30.0 src/netaddress.cpp.
func (a Addr) Routable() bool {
	if !a.wellFormed() || a.port == 0 && a.kind != I2P {
		return false
	}
	if a.kind != IPv4 && a.kind != IPv6 {
		return true
	}
	if ip, tunnel := a.linkedIPv4(); tunnel && !public(ip) {
		return false
	}
	return public(a.ip())
}

func public(ip netip.Addr) bool {
	return !slices.ContainsFunc(unroutable[:], func(p netip.Prefix) bool { return p.Contains(ip) })
}

// linkedIPv4 returns the IPv4 address that the address leads to: its own, or that at
// the end of a tunnel.
//
// Source: CNetAddr::GetLinkedIPv4, Bitcoin Core v30.0 src/netaddress.cpp.
func (a Addr) linkedIPv4() (netip.Addr, bool) {
	if a.kind == IPv4 {
		return a.ip(), true
	}
	if a.kind != IPv6 {
		return netip.Addr{}, false
	}
	ip := a.ip()
	switch {
	case special[nat64].Contains(ip), special[siit].Contains(ip):
		return netip.AddrFrom4([4]byte(a.bytes[12:16])), true
	case special[sixToFour].Contains(ip):
		return netip.AddrFrom4([4]byte(a.bytes[2:6])), true
	case special[teredo].Contains(ip):
		var v4 [4]byte
		binary.BigEndian.PutUint32(v4[:], ^binary.BigEndian.Uint32(a.bytes[12:16]))
		return netip.AddrFrom4(v4), true
	default:
		return netip.Addr{}, false
	}
}
