package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
	"blockgate/sandbox/pool"
)

// series scrapes a service and returns its own series with their values.
func series(t testing.TB, address string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil // between two adapters
	}
	defer answer.Body.Close()
	found := map[string]string{}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "} ")
		if ok && strings.HasPrefix(name, "blockgate_") {
			found[name+"}"] = value
		}
	}
	return found
}

// TestMetrics scrapes a running service: the layers are those that the log tells,
// and what dies is counted by its cause, also across the adapter's own death.
func TestMetrics(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 71, 3)
	peer := listen(t, 71, chain, fakepeer.Script{})
	address := freeAddress(t)
	d := startDaemon(t, t.TempDir(), append(connectTo(peer), "--network", "regtest", "--http-listen", address)...)
	follow(d, 0, genesis(btc.Regtest)).connects(3)
	parsers := d.awaitParsers(2 + pool.Standby)
	until := func(name, value string) {
		t.Helper()
		eventually(t, name+" "+value, func() bool { return series(t, address)[name] == value })
	}
	for _, name := range []string{
		`blockgate_sandbox_layer{layer="seccomp",process="parser"}`, `blockgate_sandbox_layer{layer="seccomp",process="adapter"}`,
		`blockgate_sandbox_layer{layer="seccomp",process="broker"}`, `blockgate_sandbox_layer{layer="no_new_privs",process="supervisor"}`,
	} {
		until(name, "1")
	}
	now := series(t, address)
	for _, r := range d.lines() {
		if r.Msg == "sandbox layer not in force" && r.State == "missing" && r.Role == "supervisor" {
			if name := fmt.Sprintf("blockgate_sandbox_layer{layer=%q,process=\"parser\"}", r.Layer); now[name] != "0" {
				t.Errorf("%s is %q, and the log says %s", name, now[name], r.text)
			}
		}
	}
	for name, value := range map[string]string{
		`blockgate_height{of="peers"}`: "3", `blockgate_height{of="headers"}`: "3", `blockgate_height{of="journal"}`: "3", `blockgate_health{probe="ready"}`: "1",
		`blockgate_netgroups{of="agree"}`: "1", `blockgate_not_ready{reason="quorum"}`: "0", `blockgate_bodies_total{outcome="proven"}`: "3",
		`blockgate_journal_events_total{kind="connect"}`: "3", `blockgate_messages_received_total{type="block"}`: "3", `blockgate_disconnects_total{reason="other"}`: "0",
	} {
		until(name, value)
	}
	d.kill(parsers[0])
	until(`blockgate_parser_deaths_total{cause="killed"}`, "1")
	until(`blockgate_restarts_total{process="parser"}`, "1")
	d.kill(d.live("broker"))
	until(`blockgate_restarts_total{process="broker"}`, "1")
	d.kill(d.live("adapter"))
	until(`blockgate_restarts_total{process="adapter"}`, "1")
	until(`blockgate_parser_deaths_total{cause="killed"}`, "1") // kept by the supervisor
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// TestMetricsAddress: one that the operator named has to be free; the default only
// costs the metrics; an empty one opens nothing.
func TestMetricsAddress(t *testing.T) {
	t.Parallel()
	socket, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	taken := socket.Addr().String()
	for listen, want := range map[string]string{
		taken: "--http-listen " + taken, "localhost:9332": "want address:port", "9332": "want address:port", "192.0.2.1:9332": "--http-listen 192.0.2.1:9332",
	} {
		code, output := runOnce(t, daemonOptions{}, "run", "--network", "regtest", "--datadir", t.TempDir(), "--nats-listen", freeAddress(t), "--http-listen", listen)
		checkRefusal(t, code, output, exitUsage, []string{want})
	}
	// Whoever else has the default by now, one of us does not get it.
	if first, err := new(net.ListenConfig).Listen(t.Context(), "tcp", defaultHTTPListen); err == nil {
		defer first.Close()
	}
	d := startDaemonWith(t, daemonOptions{defaultHTTP: true}, t.TempDir(), "--network", "regtest", "--connect", "127.0.0.1:1")
	if r, _ := d.awaitMessage("metrics are not served", 0); r.Level != "WARN" {
		t.Errorf("the log says %s", r.text)
	}
	d.awaitParsers(2)
}
