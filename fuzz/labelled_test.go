package fuzz_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"blockgate/fuzz"
	"blockgate/internal/btc"
)

// because explains why an input that Core reads to its end has no form for us. Each
// row says what such an input must have: the reference reads it out of the bytes.
var because = map[string]struct {
	holds func(facts) bool
	why   string
}{
	"trailing data": {
		func(f facts) bool { return f.trailing > 0 },
		"submitblock reads from a stream and ignores what follows the block",
	},
	"bad-blk-length": {
		func(f facts) bool { return f.txs == 0 || f.txs > btc.MaxBlockTransactions },
		"CheckBlock refuses such a count, after it was read (src/validation.cpp)",
	},
	"bad-txns-vin-empty": {
		func(f facts) bool { return f.noInputs },
		"CheckTransaction refuses it, after it was read (src/consensus/tx_check.cpp)",
	},
	"bad-txns-vout-empty": {
		func(f facts) bool { return f.noOutputs },
		"CheckTransaction refuses it, after it was read",
	},
	"end of data": {
		func(f facts) bool { return f.noInputs || f.noOutputs },
		"a count of transactions is held to 60 bytes each before they are read; one with no input or output has fewer, and CheckTransaction refuses it",
	},
}

// labels are the sets of labelled inputs, with their counts.
var labels = []struct {
	name        string
	transaction bool
	fail, ok    int
}{
	{"invalid/fuzz_bitcoin_slices_block", false, 243, 2},
	{"invalid/fuzz_deserialize_block", false, 119, 146},
	{"invalid/fuzz_kernel_block", false, 137, 51},
	{"txs/fuzz_bitcoin_slices_transaction", true, 149, 1},
	{"txs/fuzz_kernel_transaction", true, 179, 14},
	{"txs/fuzz_transaction_eval", true, 332, 48},
}

// Each input is read to its end by us if Core did, or one row says why not, and the
// reference that was written after Core decides like Core on all of them.
func TestLabelledInputs(t *testing.T) {
	c, judge := corpus(t), fuzz.NewJudge()
	for _, set := range labels {
		inputs, err := c.Untar(set.name + ".tar.gz")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(bytes.NewReader(read(t, c, set.name+".labels.csv"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		fail, ok, explained := 0, 0, map[string]int{}
		for _, line := range lines[1:] {
			input, there := inputs[line[0]]
			if !there {
				t.Fatalf("%s: no input %s", set.name, line[0])
			}
			decoded := strings.HasPrefix(line[2], "decode-ok")
			if decoded {
				ok++
			} else {
				fail++
			}
			judgeLabelled(t, judge, set.transaction, line[0], line[2], input, explained)
		}
		if fail != set.fail || ok != set.ok {
			t.Errorf("%s: %d refused and %d read by Core, want %d and %d", set.name, fail, ok, set.fail, set.ok)
		}
		t.Logf("%s: %d refused by both, %d read by Core, of those refused by us %v", set.name, fail, ok, explained)
	}
}

// judgeLabelled compares one input with its label.
func judgeLabelled(t *testing.T, judge *fuzz.Judge, transaction bool, name, label string, input []byte, explained map[string]int) {
	t.Helper()
	decoded := strings.HasPrefix(label, "decode-ok")
	f, read := referenceBlock(input)
	got := judge.Alone(fuzz.Place{Network: btc.Regtest, Height: 1}, input)
	if transaction {
		f, read = referenceTransaction(input)
		got = judge.Transaction(input)
	}
	if read != decoded {
		t.Errorf("%s: the reference reads it: %v; Core: %s", name, read, label)
	}
	claimed, reason := got.Said.Verdict.Claimed(), got.Said.Verdict.Reason()
	switch {
	case !decoded && claimed:
		t.Errorf("%s: we read what Core cannot", name)
	case decoded && !claimed:
		explained[reason]++
		if row, known := because[reason]; !known || !row.holds(f) {
			t.Errorf("%s: %s, but Core says %s, and it has %+v", name, reason, label, f)
		}
	case decoded && (f.noInputs || f.noOutputs || f.trailing > 0 || f.txs == 0):
		t.Errorf("%s: we read it, and it has %+v", name, f)
	case decoded && transaction:
		if want := strings.TrimPrefix(label, "decode-ok:txid="); txidOf(input, got).String() != want {
			t.Errorf("%s: txid %s, Core says %s", name, txidOf(input, got), want)
		}
	}
}
