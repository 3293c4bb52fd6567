package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// TestAdapterConfinement holds what the adapter keeps to the flags.
func TestAdapterConfinement(t *testing.T) {
	t.Parallel()
	named := func(name string, port uint16) namedPeer {
		return namedPeer{Name: name, Addr: peerAddr{addrbook.FromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port))}}
	}
	tor, other := netip.MustParseAddrPort("127.0.0.1:9050"), netip.MustParseAddrPort("127.0.0.1:9150")
	onionAddr, err := addrbook.ParseAddr(onionName)
	if err != nil {
		t.Fatal(err)
	}
	onionPeer := namedPeer{onionName, peerAddr{onionAddr}}
	for _, c := range []struct {
		name   string
		config adapterConfig
		ports  []uint16
		looks  bool // up names
	}{
		{"seeds", adapterConfig{Network: btc.Mainnet, URL: "nats://127.0.0.1:4222"}, []uint16{53, 4222, 8333}, true},
		{"seeds of signet", adapterConfig{Network: btc.Signet, URL: "nats://127.0.0.1:4223"}, []uint16{53, 4223, 38333}, true},
		{
			"peers by address",
			adapterConfig{Network: btc.Mainnet, URL: "nats://127.0.0.1:4222", Connect: []namedPeer{named("192.0.2.1:8333", 8333), named("[2001:db8::1]:9999", 9999)}},
			[]uint16{4222, 8333, 9999},
			false,
		},
		{"a peer by name", adapterConfig{Network: btc.Mainnet, URL: "nats://[::1]:4222", Connect: []namedPeer{named("peer.example:1234", 1234)}}, []uint16{53, 1234, 4222}, true},
		{"a bus by name", adapterConfig{Network: btc.Mainnet, URL: "tls://bus.example", Connect: []namedPeer{named("192.0.2.1:8333", 8333)}}, []uint16{53, 4222, 8333}, true},
		{
			"several servers",
			adapterConfig{Network: btc.Mainnet, URL: "nats://192.0.2.2:5000,nats://192.0.2.3,nats://[2001:db8::2]", Connect: []namedPeer{named("192.0.2.1:8333", 8333)}},
			[]uint16{4222, 4222, 5000, 8333},
			false,
		},
		{"seeds by proxy", adapterConfig{Network: btc.Mainnet, URL: "nats://127.0.0.1:4222", Reach: reach{Proxy: tor}}, []uint16{4222, 9050}, false},
		{
			"peers by proxy",
			adapterConfig{Network: btc.Mainnet, URL: "nats://127.0.0.1:4222", Connect: []namedPeer{named("peer.example:1234", 1234), named("192.0.2.1:8333", 8333)}, Reach: reach{Proxy: tor}},
			[]uint16{4222, 9050},
			false,
		},
		{"another proxy for onion", adapterConfig{Network: btc.Mainnet, URL: "nats://127.0.0.1:4222", Reach: reach{Proxy: tor, OnionProxy: other}}, []uint16{4222, 9050, 9150}, false},
		{"a proxy for onion alone", adapterConfig{Network: btc.Mainnet, URL: "nats://127.0.0.1:4222", Reach: reach{OnionProxy: other}}, []uint16{53, 4222, 8333, 9150}, true},
		{"nothing but onion", adapterConfig{Network: btc.Mainnet, URL: "nats://127.0.0.1:4222", Reach: reach{OnionProxy: other, Kinds: addrbook.OnlyOnion}}, []uint16{4222, 9150}, false},
		{
			"onion peers",
			adapterConfig{Network: btc.Mainnet, URL: "nats://127.0.0.1:4222", Connect: []namedPeer{onionPeer, named("192.0.2.1:8333", 8333)}, Reach: reach{OnionProxy: other}},
			[]uint16{4222, 8333, 9150},
			false,
		},
	} {
		c.config.Folder = "/data/adapter"
		role, err := c.config.confinement()
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(role.Connect)
		if !slices.Equal(role.Connect, c.ports) || role.Datagrams != c.looks || slices.Contains(role.ReadOnly, "/etc/resolv.conf") != c.looks {
			t.Errorf("%s: %+v", c.name, role)
		}
		if !slices.Equal(role.Folders, []string{"/data/adapter"}) || role.AnyPort || role.AllowNoLandlock || len(role.Listen) > 0 {
			t.Errorf("%s: %+v", c.name, role)
		}
	}
	loose := adapterConfig{Network: btc.Regtest, URL: "nats://127.0.0.1:1", AnyPort: true, NoLandlock: true}
	if role, err := loose.confinement(); err != nil || !role.AnyPort || !role.AllowNoLandlock {
		t.Errorf("loose: %+v, %v", role, err)
	}
	for _, url := range []string{"nats://127.0.0.1:port", "nats://%zz", "nats://127.0.0.1:65536"} {
		if _, err := (&adapterConfig{Network: btc.Mainnet, URL: url}).confinement(); err == nil {
			t.Errorf("%s is taken", url)
		}
	}
}

func TestBrokerConfinement(t *testing.T) {
	t.Parallel()
	for listen, port := range map[string]uint16{"127.0.0.1:4222": 4222, "[::1]:65534": 65534, "127.0.0.1:0": 0, "127.0.0.1:65535": 65535} {
		role, err := (&brokerConfig{StoreDir: "/data/broker", Listen: listen}).confinement()
		if err != nil || !slices.Equal(role.Listen, []uint16{port}) || !slices.Equal(role.Folders, []string{"/data/broker"}) ||
			len(role.Connect)+len(role.ReadOnly) > 0 || role.AnyPort || role.Datagrams {
			t.Errorf("%s: %+v, %v", listen, role, err)
		}
	}
	if _, err := (&brokerConfig{Listen: "127.0.0.1:65536"}).confinement(); err == nil {
		t.Error("port 65536 is taken")
	}
	first := firstFreePort()
	for port, fine := range map[uint16]bool{first - 1: first <= 1, first: true, first + 1: true} {
		_, err := (&brokerConfig{StoreDir: "s", Listen: fmt.Sprintf("127.0.0.1:%d", port)}).confinement()
		if (err == nil) != fine || err != nil && codeOf(err) != exitBus {
			t.Errorf("port %d: %v", port, err)
		}
	}
}

// TestCredentialPaths opens a folder only if nothing but credentials is in it.
func TestCredentialPaths(t *testing.T) {
	t.Parallel()
	fill := func(names ...string) string {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			write(t, filepath.Join(dir, name), "x")
		}
		return dir
	}
	alone := fill("bus.creds", "ca.pem")
	if got := credentialPaths(filepath.Join(alone, "bus.creds")); !slices.Contains(got, alone) {
		t.Errorf("a folder of credentials is closed: %q", got)
	}
	home := fill("bus.creds")
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := credentialPaths(filepath.Join(home, "bus.creds")); !slices.Equal(got, []string{filepath.Join(home, "bus.creds")}) {
		t.Errorf("a folder with more in it is open: %q", got)
	}
	// As Kubernetes mounts a secret.
	mount := fill()
	if err := os.Mkdir(filepath.Join(mount, "..2026_11_21"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(mount, "..2026_11_21", "bus.creds"), "x")
	for link, target := range map[string]string{"..data": "..2026_11_21", "bus.creds": "..data/bus.creds"} {
		if err := os.Symlink(target, filepath.Join(mount, link)); err != nil {
			t.Fatal(err)
		}
	}
	if got := credentialPaths(filepath.Join(mount, "bus.creds")); !slices.Contains(got, mount) {
		t.Errorf("a secret of Kubernetes: %q", got)
	}
	// The most files, and one more.
	for count, open := range map[int]bool{maxCredentials - 1: true, maxCredentials: true, maxCredentials + 1: false} {
		dir := fill()
		for i := range count {
			write(t, filepath.Join(dir, string(rune('a'+i))), "x")
		}
		if got := onlyCredentials(dir); got != open {
			t.Errorf("%d files: open %t", count, got)
		}
	}
	if onlyCredentials(filepath.Join(home, "nowhere")) {
		t.Error("what is not there is open")
	}
}

func TestIsAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:1": true, "[::1]:1": true, "[::1]": true, "::1": true, "fe80::1%eth0": true,
		"localhost:1": false, "localhost": false, "": false, "1.2.3": false, "127.0.0.1.example:1": false,
	} {
		if got := isAddress(address); got != want {
			t.Errorf("%q: %t", address, got)
		}
	}
}
