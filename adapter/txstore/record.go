package txstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"blockgate/internal/btc"
)

// ErrDamaged says that a file is not what a store writes.
var ErrDamaged = errors.New("damaged file")

// Progress is how far a transaction got among peers.
type Progress uint8

// The steps, in order.
const (
	// Known says that it is on the disk.
	Known Progress = iota
	// Announced says that a peer was told of it.
	Announced
	// Seen says that a peer told us of it.
	Seen

	progressEnd
)

// Record says what is known of a transaction, without its bytes.
type Record struct {
	Txid, Wtxid btc.Hash
	// Size is that of the transaction in bytes, with its witness.
	Size int
	// Submitted and Expires are whole seconds from 1970 on.
	Submitted, Expires time.Time
	Progress           Progress
	// Blocks are proven blocks that hold it, the latest [MaxBlocks], oldest first.
	Blocks []btc.Hash
}

// encode returns the file of a record and its transaction.
func (r *Record) encode(raw []byte) ([]byte, error) {
	if err := r.check(raw); err != nil {
		return nil, err
	}
	b := make([]byte, 0, headSize+len(raw)+sha256.Size)
	b = append(b, magic...)
	b = append(b, r.Txid[:]...)
	b = append(b, r.Wtxid[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Submitted.Unix()))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Expires.Unix()))
	b = append(b, byte(r.Progress), byte(len(r.Blocks)))
	for _, hash := range r.Blocks {
		b = append(b, hash[:]...)
	}
	b = append(b, make([]byte, (MaxBlocks-len(r.Blocks))*btc.HashSize)...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(raw)))
	b = append(b, raw...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

func (r *Record) check(raw []byte) error {
	switch {
	case len(raw) < btc.MinTransactionSize || len(raw) > MaxTransaction:
		return fmt.Errorf("%w: transaction of %d bytes", ErrDamaged, len(raw))
	case btc.DoubleSHA256(raw) != r.Wtxid:
		return fmt.Errorf("%w: the bytes are not those of its wtxid", ErrDamaged)
	case len(r.Blocks) > MaxBlocks || r.Progress >= progressEnd:
		return fmt.Errorf("%w: %d blocks, progress %d", ErrDamaged, len(r.Blocks), r.Progress)
	case !storable(r.Submitted) || !storable(r.Expires):
		return fmt.Errorf("%w: submitted %v, expires %v", ErrDamaged, r.Submitted, r.Expires)
	}
	return nil
}

// storable reports whether a time is one that comes back as it was.
func storable(t time.Time) bool {
	return t.Nanosecond() == 0 && t.Unix() >= 0 && t.Unix() <= math.MaxUint32
}

// decode reads a file. It takes exactly what encode returns and says [ErrDamaged] of
// anything else. raw aliases file.
func decode(file []byte) (r Record, raw []byte, err error) {
	if len(file) < minFile || len(file) > MaxFile {
		return Record{}, nil, fmt.Errorf("%w: %d bytes", ErrDamaged, len(file))
	}
	body, sum := file[:len(file)-sha256.Size], file[len(file)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return Record{}, nil, fmt.Errorf("%w: checksum", ErrDamaged)
	}
	at := body[len(magic):]
	r.Txid, r.Wtxid = btc.Hash(at[:32]), btc.Hash(at[32:64])
	r.Submitted, r.Expires = seconds(at[64:]), seconds(at[72:])
	r.Progress = Progress(at[80])
	count := int(at[81])
	raw = file[headSize : len(file)-sha256.Size]
	r.Size = len(raw)
	for i := range min(count, MaxBlocks) {
		r.Blocks = append(r.Blocks, btc.Hash(at[82+i*btc.HashSize:][:btc.HashSize]))
	}
	again, err := r.encode(raw) // one way to write each record
	if err != nil {
		return Record{}, nil, err
	}
	if !bytes.Equal(again, file) {
		return Record{}, nil, fmt.Errorf("%w: its words do not fit", ErrDamaged)
	}
	return r, raw, nil
}

func seconds(b []byte) time.Time {
	return time.Unix(int64(min(binary.LittleEndian.Uint64(b), math.MaxInt64)), 0).UTC()
}

// clone returns the record with a slice of its own.
func (r *Record) clone() Record {
	c := *r
	c.Blocks = slices.Clone(r.Blocks)
	return c
}
