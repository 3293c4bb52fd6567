package adapter_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/dialer"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// addrV2 is the payload of an addrv2 with IPv4 addresses, just seen, that serve blocks.
func addrV2(seen uint32, addrs ...string) []byte {
	b := []byte{byte(len(addrs))}
	for _, text := range addrs {
		at := netip.MustParseAddrPort(text)
		b = binary.LittleEndian.AppendUint32(b, seen)
		b = append(b, 9, 1, 4)
		b = append(b, at.Addr().AsSlice()...)
		b = binary.BigEndian.AppendUint16(b, at.Port())
	}
	return b
}

// TestSeedsByProxy starts with nothing but a proxy and the name of a DNS seed: the proxy
// looks the name up, the node behind it names others, and all of them are reached by the
// proxy, each with a token of its own. No name is looked up here and nothing goes direct.
func TestSeedsByProxy(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	others := []string{"8.8.8.8:8333", "9.9.9.9:8333"}
	seed := fakepeer.Script{Addresses: addrV2(1_700_000_000, others...)}
	w := newWorld(t, chain, seed, fakepeer.Script{}, fakepeer.Script{})
	params := *btc.Mainnet.Params()
	params.DNSSeeds = []string{"seed.example", "gone.example"}
	// The seed knows nobody who speaks v2: its name for those leads nowhere.
	routes := map[string]string{"x9.seed.example:8333": w.peers[0].Addr().String()}
	for i, other := range others {
		routes[other] = w.peers[i+1].Addr().String()
	}
	proxy, err := fakepeer.ListenProxy(t.Context(), "127.0.0.1:0", routes)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	w.config.Node.Connect, w.config.Node.UseSeeds, w.config.Params = nil, true, &params
	w.config.Dialer = dialer.Config{Proxy: proxy.Addr()}
	w.run()
	w.log.await(t, "the seed's addresses", func(r map[string]any) bool { return r["msg"] == "seed asked" && r["addresses"] == 2. })
	w.log.await(t, "the seed that is gone", func(r map[string]any) bool { return r["msg"] == "seed not reached" && r["seed"] == "gone.example" })
	w.log.await(t, "the end of the sync", isSynced)
	w.stop()
	w.synced(chain)

	tokens := map[string]bool{}
	var asked []string
	for _, r := range proxy.Requests() {
		asked = append(asked, r.Target)
		if name := !strings.Contains("0123456789", r.Target[:1]); r.Named != name || tokens[r.User+r.Password] || r.User == "" {
			t.Errorf("%+v", r)
		}
		tokens[r.User+r.Password] = true
	}
	for _, want := range append([]string{"x809.seed.example:8333", "x9.seed.example:8333", "x809.gone.example:8333", "x9.gone.example:8333"}, others...) {
		if !slices.Contains(asked, want) {
			t.Errorf("%s was not asked for: %q", want, asked)
		}
	}
}

// TestProxyIsDown says in the log that it is the proxy, and what to do.
func TestProxyIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakepeer.First600())
	peer, _ := addrbook.ParseAddr("192.0.2.1:8333")
	w.config.Node.Connect = []addrbook.Addr{peer}
	w.config.Dialer = dialer.Config{Proxy: netip.MustParseAddrPort("127.0.0.1:1")}
	w.run()
	said := w.log.await(t, "the proxy", func(r map[string]any) bool { return r["msg"] == "peer not reached" })
	if text, _ := said["error"].(string); said["kind"] != node.Manual.String() || !strings.Contains(text, "the SOCKS5 proxy failed: 127.0.0.1:1: connection refused") || !strings.Contains(text, "is Tor") {
		t.Errorf("%v", said)
	}
	w.stop()
}
