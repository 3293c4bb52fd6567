package btc_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/internal/btc"
)

func chainhashOf(h btc.Hash) *chainhash.Hash { return (*chainhash.Hash)(&h) }

func TestHashTextRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		var h btc.Hash
		for i := range h {
			h[i] = byte(r.Uint32())
		}
		text := h.String()
		if text != chainhashOf(h).String() {
			t.Fatalf("%x prints %s", h[:], text)
		}
		for _, s := range []string{text, strings.ToUpper(text)} {
			if back, err := btc.ParseHash(s); err != nil || back != h {
				t.Fatalf("%s: %v, %v", s, back, err)
			}
		}
		b, err := json.Marshal(h)
		var back btc.Hash
		if err != nil || string(b) != `"`+text+`"` || json.Unmarshal(b, &back) != nil || back != h {
			t.Fatalf("%s: JSON %s, back %v, %v", text, b, back, err)
		}
	}
}

func TestParseHashRefuses(t *testing.T) {
	good := strings.Repeat("ab", 32)
	for _, s := range []string{"", good[1:], good + "0", good[:63] + "g", good[:63] + " ", "0x" + good[2:], strings.Repeat("é", 32)} {
		if h, err := btc.ParseHash(s); err == nil {
			t.Errorf("%q is %v", s, h)
		}
		h := btc.Hash{9}
		if err := h.UnmarshalText([]byte(s)); err == nil || h != (btc.Hash{9}) {
			t.Errorf("%q is %v", s, h)
		}
	}
}

func TestHashIsZero(t *testing.T) {
	if !(btc.Hash{}).IsZero() {
		t.Error("zero is not")
	}
	for i := range btc.HashSize {
		var h btc.Hash
		h[i] = 1
		if h.IsZero() {
			t.Errorf("byte %d does not count", i)
		}
	}
}

func TestDoubleSHA256(t *testing.T) {
	for _, n := range []int{0, 1, 55, 56, 63, 64, 65, 80, 1000} {
		b := bytes.Repeat([]byte{byte(n)}, n)
		if got := btc.DoubleSHA256(b); got != btc.Hash(chainhash.DoubleHashH(b)) {
			t.Errorf("%d bytes: %v", n, got)
		}
	}
}

func TestHeaderAgreesWithWire(t *testing.T) {
	r := rand.New(rand.NewPCG(80, 80))
	for range 1000 {
		var h btc.Header
		for i := range h {
			h[i] = byte(r.Uint32())
		}
		var want wire.BlockHeader
		if err := want.Deserialize(bytes.NewReader(h[:])); err != nil {
			t.Fatal(err)
		}
		fields := btc.HeaderFields{
			Version: h.Version(), Prev: h.Prev(), MerkleRoot: h.MerkleRoot(), Time: h.Time(), Bits: h.Bits(), Nonce: h.Nonce(),
		}
		if fields.Header() != h {
			t.Fatalf("%x: back %x", h, fields.Header())
		}
		if fields.Version != want.Version || fields.Prev != btc.Hash(want.PrevBlock) || fields.MerkleRoot != btc.Hash(want.MerkleRoot) ||
			!time.Unix(int64(fields.Time), 0).Equal(want.Timestamp) || fields.Bits != want.Bits || fields.Nonce != want.Nonce {
			t.Fatalf("%x: %+v, want %+v", h, fields, want)
		}
		if h.Hash() != btc.Hash(want.BlockHash()) {
			t.Fatalf("%x: %v", h, h.Hash())
		}
	}
}

func TestLimitsAgreeWithWire(t *testing.T) {
	if btc.MaxHeaders != wire.MaxBlockHeadersPerMsg || btc.MaxBlockSize != wire.MaxBlockPayload || btc.MaxBlockTransactions != 16_666 {
		t.Errorf("%d headers, %d bytes, %d transactions", btc.MaxHeaders, btc.MaxBlockSize, btc.MaxBlockTransactions)
	}
}
