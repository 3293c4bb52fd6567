package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// TestStartRefused starts the service where it cannot run. It has to end by
// itself with the code of the table and a text that says what is wrong and what
// to do.
func TestStartRefused(t *testing.T) {
	t.Parallel()
	used := t.TempDir() // a data directory with a journal of regtest that is in use
	chain := regtest(t, 61, 3)
	peer := listen(t, 61, chain, fakepeer.Script{})
	address := freeAddress(t)
	d := startDaemon(t, used, append(connectTo(peer), "--network", "regtest", "--nats-listen", address)...)
	follow(d, 0, genesis(btc.Regtest)).connects(3)

	newer, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	write(t, filepath.Join(newer, "FORMAT"), "blockgate-datadir 2\n{}\n")
	write(t, file, "")
	broken := t.TempDir()
	write(t, filepath.Join(broken, "FORMAT"), "something else\n")

	for _, test := range []struct {
		name string
		args []string
		code exitCode
		want []string
	}{
		{"data directory in use", []string{"--datadir", used}, exitData, []string{used, "in use by another blockgate", "--datadir"}},
		{"newer format", []string{"--datadir", newer}, exitData, []string{newer, "version 2", "newer blockgate", "may be deleted"}},
		{"no format", []string{"--datadir", broken}, exitData, []string{broken, "blockgate-datadir 1", "may be deleted"}},
		{"data directory below a file", []string{"--datadir", filepath.Join(file, "x")}, exitData, []string{file, "cannot be written", "uid", "chown", "fsGroup"}},
		{"port taken", []string{"--nats-listen", address}, exitBus, []string{"--nats-listen " + address, "taken", "free now: --nats-listen 127.0.0.1:"}},
		{"port beyond loopback", []string{"--nats-listen", "0.0.0.0:4222"}, exitUsage, []string{"--nats-listen", "loopback"}},
		{"unknown flag", []string{"--colour"}, exitUsage, []string{"--colour", "blockgate run --help"}},
		{"no such host", []string{"--connect", "host.invalid:1"}, exitUsage, []string{"--connect", "host.invalid", "resolve"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"run", "--network", "regtest", "--datadir", t.TempDir(), "--nats-listen", freeAddress(t)}, test.args...)
			code, output := runOnce(t, daemonOptions{}, args...)
			checkRefusal(t, code, output, test.code, test.want)
		})
	}
	for variable, want := range map[string]string{
		"BLOCKGATE_JOURNAL_SIZ=64MiB": "did you mean BLOCKGATE_JOURNAL_SIZE?",
		"BLOCKGATE_PARSERS=two":       `BLOCKGATE_PARSERS="two"`,
	} {
		t.Run(variable, func(t *testing.T) {
			code, output := runOnce(t, daemonOptions{env: []string{variable}}, "run", "--network", "regtest", "--datadir", t.TempDir(), "--nats-listen", freeAddress(t))
			checkRefusal(t, code, output, exitUsage, []string{want})
		})
	}
	if d.count("broker died")+d.count("adapter died") > 0 {
		t.Error("the service that was there first took harm")
	}
}

func checkRefusal(t *testing.T, code int, output string, wantCode exitCode, want []string) {
	t.Helper()
	if code != int(wantCode) {
		t.Errorf("exit code %d, want %d", code, wantCode)
	}
	for _, part := range want {
		if !strings.Contains(output, part) {
			t.Errorf("the text does not say %q", part)
		}
	}
	if t.Failed() {
		t.Log(output)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestJournalDisagrees starts the service on a data directory of another network
// or id, and with start flags that its journal does not agree with.
func TestJournalDisagrees(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 62, 8)
	peer := listen(t, 62, chain, fakepeer.Script{})
	dir := t.TempDir()
	base := append(connectTo(peer), "--network", "regtest", "--nats-listen", freeAddress(t))
	fourth, _ := chain.At(4)
	d := startDaemon(t, dir, append(base, "--start-height", "4")...)
	third, _ := chain.At(3)
	follow(d, 3, third).connects(8)
	if code := d.stop(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM", code)
	}
	run := append([]string{"run", "--datadir", dir}, base...)
	for _, test := range []struct {
		name string
		args []string
		code exitCode
		want []string
	}{
		{"network", []string{"--network", "signet"}, exitData, []string{dir, "network regtest", "network signet", "--datadir"}},
		{"id", []string{"--id", "other"}, exitData, []string{dir, "id main", "id other", "--datadir"}},
		{"start height", []string{"--start-height", "2"}, exitBus, []string{"--start-height 2", "begins at block 4"}},
		{"start hash", []string{"--start-hash", third.String()}, exitBus, []string{"--start-hash " + third.String(), "begins at block 4"}},
		{"unknown start hash", []string{"--start-hash", strings.Repeat("1", 64)}, exitBus, []string{strings.Repeat("1", 64), "begins at block 4"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, output := runOnce(t, daemonOptions{}, append(run, test.args...)...)
			checkRefusal(t, code, output, test.code, test.want)
		})
	}
	// One that agrees, and none at all, go on.
	for _, args := range [][]string{{"--start-hash", fourth.String()}, {"--start-height", "4"}, nil} {
		if err := chain.Mine(1); err != nil {
			t.Fatal(err)
		}
		d := startDaemon(t, dir, append(base, args...)...)
		height, _ := chain.Tip()
		d.await("tip", 0, func(r record) bool { return r.Msg == "synced" && r.Height == int(height) })
		if code := d.stop(); code != 0 {
			t.Fatalf("exit code %d after SIGTERM", code)
		}
	}
}

// TestOtherUser starts the service as a user who may not write the data
// directory.
func TestOtherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	if err := os.Chmod(binDir, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, open := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(open, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	code, output := runOnce(t, daemonOptions{uid: 65534}, "run", "--network", "regtest", "--datadir", dir, "--nats-listen", freeAddress(t))
	checkRefusal(t, code, output, exitData, []string{dir, "permission denied", "uid 65534, gid 65534", "owned by 0:0 with mode 0755", "chown -R 65534:65534 " + dir, "fsGroup: 65534"})
}

// TestNoNetwork runs where nobody can be reached: within 30 s the log says what
// was tried and what to do, and the service stays.
func TestNoNetwork(t *testing.T) {
	t.Parallel()
	if addrs, err := net.DefaultResolver.LookupHost(t.Context(), "seed.signet.bitcoin.sprovoost.nl"); err == nil {
		t.Skipf("there is a network here: %v", addrs)
	}
	d := startDaemon(t, t.TempDir(), "--network", "signet")
	begun := time.Now()
	alarm, _ := d.awaitFor(40*time.Second, "word of what was tried", 0, func(r record) bool { return r.Msg == "alarm" && r.Code == "no-peers" })
	if took := time.Since(begun); took > 33*time.Second {
		t.Errorf("it took %s to say so", took)
	}
	for _, part := range []string{"DNS seeds asked", "--connect", "firewall"} {
		if !strings.Contains(alarm.Detail, part) {
			t.Errorf("%q does not say %q", alarm.Detail, part)
		}
	}
	if seeds := d.count("seed not resolved"); seeds > 12 {
		t.Errorf("%d lines about seeds in 30 s: it spins", seeds)
	}
	if said := d.count("syncing"); said < 2 || said > 4 {
		t.Errorf("%d progress lines in 30 s, want one every 10 s", said)
	}
	line, _ := d.awaitMessage("syncing", 0)
	if line.WaitingFor != "peers" {
		t.Errorf("it waits for %q, want peers", line.WaitingFor)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}
