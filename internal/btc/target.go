package btc

import (
	"encoding/binary"
	"errors"
)

// Target is the number that a block hash must not exceed.
type Target struct{ Uint256 }

var (
	// ErrTargetNegative says that the sign bit of a compact target is set.
	ErrTargetNegative = errors.New("compact target is negative")
	// ErrTargetZero says that a compact target stands for 0.
	ErrTargetZero = errors.New("compact target is zero")
	// ErrTargetOverflow says that a compact target does not fit 256 bits.
	ErrTargetOverflow = errors.New("compact target overflows 256 bits")
)

// TargetFromCompact decodes the bits field of a header.
//
//	bit 31      24 23  22          0
//	    exponent  sign  mantissa        target = mantissa * 256^(exponent-3)
//
// Several compact forms can stand for one target; [Target.Compact] gives the
// canonical one. The errors are [ErrTargetNegative], [ErrTargetZero] and
// [ErrTargetOverflow].
//
// Source: arith_uint256::SetCompact, Bitcoin Core v30.0 src/arith_uint256.cpp.
func TargetFromCompact(compact uint32) (Target, error) {
	exponent, mantissa := compact>>24, uint64(compact&0x007fffff)
	if exponent < 3 {
		mantissa >>= 8 * (3 - exponent)
	}
	if mantissa == 0 {
		return Target{}, ErrTargetZero
	}
	if compact&0x00800000 != 0 {
		return Target{}, ErrTargetNegative
	}
	if exponent > 34 || mantissa > 0xff && exponent > 33 || mantissa > 0xffff && exponent > 32 {
		return Target{}, ErrTargetOverflow
	}
	target := Uint256{mantissa}
	if exponent > 3 {
		target = target.lsh(uint(8 * (exponent - 3)))
	}
	return Target{target}, nil
}

// Compact returns the canonical compact form; low bits that do not fit the
// 23-bit mantissa are cut off.
//
// Source: arith_uint256::GetCompact, Bitcoin Core v30.0 src/arith_uint256.cpp.
func (t Target) Compact() uint32 {
	size := uint((t.BitLen() + 7) / 8)
	var mantissa uint32
	if size <= 3 {
		mantissa = uint32(t.Uint256[0] << (8 * (3 - size)))
	} else {
		mantissa = uint32(t.rsh(8 * (size - 3))[0])
	}
	if mantissa&0x00800000 != 0 { // the sign bit: one byte more, so that it is clear
		mantissa >>= 8
		size++
	}
	return mantissa | uint32(size)<<24
}

// Meets reports whether hash, read as a little-endian number, is at most t.
func (t Target) Meets(hash *Hash) bool {
	var n Uint256
	for i := range n {
		n[i] = binary.LittleEndian.Uint64(hash[8*i:])
	}
	return n.Cmp(t.Uint256) <= 0
}

// Work is an expected number of hashes, of one block or of a chain.
type Work struct{ Uint256 }

// Work returns the expected number of hashes to meet t: 2^256/(t+1).
//
// Since 2^256 does not fit, it is computed as ~t/(t+1) + 1.
//
// Source: GetBlockProof, Bitcoin Core v30.0 src/chain.cpp.
func (t Target) Work() Work {
	one := Uint256{1}
	not := Uint256{^t.Uint256[0], ^t.Uint256[1], ^t.Uint256[2], ^t.Uint256[3]}
	next := t.Add(one)
	if next.IsZero() { // t = 2^256-1: any hash meets it
		return Work{one}
	}
	return Work{not.div(next).Add(one)}
}

// Add returns the sum of two works modulo 2^256.
func (w Work) Add(v Work) Work { return Work{w.Uint256.Add(v.Uint256)} }

// Sub returns w-v, or 0 if v is more.
func (w Work) Sub(v Work) Work { return Work{w.SatSub(v.Uint256)} }

// Cmp returns -1, 0 or 1 as w is less than, equal to or more than v.
func (w Work) Cmp(v Work) int { return w.Uint256.Cmp(v.Uint256) }

// Mul returns n times w modulo 2^256.
func (w Work) Mul(n uint64) Work { return Work{w.Mul64(n)} }

// String returns 64 hex digits.
func (w Work) String() string { return w.Hex() }

// ParseWork reads 1 to 64 hex digits, with or without 0x in front.
func ParseWork(s string) (Work, error) {
	n, err := ParseUint256(s)
	return Work{n}, err
}

// MarshalText returns 64 hex digits.
func (w Work) MarshalText() ([]byte, error) { return []byte(w.Hex()), nil }

// UnmarshalText reads 1 to 64 hex digits.
func (w *Work) UnmarshalText(text []byte) error {
	parsed, err := ParseWork(string(text))
	if err != nil {
		return err
	}
	*w = parsed
	return nil
}
