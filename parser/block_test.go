package parser_test

import (
	"bytes"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

var place = parser.Context{Network: btc.Regtest}

func TestRealBlocks(t *testing.T) {
	for _, want := range rows(t) {
		body := block(t, want.File)
		said := parser.New().Block(place, body, nil)
		if said.Verdict != verdict.OK {
			t.Errorf("%s: %s", want.File, said.Verdict)
			continue
		}
		got := row{File: want.File, Size: len(body), Count: len(said.Txs), StrippedSize: len(body)}
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

func TestVerdicts(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	long := func(b ...byte) []byte { return append([]byte{0xfd}, append(b, 0)...) } // b in three bytes
	join := slices.Concat[[]byte]
	for _, c := range []struct {
		name string
		body []byte
		want verdict.Code
	}{
		{"smallest block", blockOf(tx()), verdict.OK},
		{"with a witness", blockOf(segwitTx(vector(1, str(0)))), verdict.OK},
		{"one stack of two is empty", blockOf(segwitTx(vector(0, nil), vector(1, str(3)))), verdict.OK},
		{"253 inputs, count in three bytes", blockOf(join(version, vector(253, input), vector(1, output), lockTime)), verdict.OK},
		{"64 bytes", blockOf(join(version, size(1), make([]byte, 36), str(4), lockTime, vector(1, output), lockTime)), verdict.OK},

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
		got := parser.New().Block(place, c.body, nil)
		if got.Verdict != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got.Verdict, c.want)
		}
		if ok := got.Verdict == verdict.OK; ok != (len(got.Txs) > 0) {
			t.Errorf("%s: %d entries with %q", c.name, len(got.Txs), got.Verdict)
		}
	}
}

// Each count and each string at the last size that fits, and one more.
func TestLimits(t *testing.T) {
	many := func(n int) []byte { return append(slices.Clone(header), vector(n, tx())...) }
	sized := func(n int) []byte { // a block of n bytes, the most of it one witness item
		const rest = btc.HeaderSize + 1 + btc.MinTransactionSize + 2 + 1 + 5
		return blockOf(segwitTx(append(size(1), str(n-rest)...)))
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
	} {
		if got := parser.New().Block(place, c.body, nil); got.Verdict != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got.Verdict, c.want)
		}
	}
}

func join(pieces ...[]byte) []byte { return slices.Concat(pieces...) }

// A block that is cut anywhere is no block, nor is one that goes on.
func TestTruncation(t *testing.T) {
	for _, file := range []string{"testnet3_924634.raw", "mainnet_482683.raw", "mainnet_0100001.raw"} {
		body := block(t, file)
		for n := range body {
			if said := parser.New().Block(place, body[:n], nil); said.Verdict == verdict.OK {
				t.Fatalf("%s cut at %d: well formed", file, n)
			}
		}
		if said := parser.New().Block(place, append(body, 0), nil); said.Verdict != verdict.Trailing {
			t.Errorf("%s and a byte: %s", file, said.Verdict)
		}
	}
}

// What a former block left in the memory for entries is of no consequence.
func TestEntriesAreReused(t *testing.T) {
	out := make([]claim.Tx, 0, btc.MaxBlockTransactions)
	long := parser.New().Block(place, block(t, "mainnet_0100001.raw"), out)
	if len(long.Txs) != 12 || &long.Txs[0] != &out[:1][0] {
		t.Fatalf("%d entries", len(long.Txs))
	}
	if short := parser.New().Block(place, blockOf(tx()), out[:5]); len(short.Txs) != 1 || short.Txs[0] != (claim.Tx{Len: 60}) {
		t.Errorf("got %+v", short)
	}
}

func TestNothingAllocates(t *testing.T) {
	out := make([]claim.Tx, 0, btc.MaxBlockTransactions)
	body := block(t, "mainnet_0951658.raw")
	faulty := body[:len(body)-1]
	if n := testing.AllocsPerRun(20, func() {
		parser.New().Block(place, body, out)
		parser.New().Block(place, faulty, out)
	}); n != 0 {
		t.Errorf("%v allocations a block, want 0", n)
	}
}

func BenchmarkBlock(b *testing.B) {
	out := make([]claim.Tx, 0, btc.MaxBlockTransactions)
	for _, file := range []string{"mainnet_413567.raw", "mainnet_866342.raw", "synth_3.9M_empty_witness_items.raw"} {
		body := block(b, file)
		b.Run(file, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				parser.New().Block(place, body, out)
			}
		})
	}
}
