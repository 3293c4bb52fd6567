package claim

import (
	"encoding/binary"
	"errors"
	"fmt"

	"blockgate/internal/btc"
)

// EntrySize is the length in bytes of a [Tx] in its serialised form, in which
// the worker answers and the bus carries it: two little-endian numbers of 32
// bits, the length of the transaction and the length of its witness section.
const EntrySize = 8

// MaxSize is the most bytes that a serialised claim has.
const MaxSize = EntrySize * btc.MaxBlockTransactions

// ErrEncoding says that bytes are not a claim in its serialised form.
var ErrEncoding = errors.New("claim is not in its serialised form")

// AppendTxs appends the serialised form of txs to dst, [EntrySize] bytes each.
func AppendTxs(dst []byte, txs []Tx) []byte {
	for _, tx := range txs {
		dst = binary.LittleEndian.AppendUint32(dst, tx.Len)
		dst = binary.LittleEndian.AppendUint32(dst, tx.Witness)
	}
	return dst
}

// AppendEntries reads the serialised form b of some transactions, appends them
// to dst and returns the rest of b, less than [EntrySize] bytes.
func AppendEntries(dst []Tx, b []byte) (txs []Tx, rest []byte) {
	for len(b) >= EntrySize {
		dst = append(dst, Tx{Len: binary.LittleEndian.Uint32(b), Witness: binary.LittleEndian.Uint32(b[4:])})
		b = b[EntrySize:]
	}
	return dst, b
}

// DecodeClaim reads the serialised form of a whole claim, as the bus carries it
// behind the block: one entry or more, at most btc.MaxBlockTransactions. Whatever
// else it is given costs [ErrEncoding]. The result does not alias b.
func DecodeClaim(b []byte) ([]Tx, error) {
	if len(b) == 0 || len(b) > MaxSize || len(b)%EntrySize != 0 {
		return nil, fmt.Errorf("%w: %d bytes, want 1 to %d entries of %d", ErrEncoding, len(b), btc.MaxBlockTransactions, EntrySize)
	}
	txs, _ := AppendEntries(make([]Tx, 0, len(b)/EntrySize), b)
	return txs, nil
}
