package btc

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"
)

// Uint256 is an unsigned 256-bit number: four words, least significant first.
type Uint256 [4]uint64

// Cmp returns -1, 0 or 1 as a is below, equal to or above b.
func (a Uint256) Cmp(b Uint256) int {
	for i := 3; i >= 0; i-- {
		switch {
		case a[i] < b[i]:
			return -1
		case a[i] > b[i]:
			return 1
		}
	}
	return 0
}

// IsZero reports whether the number is 0.
func (a Uint256) IsZero() bool { return a == Uint256{} }

// Add returns a+b modulo 2^256.
func (a Uint256) Add(b Uint256) Uint256 {
	var carry uint64
	for i := range a {
		a[i], carry = bits.Add64(a[i], b[i], carry)
	}
	return a
}

// Sub returns a-b modulo 2^256.
func (a Uint256) Sub(b Uint256) Uint256 {
	var borrow uint64
	for i := range a {
		a[i], borrow = bits.Sub64(a[i], b[i], borrow)
	}
	return a
}

// SatSub returns a-b, or 0 if b is above a.
func (a Uint256) SatSub(b Uint256) Uint256 {
	if a.Cmp(b) < 0 {
		return Uint256{}
	}
	return a.Sub(b)
}

// Mul64 returns a*m modulo 2^256.
func (a Uint256) Mul64(m uint64) Uint256 {
	var carry uint64
	for i := range a {
		hi, lo := bits.Mul64(a[i], m)
		var c uint64
		a[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
	return a
}

// Div64 returns a/d, rounded down. It panics if d is 0.
func (a Uint256) Div64(d uint64) Uint256 {
	var rem uint64
	for i := 3; i >= 0; i-- {
		a[i], rem = bits.Div64(rem, a[i], d)
	}
	return a
}

// BitLen returns the number of bits that the number needs, 0 for 0.
func (a Uint256) BitLen() int {
	for i := 3; i >= 0; i-- {
		if a[i] != 0 {
			return 64*i + bits.Len64(a[i])
		}
	}
	return 0
}

// lsh returns a shifted left by n bits, 0 <= n.
func (a Uint256) lsh(n uint) Uint256 {
	var out Uint256
	words, rest := int(n/64), n%64
	for i := 3; i >= words; i-- {
		out[i] = a[i-words] << rest
		if rest > 0 && i > words {
			out[i] |= a[i-words-1] >> (64 - rest)
		}
	}
	return out
}

// rsh returns a shifted right by n bits, 0 <= n.
func (a Uint256) rsh(n uint) Uint256 {
	var out Uint256
	words, rest := int(n/64), n%64
	for i := 0; i+words < 4; i++ {
		out[i] = a[i+words] >> rest
		if rest > 0 && i+words < 3 {
			out[i] |= a[i+words+1] << (64 - rest)
		}
	}
	return out
}

// div returns a/b, rounded down, by shift and subtract. b is not 0.
func (a Uint256) div(b Uint256) Uint256 {
	var quotient Uint256
	shift := a.BitLen() - b.BitLen()
	if shift < 0 {
		return quotient
	}
	for b = b.lsh(uint(shift)); shift >= 0; shift-- {
		if a.Cmp(b) >= 0 {
			a = a.Sub(b)
			quotient[shift/64] |= 1 << (shift % 64)
		}
		b = b.rsh(1)
	}
	return quotient
}

// Hex returns the number as 64 lower-case hex digits, most significant first.
func (a Uint256) Hex() string {
	var b [32]byte
	for i, w := range a {
		binary.BigEndian.PutUint64(b[24-8*i:], w)
	}
	return hex.EncodeToString(b[:])
}

// ParseUint256 reads 1 to 64 hex digits, most significant first, with or
// without 0x in front.
func ParseUint256(s string) (Uint256, error) {
	var a Uint256
	digits := strings.TrimPrefix(s, "0x")
	if digits == "" || len(digits) > 64 {
		return a, fmt.Errorf("number %.80q: want 1 to 64 hex digits", s)
	}
	b, err := hex.DecodeString(strings.Repeat("0", 64-len(digits)) + digits)
	if err != nil {
		return a, fmt.Errorf("number %q: %w", s, err)
	}
	for i := range a {
		a[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return a, nil
}
