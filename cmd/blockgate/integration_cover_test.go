package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// wirePackage is where btcd decodes messages.
const wirePackage = "github.com/btcsuite/btcd/wire/v2"

// bodyDecoders are the functions of btcd/wire that look into a block body. None
// of them may run in the adapter.
var bodyDecoders = []string{
	"MsgBlock.BtcDecode", "MsgBlock.Deserialize", "MsgBlock.DeserializeNoWitness", "MsgBlock.DeserializeTxLoc",
	"MsgTx.BtcDecode", "MsgTx.btcDecode", "MsgTx.Deserialize", "MsgTx.DeserializeNoWitness", "MsgMerkleBlock.BtcDecode",
	"readTxInBuf", "readScriptBuf", "ReadTxOut", "readTxOutBuf", "scriptFreeList.Borrow",
}

// TestNoBodyDecoded counts what runs in the whole service: with blocks published that came
// by v1 and by v2, btcd's decoder of headers did, and none of its decoders of bodies. A
// control program, whose policy lets blocks through to btcd, shows that the count would
// tell.
func TestNoBodyDecoded(t *testing.T) {
	t.Run("v1", func(t *testing.T) { countDecoders(t) })
	t.Run("v2", func(t *testing.T) { countDecoders(t, v2Transport) })
	t.Run("control", func(t *testing.T) {
		c := startCovered(t, 1, "-overlay", openPolicy(t))
		eventually(t, "block on its way", func() bool { return c.peer.Stats().Sent > 0 })
		if err := c.chain.Mine(1); err != nil {
			t.Fatal(err)
		}
		next, _ := c.chain.At(2) // announced behind the first, which so was read when this one is asked for
		eventually(t, "question for the next block", func() bool { return wasAsked(c.peer, next) })
		ran := c.stopAndCount()
		for _, name := range []string{"MsgHeaders.BtcDecode", "MsgBlock.BtcDecode", "MsgTx.btcDecode"} {
			if ran[name] == "0.0%" {
				t.Errorf("the control let blocks through, and the count does not show it in %s", name)
			}
		}
	})
}

// countDecoders follows a btcd node for coveredBlocks, some of them as they are mined, and
// wants that no body was decoded.
func countDecoders(t *testing.T, speak ...string) {
	t.Helper()
	n := startBtcd(t, speak...)
	mined := n.generate(coveredBlocks - 3)
	c := startCounting(t, nil, "--connect", n.listen)
	f := follow(c.daemon, 0, genesis(btc.Regtest))
	f.connectsTo(mined...)
	f.connectsTo(n.generate(3)...)
	c.awaitTransport(n)
	ran := c.stopAndCount()
	if ran["MsgHeaders.BtcDecode"] == "0.0%" {
		t.Errorf("MsgHeaders.BtcDecode did not run, so nothing was counted")
	}
	for _, name := range bodyDecoders {
		if ran[name] != "0.0%" {
			t.Errorf("%s ran: %s", name, ran[name])
		}
	}
}

// coveredBlocks is how many blocks come by each transport.
const coveredBlocks = 1500

// covered is a service whose programs count what runs, into its data directory.
type covered struct {
	*daemon
	counters string
	chain    *fakepeer.Chain
	peer     *fakepeer.Peer
}

// startCovered starts a service that counts, with one honest peer and more arguments of go
// build.
func startCovered(t *testing.T, blocks int, build ...string) *covered {
	t.Helper()
	chain := regtest(t, 81, blocks)
	peer := listen(t, 81, chain, fakepeer.Script{})
	c := startCounting(t, build, connectTo(peer)...)
	c.chain, c.peer = chain, peer
	return c
}

// startCounting builds programs that count, with more arguments of go build, and starts
// the service.
func startCounting(t *testing.T, build []string, args ...string) *covered {
	t.Helper()
	programs, dir := t.TempDir(), t.TempDir()
	// The main package is listed, or nothing would write the counters; link is not,
	// since the cover tool reads past an overlay.
	build = append([]string{"-cover", "-coverpkg=" + wirePackage + ",blockgate/cmd/blockgate"}, build...)
	if err := buildPrograms(programs, build...); err != nil {
		t.Fatal(err)
	}
	c := &covered{counters: filepath.Join(dir, "coverage")}
	if err := os.Mkdir(c.counters, 0o700); err != nil {
		t.Fatal(err)
	}
	options := daemonOptions{binDir: programs, env: []string{"GOCOVERDIR=" + c.counters}}
	c.daemon = startDaemonWith(t, options, dir, append(args, "--network", "regtest")...)
	return c
}

// openPolicy returns an overlay in which the policy hands blocks to btcd as any
// other message.
func openPolicy(t *testing.T) string {
	t.Helper()
	return overlay(t, "../../adapter/link/policy.go", `(?m)^\tCommandOf\("block"\):.*$`, "\tCommandOf(\"block\"): pass(open, 0, MaxPayload),")
}

// overlay returns an overlay for go build in which the one place of a file that
// matches is replaced. What a control program does wrong so stands nowhere in the
// tree.
func overlay(t *testing.T, file, pattern, replacement string) string {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(pattern)
	if found := place.FindAll(source, -1); len(found) != 1 {
		t.Fatalf("%d places in %s match %s, want 1", len(found), path, pattern)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, "changed.go")
	write(t, changed, place.ReplaceAllLiteralString(string(source), replacement))
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), string(list))
	return filepath.Join(dir, "overlay.json")
}

// stopAndCount ends the service by SIGTERM, at which each process writes its
// counters, and returns how much of each function of btcd/wire ran.
func (c *covered) stopAndCount() map[string]string {
	t := c.t
	t.Helper()
	if code := c.stop(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM", code)
	}
	written, err := filepath.Glob(filepath.Join(c.counters, "covcounters.*"))
	if err != nil || len(written) < 3 {
		t.Fatalf("counters of %d processes (%v), want those of supervisor, broker and adapter", len(written), err)
	}
	text, err := exec.CommandContext(t.Context(), "go", "tool", "covdata", "func", "-i="+c.counters).CombinedOutput()
	if err != nil {
		t.Fatalf("go tool covdata: %v\n%s", err, text)
	}
	ran := map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && strings.HasPrefix(fields[0], wirePackage) {
			ran[strings.TrimPrefix(fields[1], "*")] = fields[2]
		}
	}
	for _, name := range append([]string{"MsgHeaders.BtcDecode"}, bodyDecoders...) {
		if _, known := ran[name]; !known {
			t.Fatalf("%s is not counted: is it called otherwise now?\n%s", name, text)
		}
	}
	return ran
}
