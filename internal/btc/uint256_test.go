package btc_test

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"blockgate/internal/btc"
)

var modulus = new(big.Int).Lsh(big.NewInt(1), 256)

func toBig(n btc.Uint256) *big.Int {
	var b [32]byte
	for i, word := range n {
		binary.BigEndian.PutUint64(b[24-8*i:], word)
	}
	return new(big.Int).SetBytes(b[:])
}

// randomUint256 has edges: whole words of zeros and ones, and few or many bits.
func randomUint256(r *rand.Rand) btc.Uint256 {
	var n btc.Uint256
	for i := range n {
		switch r.IntN(4) {
		case 0:
			n[i] = 0
		case 1:
			n[i] = ^uint64(0)
		default:
			n[i] = r.Uint64() >> r.IntN(64)
		}
	}
	return n
}

func TestUint256AgreesWithBig(t *testing.T) {
	const seed = 256
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	same := func(what string, got btc.Uint256, want *big.Int, args ...any) {
		t.Helper()
		if toBig(got).Cmp(new(big.Int).Mod(want, modulus)) != 0 {
			t.Fatalf("%s %v: %s, want %x", what, args, got.Hex(), want)
		}
	}
	for range 30_000 {
		a, b, m := randomUint256(r), randomUint256(r), r.Uint64()>>r.IntN(64)
		x, y, k := toBig(a), toBig(b), new(big.Int).SetUint64(m)
		same("add", a.Add(b), new(big.Int).Add(x, y), a, b)
		same("sub", a.Sub(b), new(big.Int).Sub(x, y), a, b)
		same("mul", a.Mul64(m), new(big.Int).Mul(x, k), a, m)
		if m > 0 {
			same("div", a.Div64(m), new(big.Int).Div(x, k), a, m)
		}
		least := new(big.Int).Sub(x, y)
		if least.Sign() < 0 {
			least.SetInt64(0)
		}
		same("saturating sub", a.SatSub(b), least, a, b)
		if a.Cmp(b) != x.Cmp(y) || a.Cmp(a) != 0 { //nolint:gocritic // with itself, too
			t.Fatalf("cmp %v %v: %d", a, b, a.Cmp(b))
		}
		if a.BitLen() != x.BitLen() || a.IsZero() != (x.Sign() == 0) {
			t.Fatalf("%v: %d bits, zero %t", a, a.BitLen(), a.IsZero())
		}
		back, err := btc.ParseUint256(a.Hex())
		if err != nil || back != a || a.Hex() != strings.Repeat("0", 64-len(a.Hex()))+a.Hex() || len(a.Hex()) != 64 {
			t.Fatalf("%v: hex %s, back %v, %v", a, a.Hex(), back, err)
		}
		if short, err := btc.ParseUint256("0x" + x.Text(16)); err != nil || short != a {
			t.Fatalf("%x: %v, %v", x, short, err)
		}
	}
}

func TestParseUint256Refuses(t *testing.T) {
	for _, s := range []string{"", "0x", "g", "0xg", "-1", " 1", "1 ", "0X1", strings.Repeat("0", 65), "0x" + strings.Repeat("f", 65), strings.Repeat("f", 1000)} {
		if n, err := btc.ParseUint256(s); err == nil {
			t.Errorf("%.70q is %v", s, n)
		}
	}
	for s, want := range map[string]btc.Uint256{
		"0": {}, "0x0": {}, "f": {15}, "ABC": {0xabc}, "10000000000000000": {0, 1},
		strings.Repeat("f", 64): {^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)},
	} {
		if n, err := btc.ParseUint256(s); err != nil || n != want {
			t.Errorf("%q: %v, %v", s, n, err)
		}
	}
}

func TestDiv64PanicsByZero(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	btc.Uint256{1}.Div64(0)
}
