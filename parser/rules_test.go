package parser_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/verdict"
)

const (
	maxMoney  = 21_000_000 * 100_000_000
	maxSigops = 20_000 // legacy ones, each of which costs 4
)

// sized is a sound transaction of n bytes.
func sized(n int) []byte {
	script := n - btc.MinTransactionSize - 4 // and the rest of its length
	return txOf(0, spends(1), outputOf(0, bytes.Repeat([]byte{0x61}, script)))
}

// withWitness gives a transaction of one input a stack of one item of n bytes.
func withWitness(plain []byte, n int) []byte {
	end := len(plain) - 4
	return slices.Concat(plain[:4], marker, plain[4:end], []byte{1}, str(n), plain[end:])
}

func values(values ...uint64) []byte {
	outputs := make([][]byte, len(values))
	for i, v := range values {
		outputs[i] = outputOf(v, nil)
	}
	return txOf(0, spends(1), outputs...)
}

// Each rule of CheckTransaction at its limit, in a block and alone.
func TestTransactionRules(t *testing.T) {
	spend := func(outpoints ...[]byte) []byte {
		inputs := make([][]byte, len(outpoints))
		for i, o := range outpoints {
			inputs[i] = inputOf(o, nil, 0)
		}
		return txOf(0, inputs, output)
	}
	noHash := append(make([]byte, 32), 0xfe, 0xff, 0xff, 0xff)
	noIndex := append(append([]byte{1}, make([]byte, 31)...), 0xff, 0xff, 0xff, 0xff)
	noIndexToo := append(append(make([]byte, 31), 1), 0xff, 0xff, 0xff, 0xff)
	for _, c := range []struct {
		name string
		tx   []byte
		want verdict.Code
	}{
		{"smallest", tx(), verdict.OK},
		{"size n-1", sized(999_999), verdict.OK},
		{"size n", sized(1_000_000), verdict.OK},
		{"size n+1", sized(1_000_001), verdict.TransactionTooLarge},
		{"size n, and a witness", withWitness(sized(1_000_000), 1_000_000), verdict.OK},
		{"size n+1, and a witness", withWitness(sized(1_000_001), 0), verdict.TransactionTooLarge},
		{"small, and a large witness", withWitness(tx(), 3_000_000), verdict.OK},

		{"value -1", values(math.MaxUint64), verdict.ValueNegative},
		{"least value", values(1 << 63), verdict.ValueNegative},
		{"greatest value", values(1<<63 - 1), verdict.ValueTooLarge},
		{"value n-1", values(maxMoney - 1), verdict.OK},
		{"value n", values(maxMoney), verdict.OK},
		{"value n+1", values(maxMoney + 1), verdict.ValueTooLarge},
		{"total n-1", values(maxMoney-2, 1), verdict.OK},
		{"total n", values(maxMoney-1, 1), verdict.OK},
		{"total n+1", values(maxMoney, 1), verdict.TotalTooLarge},
		{"total of three n+1", values(maxMoney-1, 1, 1), verdict.TotalTooLarge},
		{"negative, then too large", values(math.MaxUint64, maxMoney+1), verdict.ValueNegative},
		{"too large, then negative", values(maxMoney+1, math.MaxUint64), verdict.ValueTooLarge},
		{"total, then negative", values(maxMoney, 1, math.MaxUint64), verdict.TotalTooLarge},
		{"total, then too large", values(maxMoney, 1, maxMoney+1), verdict.TotalTooLarge},
		{"sum runs over 64 bits", txOf(0, spends(1), slices.Repeat([][]byte{outputOf(maxMoney, nil)}, 8785)...), verdict.TotalTooLarge},

		{"one index, other hash", spend(outpoint(1), append(bytes.Repeat([]byte{8}, 32), 1, 0, 0, 0)), verdict.OK},
		{"the same twice", spend(outpoint(1), outpoint(1)), verdict.DuplicateInputs},
		{"the same, other first byte", spend(outpoint(1), append([]byte{6}, outpoint(1)[1:]...)), verdict.OK},
		{"the same, other last byte", spend(outpoint(1), outpoint(1|1<<31)), verdict.OK},
		{"the same, other script and sequence", txOf(0, [][]byte{inputOf(outpoint(1), nil, 0), inputOf(outpoint(1), []byte{0}, 1)}, output), verdict.DuplicateInputs},

		{"null and another", spend(null, outpoint(0)), verdict.NullPrevout},
		{"another and null", spend(outpoint(0), null), verdict.NullPrevout},
		{"no hash, but an index", spend(noHash, outpoint(0)), verdict.OK},
		{"no index, but a hash", spend(noIndex, outpoint(0)), verdict.OK},
		{"no index, but the end of a hash", spend(noIndexToo), verdict.OK},

		// The inner order: size, values, duplicates, null.
		{"too large, negative", txOf(0, spends(1), outputOf(math.MaxUint64, make([]byte, 1_000_000))), verdict.TransactionTooLarge},
		{"negative, duplicate", txOf(0, [][]byte{input, input}, outputOf(math.MaxUint64, nil)), verdict.ValueNegative},
		{"duplicate, null", spend(null, null), verdict.DuplicateInputs},
		{"duplicate, and another null", spend(null, outpoint(1), outpoint(1)), verdict.DuplicateInputs},
	} {
		body := blockOf(coinbase, tx(), c.tx, tx())
		if got := parse(body); got.Verdict != c.want || len(got.Txs) != 4 {
			t.Errorf("%s: got %q with %d entries, want %q", c.name, got.Verdict, len(got.Txs), c.want)
		}
		if got := parser.New().Transaction(c.tx); got.Verdict != c.want || len(got.Txs) != 1 || int(got.Txs[0].Len) != len(c.tx) {
			t.Errorf("%s alone: got %q with %v, want %q", c.name, got.Verdict, got.Txs, c.want)
		}
	}
}

// Where the way of looking for duplicates changes, and at the ends of both ways.
func TestDuplicateInputs(t *testing.T) {
	p := parser.New()
	for _, n := range []int{2, 3, 15, 16, 17, 18, 31, 32, 33, 64, 65, 1000, 24_000, 97_554} {
		inputs := spends(n)
		if got := p.Transaction(txOf(0, inputs, output)); got.Verdict.Rule() && got.Verdict != verdict.TransactionTooLarge {
			t.Errorf("%d inputs that differ: %s", n, got.Verdict)
		}
		for _, pair := range [][2]int{{0, n - 1}, {0, 1}, {n - 2, n - 1}, {n / 2, n - 1}} {
			if pair[0] == pair[1] || n > 24_000 {
				continue // the many are too large before they are duplicate
			}
			some := slices.Clone(inputs)
			some[pair[1]] = some[pair[0]]
			if got := p.Transaction(txOf(0, some, output)); got.Verdict != verdict.DuplicateInputs {
				t.Errorf("%d inputs, %d is %d: %s", n, pair[1], pair[0], got.Verdict)
			}
		}
	}
}

func TestCoinbase(t *testing.T) {
	early := parser.Context{Network: btc.Mainnet, Height: 1} // long before BIP-0034
	two := txOf(0, [][]byte{inputOf(null, []byte{1, 1}, 0), input}, output)
	script := func(n int) []byte { return coinbaseOf(bytes.Repeat([]byte{0x51}, n)) }
	for _, c := range []struct {
		name string
		body []byte
		want verdict.Code
	}{
		{"one", blockOf(coinbase), verdict.OK},
		{"with a witness", blockOf(withWitness(coinbase, 32)), verdict.OK},
		{"none", blockOf(tx()), verdict.CoinbaseMissing},
		{"none, an input of two is null", blockOf(two), verdict.CoinbaseMissing},
		{"not the first", blockOf(tx(), coinbase), verdict.CoinbaseMissing},
		{"two", blockOf(coinbase, coinbase), verdict.CoinbaseMultiple},
		{"the last is one, too", blockOf(coinbase, tx(), tx(), script(1)), verdict.CoinbaseMultiple},
		{"no script", blockOf(script(0)), verdict.CoinbaseLength},
		{"script n-1", blockOf(script(1)), verdict.CoinbaseLength},
		{"script n", blockOf(script(2)), verdict.OK},
		{"script n+1", blockOf(script(3)), verdict.OK},
		{"script m-1", blockOf(script(99)), verdict.OK},
		{"script m", blockOf(script(100)), verdict.OK},
		{"script m+1", blockOf(script(101)), verdict.CoinbaseLength},
		{"script of 300 bytes", blockOf(script(300)), verdict.CoinbaseLength},
	} {
		if got := parser.New().Block(early, c.body, nil); got.Verdict != c.want || len(got.Txs) == 0 {
			t.Errorf("%s: got %q, want %q", c.name, got.Verdict, c.want)
		}
	}
}

func TestSigopsOfABlock(t *testing.T) {
	ops := func(op string, n int) []byte { return []byte(strings.Repeat(op, n)) }
	in := func(script []byte) []byte { return txOf(0, [][]byte{inputOf(outpoint(0), script, 0)}, output) }
	out := func(script []byte) []byte { return txOf(0, spends(1), outputOf(0, script)) }
	for _, c := range []struct {
		name string
		txs  [][]byte
		want int
	}{
		{"outputs n-1", [][]byte{out(ops("\xac", maxSigops-1))}, maxSigops - 1},
		{"outputs n", [][]byte{out(ops("\xac", maxSigops))}, maxSigops},
		{"outputs n+1", [][]byte{out(ops("\xac", maxSigops+1))}, maxSigops + 1},
		{"inputs n", [][]byte{in(ops("\xad", maxSigops))}, maxSigops},
		{"inputs n+1", [][]byte{in(ops("\xad", maxSigops+1))}, maxSigops + 1},
		{"multisig n", [][]byte{out(ops("\xae", maxSigops/20))}, maxSigops},
		{"multisig n+20", [][]byte{in(ops("\xaf", maxSigops/20)), out(ops("\xae", 1))}, maxSigops + 20},
		{"many transactions n+1", slices.Repeat([][]byte{out([]byte{0xac})}, maxSigops/2+1), maxSigops/2 + 1},
		{"the number of keys is not looked at", [][]byte{out([]byte{0x51, 0xae})}, 20},
	} {
		said, want := parse(blockOf(append([][]byte{coinbase}, c.txs...)...)), verdict.OK
		if c.want > maxSigops {
			want = verdict.Sigops
		}
		if got := int(said.Counts.Sigops); said.Verdict != want || got != 4*c.want {
			t.Errorf("%s: %q, %d of cost, want %q, %d", c.name, said.Verdict, got, want, 4*c.want)
		}
	}
	body := blockOf(coinbaseOf(append([]byte{0x51}, ops("\xae", 99)...)), out(ops("\xac", maxSigops-99*20+1)))
	if got := parse(body); got.Verdict != verdict.Sigops {
		t.Errorf("the coinbase's are not counted: %s", got.Verdict)
	}
}

// A block that breaks two rules breaks, for Core, the one that stands first here.
func TestOrder(t *testing.T) {
	badCoinbase := coinbaseOf([]byte{0x52, 0x51}) // another height
	faults := []struct {
		want   verdict.Code
		change func(txs [][]byte) [][]byte
	}{
		{verdict.CoinbaseMissing, func(txs [][]byte) [][]byte { return append([][]byte{tx()}, txs[1:]...) }},
		{verdict.CoinbaseMultiple, func(txs [][]byte) [][]byte { return append(txs, coinbase) }},
		{verdict.ValueTooLarge, func(txs [][]byte) [][]byte { return append(txs, values(maxMoney+1)) }},
		{verdict.Sigops, func(txs [][]byte) [][]byte {
			return append(txs, txOf(0, spends(1), outputOf(0, bytes.Repeat([]byte{0xae}, 1001))))
		}},
		{verdict.NonFinal, func(txs [][]byte) [][]byte { return append(txs, txOf(1, spends(1), output)) }},
		{verdict.CoinbaseHeight, func(txs [][]byte) [][]byte { return append([][]byte{badCoinbase}, txs[1:]...) }},
	}
	for i, first := range faults {
		if got := parse(blockOf(first.change([][]byte{coinbase, tx()})...)); got.Verdict != first.want {
			t.Errorf("got %q, want %q", got.Verdict, first.want)
		}
		for _, second := range faults[i+1:] {
			// Both ways round: the order of the bytes has no part in it.
			one := blockOf(second.change(first.change([][]byte{coinbase, tx()}))...)
			other := blockOf(first.change(second.change([][]byte{coinbase, tx()}))...)
			for _, body := range [][]byte{one, other} {
				if first.want == verdict.CoinbaseMissing && second.want == verdict.CoinbaseHeight {
					continue // each puts its own in the first place
				}
				if got := parse(body); got.Verdict != first.want {
					t.Errorf("%q and %q: got %q", first.want, second.want, got.Verdict)
				}
			}
			if got := parse(one[:len(one)-1]); got.Verdict.Claimed() || got.Txs != nil {
				t.Errorf("%q, and cut: got %q", first.want, got.Verdict)
			}
		}
	}
	// Of two transactions that break rules the first counts, whatever the rules.
	null := txOf(0, [][]byte{input, inputOf(null, nil, 0)}, output)
	for want, txs := range map[verdict.Code][][]byte{
		verdict.NullPrevout:    {coinbase, null, values(math.MaxUint64)},
		verdict.ValueNegative:  {coinbase, values(math.MaxUint64), null},
		verdict.CoinbaseLength: {coinbaseOf([]byte{0x51}), values(math.MaxUint64)},
	} {
		if got := parse(blockOf(txs...)); got.Verdict != want {
			t.Errorf("got %q, want %q", got.Verdict, want)
		}
	}
}

func ExampleParser_Block() {
	ctx := parser.Context{Network: btc.Regtest, Height: 1}
	said := parser.New().Block(ctx, blockOf(coinbase, values(1, 2)), nil)
	fmt.Println(said.Verdict, said.Txs[1].Len, said.Counts.Outputs)
	said = parser.New().Block(ctx, blockOf(coinbase, values(math.MaxUint64)), nil)
	fmt.Println(said.Verdict.Reason(), len(said.Txs))
	// Output:
	// well formed 69 3
	// bad-txns-vout-negative 2
}
