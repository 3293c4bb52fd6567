package btc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// HashSize is the length of a [Hash] in bytes.
const HashSize = 32

// Hash is a double SHA-256 in the order in which it stands on the wire.
//
// Its printed form is the reverse, in hex, as everywhere in Bitcoin.
type Hash [HashSize]byte

// DoubleSHA256 returns SHA-256 of SHA-256 of b. It does not keep b.
func DoubleSHA256(b []byte) Hash {
	first := sha256.Sum256(b)
	return sha256.Sum256(first[:])
}

// ParseHash reads the printed form of a hash: 64 hex digits, last byte first.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*HashSize {
		return h, fmt.Errorf("hash %.80q: %d characters, want %d hex digits", s, len(s), 2*HashSize)
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return h, fmt.Errorf("hash %q: %w", s, err)
	}
	for i, x := range b {
		h[HashSize-1-i] = x
	}
	return h, nil
}

// String returns the printed form: last byte first, in lower-case hex.
func (h Hash) String() string {
	var rev Hash
	for i, x := range h {
		rev[HashSize-1-i] = x
	}
	return hex.EncodeToString(rev[:])
}

// IsZero reports whether all bytes are 0, as in the previous-block field of a
// genesis header.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText returns the printed form, so that a hash in JSON is readable.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the printed form.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}
