package main

import (
	"context"
	"crypto/sha256"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"blockgate/adapter/addrbook"
)

// namedPeer is a peer that the operator named: as given, and where it is.
type namedPeer struct {
	Name string   `json:"name"`
	Addr peerAddr `json:"addr"`
}

// peerAddr is an address that is written as text.
type peerAddr struct{ addrbook.Addr }

// MarshalText writes the address as [addrbook.ParseAddr] reads it.
func (a peerAddr) MarshalText() ([]byte, error) { return []byte(a.String()), nil } //nolint:unparam // as encoding.TextMarshaler has it

// UnmarshalText reads it. Any IPv6 address is one here, also where gossip would mean CJDNS.
func (a *peerAddr) UnmarshalText(text []byte) (err error) {
	if at, err := netip.ParseAddrPort(string(text)); err == nil {
		a.Addr = addrbook.FromAddrPort(at)
		return nil
	}
	a.Addr, err = addrbook.ParseAddr(string(text))
	return err
}

// byTor reports whether the peer is an onion address.
func (p namedPeer) byTor() bool { return p.Addr.Kind() == addrbook.TorV3 }

// resolvePeers finds the peers that the operator named. The port may be left out; then it
// is the network's. With a proxy no name is looked up here: the proxy does it.
func resolvePeers(ctx context.Context, names []string, port uint16, to reach) ([]namedPeer, error) {
	if len(names) > maxConnect {
		return nil, usagef("--connect: %d peers, want at most %d", len(names), maxConnect)
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	peers := make([]namedPeer, 0, len(names))
	for _, name := range names {
		host, portText, err := net.SplitHostPort(name)
		if err != nil {
			host, portText = strings.Trim(name, "[]"), strconv.Itoa(int(port))
		}
		number, err := strconv.ParseUint(portText, 10, 16)
		if err != nil || number == 0 || host == "" {
			return nil, usagef("--connect %q: want host:port", name)
		}
		addr, err := findPeer(ctx, name, host, uint16(number), to)
		if err != nil {
			return nil, err
		}
		peers = append(peers, namedPeer{Name: net.JoinHostPort(host, portText), Addr: peerAddr{addr}})
	}
	return peers, nil
}

// findPeer returns the address of one peer.
func findPeer(ctx context.Context, name, host string, port uint16, to reach) (addrbook.Addr, error) {
	reachable := to.dialer().Reachable()
	if strings.HasSuffix(strings.ToLower(host), ".onion") {
		addr, err := addrbook.ParseAddr(strings.ToLower(host) + ":" + strconv.Itoa(int(port)))
		switch {
		case err != nil:
			return addr, usagef("--connect %q: no onion address of version 3: 56 letters and digits, the last of which check the others", name)
		case !to.Proxy.IsValid() && !to.OnionProxy.IsValid():
			return addr, usagef("--connect %q: onion addresses are reached through Tor; give --proxy or --onion-proxy, such as 127.0.0.1:9050", name)
		case !reachable.Has(addr.Kind()):
			return addr, usagef("--connect %q: --only-net leaves onion out", name)
		}
		return addr, nil
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil:
	case reachable&addrbook.IPs == 0:
		return addrbook.Addr{}, usagef("--connect %q: a name leads to IP addresses, and --only-net leaves them out", name)
	case to.Proxy.IsValid():
		return placeholder(host, port), nil
	default:
		if ip, err = lookUp(ctx, host, reachable); err != nil {
			return addrbook.Addr{}, usagef("--connect %q: cannot resolve the host: %w; give an address, or check DNS", name, err)
		}
	}
	addr := addrbook.FromAddrPort(netip.AddrPortFrom(ip.Unmap().WithZone(""), port))
	if !reachable.Has(addr.Kind()) {
		return addr, usagef("--connect %q: --only-net leaves %v out", name, addr.Kind())
	}
	return addr, nil
}

// lookUp returns an address of a host that may be dialled.
func lookUp(ctx context.Context, host string, reachable addrbook.Kinds) (netip.Addr, error) {
	network := map[addrbook.Kinds]string{addrbook.OnlyIPv4: "ip4", addrbook.OnlyIPv6: "ip6", addrbook.IPs: "ip"}[reachable&addrbook.IPs]
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(addrs) == 0 {
		return netip.Addr{}, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	return addrs[0], nil
}

// placeholder stands for a name that only the proxy looks up: an address that nobody has,
// made of the name.
//
// Source: CNetAddr::SetInternal, Bitcoin Core v30.0 src/netaddress.cpp.
func placeholder(host string, port uint16) addrbook.Addr {
	ip := [16]byte{0xfd, 0x6b, 0x88, 0xc0, 0x87, 0x24}
	sum := sha256.Sum256([]byte(strings.ToLower(host)))
	copy(ip[6:], sum[:])
	return addrbook.FromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(ip), port))
}
