package parser

import (
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

// str consumes a string: CompactSize and as many bytes.
func (w *walk) str() { w.skip(w.compactSize()) }

// count consumes the count of a vector whose items have at least size bytes each,
// and refuses an empty one by the verdict given.
func (w *walk) count(size uint64, empty verdict.Code) uint64 {
	n := w.compactSize()
	switch {
	case w.fault != 0:
	case n == 0:
		w.fail(empty)
	case n > w.left()/size:
		w.fail(verdict.Count)
	}
	return n
}

// compactSize consumes a CompactSize. It returns 0 after a fault.
func (w *walk) compactSize() uint64 {
	if w.left() > 0 && w.b[w.at] < 0xfd { // nearly all are that short
		w.at++
		return uint64(w.b[w.at-1])
	}
	if w.fault != 0 {
		return 0
	}
	value, size, err := btc.CompactSize(w.b[w.at:])
	switch {
	case errors.Is(err, btc.ErrNonCanonical):
		w.fail(verdict.NonCanonical)
	case err != nil:
		w.fail(verdict.Truncated)
	}
	w.at += size
	return value
}
