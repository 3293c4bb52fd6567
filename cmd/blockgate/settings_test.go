package main

import (
	"context"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

func TestByteSize(t *testing.T) {
	for _, tt := range []struct {
		text string
		want byteSize
		back string
	}{
		{"1", 1, "1"},
		{"1023", 1023, "1023"},
		{"1024", 1 << 10, "1KiB"},
		{"1025", 1025, "1025"},
		{"64MiB", 64 << 20, "64MiB"},
		{"65536KiB", 64 << 20, "64MiB"},
		{"4GiB", 4 << 30, "4GiB"},
		{"900GiB", 900 << 30, "900GiB"},
		{"4294967296GiB", 1 << 62, "4294967296GiB"},
	} {
		var b byteSize
		if err := b.Set(tt.text); err != nil || b != tt.want || b.String() != tt.back {
			t.Errorf("%q: %d %q %v, want %d %q", tt.text, b, b.String(), err, tt.want, tt.back)
		}
	}
	for _, text := range []string{
		"", "0", "-1", "1.5GiB", "GiB", "1GB", "1 GiB", "1gib", "0x10", "4294967297GiB", "9223372036854775808", "1KiBMiB", "+-1",
	} {
		b := byteSize(7)
		if err := b.Set(text); err == nil || b != 7 {
			t.Errorf("%q: taken as %d", text, b)
		}
	}
}

// parseRun reads the flags of run and completes the settings.
func parseRun(t *testing.T, args ...string) (*runSettings, error) {
	t.Helper()
	s := &runSettings{}
	cmd := newRun()
	cmd.ResetFlags()
	addNetwork(cmd, &s.network)
	s.addFlags(cmd.Flags())
	if err := cmd.ParseFlags(append([]string{"--parser", filepath.Join(binDir, "blockgate-parser")}, args...)); err != nil {
		return nil, err
	}
	return s, s.complete(cmd)
}

func TestRunDefaults(t *testing.T) {
	t.Setenv("HOME", "/nowhere")
	for _, n := range btc.Networks() {
		s, err := parseRun(t, "--network", n.String())
		if err != nil {
			t.Fatal(err)
		}
		if s.dataDir != "/nowhere/.blockgate/"+n.String() || s.id != "main" || s.natsListen != "127.0.0.1:4222" || s.parsers != 2 ||
			s.journalSize != 4<<30 || s.minimumWork.Work != n.Params().MinimumChainWork || s.start.Given {
			t.Errorf("%s: %+v", n, s)
		}
	}
	t.Setenv("HOME", "")
	if _, err := parseRun(t); codeOf(err) != exitUsage || !strings.Contains(err.Error(), "--datadir") {
		t.Errorf("without a home: %v", err)
	}
}

func TestRunSettings(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	hash := "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
	for _, tt := range []struct {
		args string
		want string // of the error, "" for none
	}{
		{"", ""},
		{"--id a", ""},
		{"--id " + strings.Repeat("a", 32), ""},
		{"--id " + strings.Repeat("a", 33), "--id"},
		{"--id=", "--id"},
		{"--id a.b", "--id"},
		{"--id a*", "--id"},
		{"--id A", "--id"},
		{"--parsers 1", "--parsers 1"},
		{"--parsers 2", ""},
		{"--parsers 61", ""},
		{"--parsers 62", "--parsers 62"},
		{"--parsers -1", "--parsers -1"},
		{"--journal-size 67108863", "--journal-size"},
		{"--journal-size 64MiB", ""},
		{"--minimum-chain-work 0", ""},
		{"--minimum-chain-work 0xg", "minimum-chain-work"},
		{"--start-height 0", "--start-height 0"},
		{"--start-height -3", "--start-height -3"},
		{"--start-height 1", ""},
		{"--carriers 0", "--carriers 0"},
		{"--carriers 1 --observers 1", ""},
		{"--carriers 16 --observers 8", ""},
		{"--carriers 17", "--carriers 17"},
		{"--observers 0", "--observers 0"},
		{"--observers 9", "--observers 9"},
		{"--tx-expiry 4m59s", "--tx-expiry 4m59s"},
		{"--tx-expiry 5m", ""},
		{"--tx-expiry 336h", ""},
		{"--tx-expiry 336h0m1s", "--tx-expiry 336h0m1s"},
		{"--idle-after 0", ""},
		{"--idle-after 999ms", "--idle-after 999ms"},
		{"--idle-after 1s", ""},
		{"--idle-after -1s", "--idle-after -1s"},
		{"--start-hash " + hash, ""},
		{"--start-hash " + hash[1:], "--start-hash"},
		{"--start-height 1 --start-hash " + hash, "give one of them"},
		{"--nats nats://bus:4222", ""},
		{"--nats tls://bus:4222", ""},
		{"--nats nats://a:1,nats://b:2", ""},
		{"--nats nats://a:1,", "--nats"},
		{"--nats http://bus:4222", "--nats"},
		{"--nats nats://", "--nats"},
		{"--nats nats://bus --nats-listen 127.0.0.1:4222", "give one of them"},
		{"--creds f", "--creds goes with --nats"},
		{"--nats-listen 127.0.0.1:0", ""},
		{"--nats-listen [::1]:4222", ""},
		{"--nats-listen localhost:4222", ""},
		{"--nats-listen 127.9.9.9:4222", ""},
		{"--nats-listen :4222", "loopback"},
		{"--nats-listen 0.0.0.0:4222", "loopback"},
		{"--nats-listen [::]:4222", "loopback"},
		{"--nats-listen 192.168.1.1:4222", "loopback"},
		{"--nats-listen example.com:4222", "loopback"},
		{"--nats-listen 4222", "want host:port"},
		{"--log-format json", ""},
		{"--log-format yaml", "--log-format"},
		{"--allow-no-landlock", "only for demo, parse and --network regtest"},
		{"--allow-no-landlock --network signet", "on signet the cell needs Landlock"},
		{"--allow-no-landlock --network regtest", ""},
		{"--allow-no-landlock --in-demo", "--allow-no-landlock"},
		{"--allow-no-landlock --in-demo --connect 127.0.0.2:8333", ""},
		{"--allow-no-landlock --in-demo --connect 127.0.0.2:8333 --connect 8.8.8.8:8333", "--allow-no-landlock"},
		{"--allow-no-landlock --in-demo --connect localhost:8333", "--allow-no-landlock"},
		{"--parser /nowhere/x", "--parser"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			_, err := parseRun(t, strings.Fields(tt.args)...)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestStartPoint(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	hash := btc.Regtest.Params().Genesis.Hash()
	for _, tt := range []struct {
		args string
		want node.Start
	}{
		{"", node.Start{}},
		{"--start-height 1", node.Start{Kind: node.StartHeight, Height: 1}},
		{"--start-height 2147483647", node.Start{Kind: node.StartHeight, Height: math.MaxInt32}},
		{"--start-hash " + hash.String(), node.Start{Kind: node.StartHash, Hash: hash}},
	} {
		s, err := parseRun(t, strings.Fields(tt.args)...)
		if err != nil || s.start.node() != tt.want {
			t.Errorf("%q: %+v, %v; want %+v", tt.args, s.start.node(), err, tt.want)
		}
	}
}

func TestFindParser(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{plain, dir, filepath.Join(dir, "nosuch")} {
		if got, err := findParser(path); codeOf(err) != exitUsage {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if _, err := findParser(""); codeOf(err) != exitUsage || !strings.Contains(err.Error(), "make build") {
		t.Errorf("no parser beside the test: %v", err)
	}
	t.Chdir(binDir)
	if got, err := findParser("blockgate-parser"); err != nil || got != filepath.Join(binDir, "blockgate-parser") {
		t.Errorf("relative: %q, %v", got, err)
	}
}

func TestResolvePeers(t *testing.T) {
	for _, tt := range []struct {
		name string
		want string // "" for an error
		as   string
	}{
		{"127.0.0.1:18444", "127.0.0.1:18444", "127.0.0.1:18444"},
		{"127.0.0.1", "127.0.0.1:8333", "127.0.0.1:8333"},
		{"[::1]:99", "[::1]:99", "[::1]:99"},
		{"[::1]", "[::1]:8333", "[::1]:8333"},
		{"::1", "[::1]:8333", "[::1]:8333"},
		{"[::ffff:127.0.0.1]:1", "127.0.0.1:1", "[::ffff:127.0.0.1]:1"},
		{"127.0.0.1:65535", "127.0.0.1:65535", "127.0.0.1:65535"},
		{"127.0.0.1:65536", "", ""},
		{"127.0.0.1:0", "", ""},
		{"127.0.0.1:http", "", ""},
		{":8333", "", ""},
		{"", "", ""},
	} {
		peers, err := resolvePeers(t.Context(), []string{tt.name}, 8333, reach{})
		if tt.want == "" {
			if codeOf(err) != exitUsage || !strings.Contains(err.Error(), "--connect") {
				t.Errorf("%q: %v, %v", tt.name, peers, err)
			}
			continue
		}
		if err != nil || len(peers) != 1 || peers[0].Addr.Addr != addrbook.FromAddrPort(netip.MustParseAddrPort(tt.want)) || peers[0].Name != tt.as {
			t.Errorf("%q: %v, %v; want %s", tt.name, peers, err, tt.want)
		}
	}
	for n, fails := range map[int]bool{maxConnect: false, maxConnect + 1: true} {
		names := make([]string, n)
		for i := range names {
			names[i] = "127.0.0.1"
		}
		if _, err := resolvePeers(t.Context(), names, 1, reach{}); (err != nil) != fails {
			t.Errorf("%d peers: %v", n, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := resolvePeers(gone, []string{"host.invalid"}, 1, reach{}); err == nil {
		t.Error("a name was resolved after the end")
	}
}

func TestRoleEnvironment(t *testing.T) {
	t.Setenv("GOCOVERDIR", "/cover")
	t.Setenv("SSL_CERT_FILE", "/certs")
	t.Setenv("SECRET", "x")
	t.Setenv("BLOCKGATE_CREDS", "x")
	if got := strings.Join(roleEnvironment(), " "); !strings.Contains(got, "GOCOVERDIR=/cover") || strings.Contains(got, "x") {
		t.Errorf("%q", got)
	}
}

// TestAdapterConfig looks at what goes to the brain.
func TestAdapterConfig(t *testing.T) {
	peer := namedPeer{Name: "host:1", Addr: peerAddr{addrbook.FromAddrPort(netip.MustParseAddrPort("127.0.0.1:1"))}}
	c := adapterConfig{Network: btc.Regtest, Connect: []namedPeer{peer}}
	got := c.node(1000)
	if got.UseSeeds || len(got.Connect) != 1 || got.Connect[0] != peer.Addr.Addr || got.Window != ringSlots-windowSlack {
		t.Errorf("%+v", got)
	}
	if names := c.names(); names[peer.Addr.Addr] != "host:1" {
		t.Errorf("%v", names)
	}
	if !(&adapterConfig{Network: btc.Mainnet}).node(0).UseSeeds {
		t.Error("nobody to connect to, and no seeds")
	}
}
