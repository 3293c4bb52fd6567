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

// kindBlock is the one kind of job that there is: walk a block.
const kindBlock = 1

// Job asks a worker to walk the block in a slot of the ring.
//
//	0    1    2       3     4    8     16     20      24          28       32
//	+----+----+-------+-----+----+-----+------+-------+-----------+--------+
//	|'J' |kind|network|flags|slot| seq |length| height|median time|reserved|
//	+----+----+-------+-----+----+-----+------+-------+-----------+--------+
//
// All numbers are little-endian; flags and reserved are 0.
type Job struct {
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
	dst = append(dst, typeJob, kindBlock, byte(j.Network), 0)
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
	if b[0] != typeJob || b[1] != kindBlock || b[3] != 0 || binary.LittleEndian.Uint32(b[28:]) != 0 {
		return Job{}, fmt.Errorf("%w: type %#02x, kind %d, flags %#02x", ErrJob, b[0], b[1], b[3])
	}
	j := Job{
		Network:    btc.Network(b[2]),
		Slot:       binary.LittleEndian.Uint32(b[4:]),
		Seq:        binary.LittleEndian.Uint64(b[8:]),
		Len:        binary.LittleEndian.Uint32(b[16:]),
		Height:     btc.Height(binary.LittleEndian.Uint32(b[20:])),
		MedianTime: binary.LittleEndian.Uint32(b[24:]),
	}
	if !j.Network.Valid() || j.Height < 0 || j.Len < minBlockSize || j.Len > maxBlockSize {
		return Job{}, fmt.Errorf("%w: %s, height %d, %d bytes", ErrJob, j.Network, j.Height, j.Len)
	}
	return j, nil
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
