package dialer_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/v2transport"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/dialer"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// Addresses of each kind.
const (
	v4    = "192.0.2.1:8333"
	v6    = "[2001:db8::1]:8333"
	onion = "2g5qfdkn2vvcbqhzcyvyiitg4ceukybxklraxjnu7atlhd22gdwywaid.onion:8333"
	i2p   = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p:0"
	cjdns = "[fc00::1]:8333"
)

var proxyAddr = netip.MustParseAddrPort("127.0.0.1:9050")

func addr(t *testing.T, text string) addrbook.Addr {
	t.Helper()
	a, err := addrbook.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// network is a network in memory: it notes each connection and answers by far.
type network struct {
	mu    sync.Mutex
	calls []string // network and address
	far   func(call int, conn net.Conn)
	err   error // instead of a connection
}

func (n *network) connect(_ context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, network+" "+address)
	if n.err != nil {
		return nil, n.err
	}
	here, there := fakepeer.Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2}, 64<<10)
	go n.far(len(n.calls), there)
	return here, nil
}

func (n *network) made() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.calls)
}

func silent(int, net.Conn) {}

func hangsUp(_ int, conn net.Conn) { _ = conn.Close() }

// speaksV2 agrees on BIP-0324 by btcd's transport.
func speaksV2(t *testing.T) func(int, net.Conn) {
	t.Helper()
	return func(_ int, conn net.Conn) {
		peer := v2transport.NewPeer()
		peer.UseReadWriter(conn)
		magic := v2transport.BitcoinNet(btc.Regtest.Params().Magic)
		if err := errors.Join(peer.RespondV2Handshake(100, magic), peer.CompleteHandshake(false, nil, magic)); err != nil {
			t.Errorf("the other side: %v", err)
		}
	}
}

func newDialer(n *network, cfg dialer.Config) *dialer.Dialer {
	cfg.Magic, cfg.Connect = btc.Regtest.Params().Magic, n.connect
	return dialer.New(cfg)
}

// TestWays says for each setting and target how it is reached, or why not.
func TestWays(t *testing.T) {
	t.Parallel()
	direct, both := dialer.Config{}, dialer.Config{Proxy: proxyAddr}
	tor := dialer.Config{OnionProxy: netip.MustParseAddrPort("127.0.0.1:9150")}
	only := func(c dialer.Config, kinds addrbook.Kinds) dialer.Config { c.Kinds = kinds; return c }
	for _, tc := range []struct {
		name   string
		cfg    dialer.Config
		target string
		want   string // how it connects, or a part of the error
	}{
		{"IPv4", direct, v4, "tcp 192.0.2.1:8333"},
		{"IPv6", direct, v6, "tcp [2001:db8::1]:8333"},
		{"IPv4 alone", only(direct, addrbook.OnlyIPv4), v4, "tcp4 192.0.2.1:8333"},
		{"IPv6 alone", only(direct, addrbook.OnlyIPv6), v6, "tcp6 [2001:db8::1]:8333"},
		{"IPv4 left out", only(direct, addrbook.OnlyIPv6), v4, "--only-net leaves out ipv4"},
		{"IPv6 left out", only(direct, addrbook.OnlyIPv4), v6, "--only-net leaves out ipv6"},
		{"onion without Tor", direct, onion, "set --proxy or --onion-proxy, such as 127.0.0.1:9050"},
		{"I2P", both, i2p, "only IPv4, IPv6 and onion"},
		{"CJDNS", both, cjdns, "only IPv4, IPv6 and onion"},
		{"no address", direct, "", "only IPv4, IPv6 and onion"},
		{"address of one's own", direct, "[fc00::2]:18444", "tcp [fc00::2]:18444"},
		{"name", direct, "node.example:8333", "tcp node.example:8333"},
		{"name to IPv6", only(direct, addrbook.OnlyIPv6), "node.example:8333", "tcp6 node.example:8333"},
		{"name, onion alone", only(both, addrbook.OnlyOnion), "node.example:8333", "a name leads to IP addresses"},
		{"onion's name without Tor", direct, "WHATEVER.onion.:8333", "set --proxy or --onion-proxy"},
		{"name of I2P", both, "stats.i2p:8333", "only IPv4, IPv6 and onion"},
		{"name without port", direct, "node.example", "only IPv4, IPv6 and onion"},
		{"name of 256 bytes", direct, strings.Repeat("x", 256) + ":8333", "only IPv4, IPv6 and onion"},
		{"IPv4 by proxy", both, v4, "tcp 127.0.0.1:9050"},
		{"name by proxy", both, "node.example:8333", "tcp 127.0.0.1:9050"},
		{"onion by proxy", both, onion, "tcp 127.0.0.1:9050"},
		{"onion by its own proxy", tor, onion, "tcp 127.0.0.1:9150"},
		{"IPv4 beside that", tor, v4, "tcp 192.0.2.1:8333"},
		{"onion left out", only(both, addrbook.IPs), onion, "--only-net leaves out onion"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{err: syscall.ECONNREFUSED}
				target := dialer.Target{Name: tc.target}
				if a, err := addrbook.ParseAddr(tc.target); (err == nil || tc.target == "") && !strings.Contains(tc.name, "own") {
					target = dialer.Target{Addr: a}
				}
				_, err := newDialer(n, tc.cfg).Dial(t.Context(), target)
				calls := n.made()
				if strings.HasPrefix(tc.want, "tcp") {
					if len(calls) != 1 || calls[0] != tc.want || errors.Is(err, dialer.ErrUnreachable) {
						t.Errorf("%v, %v; want %s", calls, err, tc.want)
					}
					return
				}
				if len(calls) > 0 || !errors.Is(err, dialer.ErrUnreachable) || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%v, %v; want an error with %q", calls, err, tc.want)
				}
			})
		})
	}
}

// TestReachable names the networks for a book.
func TestReachable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		cfg  dialer.Config
		want addrbook.Kinds
	}{
		{dialer.Config{}, addrbook.IPs},
		{dialer.Config{Proxy: proxyAddr}, addrbook.Dialable},
		{dialer.Config{OnionProxy: proxyAddr}, addrbook.Dialable},
		{dialer.Config{Kinds: addrbook.OnlyOnion}, 0},
		{dialer.Config{Proxy: proxyAddr, Kinds: addrbook.OnlyOnion}, addrbook.OnlyOnion},
		{dialer.Config{Proxy: proxyAddr, Kinds: addrbook.OnlyIPv6}, addrbook.OnlyIPv6},
	} {
		if got := tc.cfg.Reachable(); got != tc.want {
			t.Errorf("%+v: %b, want %b", tc.cfg, got, tc.want)
		}
	}
}

// TestFailures says for each way to fail who, why and what to do, and who is to blame.
func TestFailures(t *testing.T) {
	t.Parallel()
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, tc := range []struct {
		name  string
		err   error
		proxy bool
		kind  error
		want  string
	}{
		{"refused", op(syscall.ECONNREFUSED), false, dialer.ErrConnect, "192.0.2.1:8333: connection refused; nothing listens"},
		{"no route", op(syscall.ENETUNREACH), false, dialer.ErrConnect, "no route"},
		{"forbidden", op(syscall.EACCES), false, dialer.ErrConnect, "--any-port"},
		{"no such name", &net.DNSError{IsNotFound: true}, false, dialer.ErrConnect, "no such name"},
		{"DNS is down", &net.DNSError{IsTimeout: true}, false, dialer.ErrConnect, "check DNS"},
		{"other", op(errors.New("odd")), false, dialer.ErrConnect, "odd"},
		{"late", context.DeadlineExceeded, false, dialer.ErrConnect, "no answer within 10s"},
		{"no proxy there", op(syscall.ECONNREFUSED), true, dialer.ErrProxy, "127.0.0.1:9050: connection refused; nothing listens at that port; is Tor"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := dialer.Config{}
				if tc.proxy {
					cfg.Proxy = proxyAddr
				}
				begin := time.Now()
				_, err := newDialer(&network{err: tc.err}, cfg).Dial(t.Context(), dialer.Target{Addr: addr(t, v4)})
				if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%v; want %v with %q", err, tc.kind, tc.want)
				}
				if took := time.Since(begin); (took >= time.Second) != tc.proxy {
					t.Errorf("took %v: a proxy that is down, and it alone, is not tried again at once", took)
				}
			})
		})
	}
}

// TestDirectTimeout gives up after [dialer.DirectTimeout], and at once when the caller does.
func TestDirectTimeout(t *testing.T) {
	waits := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
	}
	synctest.Test(t, func(t *testing.T) {
		d := dialer.New(dialer.Config{Connect: waits})
		begin := time.Now()
		_, err := d.Dial(t.Context(), dialer.Target{Addr: addr(t, v4)})
		if took := time.Since(begin); took != dialer.DirectTimeout || !errors.Is(err, dialer.ErrConnect) {
			t.Errorf("after %v: %v", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		_, err = d.Dial(ctx, dialer.Target{Addr: addr(t, v4)})
		if took := time.Since(begin); took != time.Second || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, dialer.ErrConnect) {
			t.Errorf("given up after %v: %v", took, err)
		}
	})
}

// TestTransports tries peers that speak BIP-0324 and such that do not, by each setting.
func TestTransports(t *testing.T) {
	for _, tc := range []struct {
		name       string
		transports dialer.Transports
		services   uint64
		manual     bool
		speaks     bool
		want       link.Transport
		sockets    int
		err        error
	}{
		{"advertised and spoken", dialer.Both, link.ServiceV2, false, true, link.TransportV2, 1, nil},
		{"advertised, not spoken", dialer.Both, link.ServiceV2, false, false, link.TransportV1, 2, nil},
		{"not advertised", dialer.Both, 9, false, true, link.TransportV1, 1, nil},
		{"manual, spoken", dialer.Both, 0, true, true, link.TransportV2, 1, nil},
		{"manual, not spoken", dialer.Both, 0, true, false, link.TransportV1, 2, nil},
		{"only v2, spoken", dialer.OnlyV2, 0, false, true, link.TransportV2, 1, nil},
		{"only v2, not spoken", dialer.OnlyV2, link.ServiceV2, true, false, 0, 1, dialer.ErrNoEncryption},
		{"only v1", dialer.OnlyV1, link.ServiceV2, true, true, link.TransportV1, 1, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{far: hangsUp}
				if tc.want == link.TransportV2 && tc.speaks {
					n.far = speaksV2(t)
				}
				d := newDialer(n, dialer.Config{Transports: tc.transports})
				conn, err := d.Dial(t.Context(), dialer.Target{Addr: addr(t, v4), Services: tc.services, Manual: tc.manual})
				synctest.Wait()
				if !errors.Is(err, tc.err) || len(n.made()) != tc.sockets {
					t.Fatalf("%v, %d sockets; want %v, %d", err, len(n.made()), tc.err, tc.sockets)
				}
				if err != nil {
					if !strings.Contains(err.Error(), v4) || !strings.Contains(err.Error(), "--v2-only") {
						t.Errorf("the error does not help: %v", err)
					}
					return
				}
				_, encrypted := conn.Socket.(*link.Encrypted)
				if conn.Transport != tc.want || encrypted != (tc.want == link.TransportV2) {
					t.Errorf("%v, a socket that is encrypted: %v", conn.Transport, encrypted)
				}
				_ = conn.Socket.Close()
			})
		})
	}
}

// TestFallbackIsRemembered speaks to a peer in the clear for [link.FallbackMemory] after
// it did not speak BIP-0324, and not a second longer; others are not affected.
func TestFallbackIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{far: hangsUp}
		d := newDialer(n, dialer.Config{})
		dial := func(target string) int {
			before := len(n.made())
			conn, err := d.Dial(t.Context(), dialer.Target{Addr: addr(t, target), Services: link.ServiceV2})
			if err != nil || conn.Transport != link.TransportV1 {
				t.Fatalf("%v, %v", conn.Transport, err)
			}
			_ = conn.Socket.Close()
			return len(n.made()) - before
		}
		if got := dial(v4); got != 2 {
			t.Errorf("first: %d sockets, want one for each transport", got)
		}
		time.Sleep(link.FallbackMemory - time.Second)
		if got := dial(v4); got != 1 {
			t.Errorf("within the hour: %d sockets, want 1", got)
		}
		if got := dial(v6); got != 2 {
			t.Errorf("another peer: %d sockets, want 2", got)
		}
		time.Sleep(time.Second)
		if got := dial(v4); got != 2 {
			t.Errorf("after the hour: %d sockets, want 2", got)
		}
		synctest.Wait()
	})
}

// TestSilentPeer waits [link.EncryptTimeout] for the handshake, then speaks in the clear;
// a caller that gives up meanwhile leaves no memory and no socket.
func TestSilentPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{far: silent}
		d := newDialer(n, dialer.Config{})
		target := dialer.Target{Addr: addr(t, v4), Manual: true}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := d.Dial(ctx, target); !errors.Is(err, context.DeadlineExceeded) || len(n.made()) != 1 {
			t.Errorf("given up: %v, %d sockets", err, len(n.made()))
		}
		begin := time.Now()
		conn, err := d.Dial(t.Context(), target)
		if took := time.Since(begin); err != nil || conn.Transport != link.TransportV1 || took != link.EncryptTimeout {
			t.Errorf("%v after %v: %v", conn.Transport, took, err)
		}
		if got := len(n.made()); got != 3 {
			t.Errorf("%d sockets, want 3", got)
		}
	})
}
