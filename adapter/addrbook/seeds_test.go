package addrbook

import (
	"slices"
	"strings"
	"testing"

	"blockgate/internal/btc"
)

func TestFixedSeeds(t *testing.T) {
	// Source: Bitcoin Core, contrib/seeds/nodes_*.txt.
	for network, want := range map[btc.Network]map[Kind]int{
		btc.Mainnet:  {IPv4: 512, IPv6: 187, TorV3: 116, I2P: 34},
		btc.Testnet3: {IPv4: 68, IPv6: 35, TorV3: 69, I2P: 5, CJDNS: 2},
		btc.Testnet4: {IPv4: 48, IPv6: 48, TorV3: 60, I2P: 6, CJDNS: 2},
		btc.Signet:   {IPv4: 35, IPv6: 23, TorV3: 59, I2P: 4, CJDNS: 2},
		btc.Regtest:  {},
	} {
		seeds, err := FixedSeeds(network)
		if err != nil {
			t.Fatalf("%v: %v", network, err)
		}
		got := map[Kind]int{}
		once := map[Addr]bool{}
		for _, a := range seeds {
			got[a.Kind()]++
			once[a] = true
		}
		if len(once) != len(seeds) || len(got) != len(want) {
			t.Errorf("%v: %d seeds, %d of them different, %d kinds", network, len(seeds), len(once), len(got))
		}
		for kind, n := range want {
			if got[kind] != n {
				t.Errorf("%v: %d of %v, want %d", network, got[kind], kind, n)
			}
		}
	}
}

func TestParseSeeds(t *testing.T) {
	many := func(n int) string {
		var s strings.Builder
		for i := range n {
			s.WriteString(v4(i%500, i).String() + "\n")
		}
		return s.String()
	}
	for name, c := range map[string]struct {
		text string
		want int
		err  string
	}{
		"none":            {"", 0, ""},
		"comments":        {"# a list\n\n  \n8.8.8.8:8333 # AS15169\r\n[2600::1]:8333", 2, ""},
		"not an address":  {"8.8.8.8:8333\nexample.org:8333\n", 0, "line 2"},
		"not routable":    {"127.0.0.1:8333", 0, "line 1"},
		"no port":         {"8.8.8.8", 0, "line 1"},
		"all but one":     {many(MaxSeeds - 1), MaxSeeds - 1, ""},
		"as many":         {many(MaxSeeds), MaxSeeds, ""},
		"one more":        {many(MaxSeeds + 1), 0, "line 4097"},
		"as many bytes":   {"#" + strings.Repeat("x", maxSeedText-1), 0, ""},
		"one more byte":   {"#" + strings.Repeat("x", maxSeedText), 0, "more than"},
		"one byte less":   {"#" + strings.Repeat("x", maxSeedText-2), 0, ""},
		"a very long one": {strings.Repeat("8", 100000), 0, "line 1"},
	} {
		seeds, err := ParseSeeds(c.text)
		if len(seeds) != c.want || (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || len(err.Error()) > 200) {
			t.Errorf("%s: %d seeds, %v", name, len(seeds), err)
		}
	}
}

func TestSeedNames(t *testing.T) {
	for services, want := range map[uint64]string{0: "seed.example", 1: "x1.seed.example", 9: "x9.seed.example", 0x809: "x809.seed.example"} {
		if got := SeedName("seed.example", services); got != want {
			t.Errorf("%x: %s, want %s", services, got, want)
		}
	}
	for network, want := range map[btc.Network]int{btc.Mainnet: 8, btc.Testnet3: 5, btc.Testnet4: 2, btc.Signet: 2, btc.Regtest: 0} {
		if got := SeedNames(network); len(got) != want {
			t.Errorf("%v: %d seeds, want %d", network, len(got), want)
		}
	}
	want := []string{"x809.seed.bitcoin.sipa.be", "x9.seed.bitcoin.sipa.be", "seed.bitcoin.sipa.be"}
	if got := SeedNames(btc.Mainnet)[0]; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestDNSSource(t *testing.T) {
	long := strings.Repeat("x", maxSeedName)
	if DNSSource("a.example") == DNSSource("b.example") {
		t.Error("seeds are not a source each")
	}
	if DNSSource(long) != DNSSource(long+"y") || DNSSource(long) == DNSSource(long[1:]) {
		t.Error("names have no bound, or too low a one")
	}
	if seedSource(v4(1, 1)) == seedSource(v4(1, 2)) || seedSource(v4(1, 1)) == DNSSource("a.example") || ManualSource() == (Source{}) {
		t.Error("fixed seeds are not a source each")
	}
}
