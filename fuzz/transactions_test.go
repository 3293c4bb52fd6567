package fuzz_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"blockgate/fuzz"
	"blockgate/internal/btc"
)

// vectors reads a packed JSON file.
func vectors[T any](t *testing.T, c *fuzz.Corpus, name string) (all T) {
	t.Helper()
	text, err := c.Unzip("txs/" + name + ".json.gz")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// raw decodes the hex of a JSON value.
func raw(t *testing.T, value any) []byte {
	t.Helper()
	text, _ := value.(string)
	b, err := hex.DecodeString(text)
	if err != nil || len(b) == 0 {
		t.Fatalf("%v: %v", value, err)
	}
	return b
}

// badTxReasons are the reasons of the rows of tx_invalid.json that CheckTransaction
// refuses, in the order of the file. It does not say them; its comments do.
var badTxReasons = []string{
	"bad-txns-vout-empty",          // "No outputs"
	"bad-txns-vout-negative",       // "Negative output"
	"bad-txns-vout-toolarge",       // "MAX_MONEY + 1 output"
	"bad-txns-txouttotal-toolarge", // "MAX_MONEY output + 1 output"
	"bad-txns-inputs-duplicate",    // "Duplicate inputs"
	"bad-cb-length",                // "Coinbase of size 1"
	"bad-cb-length",                // "Coinbase of size 101"
	"bad-txns-prevout-null",        // "Null txin, but without being a coinbase (because there are two inputs)"
	"bad-txns-prevout-null",        // the same with the null input second
}

// loneCoinbase is the reason of a coinbase that comes as a transaction of its own. For
// CheckTransaction it is sound; what it breaks is a block's rule.
const loneCoinbase = "coinbase"

// coreTransactions judges each row of a file of Core's: a transaction is sound, or it is
// one that CheckTransaction refuses.
func coreTransactions(t *testing.T, file string) (sound, coinbases int, bad []string) {
	t.Helper()
	judge := fuzz.NewJudge()
	for _, row := range vectors[[][]any](t, corpus(t), file) {
		if len(row) != 3 {
			continue // a comment
		}
		tx := raw(t, row[1])
		got := judge.Transaction(tx)
		switch {
		case row[2] == "BADTX":
			bad = append(bad, got.Reason)
		case got.Accepted():
			sound++
		case got.Reason == loneCoinbase && isCoinbase(tx):
			coinbases++
		default:
			t.Errorf("%s: %q: %v", file, got.Reason, row[1])
		}
	}
	return sound, coinbases, bad
}

// isCoinbase reports whether a transaction has one input, of the outpoint that there is
// not.
func isCoinbase(tx []byte) bool {
	return bytes.Equal(tx[4:4+37], slices.Concat([]byte{1}, make([]byte, 32), []byte{0xff, 0xff, 0xff, 0xff}))
}

func TestCoreTxInvalid(t *testing.T) {
	sound, coinbases, bad := coreTransactions(t, "core_tx_invalid")
	if !slices.Equal(bad, badTxReasons) {
		t.Errorf("refused for %q\nwant %q", bad, badTxReasons)
	}
	if sound != 84 || coinbases != 0 {
		t.Errorf("%d sound and %d coinbases, want 84 and none", sound, coinbases)
	}
}

func TestCoreTxValid(t *testing.T) {
	sound, coinbases, bad := coreTransactions(t, "core_tx_valid")
	if sound+coinbases != 121 || len(bad) > 0 {
		t.Errorf("%d sound, %d coinbases, %d bad, want 121 and none bad", sound, coinbases, len(bad))
	}
}

func TestCoreSighash(t *testing.T) {
	judge, count := fuzz.NewJudge(), 0
	for _, row := range vectors[[][]any](t, corpus(t), "core_sighash")[1:] {
		if got := judge.Transaction(raw(t, row[0])); !got.Accepted() {
			t.Errorf("%v: %q", row[0], got.Reason)
		}
		count++
	}
	if count != 500 {
		t.Errorf("%d transactions, want 500", count)
	}
}

func TestCoreBlockFilterBlocks(t *testing.T) {
	judge, count := fuzz.NewJudge(), 0
	for _, row := range vectors[[][]any](t, corpus(t), "core_blockfilters")[1:] {
		height, _ := row[0].(float64)
		body := raw(t, row[2])
		header := btc.Header(body)
		at := fuzz.Place{Network: btc.Testnet3, Height: btc.Height(height), MedianTime: header.Time() - 1}
		if got := judge.Alone(at, body); !got.Accepted() || got.Checked.Hash().String() != row[1] {
			t.Errorf("height %v: %q, hash %v, want %v", height, got.Reason, got.Checked.Hash(), row[1])
		}
		count++
	}
	if count != 10 {
		t.Errorf("%d blocks, want 10", count)
	}
}

// Transactions of 64 bytes are valid. BIP-0054 would refuse them, and marks them; it is
// not active anywhere.
func TestBIP54Sizes(t *testing.T) {
	judge, marked := fuzz.NewJudge(), 0
	for _, row := range vectors[[]struct {
		Comment, Tx string
		Valid       bool
	}](t, corpus(t), "bip54_txsize") {
		b := raw(t, row.Tx)
		got := judge.Transaction(b)
		if !got.Accepted() {
			t.Errorf("%s: %q", row.Comment, got.Reason)
			continue
		}
		if size := len(fuzz.Strip(b, got.Said.Txs[0])); (size == 64) == row.Valid {
			t.Errorf("%s: %d bytes without its witness", row.Comment, size)
		}
		if !row.Valid {
			marked++
		}
	}
	if marked != 10 {
		t.Errorf("%d transactions of 64 bytes, want 10", marked)
	}
}

// Real transactions that were too much for others: long witnesses (W03) and many items
// in one of them (W04).
func TestLargeTransactions(t *testing.T) {
	c, judge := corpus(t), fuzz.NewJudge()
	for _, want := range []struct {
		file, txid                   string
		size, inputs, outputs, items int
	}{
		{"megatx_364292", "bb41a757f405890fb0f5856228e23b715702d714d59bf2b1feb70d8b2b4e3e08", 999_657, 5569, 1, 0},
		{"tx_73be398c_500001_witness_items", "73be398c4bdc43709db7398106609eea2a7841aaf3a4fa2000dc18184faa2a7e", 500_142, 1, 1, 500_003},
		{"tx_a536e7f6", "a536e7f60a493a258d9adc77d913f7798baf60c808c16898b04579d8c0652681", 833_225, 1, 69_420, 1},
	} {
		tx, err := c.Unzip("txs/" + want.file + ".bin.gz")
		if err != nil {
			t.Fatal(err)
		}
		got := judge.Transaction(tx)
		if !got.Accepted() || len(tx) != want.size || txidOf(tx, got).String() != want.txid {
			t.Errorf("%s: %q, %d bytes, txid %s", want.file, got.Reason, len(tx), txidOf(tx, got))
		}
		counts := got.Said.Counts
		if int(counts.Inputs) != want.inputs || int(counts.Outputs) != want.outputs || int(counts.WitnessItems) != want.items {
			t.Errorf("%s: %+v, want %d inputs, %d outputs, %d witness items", want.file, counts, want.inputs, want.outputs, want.items)
		}
		if cut := judge.Transaction(tx[:len(tx)-1]); cut.Reason != "end of data" {
			t.Errorf("%s without its last byte: %q", want.file, cut.Reason)
		}
	}
}

// txidOf returns the id of one transaction that the judge walked.
func txidOf(raw []byte, got fuzz.Judgement) btc.Hash {
	return btc.DoubleSHA256(fuzz.Strip(raw, got.Said.Txs[0]))
}
