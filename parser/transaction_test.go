package parser_test

import (
	"reflect"
	"testing"

	"blockgate/parser"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// Transactions that broke other parsers.
func TestRealTransactions(t *testing.T) {
	p := parser.New()
	for _, c := range []struct {
		file   string
		size   uint32
		counts claim.Counts
	}{
		{"tx_73be398c_500001_witness_items", 500_142, claim.Counts{Inputs: 1, Outputs: 1, WitnessItems: 500_003}}, // CVE-2022-39389
		{"megatx_364292", 999_657, claim.Counts{Inputs: 5569, Outputs: 1, Sigops: 4}},
		{"tx_a536e7f6", 833_225, claim.Counts{Inputs: 1, Outputs: 69_420, WitnessItems: 1}},
	} {
		raw := unzip(t, "../testdata/txs/"+c.file+".bin.gz")
		got, want := p.Transaction(raw), modelAlone(t, raw)
		if !reflect.DeepEqual(got, want) || got.Verdict != verdict.OK || got.Counts != c.counts || got.Txs[0].Len != c.size {
			t.Errorf("%s: got %+v, want %+v", c.file, got, want)
		}
	}
}

func TestTransactionAlone(t *testing.T) {
	for _, c := range []struct {
		name string
		raw  []byte
		want verdict.Code
	}{
		{"nothing", nil, verdict.Truncated},
		{"smallest", tx(), verdict.OK},
		{"with a witness", segwitTx(vector(3, str(7))), verdict.OK},
		{"one byte more", append(tx(), 0), verdict.Trailing},
		{"two", append(tx(), tx()...), verdict.Trailing},
		{"one byte less", tx()[:59], verdict.Truncated},
		{"bytes n", withWitness(tx(), 4_000_000-60-2-1-5), verdict.OK},
		{"bytes n+1", withWitness(tx(), 4_000_000-60-2-1-5+1), verdict.TooLarge},
		{"no inputs", join(version, []byte{0, 0}, lockTime), verdict.NoInputs},
		{"no outputs", join(version, vector(1, input), size(0), lockTime), verdict.NoOutputs},
		{"flag 2", join(version, []byte{0, 2}, vector(1, input), vector(1, output), size(0), lockTime), verdict.UnknownFlag},
		{"no stack has an item", segwitTx(size(0)), verdict.SuperfluousWitness},
		{"input count in three bytes", join(version, []byte{0xfd, 1, 0}, input, vector(1, output), lockTime), verdict.NonCanonical},
		{"more inputs than bytes", join(version, size(2), input, vector(1, output)), verdict.Count},

		// A coinbase breaks its own rules before the one that it stands alone.
		{"coinbase", coinbase, verdict.Coinbase},
		{"coinbase with a witness", withWitness(coinbase, 32), verdict.Coinbase},
		{"coinbase, script too short", coinbaseOf([]byte{0}), verdict.CoinbaseLength},
		{"coinbase, script too long", coinbaseOf(make([]byte, 101)), verdict.CoinbaseLength},
		{"too many signature operations for a block", txOf(0, spends(1), outputOf(0, []byte{0xae}), outputOf(0, make([]byte, 1100))), verdict.OK},
	} {
		got := parser.New().Transaction(c.raw)
		if got.Verdict != c.want || (len(got.Txs) == 1) != c.want.Claimed() || (got.Counts != claim.Counts{}) != c.want.Claimed() {
			t.Errorf("%s: got %+v, want %q", c.name, got, c.want)
		}
		if want := modelAlone(t, c.raw); c.want.Claimed() && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, the model %+v", c.name, got, want)
		}
	}
}

// Cut or prolonged anywhere, a transaction is none.
func TestTransactionTruncation(t *testing.T) {
	p := parser.New()
	for _, raw := range [][]byte{tx(), coinbase, segwitTx(vector(2, str(3)), vector(0, nil)), txOf(7, spends(20), output, output)} {
		for n := range raw {
			got, want := p.Transaction(raw[:n]), modelAlone(t, raw[:n])
			if got.Verdict.Claimed() || want.Verdict.Claimed() {
				t.Errorf("%x cut at %d: %s", raw, n, got.Verdict)
			}
		}
		if got := p.Transaction(append(raw, 0)); got.Verdict != verdict.Trailing {
			t.Errorf("%x and a byte: %s", raw, got.Verdict)
		}
	}
}

// A former call leaves nothing behind.
func TestCallsAreApart(t *testing.T) {
	p := parser.New()
	inputs := spends(100)
	for range 3 {
		if got := p.Transaction(txOf(0, inputs, output)); got.Verdict != verdict.OK {
			t.Errorf("got %q", got.Verdict)
		}
		if got := p.Transaction(txOf(0, append(inputs, inputs[50]), output)); got.Verdict != verdict.DuplicateInputs {
			t.Errorf("got %q", got.Verdict)
		}
		if got := p.Transaction(tx()[:50]); got.Verdict.Claimed() {
			t.Errorf("got %q", got.Verdict)
		}
		if got := p.Block(place, blockOf(values(maxMoney+1)), nil); got.Verdict != verdict.CoinbaseMissing {
			t.Errorf("got %q", got.Verdict)
		}
		if got := p.Block(place, blockOf(coinbase, txOf(0, inputs, output), txOf(0, inputs, output)), nil); got.Verdict != verdict.OK {
			t.Errorf("got %q", got.Verdict)
		}
	}
}
