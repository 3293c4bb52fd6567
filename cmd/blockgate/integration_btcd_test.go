package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"blockgate/internal/btc"
)

// btcd is a regtest node of btcd, asked by JSON-RPC.
type btcd struct {
	t      testing.TB
	listen string // of the peer-to-peer port
	rpc    string
	client http.Client

	program string
	args    []string
	cmd     *exec.Cmd
	output  *bytes.Buffer // of all runs
}

// v2Transport makes a node speak BIP-0324 to those who begin with it.
const v2Transport = "--v2transport"

// startBtcd starts a node that knows no other, until the test ends, with more
// arguments.
func startBtcd(t testing.TB, more ...string) *btcd {
	t.Helper()
	return startBtcdAt(t, freeAddress(t), more...)
}

func startBtcdAt(t testing.TB, listen string, more ...string) *btcd {
	t.Helper()
	program, err := buildNode()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	n := &btcd{t: t, listen: listen, rpc: freeAddress(t), client: http.Client{Timeout: patience}, program: program, output: &bytes.Buffer{}}
	n.args = append([]string{
		"--regtest", "--configfile=/dev/null", "--datadir=" + filepath.Join(dir, "data"), "--logdir=" + filepath.Join(dir, "log"),
		"--listen=" + n.listen, "--rpclisten=" + n.rpc, "--rpcuser=u", "--rpcpass=p", "--notls", "--nodnsseed", "--nobanning",
		"--trickleinterval=100ms", "--miningaddr=mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
	}, more...)
	n.start()
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("btcd at %s:\n%s", n.listen, n.output)
		}
	})
	return n
}

// start starts the node's process and waits until it answers.
func (n *btcd) start() {
	n.t.Helper()
	n.cmd = exec.CommandContext(n.t.Context(), n.program, n.args...)
	n.cmd.Env = []string{"HOME=" + n.t.TempDir()}
	n.cmd.Stdout, n.cmd.Stderr = n.output, n.output
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	dialer := net.Dialer{Timeout: time.Second}
	eventually(n.t, "answer of btcd", func() bool {
		conn, err := dialer.DialContext(n.t.Context(), "tcp", n.rpc)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func (n *btcd) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
}

// dropAll ends the node's connections.
func (n *btcd) dropAll() {
	n.t.Helper()
	var peers []struct{ ID int }
	n.call(&peers, "getpeerinfo")
	for _, p := range peers {
		n.call(nil, "node", "disconnect", strconv.Itoa(p.ID))
	}
}

// call asks the node and decodes the answer into result, if that is not nil.
func (n *btcd) call(result any, method string, params ...any) {
	n.t.Helper()
	if err := n.try(result, method, params...); err != nil {
		n.t.Fatal(err)
	}
}

func (n *btcd) try(result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	question, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, "http://"+n.rpc+"/", bytes.NewReader(question))
	if err != nil {
		return err
	}
	request.SetBasicAuth("u", "p")
	response, err := n.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Result json.RawMessage
		Error  any
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s %v: %v", method, params, answer.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

// generate mines blocks and returns their hashes.
func (n *btcd) generate(count int) []string {
	n.t.Helper()
	var hashes []string
	n.call(&hashes, "generate", count)
	return hashes
}

// best returns the hash of the node's tip.
func (n *btcd) best() string {
	n.t.Helper()
	var hash string
	n.call(&hash, "getbestblockhash")
	return hash
}

// awaitBest waits until the node's tip is a block.
func (n *btcd) awaitBest(hash string) {
	n.t.Helper()
	eventually(n.t, "tip "+hash, func() bool { return n.best() == hash })
}

// copyFrom gives the node blocks of another, without a connection between them.
func (n *btcd) copyFrom(other *btcd, hashes []string) {
	n.t.Helper()
	for _, hash := range hashes {
		var raw string
		other.call(&raw, "getblock", hash, 0)
		n.call(nil, "submitblock", raw)
	}
}

// TestBtcdNodes follows two btcd nodes by each transport, and by one of each: 150 blocks,
// three more of one node, a heavier branch of four from the other, and what both then
// agree on; and on, after a node has hung up and the service was stopped and started.
func TestBtcdNodes(t *testing.T) {
	for name, speak := range map[string][2][]string{
		"v1": {nil, nil}, "v2": {{v2Transport}, {v2Transport}}, "one of each": {nil, {v2Transport}},
	} {
		t.Run(name, func(t *testing.T) { followBtcd(t, startBtcd(t, speak[0]...), startBtcd(t, speak[1]...)) })
	}
}

func followBtcd(t *testing.T, a, b *btcd) {
	t.Helper()
	shared := a.generate(150)
	b.copyFrom(a, shared)
	b.awaitBest(shared[149])

	dir, bus := t.TempDir(), freeAddress(t)
	args := []string{"--network", "regtest", "--connect", a.listen, "--connect", b.listen, "--nats-listen", bus}
	d := startDaemon(t, dir, args...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connectsTo(shared...)

	stale := a.generate(3)
	f.connectsTo(stale...)
	heavier := b.generate(4)
	f.disconnectsOf(stale[2], stale[1], stale[0])
	f.connectsTo(heavier...)
	if f.events != 150+3+3+4 {
		t.Fatalf("%d events, want %d", f.events, 150+3+3+4)
	}
	a.call(nil, "node", "connect", b.listen, "temp") // now A reorganises, too
	a.awaitBest(heavier[3])
	shared = a.generate(2)
	f.connectsTo(shared...)
	b.awaitBest(shared[1])
	for _, n := range []*btcd{a, b} {
		d.awaitTransport(n)
	}
	for _, r := range d.lines() {
		if r.Msg == "peer banned" || r.Msg == "alarm" {
			t.Errorf("nobody did wrong, but the log says %s", r.text)
		}
	}
	said := len(d.lines())
	b.dropAll()
	f.connectsTo(b.generate(1)...)
	d.await("peer again", said, func(r record) bool { return r.Msg == "peer ready" && r.Peer == b.listen })
	f.connectsTo(b.generate(1)...)
	f.again(d)
	if code := d.stop(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM, want 0", code)
	}
	missed := b.generate(2)
	d = startDaemon(t, dir, args...)
	d.awaitTransport(b)
	f.again(d)
	f.connectsTo(missed...)
	if code := d.stop(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM, want 0", code)
	}
}

// transport is how the node is spoken to.
func (n *btcd) transport() string {
	if slices.Contains(n.args, v2Transport) {
		return "v2"
	}
	return "v1"
}

// awaitTransport waits until the log says that a node is spoken to as it can be.
func (d *daemon) awaitTransport(n *btcd) {
	d.t.Helper()
	ready, _ := d.await("peer "+n.listen, 0, func(r record) bool { return r.Msg == "peer ready" && r.Peer == n.listen })
	if ready.Transport != n.transport() {
		d.t.Errorf("the transport to %s is %s, want %s", n.listen, ready.Transport, n.transport())
	}
}

// connectsTo reads a connect for each of the hashes.
func (f *follower) connectsTo(hashes ...string) {
	f.t.Helper()
	for _, want := range hashes {
		f.connects(f.tip + 1)
		if f.hash.String() != want {
			f.t.Fatalf("block %d is %s, want %s", f.tip, f.hash, want)
		}
	}
}

// disconnectsOf reads a disconnect for each of the hashes.
func (f *follower) disconnectsOf(hashes ...string) {
	f.t.Helper()
	for _, want := range hashes {
		if f.hash.String() != want {
			f.t.Fatalf("the tip is %s, want %s", f.hash, want)
		}
		f.path(1, 0)
	}
}
