package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"blockgate/internal/btc"
)

// btcd is a regtest node of btcd, asked by JSON-RPC.
type btcd struct {
	t      *testing.T
	listen string // of the peer-to-peer port
	rpc    string
	client http.Client
}

// startBtcd starts a node that knows no other, until the test ends.
func startBtcd(t *testing.T) *btcd {
	t.Helper()
	program, err := buildNode()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	n := &btcd{t: t, listen: freeAddress(t), rpc: freeAddress(t), client: http.Client{Timeout: patience}}
	cmd := exec.CommandContext(t.Context(), program, "--regtest", "--configfile=/dev/null", "--datadir="+filepath.Join(dir, "data"), "--logdir="+filepath.Join(dir, "log"),
		"--listen="+n.listen, "--rpclisten="+n.rpc, "--rpcuser=u", "--rpcpass=p", "--notls", "--nodnsseed", "--nobanning",
		"--trickleinterval=100ms", "--miningaddr=mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn")
	cmd.Env = []string{"HOME=" + dir}
	output := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("btcd at %s:\n%s", n.listen, output)
		}
	})
	dialer := net.Dialer{Timeout: time.Second}
	eventually(t, "answer of btcd", func() bool {
		conn, err := dialer.DialContext(t.Context(), "tcp", n.rpc)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return n
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

// TestBtcdNodes follows two btcd nodes: 150 blocks, three more of one node, a
// heavier branch of four from the other, and what both then agree on.
func TestBtcdNodes(t *testing.T) {
	a, b := startBtcd(t), startBtcd(t)
	shared := a.generate(150)
	b.copyFrom(a, shared)
	b.awaitBest(shared[149])

	d := startDaemon(t, t.TempDir(), "--network", "regtest", "--connect", a.listen, "--connect", b.listen)
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
	f.connectsTo(a.generate(2)...)
	f.again(d)
	if code := d.stop(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM, want 0", code)
	}
	for _, r := range d.lines() {
		if r.Msg == "peer banned" || r.Msg == "alarm" {
			t.Errorf("nobody did wrong, but the log says %s", r.text)
		}
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
