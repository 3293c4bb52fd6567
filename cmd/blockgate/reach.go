package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/dialer"
)

// reachFlags say how peers are reached.
type reachFlags struct {
	proxy, onionProxy string
	onlyNet           []string
	v2Only, v1Only    bool

	kinds addrbook.Kinds // of onlyNet, 0 for all
}

// netNames are the values of --only-net.
var netNames = map[string]addrbook.Kinds{ //nolint:gochecknoglobals // a table, never written
	"ipv4": addrbook.OnlyIPv4, "ipv6": addrbook.OnlyIPv6, "onion": addrbook.OnlyOnion,
}

func (r *reachFlags) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&r.proxy, "proxy", "", "SOCKS5 server host:port, such as Tor at 127.0.0.1:9050: every connection to a peer and every name goes through it")
	flags.StringVar(&r.onionProxy, "onion-proxy", "", "SOCKS5 server host:port for onion peers alone (default: that of --proxy)")
	flags.StringSliceVar(&r.onlyNet, "only-net", nil, "networks of the peers: ipv4, ipv6, onion; may be given several times (default: all that can be reached)")
	flags.BoolVar(&r.v2Only, "v2-only", false, "speak to peers encrypted (BIP324) or not at all")
	flags.BoolVar(&r.v1Only, "v1-only", false, "speak to peers in the clear: for a node that bans those who begin with BIP324")
}

// complete checks what the flags say, beside the peers and the bus of s.
func (r *reachFlags) complete(s *runSettings) error {
	for _, name := range r.onlyNet {
		kind, ok := netNames[strings.ToLower(strings.TrimSpace(name))]
		if !ok {
			return usagef("--only-net %q: want ipv4, ipv6 or onion", name)
		}
		r.kinds |= kind
	}
	if r.v1Only && r.v2Only {
		return usagef("--v1-only and --v2-only: give one of them")
	}
	for flag, server := range map[string]string{"--proxy": r.proxy, "--onion-proxy": r.onionProxy} {
		if _, _, err := splitServer(server); server != "" && err != nil {
			return usagef("%s %q: %w", flag, server, err)
		}
	}
	if r.kinds == addrbook.OnlyOnion && r.proxy == "" && r.onionProxy == "" {
		return usagef("--only-net onion: onion peers are reached through Tor; give --proxy 127.0.0.1:9050, or where its SOCKS5 port is")
	}
	return r.completeProxy(s)
}

// completeProxy wants nothing else to leave a way around --proxy.
func (r *reachFlags) completeProxy(s *runSettings) error {
	if r.proxy == "" {
		return nil
	}
	if s.anyPort {
		return usagef("--any-port and --proxy: with a proxy the adapter connects to the proxy and the bus alone; leave --any-port out")
	}
	for server := range strings.SplitSeq(s.nats, ",") {
		if u, err := url.Parse(server); server != "" && (err != nil || !isAddress(u.Host)) {
			return usagef("--nats %q: with --proxy the adapter looks up no name; name the server by its address", server)
		}
	}
	return nil
}

// splitServer returns host and port of a SOCKS5 server.
func splitServer(server string) (string, uint16, error) {
	host, portText, err := net.SplitHostPort(server)
	if err != nil {
		return "", 0, fmt.Errorf("want host:port, such as 127.0.0.1:9050: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 || host == "" {
		return "", 0, fmt.Errorf("want host:port, such as 127.0.0.1:9050")
	}
	return host, uint16(port), nil
}

// reach is how the adapter reaches peers.
type reach struct {
	Proxy      netip.AddrPort    `json:"proxy"`
	OnionProxy netip.AddrPort    `json:"onion_proxy"`
	Kinds      addrbook.Kinds    `json:"kinds"` // 0 for all that can be reached
	Transports dialer.Transports `json:"transports"`
}

// resolve finds the proxies, whose names are looked up once, here.
func (r *reachFlags) resolve(ctx context.Context) (to reach, err error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	if to.Proxy, err = resolveServer(ctx, "--proxy", r.proxy); err != nil {
		return to, err
	}
	if to.OnionProxy, err = resolveServer(ctx, "--onion-proxy", r.onionProxy); err != nil {
		return to, err
	}
	to.Kinds = r.kinds
	switch {
	case r.v2Only:
		to.Transports = dialer.OnlyV2
	case r.v1Only:
		to.Transports = dialer.OnlyV1
	}
	return to, nil
}

func resolveServer(ctx context.Context, flag, server string) (netip.AddrPort, error) {
	if server == "" {
		return netip.AddrPort{}, nil
	}
	host, port, err := splitServer(server)
	if err != nil {
		return netip.AddrPort{}, usagef("%s %q: %w", flag, server, err)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return netip.AddrPort{}, usagef("%s %q: cannot resolve the host: %w; give an address, or check DNS", flag, server, err)
	}
	return netip.AddrPortFrom(addrs[0].Unmap(), port), nil
}

// dialer returns the same in the dialer's words.
func (to reach) dialer() dialer.Config {
	return dialer.Config{Proxy: to.Proxy, OnionProxy: to.OnionProxy, Kinds: to.Kinds, Transports: to.Transports}
}

// useSeeds reports whether DNS seeds help: what they name are IP addresses.
func (to reach) useSeeds() bool { return to.dialer().Reachable()&addrbook.IPs != 0 }

// proxies are the ports of the proxies.
func (to reach) proxies() []uint16 {
	var ports []uint16
	for _, proxy := range []netip.AddrPort{to.Proxy, to.OnionProxy} {
		if proxy.IsValid() {
			ports = append(ports, proxy.Port())
		}
	}
	return ports
}
