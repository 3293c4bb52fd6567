package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// peers returns the answer of `blockgate peers --json`.
func (d *daemon) peers() *peersResult {
	d.t.Helper()
	var result peersResult
	if err := json.Unmarshal([]byte(d.must("peers", "--json")), &result); err != nil {
		d.t.Fatal(err)
	}
	return &result
}

// find returns the peer at an address, nil if it is not there.
func (r *peersResult) find(addr string) *shownPeer {
	i := slices.IndexFunc(r.Peers, func(p shownPeer) bool { return p.Addr == addr })
	if i < 0 {
		return nil
	}
	return &r.Peers[i]
}

// TestPeersCommands bans a peer of a running service, lifts the ban and names
// another peer.
func TestPeersCommands(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 93, 10)
	one, two := listen(t, 93, chain, fakepeer.Script{}), listen(t, 94, chain, fakepeer.Script{})
	first, second := one.Addr().String(), two.Addr().String()
	d := startDaemon(t, t.TempDir(), append(connectTo(one), "--network", "regtest", "--any-port")...)
	follow(d, 0, genesis(btc.Regtest)).connects(10)

	var p *shownPeer
	eventually(t, "peer that is ready", func() bool {
		p = d.peers().find(first)
		return p != nil && p.State == "ready" && p.Height == 10
	})
	if p.Kind != "manual" || p.Transport == "" || p.UserAgent == "" || !slices.Contains(p.Services, "witness") || p.StartHeight != 10 || !p.Served || p.BytesIn < 1000 || p.BytesOut < 100 {
		t.Errorf("%+v", p)
	}
	if table := d.must("peers"); !strings.Contains(table, first) || !strings.Contains(table, "ready") || !strings.Contains(table, "1 peers, 0 bans") {
		t.Errorf("%s", table)
	}

	d.must("ban", first, "--for", "1h")
	eventually(t, "end of the connection", func() bool { r := d.peers(); return r.find(first) == nil && len(r.Bans) > 0 })
	if left := d.peers().Bans[0].Seconds; left < 3500 || left > 3600 {
		t.Errorf("the ban lasts %d s", left)
	}
	if table := d.must("peers"); !strings.Contains(table, "banned: ") {
		t.Errorf("%s", table)
	}
	d.must("connect", second)
	eventually(t, "the other peer", func() bool { p := d.peers().find(second); return p != nil && p.State == "ready" })
	d.must("unban", first)
	eventually(t, "the first peer again", func() bool { p := d.peers().find(first); return p != nil && p.State == "ready" })

	for _, c := range []struct {
		args []string
		code exitCode
		want string
	}{
		{[]string{"unban", "192.0.2.1"}, exitNo, "nobody there is banned"},
		{[]string{"ban", "nonsense"}, exitUsage, "want an address such as"},
		{[]string{"ban", "192.0.2.1", "--for", "-1s"}, exitUsage, "--for"},
		{[]string{"ban", "192.0.2.1", "--for", "1500ms"}, exitUsage, "whole seconds"},
		{[]string{"connect", "192.0.2.0/24"}, exitUsage, "not a range"},
		{[]string{"connect"}, exitUsage, "blockgate connect"},
	} {
		if code, output := d.command(c.args...); code != int(c.code) || !strings.Contains(output, c.want) {
			t.Errorf("%q: exit code %d, %s", c.args, code, output)
		}
	}
	d.must("ban", "127.0.0.0/8")
	eventually(t, "end of all connections", func() bool { return len(d.peers().Peers) == 0 })
	if code, output := d.command("connect", first); code != int(exitNo) || !strings.Contains(output, "banned") {
		t.Errorf("connect to a banned range: exit code %d, %s", code, output)
	}
	d.must("unban", "0.0.0.0/0")
	eventually(t, "both peers", func() bool { return len(d.peers().Peers) == 2 })
}

// TestBookStats counts the addresses of a running service.
func TestBookStats(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, t.TempDir(), "--network", "regtest", "--connect", "127.0.0.1:1")
	eventually(t, "startup", func() bool { code, _ := d.command("health", "startup"); return code == 0 })
	var result bookResult
	if err := json.Unmarshal([]byte(d.must("addrbook", "stats", "--json")), &result); err != nil || len(result.Networks) != 5 || result.Entries != result.New+result.Tried {
		t.Errorf("%+v, %v", result, err)
	}
	if text := d.must("addrbook", "stats"); !strings.HasPrefix(text, fmt.Sprintf("%d addresses: ", result.Entries)) || !strings.Contains(text, "onion") {
		t.Errorf("%q", text)
	}
}

func TestParseWhom(t *testing.T) {
	t.Parallel()
	onion := "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:8333", "192.0.2.1:1": "192.0.2.1:1", "2001:db8::1": "[2001:db8::1]:8333", "[2001:db8::1]": "[2001:db8::1]:8333",
		"[2001:db8::1]:7": "[2001:db8::1]:7", "192.0.2.77/24": "192.0.2.0/24", "2001:db8::/32": "2001:db8::/32", onion: onion + ":8333", onion + ":9": onion + ":9",
		"": "", "x": "", "192.0.2.1/33": "", "192.0.2": "", "192.0.2.1:70000": "", "localhost": "", "192.0.2.1:x": "", "fe80::1%eth0": "",
	} {
		w, err := parseWhom(text, 8333)
		got := ""
		switch {
		case err != nil:
		case w.prefix.IsValid():
			got = w.prefix.String()
		default:
			got = w.addr.String()
		}
		if got != want || (err == nil) != (want != "") || err != nil && codeOf(err) != exitUsage {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestServiceNames(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint64]string{
		0: "", 1: "network", 1 | 1<<3 | 1<<11: "network witness p2p-v2", 1<<10 | 1<<63 | 1<<1: "network-limited 0x8000000000000002", 1<<2 | 1<<6: "bloom compact-filters",
	} {
		if got := strings.Join(serviceNames(bits), " "); got != want {
			t.Errorf("%#x: %q, want %q", bits, got, want)
		}
	}
}

func TestShortBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[float64]string{0: "0B", 999: "999B", 1000: "1kB", 1234567: "1.23MB", 5e9: "5GB", 7e12: "7TB", 0.4: "0.4B"} {
		if got := shortBytes(n); got != want {
			t.Errorf("%g: %q, want %q", n, got, want)
		}
	}
}
