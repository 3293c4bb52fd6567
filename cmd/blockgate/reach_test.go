package main

import (
	"context"
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/dialer"
)

const onionName = "2g5qfdkn2vvcbqhzcyvyiitg4ceukybxklraxjnu7atlhd22gdwywaid.onion:8333"

// TestReachFlags says what each flag of the network comes to, or why it is refused.
func TestReachFlags(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	tor := netip.MustParseAddrPort("127.0.0.1:9050")
	for _, tt := range []struct {
		args string
		want reach
		err  string
	}{
		{"", reach{}, ""},
		{"--proxy 127.0.0.1:9050", reach{Proxy: tor}, ""},
		{"--proxy [::1]:1", reach{Proxy: netip.MustParseAddrPort("[::1]:1")}, ""},
		{"--onion-proxy 127.0.0.1:9050", reach{OnionProxy: tor}, ""},
		{"--only-net ipv4", reach{Kinds: addrbook.OnlyIPv4}, ""},
		{"--only-net IPv4,ipv6", reach{Kinds: addrbook.IPs}, ""},
		{"--only-net ipv4 --only-net ipv6", reach{Kinds: addrbook.IPs}, ""},
		{"--proxy 127.0.0.1:9050 --only-net onion", reach{Proxy: tor, Kinds: addrbook.OnlyOnion}, ""},
		{"--onion-proxy 127.0.0.1:9050 --only-net onion", reach{OnionProxy: tor, Kinds: addrbook.OnlyOnion}, ""},
		{"--v2-only", reach{Transports: dialer.OnlyV2}, ""},
		{"--v1-only", reach{Transports: dialer.OnlyV1}, ""},
		{"--proxy 127.0.0.1:9050 --nats nats://127.0.0.1:4222", reach{Proxy: tor}, ""},
		{"--proxy 127.0.0.1", reach{}, "--proxy"},
		{"--proxy 127.0.0.1:0", reach{}, "--proxy"},
		{"--proxy 127.0.0.1:65536", reach{}, "--proxy"},
		{"--proxy :9050", reach{}, "--proxy"},
		{"--onion-proxy tor", reach{}, "--onion-proxy"},
		{"--only-net i2p", reach{}, `--only-net "i2p": want ipv4, ipv6 or onion`},
		{"--only-net onion", reach{}, "give --proxy 127.0.0.1:9050"},
		{"--v1-only --v2-only", reach{}, "give one of them"},
		{"--proxy 127.0.0.1:9050 --any-port", reach{}, "--any-port and --proxy"},
		{"--proxy 127.0.0.1:9050 --nats nats://bus:4222", reach{}, "name the server by its address"},
		{"--proxy 127.0.0.1:9050 --nats nats://127.0.0.1:1,tls://bus", reach{}, "name the server by its address"},
	} {
		s, err := parseRun(t, strings.Fields(tt.args)...)
		if tt.err != "" {
			if codeOf(err) != exitUsage || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v; want %q", tt.args, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		got, err := s.reach.resolve(t.Context())
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", tt.args, got, err, tt.want)
		}
		text, err := json.Marshal(got)
		if again := (reach{}); err != nil || json.Unmarshal(text, &again) != nil || again != got {
			t.Errorf("%s: %s comes back as %+v", tt.args, text, again)
		}
	}
	if _, err := (&reachFlags{proxy: "host.invalid:9050"}).resolve(t.Context()); codeOf(err) != exitUsage || !strings.Contains(err.Error(), "--proxy") {
		t.Errorf("a proxy that has no address: %v", err)
	}
}

// TestNamedPeers finds peers that are named by onion address or, behind a proxy, by name,
// without looking anything up.
func TestNamedPeers(t *testing.T) {
	t.Parallel()
	tor := reach{Proxy: netip.MustParseAddrPort("127.0.0.1:9050")}
	only := func(to reach, kinds addrbook.Kinds) reach { to.Kinds = kinds; return to }
	noDNS, cancel := context.WithCancel(t.Context())
	cancel() // each look-up fails
	for _, tt := range []struct {
		name string
		to   reach
		want string // address, or a part of the error
	}{
		{onionName, tor, onionName},
		{strings.ToUpper(onionName[:8]) + onionName[8:], tor, onionName},
		{strings.TrimSuffix(onionName, ":8333"), tor, onionName},
		{onionName, only(tor, addrbook.OnlyOnion), onionName},
		{onionName, reach{OnionProxy: tor.Proxy}, onionName},
		{onionName, reach{}, "give --proxy or --onion-proxy"},
		{onionName, only(tor, addrbook.IPs), "--only-net leaves onion out"},
		{"expyuzz4wqqyqhjn.onion:8333", tor, "no onion address of version 3"},
		{"a" + onionName[1:], tor, "no onion address of version 3"},
		{"127.0.0.1:1", only(reach{}, addrbook.OnlyIPv6), "--only-net leaves ipv4 out"},
		{"[::1]:1", only(reach{}, addrbook.OnlyIPv4), "--only-net leaves ipv6 out"},
		{"[fc00::1]:1", reach{}, "[fc00::1]:1"},
		{"node.example", only(tor, addrbook.OnlyOnion), "a name leads to IP addresses"},
		{"node.example", reach{}, "cannot resolve the host"},
	} {
		peers, err := resolvePeers(noDNS, []string{tt.name}, 8333, tt.to)
		if err != nil {
			if codeOf(err) != exitUsage || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
			}
			continue
		}
		if got := peers[0].Addr.String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		text, err := json.Marshal(peers)
		var again []namedPeer
		if err != nil || json.Unmarshal(text, &again) != nil || !reflect.DeepEqual(again, peers) {
			t.Errorf("%s: %s comes back as %+v", tt.name, text, again)
		}
	}
	peers, err := resolvePeers(noDNS, []string{"node.example:1", "Node.Example:1", "node.example:2", "other.example:1"}, 8333, tor)
	if err != nil {
		t.Fatal(err)
	}
	if peers[0].Addr != peers[1].Addr || peers[0].Addr == peers[2].Addr || peers[0].Addr == peers[3].Addr || peers[0].Addr.Routable() {
		t.Errorf("%+v", peers)
	}
	if peers[0].Name != "node.example:1" || peers[0].byTor() {
		t.Errorf("%+v", peers[0])
	}
}
