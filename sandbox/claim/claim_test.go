package claim_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
)

func TestDecodeClaim(t *testing.T) {
	want := []claim.Tx{{Len: 1, Witness: 0x01020304}, {Len: 1<<32 - 1}}
	bytes := []byte{1, 0, 0, 0, 4, 3, 2, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
	if got, err := claim.DecodeClaim(bytes); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got := claim.AppendTxs([]byte{9}, want); !slices.Equal(got, append([]byte{9}, bytes...)) {
		t.Errorf("got %x", got)
	}
	for n := range bytes {
		if _, err := claim.DecodeClaim(bytes[:n]); (err == nil) != (n == claim.EntrySize) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

func TestDecodeClaimLimit(t *testing.T) {
	for _, c := range []struct {
		entries int
		ok      bool
	}{{0, false}, {1, true}, {btc.MaxBlockTransactions - 1, true}, {btc.MaxBlockTransactions, true}, {btc.MaxBlockTransactions + 1, false}} {
		txs, err := claim.DecodeClaim(make([]byte, c.entries*claim.EntrySize))
		if (err == nil) != c.ok || c.ok && len(txs) != c.entries || !c.ok && !errors.Is(err, claim.ErrEncoding) {
			t.Errorf("%d entries: got %d, %v", c.entries, len(txs), err)
		}
	}
}

func FuzzDecodeClaim(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 4, 3, 2, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		txs, err := claim.DecodeClaim(b)
		if err == nil && !bytes.Equal(claim.AppendTxs(nil, txs), b) {
			t.Error("another claim")
		}
		if wellFormed := len(b) > 0 && len(b)%8 == 0 && len(b) <= claim.MaxSize; (err == nil) != wellFormed {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	})
}
