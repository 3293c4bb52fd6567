package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/bus"
	"blockgate/internal/btc"
	"blockgate/ops"
)

// command runs a command that asks the service, and returns exit code and output.
func (d *daemon) command(args ...string) (int, string) {
	d.t.Helper()
	return runOnce(d.t, daemonOptions{}, append(args, "--network", "regtest", "--datadir", d.dataDir)...)
}

// must runs a command that has to work and returns its output.
func (d *daemon) must(args ...string) string {
	d.t.Helper()
	code, output := d.command(args...)
	if code != 0 {
		d.t.Fatalf("blockgate %q: exit code %d: %s", args, code, output)
	}
	return output
}

// TestInvalidate takes the tip of a running service back by a command and sees the
// journal go to the other branch, and back once the operator takes the word back.
func TestInvalidate(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 91, 20)
	other := chain.Clone()
	if err := other.Fork(17, 3); err != nil { // blocks 18 to 20 are others
		t.Fatal(err)
	}
	one, two := listen(t, 91, chain, fakepeer.Script{}), listen(t, 92, other, fakepeer.Script{})
	address := freeAddress(t)
	d := startDaemon(t, t.TempDir(), append(connectTo(one), "--network", "regtest", "--http-listen", address, "--connect", two.Addr().String())...)
	f := follow(d, 0, genesis(btc.Regtest))
	for f.tip < 20 { // two branches of equal work: which one is followed may change on the way
		f.next()
	}
	bad := f.hash
	winner, loser := chain, other
	if at, _ := chain.At(20); at != bad {
		winner, loser = other, chain
	}
	f.at(winner)
	eventually(t, "readiness", func() bool { code, _ := d.command("health"); return code == 0 })

	first, _ := winner.At(18)
	d.must("invalidate", first.String())
	f.path(3, 20)
	f.at(loser)
	code, output := d.command("health", "ready", "--json")
	var report ops.Report
	if err := json.Unmarshal([]byte(strings.SplitN(output, "\n", 2)[0]), &report); code != int(exitNo) || err != nil || report.OK ||
		!strings.Contains(fmt.Sprint(report.Reasons), ops.ReasonParked+" ") {
		t.Errorf("health while a block is set aside: exit code %d, %s", code, output)
	}
	if status, body := get(t, address, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, first.String()) {
		t.Errorf("/readyz: %d %s", status, body)
	}
	for _, wrong := range []struct{ verb, hash, want string }{
		{"invalidate", genesis(btc.Regtest).String(), "it is the first block"},
		{"invalidate", strings.Repeat("ab", 32), "the header is not known"},
		{"reconsider", strings.Repeat("ab", 32), "nothing of it is parked"},
	} {
		if code, output := d.command(wrong.verb, wrong.hash); code != int(exitNo) || !strings.Contains(output, wrong.want) {
			t.Errorf("%s %s: exit code %d, %s", wrong.verb, wrong.hash, code, output)
		}
	}
	if code, output := d.command("invalidate", "nonsense"); code != int(exitUsage) {
		t.Errorf("exit code %d, %s", code, output)
	}

	// Given back, the branch is followed again once it has more work.
	var result orderResult
	if err := json.Unmarshal([]byte(d.must("reconsider", first.String(), "--json")), &result); err != nil || result.Parked != "" || result.BestHeight != 20 {
		t.Errorf("%+v, %v", result, err)
	}
	if err := winner.Mine(1); err != nil {
		t.Fatal(err)
	}
	f.path(3, 21)
	f.at(winner)
	eventually(t, "readiness", func() bool { code, _ := d.command("health"); return code == 0 })
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if code, output := d.command("health", "live"); code != int(exitNo) || !strings.Contains(output, "no blockgate answers") {
		t.Errorf("health of nobody: exit code %d, %s", code, output)
	}
	if code, output := d.command("reconsider", first.String()); code != int(exitData) || !strings.Contains(output, "start one with") {
		t.Errorf("order to nobody: exit code %d, %s", code, output)
	}
}

// TestAcceptReorg: a heavier branch that forks below what is final is held, health says
// so, and the operator's word publishes it as a reset.
func TestAcceptReorg(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 95, 160)
	peer := listen(t, 95, chain, fakepeer.Script{})
	address := freeAddress(t)
	d := startDaemon(t, t.TempDir(), append(connectTo(peer), "--network", "regtest", "--http-listen", address)...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(160)
	eventually(t, "readiness", func() bool { code, _ := d.command("health"); return code == 0 })
	if code, output := d.command("accept-reorg", f.hash.String()); code != int(exitNo) || !strings.Contains(output, "refused: ") {
		t.Errorf("nothing is held: exit code %d, %s", code, output)
	}
	if err := chain.Fork(10, 152); err != nil { // 16 blocks up to height 16 are final
		t.Fatal(err)
	}
	_, tip := chain.Tip()
	eventually(t, "word of a held branch", func() bool {
		code, output := d.command("health")
		return code == int(exitNo) && strings.Contains(output, "(held)") && strings.Contains(output, tip.String())
	})
	d.must("accept-reorg", tip.String())
	e := f.next()
	if e.Kind != bus.Reset || e.Height != 10 {
		t.Fatalf("%v of block %d, want a reset to block 10", e.Kind, e.Height)
	}
	f.connects(162)
	f.at(chain)
	if _, shown := get(t, address, "/metrics"); !strings.Contains(shown, "blockgate_reorg_depth_blocks 150\n") || !strings.Contains(shown, "blockgate_journal_events_total{kind=\"reset\"} 1\n") {
		t.Errorf("metrics say nothing of a reset by 150 blocks")
	}
	eventually(t, "readiness", func() bool { code, _ := d.command("health"); return code == 0 })
}

// TestHealth: without peers and with HTTP off the service is up and alive, and not
// ready for a reason that it names.
func TestHealth(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, t.TempDir(), "--network", "regtest", "--connect", "127.0.0.1:1")
	eventually(t, "startup", func() bool { code, _ := d.command("health", "startup"); return code == 0 })
	if got := d.must("health", "live"); got != "live: ok\n" {
		t.Errorf("%q", got)
	}
	code, output := d.command("health")
	if code != int(exitNo) || !strings.Contains(output, "waiting for peers (syncing)") || !strings.Contains(output, "(quorum)") {
		t.Errorf("ready: exit code %d, %s", code, output)
	}
	info, err := os.Stat(filepath.Join(d.dataDir, "adapter", controlFolder, "socket"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	d.kill(d.live("adapter")) // its successor takes the socket over
	d.await("another adapter", 0, func(record) bool { return d.count("adapter ready") == 2 })
	eventually(t, "startup after a death", func() bool { code, _ := d.command("health", "startup"); return code == 0 })
	d.kill(d.live("broker"))
	d.must("health", "live") // a bus that is gone is no matter of life
}

// TestHostileClients: clients of the control socket that send nonsense, too much or
// nothing, or go away, cost the confined adapter nothing, least of all a call that it may
// not make.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, t.TempDir(), "--network", "regtest", "--connect", "127.0.0.1:1")
	eventually(t, "startup", func() bool { code, _ := d.command("health", "startup"); return code == 0 })
	socket := filepath.Join(d.dataDir, "adapter", controlFolder, "socket")
	for i, text := range []string{
		"", "\n", "\x00\xff\n", "GET / HTTP/1.1\r\n\r\n", `{"v":1,"do":"peers"`, `{"v":1,"do":"record","args":{}}` + "\n", `{"v":1,"do":"ban","args":{"who":"x"}}` + "\n",
		`{"v":1,"do":"ban","args":{"who":"192.0.2.1","for_seconds":-1}}` + "\n", `{"v":1,"do":"invalidate","args":{"hash":"12"}}` + "\n", strings.Repeat("[", 3<<20),
	} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, text) // it may be cut off
		if i%2 == 0 {
			_ = conn.Close()
		} else {
			t.Cleanup(func() { _ = conn.Close() }) // says no more
		}
	}
	if got := d.must("health", "live"); got != "live: ok\n" || d.count("adapter ready") != 1 {
		t.Errorf("%q after %d starts", got, d.count("adapter ready"))
	}
	if bans := d.peers().Bans; len(bans) != 0 {
		t.Errorf("%+v", bans)
	}
}

// TestCommandsOfStrangers: root may ask a service of another user, a third user may
// not.
func TestCommandsOfStrangers(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become other users")
	}
	dir := dirFor(t, ordinaryUser)
	d := startDaemonWith(t, daemonOptions{uid: ordinaryUser}, dir, "--network", "regtest", "--connect", "127.0.0.1:1")
	eventually(t, "startup", func() bool { code, _ := d.command("health", "startup"); return code == 0 }) // by root
	args := []string{"health", "live", "--network", "regtest", "--datadir", dir}
	if code, output := runOnce(t, daemonOptions{uid: ordinaryUser}, args...); code != 0 {
		t.Errorf("its own user: exit code %d, %s", code, output)
	}
	if code, output := runOnce(t, daemonOptions{uid: ordinaryUser - 1}, args...); code != int(exitNo) || !strings.Contains(output, "permission denied") {
		t.Errorf("a stranger: exit code %d, %s", code, output)
	}
	for _, folder := range []string{dir, filepath.Join(dir, "adapter"), filepath.Join(dir, "adapter", controlFolder), filepath.Join(dir, "adapter", controlFolder, "socket")} {
		if err := os.Chmod(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if code, output := runOnce(t, daemonOptions{uid: ordinaryUser - 1}, args...); code != int(exitNo) || !strings.Contains(output, fmt.Sprintf("uid %d may not ask", ordinaryUser-1)) {
		t.Errorf("a stranger at an open door: exit code %d, %s", code, output)
	}
}

// get asks over HTTP and returns status and body.
func get(t *testing.T, address, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body strings.Builder
	if err := answer.Write(&body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body.String()
}
