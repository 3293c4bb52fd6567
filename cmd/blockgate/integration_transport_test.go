package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// TestV2Only speaks to a node that speaks BIP324 and to no other, and says why.
func TestV2Only(t *testing.T) {
	t.Parallel()
	plain, secret := startBtcd(t), startBtcd(t, v2Transport)
	blocks := secret.generate(20)
	plain.copyFrom(secret, blocks)
	d := startDaemon(t, t.TempDir(), "--network", "regtest", "--v2-only", "--connect", plain.listen, "--connect", secret.listen)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connectsTo(blocks...)
	refused, _ := d.await("refusal", 0, func(r record) bool { return r.Msg == "peer not reached" && r.Peer == plain.listen })
	for _, want := range []string{"does not speak BIP324", "--v2-only", "Bitcoin Core 26"} {
		if !strings.Contains(refused.Error, want) {
			t.Errorf("%q says nothing of %q", refused.Error, want)
		}
	}
	d.awaitTransport(secret)
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, r := range d.lines() {
		if r.Msg == "peer ready" && r.Peer != secret.listen || r.Msg == "peer banned" {
			t.Errorf("%s", r.text)
		}
	}
}

// TestV1Only speaks in the clear to a node that could do better.
func TestV1Only(t *testing.T) {
	t.Parallel()
	n := startBtcd(t, v2Transport)
	blocks := n.generate(5)
	d := startDaemon(t, t.TempDir(), "--network", "regtest", "--v1-only", "--connect", n.listen)
	follow(d, 0, genesis(btc.Regtest)).connectsTo(blocks...)
	if ready, _ := d.awaitMessage("peer ready", 0); ready.Transport != "v1" {
		t.Errorf("%s", ready.text)
	}
}

// TestIPv6 follows a node on IPv6 loopback, with IPv4 left out.
func TestIPv6(t *testing.T) {
	t.Parallel()
	probe, err := net.Listen("tcp6", "[::1]:0") //nolint:noctx // closed at once
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	listen := probe.Addr().String()
	_ = probe.Close()
	n := startBtcdAt(t, listen, v2Transport)
	blocks := n.generate(10)
	d := startDaemon(t, t.TempDir(), "--network", "regtest", "--only-net", "ipv6", "--connect", listen)
	follow(d, 0, genesis(btc.Regtest)).connectsTo(blocks...)
	d.awaitTransport(n)
}

// guarded is a way to a node on which everybody who connects is written down.
type guarded struct {
	net.Listener
	mu    sync.Mutex
	asked []netip.AddrPort
}

// guard listens on loopback, and carries to a node what comes.
func guard(t *testing.T, n *btcd) *guarded {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the end of the test
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{Listener: listener}
	var tasks sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); tasks.Wait() })
	tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			g.mu.Lock()
			g.asked = append(g.asked, netip.MustParseAddrPort(conn.RemoteAddr().String()))
			g.mu.Unlock()
			tasks.Go(func() { bridge(t, conn, n.listen) })
		}
	})
	return g
}

// bridge carries bytes both ways between a connection and an address.
func bridge(t *testing.T, conn net.Conn, to string) {
	t.Helper()
	defer conn.Close()
	var dialer net.Dialer
	far, err := dialer.DialContext(t.Context(), "tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = far.(*net.TCPConn).ReadFrom(conn)
		_ = far.Close()
	})
	_, _ = conn.(*net.TCPConn).ReadFrom(far)
	_ = conn.Close()
	back.Wait()
}

// TestProxy follows nodes that are named by host, by onion address and by IP address, with
// nothing but a SOCKS5 server to reach them by (W16): each host comes to it as it was
// given, each connection has a token of its own, and the nodes are reached by nobody but
// the server.
func TestProxy(t *testing.T) {
	t.Parallel()
	n := startBtcd(t, v2Transport)
	blocks := n.generate(30)
	byName, byOnion, byAddress := guard(t, n), guard(t, n), guard(t, n)
	proxy, err := fakepeer.ListenProxy(t.Context(), "127.0.0.1:0", map[string]string{
		"node.example:18444":  byName.Addr().String(),
		onionName[:62] + ":9": byOnion.Addr().String(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	address := byAddress.Addr().String()
	peers := []string{"node.example:18444", onionName[:62] + ":9", address}
	d := startDaemon(t, t.TempDir(), "--network", "regtest", "--proxy", proxy.Addr().String(),
		"--connect", peers[0], "--connect", peers[1], "--connect", peers[2])
	f := follow(d, 0, genesis(btc.Regtest))
	f.connectsTo(blocks...)
	for _, peer := range peers {
		ready, _ := d.await("peer "+peer, 0, func(r record) bool { return r.Msg == "peer ready" && r.Peer == peer })
		if ready.Transport != "v2" {
			t.Errorf("%s", ready.text)
		}
	}
	f.connectsTo(n.generate(2)...)
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	var came []netip.AddrPort
	tokens := map[string]bool{}
	for _, r := range proxy.Requests() {
		if !slices.Contains(peers, r.Target) || r.Named != (r.Target != address) || len(r.User) != 32 || tokens[r.User] {
			t.Errorf("%+v", r)
		}
		tokens[r.User] = true
		came = append(came, r.From)
	}
	for name, g := range map[string]*guarded{"name": byName, "onion": byOnion, "address": byAddress} {
		g.mu.Lock()
		for _, from := range g.asked {
			if !slices.Contains(came, from) {
				t.Errorf("the node by %s was reached from %v, which is not the proxy", name, from)
			}
		}
		if len(g.asked) == 0 {
			t.Errorf("the node by %s was not reached", name)
		}
		g.mu.Unlock()
	}
}

// tryAround is what a taken adapter would try once it is confined: a datagram socket, and a
// connection to a peer that is not the proxy.
const tryAround = `func() {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	log.Info("way around", slog.String("kind", "udp"), slog.Bool("condemned", err != nil))
	_ = unix.Close(fd)
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: %s, Addr: [4]byte{127, 0, 0, 1}})
	}
	log.Info("way around", slog.String("kind", "tcp"), slog.Bool("condemned", err != nil && err != unix.EINPROGRESS))
	_ = unix.Close(fd)
}(); defer cells.pool.Close()`

// TestNoWayAroundProxy runs an adapter that tries to get around the proxy: the kernel lets
// it have no datagram socket and no connection to the peer itself. Without a proxy, and
// with a name to look up, it gets both: so the test can tell.
func TestNoWayAroundProxy(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 77, 2)
	peer := listen(t, 1, chain, fakepeer.Script{})
	port := strconv.Itoa(int(peer.Addr().Port()))
	programs := t.TempDir()
	changed := overlay(t, "role.go", `defer cells\.pool\.Close\(\)`, fmt.Sprintf(tryAround, port))
	if err := buildPrograms(programs, "-overlay", changed); err != nil {
		t.Fatal(err)
	}
	proxy, err := fakepeer.ListenProxy(t.Context(), "127.0.0.1:0", map[string]string{"localhost:" + port: peer.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	for _, tc := range []struct {
		name   string
		closed bool
		args   []string
	}{
		{"with a proxy", true, []string{"--proxy", proxy.Addr().String()}},
		{"without", false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := append([]string{"--network", "regtest", "--connect", "localhost:" + port}, tc.args...)
			d := startDaemonWith(t, daemonOptions{binDir: programs}, t.TempDir(), args...)
			follow(d, 0, genesis(btc.Regtest)).connects(2)
			for _, kind := range []string{"udp", "tcp"} {
				tried, _ := d.await("attempt", 0, func(r record) bool { return r.Msg == "way around" && r.Kind == kind })
				if tried.Condemned != tc.closed {
					t.Errorf("%s: %s", tc.name, tried.text)
				}
			}
		})
	}
}
