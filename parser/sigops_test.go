package parser_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"blockgate/parser"
	"blockgate/sandbox/verdict"
)

// count returns the legacy signature operations of a script, as a scriptSig and as a
// scriptPubKey.
func count(script []byte) (in, out uint32) {
	p := parser.New()
	in = p.Transaction(txOf(0, [][]byte{inputOf(outpoint(0), script, 0)}, output)).Counts.Sigops
	out = p.Transaction(txOf(0, spends(1), outputOf(0, script))).Counts.Sigops
	return in / 4, out / 4
}

func TestSigops(t *testing.T) {
	key, hash := strings.Repeat("\xac", 33), strings.Repeat("\xac", 20) // what is pushed never counts
	ones := func(n int) string { return strings.Repeat("\x01", n) }
	for _, c := range []struct {
		name, script string
		want         uint32
	}{
		{"empty", "", 0},
		{"OP_CHECKSIG", "\xac", 1},
		{"OP_CHECKSIGVERIFY", "\xad", 1},
		{"OP_CHECKMULTISIG", "\xae", 20},
		{"OP_CHECKMULTISIGVERIFY", "\xaf", 20},
		{"their neighbours", "\xab\xb0", 0},
		{"OP_CHECKSIGADD", "\xba", 0},
		{"all of them", "\xab\xac\xad\xae\xaf\xb0", 42},
		{"1 of 1", "\x51\x21" + key + "\x51\xae", 20},

		{"P2PKH", "\x76\xa9\x14" + hash + "\x88\xac", 1},
		{"P2PKH but for OP_DUP", "\xac\xa9\x14" + hash + "\x88\xac", 2},
		{"P2PKH but for OP_HASH160", "\x76\xac\x14" + hash + "\x88\xac", 2},
		{"P2PKH but for the push", "\x76\xa9\x13" + hash + "\x88\xac", 2},
		{"P2PKH but for OP_EQUALVERIFY", "\x76\xa9\x14" + hash + "\xac\xac", 2},
		{"P2PKH but for OP_CHECKSIG", "\x76\xa9\x14" + hash + "\x88\xae", 20},
		{"P2PKH and more", "\x76\xa9\x14" + hash + "\x88\xac\xac", 2},
		{"P2SH", "\xa9\x14" + hash + "\x87", 0},
		{"P2SH but for OP_HASH160", "\xac\x14" + hash + "\x87", 1},
		{"P2SH but for the push", "\xa9\x13" + hash + "\x87", 1},
		{"P2SH but for OP_EQUAL", "\xa9\x14" + hash + "\xac", 1},
		{"P2WPKH", "\x00\x14" + hash, 0},
		{"P2WPKH but for OP_0", "\xac\x14" + hash, 1},
		{"P2WPKH but for the push", "\x00\x13" + hash, 1},
		{"P2WSH", "\x00\x20" + key[1:], 0},
		{"P2TR", "\x51\x20" + key[1:], 0},
		{"P2TR but for OP_1", "\xac\x20" + key[1:], 1},
		{"P2TR but for the push", "\x51\x1f" + key[1:], 1},
		{"P2PK", "\x21" + key + "\xac", 1},

		{"signature", "\x47" + strings.Repeat("\xac", 0x47), 0},
		{"signature and key", "\x47" + strings.Repeat("\xac", 0x47) + "\x21" + key, 0},
		{"signature, key, OP_CHECKSIG", "\x47" + strings.Repeat("\xac", 0x47) + "\x21" + key + "\xac", 1},
		{"signature, OP_CHECKSIG", "\x47" + strings.Repeat("\xac", 0x47) + "\xac", 1},
		{"signature, long push", "\x47" + strings.Repeat("\xac", 0x47) + "\x4c\x01\xac", 0},
		{"empty long push that is no push of 76", "\x4c\x00\xac" + strings.Repeat("\x61", 74) + "\x01\x61", 1},
		{"long push and a short one", "\x4c\x02\xac\xac\x01\xac", 0},

		{"push of 75", "\x4b" + ones(75) + "\xac", 1},
		{"push of 75, cut", "\xac\x4b" + ones(74), 1},
		{"push of 75 takes the rest", "\xac\x4b" + ones(73) + "\xac", 1},
		{"OP_PUSHDATA1 n-1", "\x4c\x02\x01\xac", 0},
		{"OP_PUSHDATA1 n", "\x4c\x01\x01\xac", 1},
		{"OP_PUSHDATA1 without a length", "\xac\x4c", 1},
		{"OP_PUSHDATA1 too long", "\xac\x4c\x03\xac\xac", 1},
		{"OP_PUSHDATA1 of 255", "\x4c\xff" + ones(255) + "\xac", 1},
		{"OP_PUSHDATA2", "\x4d\x01\x00\xac\xac", 1},
		{"OP_PUSHDATA2 with half a length", "\xac\x4d\x00", 1},
		{"OP_PUSHDATA2 too long", "\xac\x4d\x03\x00\xac\xac", 1},
		{"OP_PUSHDATA2 of 256", "\x4d\x00\x01" + ones(256) + "\xac", 1},
		{"OP_PUSHDATA4", "\x4e\x01\x00\x00\x00\xac\xac", 1},
		{"OP_PUSHDATA4 with three bytes of length", "\xac\x4e\x00\x00\x00", 1},
		{"OP_PUSHDATA4 too long", "\xac\x4e\x03\x00\x00\x00\xac\xac", 1},
		{"OP_PUSHDATA4 of 2^32-1", "\xac\x4e\xff\xff\xff\xff\xac", 1},
		{"OP_PUSHDATA4 of 2^31", "\xac\x4e\x00\x00\x00\x80\xac", 1},
		{"OP_1NEGATE, OP_RESERVED, OP_1", "\x4f\x50\x51\xac", 1},
	} {
		if in, out := count([]byte(c.script)); in != c.want || out != c.want {
			t.Errorf("%s: %d and %d, want %d", c.name, in, out, c.want)
		}
	}
}

// Scripts near the templates, and any others, against btcd's count. Where a template
// hides an operation, one of these has it.
func TestSigopsDifferential(t *testing.T) {
	const seed, rounds = 6, 30_000 / slower
	rng, p := rand.New(rand.NewPCG(seed, 0)), parser.New()
	templates := [][]byte{
		[]byte("\x76\xa9\x14" + strings.Repeat("\xac", 20) + "\x88\xac"), []byte("\xa9\x14" + strings.Repeat("\xac", 20) + "\x87"),
		append([]byte{0, 20}, bytes.Repeat([]byte{0xac}, 20)...), append([]byte{0, 32}, bytes.Repeat([]byte{0xac}, 32)...),
		append([]byte{0x51, 32}, bytes.Repeat([]byte{0xac}, 32)...), append([]byte{72}, bytes.Repeat([]byte{0xac}, 106)...),
	}
	for i := range rounds {
		script := mutantScript(rng)
		if i%2 == 0 {
			script = slices.Clone(templates[rng.IntN(len(templates))])
			for range rng.IntN(4) {
				script[rng.IntN(len(script))] = byte(rng.Uint32())
			}
		}
		raw := txOf(0, [][]byte{inputOf(outpoint(0), script, 0)}, outputOf(0, script))
		if got, want := p.Transaction(raw), modelAlone(t, raw); got.Counts != want.Counts || got.Verdict != verdict.OK {
			t.Fatalf("seed %d, round %d: %d of cost, want %d, %s: %x", seed, i, got.Counts.Sigops, want.Counts.Sigops, got.Verdict, script)
		}
	}
}

func ExampleParser_Transaction() {
	p := parser.New()
	said := p.Transaction(withWitness(tx(), 64))
	fmt.Println(said.Verdict, said.Txs[0].Len, said.Txs[0].Witness)
	fmt.Println(p.Transaction(coinbase).Verdict.Reason())
	// Output:
	// well formed 128 66
	// coinbase
}
