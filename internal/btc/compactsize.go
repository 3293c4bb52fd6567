package btc

import (
	"encoding/binary"
	"errors"
)

// MaxCompactSizeLen is the length in bytes of the longest CompactSize.
const MaxCompactSizeLen = 9

var (
	// ErrShort says that the bytes end within a value.
	ErrShort = errors.New("unexpected end of bytes")
	// ErrNonCanonical says that a CompactSize is longer than its value needs.
	//
	// Source: ReadCompactSize, Bitcoin Core v30.0 src/serialize.h.
	ErrNonCanonical = errors.New("non-canonical CompactSize")
)

// CompactSize reads the CompactSize that b begins with and returns its value
// and its length in bytes, 1, 3, 5 or 9.
//
// It returns [ErrShort] if b ends within it and [ErrNonCanonical] if a shorter
// form exists. It sets no upper bound: a caller compares the value with the
// bytes that are left.
func CompactSize(b []byte) (value uint64, size int, err error) {
	if len(b) == 0 {
		return 0, 0, ErrShort
	}
	var least uint64
	switch b[0] {
	case 0xfd:
		size, least = 3, 0xfd
	case 0xfe:
		size, least = 5, 1<<16
	case 0xff:
		size, least = 9, 1<<32
	default:
		return uint64(b[0]), 1, nil
	}
	if len(b) < size {
		return 0, 0, ErrShort
	}
	var word [8]byte
	copy(word[:], b[1:size])
	value = binary.LittleEndian.Uint64(word[:])
	if value < least {
		return 0, 0, ErrNonCanonical
	}
	return value, size, nil
}

// AppendCompactSize appends the shortest CompactSize of value to b.
func AppendCompactSize(b []byte, value uint64) []byte {
	switch {
	case value < 0xfd:
		return append(b, byte(value))
	case value < 1<<16:
		return binary.LittleEndian.AppendUint16(append(b, 0xfd), uint16(value))
	case value < 1<<32:
		return binary.LittleEndian.AppendUint32(append(b, 0xfe), uint32(value))
	default:
		return binary.LittleEndian.AppendUint64(append(b, 0xff), value)
	}
}
