package store_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// sector is what a disk writes as a whole.
const sector = 512

// fakeDisk is a file in memory that fails as it is told. What was written is
// cached; only what was synced survives a power cut for certain.
type fakeDisk struct {
	cached, durable []byte
	space           int   // bytes that may still be written, -1 for no limit
	failure         error // of writes beyond space, syscall.ENOSPC if nil
	failSync        error
	failDir         error
	failCut         error
	writes          int
	syncs           int
	trace           bool     // write down calls
	calls           []string // of what changes the file, in order
}

func newDisk() *fakeDisk { return &fakeDisk{space: -1} }

func (d *fakeDisk) called(format string, args ...any) {
	if d.trace {
		d.calls = append(d.calls, fmt.Sprintf(format, args...))
	}
}

func (d *fakeDisk) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(len(d.cached)) {
		return 0, io.EOF
	}
	n := copy(p, d.cached[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (d *fakeDisk) WriteAt(p []byte, at int64) (int, error) {
	d.writes++
	if d.trace {
		d.called("write %d at %d", len(p), at)
	}
	n := len(p)
	if d.space >= 0 {
		n = min(n, d.space)
		d.space -= n
	}
	if grow := int(at) + n - len(d.cached); grow > 0 {
		d.cached = append(d.cached, make([]byte, grow)...)
	}
	copy(d.cached[at:], p[:n])
	if n == len(p) {
		return n, nil
	}
	if d.failure != nil {
		return n, d.failure
	}
	return n, syscall.ENOSPC
}

func (d *fakeDisk) Truncate(size int64) error {
	d.called("cut at %d", size)
	if d.failCut != nil {
		return d.failCut
	}
	d.cached = d.cached[:size]
	return nil
}

func (d *fakeDisk) Sync() error {
	d.syncs++
	d.called("sync")
	if d.failSync != nil {
		return d.failSync
	}
	if d.space == 0 { // killed, or as good as that
		return syscall.EIO
	}
	d.durable = append(d.durable[:0], d.cached...)
	return nil
}

func (d *fakeDisk) SyncDir() error {
	d.called("sync the folder")
	return d.failDir
}

func (d *fakeDisk) Close() error { return nil }

// powerCut returns the disk after a power cut: any choice of the sectors that were
// not synced is there, and any size in between.
func (d *fakeDisk) powerCut(random *rand.Rand) *fakeDisk {
	low, high := min(len(d.durable), len(d.cached)), max(len(d.durable), len(d.cached))
	after := make([]byte, low+random.IntN(high-low+1))
	if random.IntN(3) == 0 {
		after = make([]byte, high)
	}
	for at := 0; at < len(after); at += sector {
		from := d.durable
		if random.IntN(2) == 0 {
			from = d.cached
		}
		if at < len(from) {
			copy(after[at:min(len(after), at+sector)], from[at:])
		}
	}
	return &fakeDisk{cached: after, durable: bytes.Clone(after), space: -1}
}

// killed returns the disk after the process was killed: all that was written is
// there, and nothing more is known of what is synced.
func (d *fakeDisk) killed() *fakeDisk {
	return &fakeDisk{cached: bytes.Clone(d.cached), durable: bytes.Clone(d.durable), space: -1}
}

// numbered returns headers that are told apart by their version; a store does not
// look into them.
func numbered(from, count int) []btc.Header {
	headers := make([]btc.Header, count)
	for i := range headers {
		for at := range btc.HeaderSize {
			headers[i][at] = byte((from + i) * (at + 3))
		}
		binary.LittleEndian.PutUint32(headers[i][:], uint32(from+i))
	}
	return headers
}

// load opens a store and returns all that it hands on.
func load(d *fakeDisk) (*store.Store, []btc.Header, store.Loaded, error) {
	s, err := store.OpenDisk(d, int64(len(d.cached)), btc.Regtest)
	if err != nil {
		return nil, nil, store.Loaded{}, err
	}
	var all []btc.Header
	loaded, err := s.Load(func(headers []btc.Header) error {
		all = append(all, headers...)
		return nil
	})
	return s, all, loaded, err
}

func mustLoad(tb testing.TB, d *fakeDisk) (*store.Store, []btc.Header) {
	tb.Helper()
	s, headers, loaded, err := load(d)
	if err != nil || loaded.Headers != len(headers) {
		tb.Fatalf("%+v, %d headers, %v", loaded, len(headers), err)
	}
	return s, headers
}

func mustKeep(tb testing.TB, s *store.Store, headers []btc.Header) {
	tb.Helper()
	if err := s.Keep(headers); err != nil || s.Waiting() != 0 {
		tb.Fatalf("%v, %d wait", err, s.Waiting())
	}
}

// written returns a disk with batches of these sizes.
func written(tb testing.TB, sizes ...int) *fakeDisk {
	tb.Helper()
	d := newDisk()
	s, _ := mustLoad(tb, d)
	from := 0
	for _, n := range sizes {
		mustKeep(tb, s, numbered(from, n))
		from += n
	}
	return d
}

// isPrefix reports whether got are the first of want.
func isPrefix(got, want []btc.Header) bool {
	return len(got) <= len(want) && slices.Equal(got, want[:len(got)])
}
