package btc_test

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/blockchain"

	"blockgate/internal/btc"
)

// checkCompact compares everything about one compact form with btcd.
func checkCompact(t *testing.T, compact uint32) {
	t.Helper()
	target, err := btc.TargetFromCompact(compact)
	want := blockchain.CompactToBig(compact)
	if valid := want.Sign() > 0 && want.BitLen() <= 256; valid != (err == nil) {
		t.Fatalf("%08x: %v, btcd says %x", compact, err, want)
	}
	if err != nil {
		kind := btc.ErrTargetOverflow
		switch {
		case want.Sign() < 0:
			kind = btc.ErrTargetNegative
		case want.Sign() == 0:
			kind = btc.ErrTargetZero
		}
		if !errors.Is(err, kind) || !target.IsZero() {
			t.Fatalf("%08x: %v, want %v", compact, err, kind)
		}
		return
	}
	if toBig(target.Uint256).Cmp(want) != 0 {
		t.Fatalf("%08x: %s, want %x", compact, target.Hex(), want)
	}
	if got := target.Compact(); got != blockchain.BigToCompact(want) {
		t.Fatalf("%08x: compact %08x, want %08x", compact, got, blockchain.BigToCompact(want))
	}
}

func TestCompactAgreesWithBtcd(t *testing.T) {
	for exponent := range uint32(256) {
		for _, mantissa := range []uint32{0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffff, 0x800000, 0x800001, 0x80ffff, 0xffffff} {
			checkCompact(t, exponent<<24|mantissa)
		}
	}
	const seed = 94
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 100_000 {
		checkCompact(t, r.Uint32())
		checkCompact(t, r.Uint32N(36)<<24|r.Uint32N(1<<24)) // most of the others overflow
	}
}

// Core's own cases, src/test/arith_uint256_tests.cpp, bignum_SetCompact.
func TestCompactVectors(t *testing.T) {
	for _, tc := range []struct {
		compact, back uint32
		hex           string
		err           error
	}{
		{0, 0, "", btc.ErrTargetZero},
		{0x00123456, 0, "", btc.ErrTargetZero},
		{0x01003456, 0, "", btc.ErrTargetZero},
		{0x02000056, 0, "", btc.ErrTargetZero},
		{0x03000000, 0, "", btc.ErrTargetZero},
		{0x04000000, 0, "", btc.ErrTargetZero},
		{0x00923456, 0, "", btc.ErrTargetZero},
		{0x01803456, 0, "", btc.ErrTargetZero},
		{0x02800056, 0, "", btc.ErrTargetZero},
		{0x03800000, 0, "", btc.ErrTargetZero},
		{0x04800000, 0, "", btc.ErrTargetZero},
		{0x01123456, 0x01120000, "12", nil},
		{0x01fedcba, 0, "", btc.ErrTargetNegative}, // 0x7e, negative
		{0x02123456, 0x02123400, "1234", nil},
		{0x03123456, 0x03123456, "123456", nil},
		{0x04123456, 0x04123456, "12345600", nil},
		{0x04923456, 0, "", btc.ErrTargetNegative},
		{0x05009234, 0x05009234, "92340000", nil},
		{0x20123456, 0x20123456, "1234560000000000000000000000000000000000000000000000000000000000", nil},
		{0xff123456, 0, "", btc.ErrTargetOverflow},
	} {
		target, err := btc.TargetFromCompact(tc.compact)
		if !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
			t.Errorf("%08x: %v, want %v", tc.compact, err, tc.err)
			continue
		}
		if tc.err != nil {
			continue
		}
		if want, err := btc.ParseUint256(tc.hex); err != nil || target.Uint256 != want || target.Compact() != tc.back {
			t.Errorf("%08x: %s, compact %08x", tc.compact, target.Hex(), target.Compact())
		}
	}
}

func TestCompactOfAnyNumber(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 20_000 {
		n := randomUint256(r)
		if got, want := (btc.Target{Uint256: n}).Compact(), blockchain.BigToCompact(toBig(n)); got != want {
			t.Fatalf("%s: %08x, want %08x", n.Hex(), got, want)
		}
	}
}

func TestWorkAgreesWithBtcd(t *testing.T) {
	const seed = 2016
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		compact := r.Uint32N(34)<<24 | r.Uint32N(1<<23)
		target, err := btc.TargetFromCompact(compact)
		if err != nil {
			continue
		}
		if want := blockchain.CalcWork(compact); toBig(target.Work().Uint256).Cmp(want) != 0 {
			t.Fatalf("%08x: %v, want %x", compact, target.Work(), want)
		}
		// And for targets that no compact form has.
		n := randomUint256(r)
		want := new(big.Int).Add(toBig(n), big.NewInt(1))
		want.Div(modulus, want)
		if n.IsZero() {
			continue // 2^256 does not fit; no target is 0
		}
		if got := (btc.Target{Uint256: n}).Work(); toBig(got.Uint256).Cmp(want) != 0 {
			t.Fatalf("%s: %v, want %x", n.Hex(), got, want)
		}
	}
	most := ^uint64(0)
	if got := (btc.Target{Uint256: btc.Uint256{most, most, most, most}}).Work(); got != (btc.Work{Uint256: btc.Uint256{1}}) {
		t.Errorf("work of the easiest target: %v", got)
	}
}

func TestWorkArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 1000 {
		a, b := btc.Work{Uint256: randomUint256(r)}, btc.Work{Uint256: randomUint256(r)}
		if a.Add(b).Uint256 != a.Uint256.Add(b.Uint256) || a.Sub(b).Uint256 != a.SatSub(b.Uint256) || a.Mul(7).Uint256 != a.Mul64(7) ||
			a.Cmp(b) != a.Uint256.Cmp(b.Uint256) {
			t.Fatalf("%v and %v", a, b)
		}
		text, err := a.MarshalText()
		var back btc.Work
		if err != nil || string(text) != a.String() || back.UnmarshalText(text) != nil || back != a {
			t.Fatalf("%v: text %q, back %v", a, text, back)
		}
	}
	var w btc.Work
	if err := w.UnmarshalText([]byte("work")); err == nil {
		t.Error("work is a number")
	}
}

func TestMeets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 5000 {
		target := btc.Target{Uint256: randomUint256(r)}
		for _, n := range []btc.Uint256{target.Uint256, target.Add(btc.Uint256{1}), target.Uint256.Sub(btc.Uint256{1}), randomUint256(r)} {
			var hash btc.Hash
			for i := range hash {
				hash[i] = byte(n[i/8] >> (8 * (i % 8)))
			}
			if got, want := target.Meets(&hash), blockchain.HashToBig(chainhashOf(hash)).Cmp(toBig(target.Uint256)) <= 0; got != want {
				t.Fatalf("target %s, hash %v: %t", target.Hex(), hash, got)
			}
		}
	}
}
