package claim_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/reject"
	"blockgate/sandbox/verdict"
)

// atHeight is a coinbase for height 200, where regtest's rules all hold.
var atHeight = coinbaseOf([]byte{2, 200, 0}, anyScript)

// spend returns a transaction of these inputs, 36 bytes of outpoint each, and one
// output for each value, with a script.
func spend(outpoints [][]byte, script []byte, values ...uint64) testTx {
	tx := btc.AppendCompactSize([]byte{2, 0, 0, 0}, uint64(len(outpoints)))
	for _, outpoint := range outpoints {
		tx = append(append(append(tx, outpoint...), 0), 0xfe, 0xff, 0xff, 0xff)
	}
	tx = btc.AppendCompactSize(tx, uint64(len(values)))
	for _, value := range values {
		tx = binary.LittleEndian.AppendUint64(tx, value)
		tx = append(btc.AppendCompactSize(tx, uint64(len(script))), script...)
	}
	return testTx{stripped: append(tx, 0, 0, 0, 0)}
}

func outpoint(number byte) []byte { return append(bytes.Repeat([]byte{number}, 32), number, 0, 0, 0) }

// Blocks that are all that their headers commit to, and break a rule that needs a walk:
// the body is proven, the code is the worker's, the reason is Core's. Beside each is what
// just keeps the rule. B04 (values), B05 (CVE-2018-17144), B07 (coinbase), B09 (sigops).
func TestRulesThatAWorkerFinds(t *testing.T) {
	const most = 2_100_000_000_000_000
	null := append(make([]byte, 32), 0xff, 0xff, 0xff, 0xff)
	one := [][]byte{outpoint(1)}
	locked := func(lockTime uint32) testTx {
		tx := spend(one, anyScript, 1)
		binary.LittleEndian.PutUint32(tx.stripped[len(tx.stripped)-4:], lockTime)
		return tx
	}
	for _, c := range []struct {
		name string
		txs  []testTx
		want verdict.Code
	}{
		{"sound", []testTx{atHeight, spend(one, anyScript, 1)}, verdict.OK},
		{"the highest value", []testTx{atHeight, spend(one, anyScript, most)}, verdict.OK},
		{"a value above it", []testTx{atHeight, spend(one, anyScript, most+1)}, verdict.ValueTooLarge},
		{"a value below zero", []testTx{atHeight, spend(one, anyScript, 1<<63)}, verdict.ValueNegative},
		{"the highest sum", []testTx{atHeight, spend(one, anyScript, most-1, 1)}, verdict.OK},
		{"a sum above it", []testTx{atHeight, spend(one, anyScript, most, 1)}, verdict.TotalTooLarge},
		{"CVE-2010-5139: two values overflow", []testTx{atHeight, spend(one, anyScript, 1<<62, 1<<62)}, verdict.ValueTooLarge},
		{"two inputs", []testTx{atHeight, spend([][]byte{outpoint(1), outpoint(2)}, anyScript, 1)}, verdict.OK},
		{"one input twice", []testTx{atHeight, spend([][]byte{outpoint(1), outpoint(2), outpoint(1)}, anyScript, 1)}, verdict.DuplicateInputs},
		{"an input that spends nothing", []testTx{atHeight, spend([][]byte{outpoint(1), null}, anyScript, 1)}, verdict.NullPrevout},
		{"another coinbase", []testTx{atHeight, coinbaseOf(scriptSig, nil)}, verdict.CoinbaseMultiple},
		{"another height", []testTx{coinbaseOf([]byte{2, 201, 0}, anyScript)}, verdict.CoinbaseHeight},
		{"20,000 signatures", []testTx{atHeight, spend(one, bytes.Repeat([]byte{0xac}, 20_000), 1)}, verdict.OK},
		{"20,001 signatures", []testTx{atHeight, spend(one, bytes.Repeat([]byte{0xac}, 20_001), 1)}, verdict.Sigops},
		{"locked until now", []testTx{atHeight, locked(199)}, verdict.OK},
		{"locked until the next block", []testTx{atHeight, locked(200)}, verdict.NonFinal},
	} {
		header, body, _ := blockOf(c.txs...)
		said := walk(regtest, body)
		if said.Verdict != c.want {
			t.Errorf("%s: the worker says %v, want %v", c.name, said.Verdict, c.want)
		}
		err := check(t, regtest, header, body, said)
		rule, broken := errors.AsType[*claim.RuleError](err)
		if broken != c.want.Rule() || broken && (rule.Code != c.want || !errors.Is(err, claim.ErrRule)) || !broken && err != nil {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if got := reject.Reason(err); got != c.want.Reason() {
			t.Errorf("%s: %q, want %q", c.name, got, c.want.Reason())
		}
	}
}

// Whatever rule a worker calls broken: the body is proven first. If it is, the error says
// whose word the rule is; if not, the error is what it would be without the word, and
// never one that speaks of the header.
func TestRuleNeedsAProvenBody(t *testing.T) {
	header, body, said := blockOf(atHeight, spend([][]byte{outpoint(1)}, anyScript, 1))
	flipped := slices.Clone(body)
	flipped[len(flipped)-1] ^= 1
	for n := range 256 {
		code := verdict.Code(n)
		if !code.Rule() {
			continue
		}
		said.Verdict = code
		err := check(t, regtest, header, body, said)
		switch rule, broken := errors.AsType[*claim.RuleError](err); {
		case code == verdict.CoinbaseMissing || code == verdict.CoinbaseLength || code == verdict.Coinbase:
			if !errors.Is(err, claim.ErrContradiction) || errors.Is(err, claim.ErrRule) {
				t.Errorf("%v, which is not so: got %v", code, err)
			}
		case !broken || rule.Code != code || !errors.Is(err, claim.ErrRule):
			t.Errorf("%v: got %v", code, err)
		}
		if err := check(t, regtest, header, flipped, said); !errors.Is(err, claim.ErrMerkle) || errors.Is(err, claim.ErrRule) {
			t.Errorf("%v of another body: got %v", code, err)
		}
	}
}

// B07: no coinbase, and one whose scriptSig is too short or too long, are told apart: with
// the first nothing is proven, the second is proven and broken, whatever the worker says.
func TestCoinbaseReasons(t *testing.T) {
	sig := func(n int) testTx { return coinbaseOf(append([]byte{2, 200, 0}, make([]byte, n)...)[:n], anyScript) }
	for _, c := range []struct {
		name string
		tx   testTx
		want error
		core string
	}{
		{"none", plain(1, 90), claim.ErrCoinbase, "bad-cb-missing"},
		{"script of 1 byte", sig(1), claim.ErrCoinbaseLength, "bad-cb-length"},
		{"script of 3 bytes", sig(3), nil, ""},
		{"script of 100 bytes", sig(100), nil, ""},
		{"script of 101 bytes", sig(101), claim.ErrCoinbaseLength, "bad-cb-length"},
	} {
		header, body, said := blockOf(c.tx, plain(7, 90))
		for _, said := range []claim.Block{said, walk(regtest, body)} {
			err := check(t, regtest, header, body, said)
			if !errors.Is(err, c.want) || reject.Reason(err) != c.core || errors.Is(err, claim.ErrRule) != errors.Is(c.want, claim.ErrRule) {
				t.Errorf("%s, worker says %v: got %v, %q", c.name, said.Verdict, err, reject.Reason(err))
			}
		}
	}
}

// Where a coinbase of a wrong length breaks another rule, too, that is proven which no
// worker has to be believed for. Core looks at the others first.
func TestProvenRuleGoesFirst(t *testing.T) {
	short := coinbaseOf([]byte{2}, anyScript)
	greedy := testTx{stripped: slices.Clone(short.stripped)}
	value := len(greedy.stripped) - 4 - len(anyScript) - 1 - 8 // before lock time, script and its length
	greedy.stripped[value+7] = 0x80
	for want, txs := range map[verdict.Code][]testTx{
		verdict.CoinbaseLength:   {short, plain(7, 90)},
		verdict.CoinbaseMultiple: {short, coinbaseOf(scriptSig, anyScript)},
		verdict.ValueNegative:    {greedy, plain(7, 90)},
	} {
		header, body, _ := blockOf(txs...)
		said := walk(regtest, body)
		if err := check(t, regtest, header, body, said); said.Verdict != want || !errors.Is(err, claim.ErrCoinbaseLength) {
			t.Errorf("the worker says %v, want %v; got %v", said.Verdict, want, err)
		}
	}
}

// B08: the size without witness, at its limit. Weight has a test of its own.
func TestStrippedSizeLimit(t *testing.T) {
	const most = btc.MaxBlockWeight / btc.WitnessScaleFactor
	around := btc.HeaderSize + 1 + len(atHeight.stripped)
	for _, c := range []struct {
		size int
		want error
	}{{most - 1, nil}, {most, nil}, {most + 1, claim.ErrLength}} {
		header, body, said := blockOf(atHeight, plain(1, c.size-around-2)) // its script has a longer length
		if c.size == most {
			said = walk(regtest, body)
		}
		err := check(t, regtest, header, body, said)
		if len(body) != c.size || !errors.Is(err, c.want) || err != nil && reject.Reason(err) != "bad-blk-length" {
			t.Errorf("%d bytes, want %d: %v", len(body), c.size, err)
		}
	}
}

// B06: the blocks whose coinbases are those of earlier ones (BIP-0030) are valid, and
// have the same first txid two by two; so no txid is a name for one transaction.
func TestDuplicateCoinbases(t *testing.T) {
	k := checker(t)
	found := 0
	for _, r := range rows(t) {
		if r.File != "mainnet_0091722.raw" && r.File != "mainnet_0091842.raw" {
			continue
		}
		var room claim.Room
		c := proven(t, k, r, &room)
		want := map[btc.Height]string{
			91722: "e3bf3d07d4b0375638d5f1db5255fe07ba2c4cb067cd81b84ee974b6585fb468",
			91842: "d5d27987d2a3dfc724e359870c6644b40e497bdc0589a033220fe15429d88599",
		}[r.Height]
		if got := c.Tx(0).Txid().String(); got != want {
			t.Errorf("%d: %s, want %s", r.Height, got, want)
		}
		found++
	}
	if found != 2 {
		t.Errorf("%d blocks", found)
	}
}

// B14: versions are bits; nothing here reads them.
func TestVersionIsAnything(t *testing.T) {
	for _, version := range []uint32{0, 1, 1 << 31, 1<<32 - 1} {
		tx := spend([][]byte{outpoint(1)}, anyScript, 1)
		binary.LittleEndian.PutUint32(tx.stripped, version)
		header, body, _ := blockOf(atHeight, tx)
		if err := check(t, regtest, header, body, walk(regtest, body)); err != nil {
			t.Errorf("version %x: %v", version, err)
		}
	}
}
