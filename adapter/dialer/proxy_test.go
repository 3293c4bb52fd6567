package dialer_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter/dialer"
	"blockgate/adapter/fakepeer"
)

// says is a proxy that says the given bytes and, if it should, hangs up; it reads on.
func says(answer []byte, hangUp bool) func(int, net.Conn) {
	return func(_ int, conn net.Conn) {
		_, _ = conn.Write(answer)
		if hangUp {
			_ = conn.Close()
			return
		}
		_, _ = io.Copy(io.Discard, conn)
	}
}

// good are the answers to greeting, password and request of a proxy that does its work.
var good = []byte{5, 2, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0}

func with(at int, value byte) []byte {
	b := bytes.Clone(good)
	b[at] = value
	return b
}

// named is a reply that names where the proxy connects from, in n bytes.
func named(n int) []byte {
	b := append(bytes.Clone(good[:7]), 3, byte(n))
	return append(append(b, bytes.Repeat([]byte{'\n'}, n)...), 1, 2)
}

// TestHostileProxy (W16) meets proxies that answer wrongly: each ends in an error of ours
// and in time, and none of its bytes gets into the words.
func TestHostileProxy(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer []byte
		kind   error // nil for a connection
		want   string
	}{
		{"good", good, nil, ""},
		{"no password wanted", append([]byte{5, 0}, good[4:]...), nil, ""},
		{"bound to IPv6", append(with(7, 4), make([]byte, 12)...), nil, ""},
		{"bound to a name", named(3), nil, ""},
		{"bound to no name", named(0), nil, ""},
		{"bound to the longest name", named(255), nil, ""},
		{"SOCKS4", with(0, 4), dialer.ErrProxy, "protocol version"},
		{"HTTP", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), dialer.ErrProxy, "protocol version"},
		{"no method", with(1, 0xff), dialer.ErrProxy, "authentication method"},
		{"a method that was not offered", with(1, 1), dialer.ErrProxy, "authentication method"},
		{"password of another version", with(2, 5), dialer.ErrProxy, "username/password"},
		{"password refused", with(3, 1), dialer.ErrProxy, "authentication failed"},
		{"reply of another version", with(4, 4), dialer.ErrProxy, "protocol version"},
		{"general failure", with(5, 1), dialer.ErrConnect, "no way to it"},
		{"not allowed", with(5, 2), dialer.ErrProxy, "not allowed by ruleset"},
		{"network unreachable", with(5, 3), dialer.ErrConnect, "network is unreachable"},
		{"host unreachable", with(5, 4), dialer.ErrConnect, "host is unreachable"},
		{"refused", with(5, 5), dialer.ErrConnect, "it refused"},
		{"expired", with(5, 6), dialer.ErrConnect, "in time"},
		{"no command", with(5, 7), dialer.ErrProxy, "command not supported"},
		{"onion not found", with(5, 0xf0), dialer.ErrConnect, "onion service cannot be found"},
		{"onion late", with(5, 0xf7), dialer.ErrConnect, "took too long"},
		{"unknown code", with(5, 0x99), dialer.ErrProxy, "unknown code: 153"},
		{"reserved", with(6, 1), dialer.ErrProxy, "reserved"},
		{"address of no type", with(7, 2), dialer.ErrProxy, "address type"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDialer(&network{far: says(tc.answer, false)}, dialer.Config{Proxy: proxyAddr})
				conn, err := d.Dial(t.Context(), dialer.Target{Addr: addr(t, onion)})
				if !errors.Is(err, tc.kind) || tc.kind != nil && !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%v; want %v with %q", err, tc.kind, tc.want)
				}
				if err == nil {
					_ = conn.Socket.Close()
				}
				if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
					t.Errorf("bytes of the proxy in %q", err)
				}
			})
		})
	}
}

// TestProxyTruncated (W16) lets a proxy stop at every byte: it costs [dialer.ProxyTimeout]
// when it says nothing more, no time when it hangs up, and is never the peer's fault.
func TestProxyTruncated(t *testing.T) {
	full := named(255)
	for size := range len(full) {
		for hangUp, want := range map[bool]time.Duration{false: dialer.ProxyTimeout, true: 0} {
			synctest.Test(t, func(t *testing.T) {
				d := newDialer(&network{far: says(full[:size], hangUp)}, dialer.Config{Proxy: proxyAddr})
				begin := time.Now()
				_, err := d.Dial(t.Context(), dialer.Target{Addr: addr(t, onion)})
				if took := time.Since(begin); !errors.Is(err, dialer.ErrProxy) || took != want {
					t.Errorf("%d bytes, hangs up %v: after %v: %v", size, hangUp, took, err)
				}
			})
		}
	}
}

// TestDrippingProxy (W16) says a byte every 5 s: the time is for all answers together.
func TestDrippingProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drips := func(_ int, conn net.Conn) {
			for _, b := range good {
				time.Sleep(5 * time.Second)
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
			}
		}
		begin := time.Now()
		_, err := newDialer(&network{far: drips}, dialer.Config{Proxy: proxyAddr}).Dial(t.Context(), dialer.Target{Addr: addr(t, onion)})
		if took := time.Since(begin); !errors.Is(err, dialer.ErrProxy) || took != dialer.ProxyTimeout {
			t.Errorf("after %v: %v", took, err)
		}
		time.Sleep(time.Minute)
	})
}

// FuzzProxy gives a dialler any bytes as a proxy's answers: it connects exactly if they
// begin as RFC 1928 and RFC 1929 have it.
func FuzzProxy(f *testing.F) {
	f.Add(good)
	f.Add(named(255))
	f.Add(append([]byte{5, 0}, good[4:]...))
	f.Add(with(5, 0xf0))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if len(answer) > 1024 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			d := newDialer(&network{far: says(answer, false)}, dialer.Config{Proxy: proxyAddr})
			conn, err := d.Dial(t.Context(), dialer.Target{Addr: addr(t, onion)})
			if (err == nil) != wellAnswered(answer) {
				t.Fatalf("%x: %v", answer, err)
			}
			if err == nil {
				_ = conn.Socket.Close()
			}
		})
	})
}

// wellAnswered reports whether a proxy's answers make a connection.
func wellAnswered(b []byte) bool {
	next := func(want ...byte) bool {
		ok := bytes.HasPrefix(b, want)
		b = b[min(len(b), len(want)):]
		return ok
	}
	if !next(5) || len(b) == 0 || b[0] != 0 && b[0] != 2 {
		return false
	}
	method := b[0]
	b = b[1:]
	if method == 2 && !next(1, 0) || !next(5, 0, 0) || len(b) < 2 {
		return false
	}
	size, isKnown := map[byte]int{1: 4, 3: 1 + int(b[1]), 4: 16}[b[0]]
	return isKnown && len(b) >= 1+size+2
}

// TestProxyGetsAll dials by a real SOCKS5 server: hosts come to it as they are, names too,
// no two connections share a token, and bytes flow.
func TestProxyGetsAll(t *testing.T) {
	t.Parallel()
	greeter, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the end of the test
	if err != nil {
		t.Fatal(err)
	}
	defer greeter.Close()
	go func() {
		for {
			conn, err := greeter.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("hello\n"))
		}
	}()
	targets := []dialer.Target{
		{Addr: addr(t, v4)}, {Addr: addr(t, v6)}, {Addr: addr(t, onion)}, {Name: "node.example:8333"}, {Name: onion}, {Addr: addr(t, v4)},
	}
	want := []fakeRequest{{v4, false}, {v6, false}, {onion, true}, {"node.example:8333", true}, {onion, true}, {v4, false}}
	routes := map[string]string{}
	for _, w := range want {
		routes[w.target] = greeter.Addr().String()
	}
	proxy, err := fakepeer.ListenProxy(t.Context(), "127.0.0.1:0", routes)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	d := dialer.New(dialer.Config{Proxy: proxy.Addr()})
	for _, target := range targets {
		conn, err := d.Dial(t.Context(), target)
		if err != nil {
			t.Fatalf("%v: %v", target, err)
		}
		if line, err := bufio.NewReader(conn.Socket).ReadString('\n'); line != "hello\n" {
			t.Errorf("%v: %q, %v", target, line, err)
		}
		_ = conn.Socket.Close()
	}
	tokens := map[string]bool{}
	for i, got := range proxy.Requests() {
		if (fakeRequest{got.Target, got.Named}) != want[i] {
			t.Errorf("request %d: %+v, want %+v", i, got, want[i])
		}
		if len(got.User) != 32 || len(got.Password) != 32 || tokens[got.User] || tokens[got.Password] {
			t.Errorf("request %d: no token of its own: %q, %q", i, got.User, got.Password)
		}
		tokens[got.User], tokens[got.Password] = true, true
	}
	if _, err := d.Dial(t.Context(), dialer.Target{Name: "unknown.example:1"}); !errors.Is(err, dialer.ErrConnect) {
		t.Errorf("a name that the proxy does not know: %v", err)
	}
	if len(proxy.Requests()) != len(want)+1 {
		t.Errorf("%d requests, want %d", len(proxy.Requests()), len(want)+1)
	}
}

type fakeRequest struct {
	target string
	named  bool
}
