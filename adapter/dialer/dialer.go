package dialer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/link"
)

// Transports says which transports may be spoken.
type Transports uint8

// The choices.
const (
	// Both speaks BIP-0324 to those that can, and in the clear to others.
	Both Transports = iota
	// OnlyV2 speaks BIP-0324 or not at all.
	OnlyV2
	// OnlyV1 speaks in the clear: for a node that takes the first bytes of BIP-0324 for an
	// attack.
	OnlyV1
)

// Config is how to reach peers.
type Config struct {
	// Magic is the network's, as in btc.Params.
	Magic uint32
	// Proxy is a SOCKS5 server through which everything goes; the zero value for none.
	Proxy netip.AddrPort
	// OnionProxy is a SOCKS5 server for onion addresses alone, in place of Proxy.
	OnionProxy netip.AddrPort
	// Kinds are the networks that are dialled; 0 for all that can be reached.
	Kinds addrbook.Kinds
	// Transports are those that are spoken.
	Transports Transports
	// Connect makes a TCP connection to an IP address or, without a proxy, a name; nil
	// for a real one. A simulation has its own.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)
}

// Reachable returns the networks that can be dialled at all with these proxies.
func (c Config) Reachable() addrbook.Kinds {
	reachable := addrbook.IPs
	if c.Proxy.IsValid() || c.OnionProxy.IsValid() {
		reachable |= addrbook.OnlyOnion
	}
	if c.Kinds != 0 {
		reachable &= c.Kinds
	}
	return reachable
}

// Dialer dials peers. It may be used by many goroutines.
type Dialer struct {
	cfg   Config
	kinds addrbook.Kinds

	mu     sync.Mutex
	choice link.Choice // never saved
}

// New returns a dialer.
func New(cfg Config) *Dialer {
	if cfg.Connect == nil {
		cfg.Connect = connectTCP
	}
	if !cfg.OnionProxy.IsValid() {
		cfg.OnionProxy = cfg.Proxy
	}
	return &Dialer{cfg: cfg, kinds: cfg.Reachable(), choice: link.Choice{Only: cfg.Transports == OnlyV2}}
}

// connectTCP makes a plain TCP socket, whatever GODEBUG says of MPTCP, which
// confinement does not see.
func connectTCP(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	d.SetMultipathTCP(false)
	return d.DialContext(ctx, network, address)
}

// Conn is a connection to a peer.
type Conn struct {
	// Socket is for package session: a [link.Encrypted] if Transport is [link.TransportV2].
	Socket    net.Conn
	Transport link.Transport
}

var (
	// ErrUnreachable says that the settings leave no way to the target.
	ErrUnreachable = errors.New("not reachable with these settings")
	// ErrProxy says that it was the proxy that failed, so the target is not to blame.
	ErrProxy = errors.New("the SOCKS5 proxy failed")
	// ErrConnect says that the target did not take the connection.
	ErrConnect = errors.New("no connection")
	// ErrNoEncryption says that the target does not speak BIP-0324, and nothing else is
	// allowed.
	ErrNoEncryption = errors.New("no encryption")
)

// Dial connects to a target and agrees on a transport with it. A target that is said to
// speak BIP-0324 and does not is dialled again at once to be spoken to in the clear, and so it
// is for [link.FallbackMemory]. The error is for people, and matches one of [ErrUnreachable],
// [ErrProxy], [ErrConnect], [ErrNoEncryption] and the errors of ctx.
func (d *Dialer) Dial(ctx context.Context, t Target) (Conn, error) {
	if d.transport(t) == link.TransportV1 {
		return d.plain(ctx, t)
	}
	sock, err := d.connect(ctx, t)
	if err != nil {
		return Conn{}, err
	}
	encrypted, err := link.Encrypt(ctx, sock, d.cfg.Magic)
	switch {
	case err == nil:
		return Conn{encrypted, link.TransportV2}, nil
	case ctx.Err() != nil:
		return Conn{}, fmt.Errorf("agree on encryption with %v: %w", t, ctx.Err())
	case d.cfg.Transports == OnlyV2:
		return Conn{}, fmt.Errorf("%w: %v does not speak BIP324 (%s), and --v2-only is set; use a node that does, such as Bitcoin Core 26 or newer with -v2transport, or leave --v2-only out",
			ErrNoEncryption, t, detail(err))
	}
	d.mu.Lock()
	d.choice.Refused(t.String(), time.Now())
	d.mu.Unlock()
	return d.plain(ctx, t)
}

// detail returns what an [link.EndError] says beside its code.
func detail(err error) string {
	if end, ok := errors.AsType[*link.EndError](err); ok && end.Detail != "" {
		return end.Detail
	}
	return err.Error()
}

func (d *Dialer) plain(ctx context.Context, t Target) (Conn, error) {
	sock, err := d.connect(ctx, t)
	if err != nil {
		return Conn{}, err
	}
	return Conn{sock, link.TransportV1}, nil
}

// transport says how to speak to a target now.
func (d *Dialer) transport(t Target) link.Transport {
	if d.cfg.Transports == OnlyV1 {
		return link.TransportV1
	}
	services := t.Services
	if t.Manual {
		services |= link.ServiceV2
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.choice.For(t.String(), services, time.Now())
}

// connect makes a fresh socket to a target.
func (d *Dialer) connect(ctx context.Context, t Target) (net.Conn, error) {
	how, kind := t.way()
	if err := d.refuse(t, how, kind); err != nil {
		return nil, err
	}
	proxy := d.cfg.Proxy
	if how == byOnion {
		proxy = d.cfg.OnionProxy
	}
	if proxy.IsValid() {
		return d.throughProxy(ctx, proxy, t)
	}
	return d.direct(ctx, t)
}

// refuse says why a target cannot be reached with these settings, if it cannot.
func (d *Dialer) refuse(t Target, how way, kind addrbook.Kind) error {
	switch {
	case how == byNoWay:
		return fmt.Errorf("%w: %v: only IPv4, IPv6 and onion (version 3) addresses and names can be dialled", ErrUnreachable, t)
	case how == byOnion && !d.cfg.OnionProxy.IsValid():
		return fmt.Errorf("%w: %v: onion addresses are reached through Tor only; set --proxy or --onion-proxy, such as 127.0.0.1:9050", ErrUnreachable, t)
	case how == byName && d.kinds&addrbook.IPs == 0:
		return fmt.Errorf("%w: %v: a name leads to IP addresses, and --only-net leaves them out", ErrUnreachable, t)
	case how != byName && !d.kinds.Has(kind):
		return fmt.Errorf("%w: %v: --only-net leaves out %v", ErrUnreachable, t, kind)
	}
	return nil
}

// network is what a socket without a proxy may be of.
func (d *Dialer) network() string {
	if ips := d.kinds & addrbook.IPs; ips == addrbook.OnlyIPv4 {
		return "tcp4"
	} else if ips == addrbook.OnlyIPv6 {
		return "tcp6"
	}
	return "tcp"
}

// direct connects without a proxy.
func (d *Dialer) direct(ctx context.Context, t Target) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, DirectTimeout)
	defer cancel()
	sock, err := d.cfg.Connect(limited, d.network(), t.hostPort())
	if err == nil {
		return sock, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("connect to %v: %w", t, ctx.Err())
	}
	return nil, fmt.Errorf("%w to %v: %s", ErrConnect, t, connectHint(err, DirectTimeout))
}
