package claim

import (
	"encoding/binary"
	"errors"
	"fmt"

	"blockgate/internal/btc"
	"blockgate/sandbox/verdict"
)

// Tx is what a worker says about one transaction.
type Tx struct {
	// Len is the length of the transaction in bytes, as it stands in the block.
	Len uint32
	// Witness is the length in bytes of its witness section, the stacks of all
	// inputs; 0 if it is serialised without one.
	Witness uint32
}

// Counts are what a worker counted in a block or a transaction. They stay its word:
// no hash proves them, so they are for people to read and nothing else.
type Counts struct {
	Inputs, Outputs, WitnessItems uint32
	// Sigops is the cost of the legacy signature operations, each 4 (BIP-0141).
	Sigops uint32
}

// Block is what a worker says about one block. It is a claim: nothing of it is
// true until [Checker.Check] has proven it, and its Counts never are.
type Block struct {
	// Txs has an entry for each transaction if Verdict is [verdict.OK].
	Txs []Tx
	// Verdict says whether the worker could walk the block.
	Verdict verdict.Code
	// Counts are those of a block whose verdict is [verdict.Code.Claimed], else 0.
	Counts Counts
}

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
