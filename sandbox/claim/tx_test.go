package claim_test

import (
	"errors"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// Each transaction of real blocks has alone what it has in its block.
func TestCheckTx(t *testing.T) {
	k := checker(t)
	var room claim.Room
	for _, r := range rows(t) {
		if !attackable[r.File] || r.Size > 200_000 {
			continue
		}
		c := proven(t, k, r, &room)
		for i := range c.TxCount() {
			want := c.Tx(i)
			raw := c.Body()[want.Offset():][:want.Len()]
			said := claim.Block{Txs: []claim.Tx{{Len: uint32(len(raw)), Witness: uint32(want.WitnessLen())}}, Verdict: verdict.OK}
			got, err := k.CheckTx(raw, said)
			if err != nil || got.Txid() != want.Txid() || got.Wtxid() != want.Wtxid() || got.Len() != want.Len() ||
				got.StrippedSize() != want.StrippedSize() || got.Weight() != want.Weight() || got.WitnessLen() != want.WitnessLen() || got.Offset() != 0 {
				t.Errorf("%s, transaction %d: %+v, want %+v, %v", r.File, i, got, want, err)
			}
		}
		if again := proven(t, k, r, new(claim.Room)); c.Tx(0) != again.Tx(0) {
			t.Errorf("%s: the room of a block was used for transactions", r.File)
		}
	}
}

func TestCheckTxRefusals(t *testing.T) {
	alone, witty := plain(1, 64).stripped, segwit(2, []byte("item"))
	raw := witty.raw()
	ok := func(txs ...claim.Tx) claim.Block { return claim.Block{Txs: txs, Verdict: verdict.OK} }
	huge := make([]byte, btc.MaxBlockSize+1)
	for _, c := range []struct {
		name string
		raw  []byte
		said claim.Block
		want error
	}{
		{"as it is, of 64 bytes", alone, ok(claim.Tx{Len: 64}), nil},
		{"with its witness", raw, ok(witty.entry()), nil},
		{"the most bytes", huge[:btc.MaxBlockSize], ok(claim.Tx{Len: btc.MaxBlockSize}), nil},
		{"a byte more", huge, ok(claim.Tx{Len: btc.MaxBlockSize + 1}), claim.ErrSize},
		{"no entry", alone, ok(), claim.ErrCount},
		{"two entries", alone, ok(claim.Tx{Len: 60}, claim.Tx{Len: 4}), claim.ErrCount},
		{"nothing", nil, ok(claim.Tx{}), claim.ErrTiling},
		{"59 bytes", alone[:59], ok(claim.Tx{Len: 59}), claim.ErrTiling},
		{"60 bytes", alone[:60], ok(claim.Tx{Len: 60}), nil},
		{"a byte less", alone, ok(claim.Tx{Len: 63}), claim.ErrTiling},
		{"32 ones", alone, ok(claim.Tx{Len: 1<<32 - 1}), claim.ErrTiling},
		{"a witness that is not there", append(slices.Clone(alone), 0, 0, 0), ok(claim.Tx{Len: 67, Witness: 5}), claim.ErrMarker},
		{"all is witness", raw, ok(claim.Tx{Len: uint32(len(raw)), Witness: 1<<32 - 1}), claim.ErrTiling},
		{"malformed", raw, claim.Block{Verdict: verdict.UnknownFlag}, claim.ErrMalformed},
		{"no verdict", raw, claim.Block{Txs: ok(witty.entry()).Txs}, claim.ErrMalformed},
		{"a broken rule", raw, claim.Block{Txs: ok(witty.entry()).Txs, Verdict: verdict.NullPrevout}, claim.ErrRule},
		{"a broken rule of other lengths", raw, claim.Block{Txs: ok(claim.Tx{Len: 60}).Txs, Verdict: verdict.NullPrevout}, claim.ErrTiling},
	} {
		got, err := checker(t).CheckTx(c.raw, c.said)
		if !errors.Is(err, c.want) || (err != nil) != (got == claim.CheckedTx{}) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	_, err := checker(t).CheckTx(raw, claim.Block{Txs: ok(witty.entry()).Txs, Verdict: verdict.Coinbase})
	if rule, broken := errors.AsType[*claim.RuleError](err); !broken || rule.Code != verdict.Coinbase {
		t.Errorf("got %v", err)
	}
}

// FuzzCheckTx: what is accepted has the hashes of the bytes and of the cut that was
// claimed; an honest claim is accepted.
func FuzzCheckTx(f *testing.F) {
	witty := segwit(2, []byte("item"))
	f.Add(witty.raw(), witty.entry().Len, witty.entry().Witness)
	f.Add(plain(1, 64).stripped, uint32(64), uint32(0))
	f.Fuzz(func(t *testing.T, raw []byte, length, witness uint32) {
		k := checker(t)
		got, err := k.CheckTx(raw, claim.Block{Txs: []claim.Tx{{Len: length, Witness: witness}}, Verdict: verdict.OK})
		if err == nil {
			stripped := raw
			if witness > 0 {
				end := len(raw) - 4 - int(witness)
				stripped = slices.Concat(raw[:4], raw[6:end], raw[len(raw)-4:])
			}
			if got.Wtxid() != sha256d.Sum(raw) || got.Txid() != sha256d.Sum(stripped) || got.StrippedSize() != len(stripped) || got.Len() != len(raw) {
				t.Fatalf("%+v of %x", got, raw)
			}
		}
		if honest := walker.Transaction(raw); honest.Verdict == verdict.OK {
			if _, err := k.CheckTx(raw, honest); err != nil {
				t.Fatalf("honest: %v", err)
			}
		}
	})
}
