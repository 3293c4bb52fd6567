package addrbook

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestRoutable(t *testing.T) { // THREATS M13: what strangers may name.
	type span struct{ first, last, below, above string }
	// The first and the last of each range are refused; their neighbours, if they
	// are given, are not.
	for name, s := range map[string]span{
		"0/8":              {"0.0.0.0", "0.255.255.255", "", "1.0.0.0"},
		"RFC1918 10/8":     {"10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
		"RFC6598":          {"100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"},
		"loopback":         {"127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"},
		"RFC3927":          {"169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"},
		"RFC1918 172.16":   {"172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
		"RFC6890":          {"192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"},
		"RFC5737 1":        {"192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"},
		"RFC1918 192.168":  {"192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"},
		"RFC2544":          {"198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"},
		"RFC5737 2":        {"198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"},
		"RFC5737 3":        {"203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"},
		"multicast on":     {"224.0.0.0", "255.255.255.255", "223.255.255.255", ""},
		"IPv4-compatible":  {"::", "::ffff:ffff", "", ""},
		"RFC8215":          {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "64:ff9b:0:ffff::", "64:ff9b:2::"},
		"RFC6666":          {"100::", "100::ffff:ffff:ffff:ffff", "ff:ffff:ffff:ffff::", "100:0:0:1::"},
		"RFC4843, 7343":    {"2001:10::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", "2001:f:ffff::", "2001:30::"},
		"RFC3849":          {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff::", "2001:db9::"},
		"RFC9637":          {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe:ffff::", "3fff:1000::"},
		"RFC4193":          {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fbff:ffff::", "fe00::"},
		"link, site local": {"fe80::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe7f:ffff::", ""},
		"multicast v6":     {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", ""},
		"NAT64 to 10/8":    {"64:ff9b::10.0.0.0", "64:ff9b::10.255.255.255", "64:ff9b::9.255.255.255", "64:ff9b::11.0.0.0"},
		"SIIT to 127/8":    {"::ffff:0:127.0.0.0", "::ffff:0:127.255.255.255", "::ffff:0:126.255.255.255", "::ffff:0:128.0.0.0"},
		"6to4 to 10/8":     {"2002:a00::", "2002:aff:ffff::", "2002:9ff:ffff::", "2002:b00::"},
		"Teredo to 10/8":   {"2001::f5ff:ffff", "2001::f500:0", "2001::f600:0", "2001::f4ff:ffff"},
	} {
		t.Run(name, func(t *testing.T) {
			for text, want := range map[string]bool{s.first: false, s.last: false, s.below: true, s.above: true} {
				if text == "" {
					continue
				}
				a := FromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(text), 8333))
				if got := a.Routable(); got != want {
					t.Errorf("%s: %v, want %v", text, got, want)
				}
			}
		})
	}
}

func TestRoutableNeedsPort(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8:0": false, "8.8.8.8:1": true, "8.8.8.8:65535": true, "[2600::1]:0": false, onion + ":0": false, onion + ":1": true,
		i2p + ":0": true, "[fc01::1]:8333": true, "[fc01::1]:0": false,
	} {
		if got := at(t, text).Routable(); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if (Addr{}).Routable() || (Addr{}).String() != "no address" || (Addr{}).Host() != "" {
		t.Error("no address is one")
	}
}

// Source: Bitcoin Core v30.0 src/test/net_tests.cpp, cnetaddr_basic.
const (
	onion    = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
	onionKey = "79bcc625184b05194975c28b66b66b0469f7f6556fb1ac3189a79b40dda32f1f"
	i2p      = "udhdrtrcetjm5sxzskjyr5ztpeszydbh4dpl3pl4utgqqw2v4jna.b32.i2p"
)

func TestParseAddr(t *testing.T) {
	for text, want := range map[string]Kind{
		"8.8.8.8:8333": IPv4, "[::ffff:8.8.8.8]:8333": IPv4, "[2600::1]:8333": IPv6, "[fc00::1]:1": CJDNS, "[fd00::1]:1": IPv6,
		onion + ":8333": TorV3, i2p + ":0": I2P,
	} {
		a := at(t, text)
		if a.Kind() != want {
			t.Errorf("%s: %v, want %v", text, a.Kind(), want)
		}
		if got := a.String(); got != text && want != IPv4 {
			t.Errorf("%s: written %s", text, got)
		}
		if again := at(t, a.String()); again != a {
			t.Errorf("%s: read again %v", text, again)
		}
	}
	if key := at(t, onion+":1").bytes; hex.EncodeToString(key[:]) != onionKey {
		t.Errorf("key %x", key)
	}
	for _, text := range []string{
		"", ":", "8.8.8.8", "8.8.8.8:65536", "8.8.8.8:-1", "[fe80::1%eth0]:8333", "example.org:8333", onion, onion + ":x",
		strings.Replace(onion, "cryd", "crya", 1) + ":1", strings.Replace(onion, "pg6", "pg7", 1) + ":1",
		strings.ToUpper(onion) + ":1", "a" + onion + ":1", onion[1:] + ":1", "udhdrtrcetjm5sxz.b32.i2p:0", "a" + i2p + ":0",
		strings.Repeat("a", 1<<16) + ".onion:1", "6hzph5hv6337r6p2.onion:1",
	} {
		if a, err := ParseAddr(text); !errors.Is(err, ErrForm) || a != (Addr{}) {
			t.Errorf("%.80q: %v, %v", text, a, err)
		}
	}
}

func TestFromWire(t *testing.T) { // THREATS M14.
	for _, c := range []struct {
		name    string
		network uint8
		address string
		want    error
	}{
		{"IPv4", 1, "01020304", nil},
		{"IPv4 of 3", 1, "010203", ErrSize},
		{"IPv4 of 5", 1, "0102030405", ErrSize},
		{"IPv4 of none", 1, "", ErrSize},
		{"IPv6", 2, "0102030405060708090a0b0c0d0e0f10", nil},
		{"IPv6 of 15", 2, "0102030405060708090a0b0c0d0e0f", ErrSize},
		{"IPv6 of 17", 2, "0102030405060708090a0b0c0d0e0f1011", ErrSize},
		{"IPv6 with IPv4", 2, "00000000000000000000ffff01020304", ErrForm},
		{"IPv6 with TORv2", 2, "fd87d87eeb430102030405060708090a", ErrForm},
		{"IPv6 with a name", 2, "fd6b88c08724ca978112ca1bbdcafac2", ErrForm},
		{"TORv2", 3, "f1f2f3f4f5f6f7f8f9fa", ErrNetwork},
		{"TORv3", 4, onionKey, nil},
		{"TORv3 of 31", 4, onionKey[2:], ErrSize},
		{"TORv3 of 33", 4, onionKey + "00", ErrSize},
		{"I2P", 5, onionKey, nil},
		{"I2P of 31", 5, onionKey[2:], ErrSize},
		{"CJDNS", 6, "fc000001000200030004000500060007", nil},
		{"CJDNS of 15", 6, "fc0000010002000300040005000600", ErrSize},
		{"CJDNS elsewhere", 6, "fd000001000200030004000500060007", ErrForm},
		{"network 0", 0, "01020304", ErrNetwork},
		{"network 7", 7, "01020304", ErrNetwork},
		{"network 170 of 512", 170, strings.Repeat("00", 512), ErrNetwork},
		{"network 255", 255, "", ErrNetwork},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := hex.DecodeString(c.address)
			if err != nil {
				t.Fatal(err)
			}
			a, err := FromWire(c.network, raw, 8333)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if a.Kind() != Kind(c.network) || a.Port() != 8333 || !bytes.Equal(a.bytes[:len(raw)], raw) {
				t.Errorf("%v", a)
			}
			if again := at(t, a.String()); again != a {
				t.Errorf("%v, read again %v", a, again)
			}
		})
	}
}

func TestAddrPort(t *testing.T) {
	for text, want := range map[string]bool{"8.8.8.8:1": true, "[2600::1]:1": true, "[fc00::1]:1": false, onion + ":1": false, i2p + ":0": false} {
		a := at(t, text)
		got, ok := a.AddrPort()
		if ok != want || ok && (got.String() != text || FromAddrPort(got) != a) {
			t.Errorf("%s: %v, %v", text, got, ok)
		}
	}
	if a := FromAddrPort(netip.AddrPort{}); a != (Addr{}) {
		t.Errorf("an invalid address is %v", a)
	}
	if a := FromAddrPort(netip.MustParseAddrPort("[fe80::1%eth0]:1")); a != at(t, "[fe80::1]:1") {
		t.Errorf("a zone is kept: %v", a)
	}
}

func TestKindString(t *testing.T) {
	for kind, want := range map[Kind]string{0: "network(0)", IPv4: "ipv4", IPv6: "ipv6", 3: "network(3)", TorV3: "onion", I2P: "i2p", CJDNS: "cjdns", 7: "network(7)"} {
		if got := kind.String(); got != want {
			t.Errorf("%d: %s, want %s", kind, got, want)
		}
	}
}

func TestGroup(t *testing.T) {
	b := New(testConfig(1))
	// Source: Bitcoin Core v30.0 src/test/netbase_tests.cpp, netbase_getgroup.
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"127.0.0.1:1", "10.0.0.1:1", true}, // What is not routable is one group.
		{"1.2.3.4:1", "1.2.255.255:2", true},
		{"1.2.3.4:1", "1.3.3.4:1", false},
		{"1.2.3.4:1", "[::ffff:0:102:304]:1", true},                     // RFC6145.
		{"1.2.3.4:1", "[64:ff9b::102:304]:1", true},                     // RFC6052.
		{"1.2.3.4:1", "[2002:102:304:9999::9999]:1", true},              // RFC3964.
		{"1.2.3.4:1", "[2001:0:9999:9999:9999:9999:fefd:fcfb]:1", true}, // RFC4380.
		{"[2001:470:abcd:9999::1]:1", "[2001:470:afff::2]:1", true},     // he.net, /36.
		{"[2001:470:abcd:9999::1]:1", "[2001:470:bbcd::2]:1", false},
		{"[2001:2001:9999::1]:1", "[2001:2001:1::2]:1", true}, // /32.
		{"[2001:2001:9999::1]:1", "[2001:2002:9999::1]:1", false},
		{"[fc01:1::1]:1", "[fc0f:1::1]:1", true}, // CJDNS: 4 bits after fc.
		{"[fc01:1::1]:1", "[fc11:1::1]:1", false},
	} {
		if same := b.Group(at(t, c.a)) == b.Group(at(t, c.b)); same != c.same {
			t.Errorf("%s and %s: %v, want %v", c.a, c.b, same, c.same)
		}
	}
	groups := map[Group]bool{}
	for first := range 256 {
		a, err := FromWire(uint8(TorV3), append([]byte{byte(first)}, make([]byte, 31)...), 1)
		if err != nil {
			t.Fatal(err)
		}
		groups[b.Group(a)] = true
	}
	if len(groups) != 16 {
		t.Errorf("%d groups of onions, want 16", len(groups))
	}
}
