package parser_test

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// place is where the blocks that we make up belong: height 1, whose push is one byte,
// and no lock time ahead.
var place = parser.Context{Network: btc.Regtest, Height: 1, MedianTime: math.MaxUint32}

// parse parses with a parser of its own, at that place.
func parse(body []byte) claim.Block { return parser.New().Block(place, body, nil) }

func TestRealBlocks(t *testing.T) {
	p := parser.New() // one for all: what is left in it must not matter
	for _, want := range rows(t) {
		body := block(t, want.File)
		said := p.Block(want.place(), body, nil)
		verdictWanted := verdict.OK
		if want.File == "invalid_0074638_70a7ec1c.raw" { // CVE-2010-5139
			verdictWanted = verdict.ValueTooLarge
		}
		if said.Verdict != verdictWanted {
			t.Errorf("%s: %s", want.File, said.Verdict)
		}
		got := row{
			File: want.File, Network: want.Network, Height: want.Height, Time: want.Time,
			Size: len(body), Count: len(said.Txs), StrippedSize: len(body),
			Inputs: said.Counts.Inputs, Outputs: said.Counts.Outputs, WitnessItems: said.Counts.WitnessItems,
			LegacySigops: said.Counts.Sigops / 4,
		}
		for _, tx := range said.Txs {
			got.MaxTxSize = max(got.MaxTxSize, int(tx.Len))
			if tx.Witness > 0 {
				got.SegwitCount++
				got.StrippedSize -= int(tx.Witness) + 2
			}
		}
		if got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
}

// The faults of form, and what is none.
func TestVerdicts(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	long := func(b ...byte) []byte { return append([]byte{0xfd}, append(b, 0)...) } // b in three bytes
	join := slices.Concat[[]byte]
	for _, c := range []struct {
		name string
		body []byte
		want verdict.Code
	}{
		{"smallest block", blockOf(coinbase), verdict.OK},
		{"with a witness", blockOf(coinbase, segwitTx(vector(1, str(0)))), verdict.OK},
		{"one stack of two is empty", blockOf(coinbase, segwitTx(vector(0, nil), vector(1, str(3)))), verdict.OK},
		{"253 inputs, count in three bytes", blockOf(coinbase, txOf(0, spends(253), output)), verdict.OK},
		{"64 bytes", blockOf(coinbase, join(version, size(1), make([]byte, 36), str(4), lockTime, vector(1, output), lockTime)), verdict.OK},

		{"nothing", nil, verdict.Truncated},
		{"less than a header", header[:79], verdict.Truncated},
		{"header only", header, verdict.Truncated},
		{"half a count", join(header, []byte{0xfd, 1}), verdict.Truncated},
		{"script longer than the block", blockOf(join(version, size(1), make([]byte, 36), str(200)[:150])), verdict.Truncated},
		{"script of 2^64-1 bytes", blockOf(join(version, size(1), make([]byte, 36), huge, make([]byte, 60))), verdict.Truncated},
		{"witness item of 2^64-1 bytes", blockOf(segwitTx(join(size(1), huge))), verdict.Truncated},

		{"one byte more", append(blockOf(tx()), 0), verdict.Trailing},
		{"count one less", append(blockOf(tx()), tx()...), verdict.Trailing},

		{"transaction count in three bytes", join(header, long(1), tx()), verdict.NonCanonical},
		{"input count in three bytes", blockOf(join(version, long(1), input, vector(1, output), lockTime)), verdict.NonCanonical},
		{"output count in three bytes", blockOf(join(version, vector(1, input), long(1), output, lockTime)), verdict.NonCanonical},
		{"script length in three bytes", blockOf(join(version, size(1), make([]byte, 36), long(0), lockTime, vector(1, output), lockTime)), verdict.NonCanonical},
		{"item count in three bytes", blockOf(segwitTx(join(long(1), str(0)))), verdict.NonCanonical},
		{"item length in three bytes", blockOf(segwitTx(join(size(1), long(0)))), verdict.NonCanonical},

		{"count one more", join(header, size(2), tx()), verdict.Count},
		{"2^64-1 inputs", blockOf(join(version, huge, make([]byte, 60))), verdict.Count},
		{"2^64-1 outputs", blockOf(join(version, vector(1, input), huge, make([]byte, 60))), verdict.Count},
		{"2^64-1 witness items", blockOf(segwitTx(huge)), verdict.Count},

		{"no transactions", join(header, size(0)), verdict.NoTransactions},
		{"no transactions, but bytes", join(header, size(0), tx()), verdict.NoTransactions},
		{"2^64-1 transactions", join(header, huge, tx()), verdict.TooManyTransactions},
		{"marker, flag 0", blockOf(join(version, []byte{0, 0}, lockTime, tx())), verdict.NoInputs},
		{"segwit without inputs", blockOf(join(version, marker, size(0), vector(1, output), lockTime, tx())), verdict.NoInputs},
		{"no outputs", blockOf(join(version, vector(1, input), size(0), lockTime, tx())), verdict.NoOutputs},
		{"flag 2", blockOf(join(version, []byte{0, 2}, vector(1, input), vector(1, output), vector(1, str(0)), lockTime)), verdict.UnknownFlag},
		{"flag 3", blockOf(join(version, []byte{0, 3}, vector(1, input), vector(1, output), vector(1, str(0)), lockTime)), verdict.UnknownFlag},
		{"all stacks empty", blockOf(segwitTx(size(0), size(0))), verdict.SuperfluousWitness},
	} {
		got := parse(c.body)
		if got.Verdict != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got.Verdict, c.want)
		}
		if ok := got.Verdict.Claimed(); ok != (len(got.Txs) > 0) || ok != (got.Counts != claim.Counts{}) {
			t.Errorf("%s: %d entries with %q", c.name, len(got.Txs), got.Verdict)
		}
	}
}

// Each count and each string at the last size that fits, and one more.
func TestLimits(t *testing.T) {
	many := func(n int) []byte {
		return join(header, size(uint64(n)), coinbase, bytes.Repeat(tx(), n-1))
	}
	sized := func(n int) []byte { // a block of n bytes, the most of it one witness item
		const rest = btc.HeaderSize + 1 + (btc.MinTransactionSize + 2) + btc.MinTransactionSize + 2 + 1 + 5
		return blockOf(coinbase, segwitTx(append(size(1), str(n-rest)...)))
	}
	items := func(more int) []byte { // a block that ends within a witness, or before the items that it promises
		body := blockOf(join(version, marker, vector(1, input), vector(1, output)))
		return append(append(body, size(uint64(5+more))...), 0, 0, 0, 0, 0)
	}
	last := func(count, items int, item []byte) []byte { // a vector that the block ends with
		return append(blockOf(join(version, size(uint64(count)))), bytes.Repeat(item, items)...)
	}
	for _, c := range []struct {
		name string
		body []byte
		want verdict.Code
	}{
		{"transactions n-1", many(btc.MaxBlockTransactions - 1), verdict.OK},
		{"transactions n", many(btc.MaxBlockTransactions), verdict.OK},
		{"transactions n+1", many(btc.MaxBlockTransactions + 1), verdict.TooManyTransactions},
		{"bytes n-1", sized(btc.MaxBlockSize - 1), verdict.OK},
		{"bytes n", sized(btc.MaxBlockSize), verdict.OK},
		{"bytes n+1", sized(btc.MaxBlockSize + 1), verdict.TooLarge},
		// Where the count fits it is the output count that is missing.
		{"inputs that fit", last(3, 3, input), verdict.Truncated},
		{"one input more", last(4, 3, input), verdict.Count},
		{"witness items that fit", items(0), verdict.Truncated},
		{"one witness item more", items(1), verdict.Count},
	} {
		if got := parse(c.body); got.Verdict != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got.Verdict, c.want)
		}
	}
}

func join(pieces ...[]byte) []byte { return slices.Concat(pieces...) }

// What a former block left in the memory for entries is of no consequence.
func TestEntriesAreReused(t *testing.T) {
	out := make([]claim.Tx, 0, btc.MaxBlockTransactions)
	p := parser.New()
	long := p.Block(place, block(t, "mainnet_0100001.raw"), out)
	if len(long.Txs) != 12 || &long.Txs[0] != &out[:1][0] {
		t.Fatalf("%d entries", len(long.Txs))
	}
	want := claim.Block{Txs: []claim.Tx{{Len: 62}}, Verdict: verdict.OK, Counts: claim.Counts{Inputs: 1, Outputs: 1}}
	if short := p.Block(place, blockOf(coinbase), out[:5]); !reflect.DeepEqual(short, want) {
		t.Errorf("got %+v, want %+v", short, want)
	}
}

func TestNothingAllocates(t *testing.T) {
	out := make([]claim.Tx, 0, btc.MaxBlockTransactions)
	p := parser.New()
	bodies := [][]byte{block(t, "mainnet_0951658.raw"), block(t, "mainnet_413567.raw")}
	bodies = append(bodies, bodies[0][:len(bodies[0])-1])
	for _, h := range hostiles() {
		if slower == 1 {
			bodies = append(bodies, h.body)
		}
	}
	for i, body := range bodies {
		if n := testing.AllocsPerRun(1, func() { p.Block(place, body, out) }); n != 0 {
			t.Errorf("block %d: %v allocations, want 0", i, n)
		}
	}
	if n := testing.AllocsPerRun(10, func() { p.Transaction(coinbase) }); n != 0 {
		t.Errorf("%v allocations a transaction, want 0", n)
	}
}

func TestNetworkMustBeOne(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a network that is none has rules")
		}
	}()
	parser.New().Block(parser.Context{}, blockOf(coinbase), nil)
}
