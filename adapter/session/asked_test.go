package session

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/internal/btc"
)

func hashOf(n int) (h btc.Hash) {
	binary.LittleEndian.PutUint64(h[:], uint64(n))
	return h
}

func hashes(from, to int) []btc.Hash {
	var all []btc.Hash
	for i := from; i < to; i++ {
		all = append(all, hashOf(i))
	}
	return all
}

func TestAskedLimit(t *testing.T) {
	for _, n := range []int{MaxAsked - 1, MaxAsked, MaxAsked + 1} {
		var a asked
		a.add(hashes(0, n))
		if forgotten := !a.has(hashOf(0)); forgotten != (n > MaxAsked) {
			t.Errorf("after %d requests the first is forgotten: %t", n, forgotten)
		}
		if !a.has(hashOf(n-1)) || len(a.owed) > MaxAsked || len(a.order) > MaxAsked {
			t.Errorf("after %d requests: %d owed, %d in order", n, len(a.owed), len(a.order))
		}
	}
}

func TestAskedAgain(t *testing.T) {
	var a asked
	a.add(hashes(0, MaxAsked))
	a.add(hashes(0, 1)) // the oldest, anew
	a.add(hashes(MaxAsked, MaxAsked+10))
	if !a.has(hashOf(0)) {
		t.Error("what was asked anew counts from then")
	}
	if a.has(hashOf(5)) {
		t.Error("the oldest must be forgotten")
	}
	if !a.answered(hashOf(0)) || a.answered(hashOf(0)) || a.has(hashOf(0)) {
		t.Error("an answer counts once")
	}
}

func TestAskedStaysSmall(t *testing.T) {
	var a asked
	a.add(hashes(1_000_000, 1_000_001)) // never answered
	for i := range 10 * MaxAsked {
		a.add([]btc.Hash{hashOf(i)})
		a.answered(hashOf(i))
	}
	if len(a.owed) > 1 || len(a.order) > MaxAsked {
		t.Errorf("%d owed, %d in order", len(a.owed), len(a.order))
	}
}

// TestRequestsAreRead decodes our requests with btcd.
func TestRequestsAreRead(t *testing.T) {
	for _, n := range []int{0, 1, 101} {
		var m wire.MsgGetHeaders
		payload := getHeadersPayload(hashes(0, n), hashOf(7777))
		in := bytes.NewReader(payload)
		if err := m.BtcDecode(in, wire.ProtocolVersion, wire.BaseEncoding); err != nil || in.Len() != 0 {
			t.Fatalf("%d hashes: %v, %d bytes left", n, err, in.Len())
		}
		var got []btc.Hash
		for _, h := range m.BlockLocatorHashes {
			got = append(got, btc.Hash(*h))
		}
		if !slices.Equal(got, hashes(0, n)) || btc.Hash(m.HashStop) != hashOf(7777) || m.ProtocolVersion != 70016 {
			t.Errorf("%d hashes: got %+v", n, m)
		}
	}
	for _, n := range []int{0, 1, 252, 253, 1000} {
		var m wire.MsgGetData
		in := bytes.NewReader(getDataPayload(hashes(0, n)))
		if err := m.BtcDecode(in, wire.ProtocolVersion, wire.BaseEncoding); err != nil || in.Len() != 0 {
			t.Fatalf("%d hashes: %v, %d bytes left", n, err, in.Len())
		}
		if got := blocksOf(m.InvList); !slices.Equal(got, hashes(0, n)) {
			t.Errorf("%d hashes: got %d", n, len(got))
		}
		for _, e := range m.InvList {
			if e.Type != wire.InvTypeWitnessBlock {
				t.Fatalf("asked for %s", e.Type)
			}
		}
	}
}

// FuzzHeaderOf: 80 bytes that btcd decoded come back as they were.
func FuzzHeaderOf(f *testing.F) {
	genesis := btc.Mainnet.Params().Genesis
	f.Add(genesis[:])
	f.Add(bytes.Repeat([]byte{0xff}, btc.HeaderSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != btc.HeaderSize {
			return
		}
		var h wire.BlockHeader
		if err := h.Deserialize(bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		if got := headerOf(&h); got != btc.Header(b) {
			t.Fatalf("%x became %x", b, got)
		}
	})
}
