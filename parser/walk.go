package parser

import (
	"encoding/binary"
	"errors"

	"blockgate/internal/btc"
	"blockgate/sandbox/verdict"
)

// walk is a place in a block. After the first fault it stays where it is.
type walk struct {
	b     []byte
	at    int          // Invariant: 0 <= at <= len(b).
	fault verdict.Code // 0 as long as all is well
}

// longCompactSize begins a CompactSize of more than one byte.
const longCompactSize = 0xfd

// fail notes the first fault.
func (w *walk) fail(v verdict.Code) {
	if w.fault == 0 {
		w.fault = v
	}
}

// left returns how many bytes are left, 0 after a fault: so no count is too small
// to be refused then, and every loop ends.
func (w *walk) left() uint64 {
	if w.fault != 0 {
		return 0
	}
	return uint64(len(w.b) - w.at) //nolint:gosec // at <= len(b)
}

// skip consumes n bytes.
func (w *walk) skip(n uint64) {
	if n > w.left() {
		w.fail(verdict.Truncated)
		return
	}
	w.at += int(n) //nolint:gosec // at most what is left
}

// uint32 consumes a number of four bytes. It returns 0 after a fault.
func (w *walk) uint32() uint32 {
	w.skip(4)
	if w.fault != 0 {
		return 0
	}
	return binary.LittleEndian.Uint32(w.b[w.at-4:])
}

// count consumes the count of a vector whose items have at least size bytes each,
// and refuses an empty one by the verdict given. It returns 0 after a fault.
func (w *walk) count(size uint64, empty verdict.Code) uint64 {
	n := w.compactSize()
	if n-1 < w.left()/size { // nearly always
		return n
	}
	if n == 0 {
		w.fail(empty)
	}
	w.fail(verdict.Count)
	return 0
}

// compactSize consumes a CompactSize. It returns 0 after a fault.
func (w *walk) compactSize() uint64 {
	if w.fault != 0 {
		return 0
	}
	if w.at < len(w.b) && w.b[w.at] < longCompactSize { // nearly all are that short
		w.at++
		return uint64(w.b[w.at-1])
	}
	value, next := w.longSize(w.at)
	w.at = next
	return value
}

// longSize reads the CompactSize at a place and returns its value and where it
// ends. It returns 0 and the place after a fault.
func (w *walk) longSize(at int) (value uint64, next int) {
	value, size, err := btc.CompactSize(w.b[at:])
	switch {
	case errors.Is(err, btc.ErrNonCanonical):
		w.fail(verdict.NonCanonical)
	case err != nil:
		w.fail(verdict.Truncated)
	}
	return value, at + size
}

// longString reads the length of a string at a place and returns where its bytes
// begin and end. After a fault, or if not all of them are there, the end is behind
// the bytes.
func (w *walk) longString(at int) (begin, end int) {
	value, begin := w.longSize(at)
	if w.fault != 0 || value > btc.MaxBlockSize {
		return begin, len(w.b) + 1
	}
	return begin, begin + int(value)
}

// isZero reports whether the 32 bytes of b are zero.
func isZero(b []byte) bool {
	_ = b[31]
	return binary.LittleEndian.Uint64(b)|binary.LittleEndian.Uint64(b[8:])|
		binary.LittleEndian.Uint64(b[16:])|binary.LittleEndian.Uint64(b[24:]) == 0
}
