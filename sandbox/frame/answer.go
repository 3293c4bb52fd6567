package frame

import (
	"encoding/binary"
	"errors"
	"fmt"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// Answer is a worker's verdict on a job. The chunks with its claim follow.
//
//	0    1       2        4       8      16       20        24              28       32
//	+----+-------+--------+-------+------+--------+---------+---------------+--------+
//	|'A' |verdict|reserved| count | seq  | inputs | outputs | witness items | sigops |
//	+----+-------+--------+-------+------+--------+---------+---------------+--------+
type Answer struct {
	// Seq is the number of the job.
	Seq uint64
	// Verdict is one of the table.
	Verdict verdict.Code
	// Count is the number of entries that follow: at least 1 if Verdict is
	// [verdict.Code.Claimed], else 0.
	Count int
	// Counts are what the worker counted; all 0 if Verdict is not claimed.
	Counts claim.Counts
}

var (
	// ErrAnswer says that bytes are no answer, or not the one that was due.
	ErrAnswer = errors.New("not the answer that is due")
	// ErrChunk says that bytes are no chunk, or not the one that was due.
	ErrChunk = errors.New("not the chunk that is due")
)

// Append appends the AnswerSize bytes of a to dst.
func (a Answer) Append(dst []byte) []byte {
	dst = append(dst, typeAnswer, byte(a.Verdict), 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(a.Count))
	dst = binary.LittleEndian.AppendUint64(dst, a.Seq)
	dst = binary.LittleEndian.AppendUint32(dst, a.Counts.Inputs)
	dst = binary.LittleEndian.AppendUint32(dst, a.Counts.Outputs)
	dst = binary.LittleEndian.AppendUint32(dst, a.Counts.WitnessItems)
	return binary.LittleEndian.AppendUint32(dst, a.Counts.Sigops)
}

// DecodeAnswer reads an answer. Anything but what [Answer.Append] writes of a
// sound one costs [ErrAnswer].
func DecodeAnswer(b []byte) (Answer, error) {
	if len(b) != AnswerSize || b[0] != typeAnswer || b[2] != 0 || b[3] != 0 {
		return Answer{}, fmt.Errorf("%w: %d bytes", ErrAnswer, len(b))
	}
	count := binary.LittleEndian.Uint32(b[4:])
	a := Answer{Seq: binary.LittleEndian.Uint64(b[8:]), Verdict: verdict.Code(b[1]), Counts: claim.Counts{
		Inputs:       binary.LittleEndian.Uint32(b[16:]),
		Outputs:      binary.LittleEndian.Uint32(b[20:]),
		WitnessItems: binary.LittleEndian.Uint32(b[24:]),
		Sigops:       binary.LittleEndian.Uint32(b[28:]),
	}}
	if a.Counts != (claim.Counts{}) && !a.Verdict.Claimed() {
		return Answer{}, fmt.Errorf("%w: verdict %d with counts", ErrAnswer, b[1])
	}
	if !a.Verdict.Valid() || count > btc.MaxBlockTransactions || (count > 0) != a.Verdict.Claimed() {
		return Answer{}, fmt.Errorf("%w: verdict %d with %d entries", ErrAnswer, b[1], count)
	}
	a.Count = int(count)
	return a, nil
}

// fits reports whether there can be so many things in size bytes.
func fits(c claim.Counts, size uint32) bool {
	return c.Inputs <= size/minInput && c.Outputs <= size/minOutput && c.WitnessItems <= size/minItem &&
		uint64(c.Sigops) <= uint64(size)*maxSigopsOfOne
}

// AppendChunk appends to dst the chunk of txs that begins at entry first, and
// returns where the next one begins, len(txs) after the last.
//
//	0    1        4       8      16
//	+----+--------+-------+------+---------+---------+--
//	|'C' |reserved| first | seq  | entry   | entry   | ...
//	+----+--------+-------+------+---------+---------+--
func AppendChunk(dst []byte, seq uint64, txs []claim.Tx, first int) (message []byte, next int) {
	next = min(first+MaxChunkEntries, len(txs))
	dst = append(dst, typeChunk, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(first))
	dst = binary.LittleEndian.AppendUint64(dst, seq)
	return claim.AppendTxs(dst, txs[first:next]), next
}

// appendEntries appends to txs the entries of the chunk b, which must be chunk
// number seq, begin at entry len(txs) and have want entries.
func appendEntries(txs []claim.Tx, b []byte, seq uint64, want int) ([]claim.Tx, error) {
	if len(b) != chunkHeader+want*claim.EntrySize || b[0] != typeChunk || b[1] != 0 || b[2] != 0 || b[3] != 0 {
		return txs, fmt.Errorf("%w: %d bytes for %d entries", ErrChunk, len(b), want)
	}
	first, got := binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])
	if first != uint32(len(txs)) || got != seq {
		return txs, fmt.Errorf("%w: wrong place or sequence number", ErrChunk)
	}
	txs, _ = claim.AppendEntries(txs, b[chunkHeader:])
	return txs, nil
}
