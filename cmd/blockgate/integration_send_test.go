package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/adapter"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// The coins of these tests are the key 1's: its hash and its address on test networks.
const (
	purseAddress = "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r"
	purseHash    = "751e76e8199196d454941c45d1b3a323f1433bd6"
)

// coin is an output of the purse, and what it is locked by.
type coin struct {
	at    wire.OutPoint
	value int64
	lock  []byte
}

func purseKey() *btcec.PrivateKey {
	key, _ := btcec.PrivKeyFromBytes([]byte{1})
	return key
}

// locks returns the scripts of the purse: P2PKH, P2WPKH.
func locks(t *testing.T) (old, witness []byte) {
	t.Helper()
	hash, err := hex.DecodeString(purseHash)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat([]byte{0x76, 0xa9, 20}, hash, []byte{0x88, 0xac}), slices.Concat([]byte{0, 20}, hash)
}

// pay returns a signed transaction that moves a coin into one locked by to, its bytes
// and its txid.
func pay(t *testing.T, from coin, to []byte) (coin, []byte, string) {
	t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&from.at, nil, nil))
	tx.AddTxOut(wire.NewTxOut(from.value-10_000, to))
	var err error
	if from.lock[0] == 0x76 {
		tx.TxIn[0].SignatureScript, err = txscript.SignatureScript(tx, 0, from.lock, txscript.SigHashAll, purseKey(), true)
	} else {
		hashes := txscript.NewTxSigHashes(tx, txscript.NewCannedPrevOutputFetcher(from.lock, from.value))
		tx.TxIn[0].Witness, err = txscript.WitnessSignature(tx, hashes, 0, from.value, from.lock, txscript.SigHashAll, purseKey(), true)
	}
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	txid := tx.TxHash()
	return coin{wire.OutPoint{Hash: txid}, from.value - 10_000, to}, raw.Bytes(), txid.String()
}

// purseCoin returns the coin of the first block that pays the purse: the node mines to
// another address in turn.
func purseCoin(t *testing.T, n *btcd, blocks []string) coin {
	t.Helper()
	for _, block := range blocks {
		var raw string
		n.call(&raw, "getblock", block, 0)
		if !strings.Contains(raw, purseHash) {
			continue
		}
		var made struct{ Tx []string }
		n.call(&made, "getblock", block, 1)
		hash, err := chainhash.NewHashFromStr(made.Tx[0])
		if err != nil {
			t.Fatal(err)
		}
		old, _ := locks(t)
		return coin{wire.OutPoint{Hash: *hash}, 50e8, old}
	}
	t.Fatal("no block pays the purse")
	return coin{}
}

// sent decodes what send --json printed.
func sent(t *testing.T, output string) adapter.TxResult {
	t.Helper()
	var r adapter.TxResult
	if err := json.Unmarshal([]byte(output), &r); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return r
}

func (n *btcd) pooled(txid string) bool {
	var all []string
	n.call(&all, "getrawmempool")
	return slices.Contains(all, txid)
}

// TestSend hands transactions in and finds them in the pools of two btcd nodes, whole,
// and in blocks that they mine; a new run of the service knows what became of them.
func TestSend(t *testing.T) {
	a, b := startBtcd(t, "--miningaddr="+purseAddress), startBtcd(t)
	blocks := a.generate(450) // from 432 on witnesses count
	a.call(nil, "node", "connect", b.listen, "temp")
	b.awaitBest(blocks[449])
	dir := t.TempDir()
	d := startDaemon(t, dir, "--network", "regtest", "--connect", a.listen, "--connect", b.listen)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connectsTo(blocks...)

	old, witness := locks(t)
	file := filepath.Join(t.TempDir(), "payment.hex")
	from, last := purseCoin(t, a, blocks[:100]), ""
	for _, to := range [][]byte{witness, witness, old} { // the second and third have a witness
		next, raw, txid := pay(t, from, to)
		if err := os.WriteFile(file, []byte(hex.EncodeToString(raw)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := sent(t, d.must("send", "--json", file)); r.Txid.String() != txid || r.Size != len(raw) || r.State == node.TxMalformed {
			t.Fatalf("sent: %+v, want %s", r, txid)
		}
		seen := sent(t, d.must("send", "--json", "--txid", txid, "--wait", "seen"))
		if seen.State != node.TxSeen || seen.Told == 0 || seen.Taken == 0 || seen.SeenBy == 0 {
			t.Errorf("seen: %+v", seen)
		}
		for _, n := range []*btcd{a, b} {
			eventually(t, "pooled "+txid, func() bool { return n.pooled(txid) })
			var got string
			n.call(&got, "getrawtransaction", txid)
			if got != hex.EncodeToString(raw) {
				t.Errorf("the node has %s, want %x", got, raw)
			}
		}
		block := a.generate(1)
		f.connectsTo(block...)
		if r := sent(t, d.must("send", "--json", "--txid", txid, "--wait", "block")); r.State != node.TxInBlock || r.Block.String() != block[0] || r.Height != f.tip {
			t.Errorf("mined: %+v", r)
		}
		from, last = next, txid
	}
	d.inOrder(last)

	code, output := d.command("send", "--json", filepath.Join(dir, "FORMAT"))
	if code != int(exitNo) || !strings.Contains(output, `"state":"malformed"`) {
		t.Errorf("a text: exit code %d: %s", code, output)
	}
	if code, output = d.command("send", "--txid", strings.Repeat("00", 32)); code != int(exitNo) {
		t.Errorf("unknown: exit code %d: %s", code, output)
	}
	_, raw, _ := pay(t, from, witness)
	raw[60] ^= 1 // in the signature: no node keeps it
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	forged := sent(t, d.must("send", "--json", file)).Txid.String()
	eventually(t, "a node that asks for "+forged, func() bool { return sent(t, d.must("send", "--json", "--txid", forged)).Taken > 0 })
	if r := sent(t, d.must("send", "--json", "--txid", forged)); r.State != node.TxAnnounced || r.SeenBy != 0 || a.pooled(forged) || b.pooled(forged) {
		t.Errorf("with a wrong signature: %+v", r)
	}
	if code := d.stop(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM, want 0", code)
	}
	again := startDaemon(t, dir, "--network", "regtest", "--connect", a.listen)
	eventually(t, "what the run before knew", func() bool {
		code, output := again.command("send", "--json", "--txid", last)
		return code == 0 && sent(t, output).State == node.TxInBlock
	})
	var all []node.Transaction
	if err := json.Unmarshal([]byte(again.must("send", "--list", "--json")), &all); err != nil || len(all) != 4 {
		t.Errorf("%d are listed, %v", len(all), err)
	}
}

// inOrder checks the states of a transaction in the log.
func (d *daemon) inOrder(txid string) {
	d.t.Helper()
	var states []string
	for _, r := range d.lines() {
		if r.Msg == "peer banned" || r.Msg == "alarm" {
			d.t.Errorf("nobody did wrong, but the log says %s", r.text)
		}
		var line struct{ Msg, Txid, State string }
		if json.Unmarshal([]byte(r.text), &line) == nil && line.Msg == "transaction" && line.Txid == txid {
			states = append(states, line.State)
		}
	}
	if want := []string{"known", "announced", "seen", "in block"}; !slices.Equal(states, want) {
		d.t.Errorf("states %q, want %q", states, want)
	}
}

// TestSendKilled kills the adapter at some moment while transactions are handed in: each
// of which it was said that it is known is known to the next one, and nothing is damaged.
func TestSendKilled(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	d := startDaemon(t, t.TempDir(), append(connectTo(listen(t, 95, regtest(t, 95, 3), fakepeer.Script{})), "--network", "regtest", "--carriers", "5", "--tx-expiry", "6h")...)
	eventually(t, "an answer", func() bool { code, _ := d.command("send", "--list"); return code == 0 })
	_, witness := locks(t)
	from := coin{value: 50e8, lock: witness}
	var known []string
	_, seen := d.awaitMessage("adapter started", 0)
	for range 4 {
		ended := make(chan struct{})
		after, victim := time.Duration(random.IntN(400))*time.Millisecond, d.live("adapter")
		go func() {
			defer close(ended)
			timer := time.NewTimer(after)
			defer timer.Stop()
			<-timer.C
			_ = syscall.Kill(victim, syscall.SIGKILL) // its death is looked for below
		}()
		for range 8 {
			next, raw, txid := pay(t, from, witness)
			from = next
			file := filepath.Join(t.TempDir(), "tx")
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if code, _ := d.command("send", file); code == 0 {
				known = append(known, txid)
			}
		}
		<-ended
		_, seen = d.awaitMessage("adapter died", seen)
		_, seen = d.awaitMessage("adapter started", seen)
		eventually(t, "an answer", func() bool { code, _ := d.command("send", "--list"); return code == 0 })
		for _, txid := range known {
			if code, output := d.command("send", "--txid", txid); code != 0 {
				t.Errorf("%s is lost: %s", txid, output)
			}
		}
	}
	if len(known) == 0 {
		t.Error("nothing was known before a kill")
	}
	var all []node.Transaction
	if err := json.Unmarshal([]byte(d.must("send", "--list", "--json")), &all); err != nil || len(all) < len(known) {
		t.Errorf("%d are listed, %v", len(all), err)
	}
	for _, tx := range all {
		if tx.Wanted != 5 || tx.Expires.Sub(tx.Submitted) != 6*time.Hour {
			t.Errorf("not as the operator said: %+v", tx)
		}
	}
	for _, r := range d.lines() {
		if r.Msg == "transaction left out" {
			t.Error(r.text)
		}
	}
}
