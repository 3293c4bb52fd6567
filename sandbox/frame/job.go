package frame

import (
	"encoding/binary"
	"errors"
	"fmt"

	"blockgate/internal/btc"
)

// The first byte of every message says what it is.
const (
	typeJob    = 'J'
	typeAnswer = 'A'
	typeChunk  = 'C'
)

// Kind says what a job is about. Its zero value is none.
type Kind uint8

// The kinds of jobs.
const (
	KindBlock Kind = iota + 1
	KindTransaction
)

// Job asks a worker to walk what is in a slot of the ring: a block, or a single
// transaction.
//
//	0    1    2       3     4    8     16     20      24          28       32
//	+----+----+-------+-----+----+-----+------+-------+-----------+--------+
//	|'J' |kind|network|flags|slot| seq |length| height|median time|reserved|
//	+----+----+-------+-----+----+-----+------+-------+-----------+--------+
//
// All numbers are little-endian; flags and reserved are 0. So are network, height
// and median time of a transaction: its rules know no place.
type Job struct {
	// Kind says what is in the slot.
	Kind Kind
	// Seq is the number that the answer must bear.
	Seq uint64
	// Slot is the index of the slot, and Len the number of bytes in it, 1 to
	// btc.MaxBlockSize.
	Slot, Len uint32
	// Network and Height say which rules hold.
	Network btc.Network
	Height  btc.Height
	// MedianTime is the median time of the ancestors in Unix seconds (BIP-0113).
	MedianTime uint32
}

// ErrJob says that bytes are no job.
var ErrJob = errors.New("not a job")

// Append appends the JobSize bytes of j to dst.
func (j Job) Append(dst []byte) []byte {
	dst = append(dst, typeJob, byte(j.Kind), byte(j.Network), 0)
	dst = binary.LittleEndian.AppendUint32(dst, j.Slot)
	dst = binary.LittleEndian.AppendUint64(dst, j.Seq)
	dst = binary.LittleEndian.AppendUint32(dst, j.Len)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(j.Height))
	dst = binary.LittleEndian.AppendUint32(dst, j.MedianTime)
	return binary.LittleEndian.AppendUint32(dst, 0)
}

// DecodeJob reads a job. Anything but what [Job.Append] writes costs [ErrJob].
func DecodeJob(b []byte) (Job, error) {
	if len(b) != JobSize {
		return Job{}, fmt.Errorf("%w: %d bytes", ErrJob, len(b))
	}
	if b[0] != typeJob || b[3] != 0 || binary.LittleEndian.Uint32(b[28:]) != 0 {
		return Job{}, fmt.Errorf("%w: type %#02x, kind %d, flags %#02x", ErrJob, b[0], b[1], b[3])
	}
	j := Job{
		Kind:       Kind(b[1]),
		Network:    btc.Network(b[2]),
		Slot:       binary.LittleEndian.Uint32(b[4:]),
		Seq:        binary.LittleEndian.Uint64(b[8:]),
		Len:        binary.LittleEndian.Uint32(b[16:]),
		Height:     btc.Height(binary.LittleEndian.Uint32(b[20:])),
		MedianTime: binary.LittleEndian.Uint32(b[24:]),
	}
	if !j.hasPlace() || j.Len < minSize || j.Len > maxSize {
		return Job{}, fmt.Errorf("%w: kind %d, %s, height %d, %d bytes", ErrJob, j.Kind, j.Network, j.Height, j.Len)
	}
	return j, nil
}

// hasPlace reports whether j is of a kind that there is, and has its place in a
// chain if, and only if, that kind has one.
func (j Job) hasPlace() bool {
	switch j.Kind {
	case KindBlock:
		return j.Network.Valid() && j.Height >= 0
	case KindTransaction:
		return j.Network == 0 && j.Height == 0 && j.MedianTime == 0
	default:
		return false
	}
}

// maxEntries returns how many transactions there is room for.
func (j Job) maxEntries() int {
	if j.Kind == KindTransaction {
		return 1
	}
	return min(int(j.Len)/btc.MinTransactionSize, btc.MaxBlockTransactions)
}

// Cut returns the bytes of ring that j speaks of, false if it has no such slot.
// The result aliases ring.
func (j Job) Cut(ring []byte) ([]byte, bool) {
	begin := uint64(j.Slot) * SlotSize
	if j.Len > SlotSize || begin+SlotSize > uint64(len(ring)) {
		return nil, false
	}
	return ring[begin : begin+uint64(j.Len) : begin+uint64(j.Len)], true
}
