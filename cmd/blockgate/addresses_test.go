package main

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

func TestSlotSettings(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.dat")
	if err := os.WriteFile(broken, []byte{0xff, 0xff}, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		set  slotSettings
		says string
	}{
		{"defaults", slotSettings{MaxOutbound: 10, Feelers: 1}, ""},
		{"least", slotSettings{MaxOutbound: 1}, ""},
		{"none", slotSettings{MaxOutbound: 0}, "--max-outbound 0"},
		{"most", slotSettings{MaxOutbound: node.MaxOutboundLimit, Feelers: node.MaxFeelers}, ""},
		{"more", slotSettings{MaxOutbound: node.MaxOutboundLimit + 1}, "--max-outbound 126"},
		{"feelers", slotSettings{MaxOutbound: 1, Feelers: node.MaxFeelers + 1}, "--feelers 9"},
		{"less than no feelers", slotSettings{MaxOutbound: 1, Feelers: -1}, "--feelers -1"},
		{"no map", slotSettings{MaxOutbound: 1, ASMap: filepath.Join(t.TempDir(), "none")}, "--asmap"},
		{"a broken map", slotSettings{MaxOutbound: 1, ASMap: broken}, "--asmap " + broken},
	} {
		err := c.set.complete()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestOpenBook gives the brain its book and the network's fixed seeds, and nothing of the
// public signet to one of your own.
func TestOpenBook(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	peer := []namedPeer{{Name: "10.0.0.1:1", Addr: peerAddr{addrbook.FromAddrPort(netip.MustParseAddrPort("10.0.0.1:1"))}}}
	for _, c := range []struct {
		name  string
		with  adapterConfig
		seeds bool
	}{
		{"mainnet", adapterConfig{Network: btc.Mainnet}, true},
		{"regtest", adapterConfig{Network: btc.Regtest}, false},
		{"named peers", adapterConfig{Network: btc.Mainnet, Connect: peer}, false},
		{"a signet of your own", adapterConfig{Network: btc.Signet, Challenge: []byte{0x51}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.with.Folder = t.TempDir()
			var brain node.Config
			file, err := c.with.openBook(&brain, log)
			if err != nil {
				t.Fatal(err)
			}
			if (len(brain.FixedSeeds) > 0) != c.seeds || brain.Book.Len() != 0 {
				t.Errorf("%d fixed seeds, %d addresses", len(brain.FixedSeeds), brain.Book.Len())
			}
			first := brain.Book.Append(nil)
			if err := file.Save(first); err != nil {
				t.Fatal(err)
			}
			if _, err := c.with.openBook(&brain, log); err != nil || string(brain.Book.Append(nil)) != string(first) {
				t.Errorf("the second start has another book: %v", err)
			}
		})
	}
	c := adapterConfig{Network: btc.Mainnet, Folder: filepath.Join(t.TempDir(), "a file")}
	if err := os.WriteFile(c.Folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := c.openBook(&node.Config{}, log)
	if exit, ok := errors.AsType[*exitError](err); !ok || exit.code != exitData {
		t.Errorf("%v", err)
	}
}

// TestBrainSettings tells the brain when to rest and how transactions go out.
func TestBrainSettings(t *testing.T) {
	c := adapterConfig{Network: btc.Regtest, IdleAfter: time.Minute, Sending: sendSettings{Carriers: 5, Observers: 4}}
	if got := c.node(0); got.IdleAfter != time.Minute || got.Carriers != 5 || got.Observers != 4 {
		t.Errorf("%s, %d, %d", got.IdleAfter, got.Carriers, got.Observers)
	}
}

// TestSetSlots tells the brain what the confined adapter can reach.
func TestSetSlots(t *testing.T) {
	proxy := netip.MustParseAddrPort("127.0.0.1:9050")
	for _, c := range []struct {
		name  string
		with  adapterConfig
		port  uint16
		kinds addrbook.Kinds
	}{
		{"direct", adapterConfig{Network: btc.Mainnet}, 8333, addrbook.IPs},
		{"any port", adapterConfig{Network: btc.Mainnet, AnyPort: true}, 0, addrbook.IPs},
		{"by Tor", adapterConfig{Network: btc.Mainnet, Reach: reach{Proxy: proxy}}, 0, addrbook.Dialable},
		{"onions by Tor", adapterConfig{Network: btc.Mainnet, Reach: reach{OnionProxy: proxy}}, 8333, addrbook.Dialable},
		{"onions alone", adapterConfig{Network: btc.Mainnet, Reach: reach{OnionProxy: proxy, Kinds: addrbook.OnlyOnion}}, 8333, addrbook.OnlyOnion},
	} {
		var brain node.Config
		c.with.setSlots(&brain)
		if brain.OnlyPort != c.port || brain.Kinds != c.kinds || brain.Feelers != -1 {
			t.Errorf("%s: port %d, kinds %b, feelers %d", c.name, brain.OnlyPort, brain.Kinds, brain.Feelers)
		}
	}
}
