package dialer

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"blockgate/adapter/addrbook"
)

// Target is whom to dial.
type Target struct {
	// Addr is where the peer is. It is not used if there is a Name.
	Addr addrbook.Addr
	// Name is host:port as an operator gave it, "" for none. It is looked up at each
	// dial: by the proxy if there is one.
	Name string
	// Services are those that the peer is said to have, a hint.
	Services uint64
	// Manual says that an operator named the peer, so that nobody said what it can:
	// it is spoken to encrypted first, as Bitcoin Core does.
	Manual bool
}

// String returns what the target is known by: its name, or its address.
func (t Target) String() string {
	if t.Name != "" {
		return t.Name
	}
	return t.Addr.String()
}

// hostPort is what to connect to.
func (t Target) hostPort() string {
	if t.Name != "" {
		return t.Name
	}
	return net.JoinHostPort(t.Addr.Host(), strconv.Itoa(int(t.Addr.Port())))
}

// way is how a target can be reached.
type way uint8

const (
	byAddress way = iota // an IP address
	byName               // a name that somebody has to look up
	byOnion              // a name that only Tor knows
	byNoWay              // I2P, CJDNS, names of theirs, no address
)

// way says how the target can be reached. Names under .onion and .i2p are never for
// name servers (RFC 7686).
func (t Target) way() (way, addrbook.Kind) {
	if t.Name == "" {
		switch kind := t.Addr.Kind(); kind {
		case addrbook.IPv4, addrbook.IPv6:
			return byAddress, kind
		case addrbook.TorV3:
			return byOnion, kind
		case addrbook.I2P, addrbook.CJDNS:
		}
		return byNoWay, t.Addr.Kind()
	}
	host, _, err := net.SplitHostPort(t.Name)
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	switch {
	case err != nil || host == "" || len(host) > maxHost, strings.HasSuffix(host, ".i2p"):
		return byNoWay, 0
	case strings.HasSuffix(host, ".onion"):
		return byOnion, addrbook.TorV3
	}
	if at, err := netip.ParseAddrPort(t.Name); err == nil { // IPv6 also where gossip would mean CJDNS
		return byAddress, addrbook.FromAddrPort(at).Kind()
	}
	return byName, 0
}
