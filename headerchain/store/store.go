package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
)

// Store is an open file of headers. It is for one goroutine at a time.
type Store struct {
	disk disk
	path string
	line [lineSize]byte
	seed uint32 // the checksum of line; each record's goes on from it
	size int64  // of the file when it was opened

	loaded   bool
	begun    bool  // the first line is on the disk
	torn     bool  // there are bytes behind the last record
	settled  bool  // what was loaded is on the disk for certain
	readOnly bool  // Keep is refused
	stopped  error // why no more headers are taken, nil if they are
	count    int   // of records that were loaded, or written and synced
	// waiting are the headers that are not there, maxWaiting at most.
	waiting []btc.Header
	buffer  []byte // for MaxBatch records
	// maxWaiting and maxRecords are MaxWaiting and MaxRecords; a test lowers them.
	maxWaiting, maxRecords int
}

// disk is what a store needs of a file.
type disk interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
	// SyncDir makes the file's name durable.
	SyncDir() error
}

// Open opens the file at path, or makes an empty one, and takes its lock. It
// writes nothing else.
//
// The error is [ErrLocked], [ErrFormat], [ErrNewer], [ErrNetwork], [ErrTooMany]
// or one of the system; it names the file. The file is left as it was.
func Open(path string, network btc.Network) (*Store, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0o600) //nolint:gosec // a file of ours
	if err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	s, err := openFile(file, network, unix.LOCK_EX)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("headers: %s: %w", path, err), file.Close())
	}
	return s, nil
}

// OpenRead opens the file at path to [Store.Load] it and nothing more: it makes no
// file and writes none, so a file system that is read-only will do. Several may
// read at a time, but none while [Open] has the lock.
//
// The error is one of those of Open, or [os.ErrNotExist].
func OpenRead(path string, network btc.Network) (*Store, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0) //nolint:gosec // a file of ours
	if err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	s, err := openFile(file, network, unix.LOCK_SH)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("headers: %s: %w", path, err), file.Close())
	}
	s.readOnly = true
	return s, nil
}

func openFile(file *os.File, network btc.Network, lock int) (*Store, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", ErrFormat)
	}
	if err := unix.Flock(int(file.Fd()), lock|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: its lock is held", ErrLocked)
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	// The size under the lock: another process may have written before.
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	return newStore(&osDisk{file}, file.Name(), info.Size(), network)
}

// newStore checks the first line of disk.
func newStore(d disk, path string, size int64, network btc.Network) (*Store, error) {
	s := &Store{disk: d, path: path, line: formatLine(network), size: size, maxWaiting: MaxWaiting, maxRecords: MaxRecords}
	s.seed = crc32.Update(0, castagnoli, s.line[:])
	head := make([]byte, min(size, lineSize))
	if _, err := d.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the first line: %w", err)
	}
	begun, err := checkLine(head, network)
	switch {
	case err != nil:
		return nil, err
	case !begun && size > lineSize:
		return nil, fmt.Errorf("%w: %d bytes behind a first line that was never written; %s", ErrFormat, size-lineSize, deletable)
	case size > offsetOf(MaxRecords)+MaxBatch*recordSize:
		return nil, fmt.Errorf("%w: %d bytes, want %d records at most; %s", ErrTooMany, size, MaxRecords, deletable)
	}
	s.begun = begun
	return s, nil
}

// Records returns how many records the file had room for when it was opened: what
// Load hands on, but for a torn tail.
func (s *Store) Records() int { return int(max(0, s.size-lineSize) / recordSize) }

// Close gives the file and its lock back. What waits for the disk is lost; a
// Keep(nil) before tries once more.
func (s *Store) Close() error { return s.disk.Close() }

// osDisk is a file of the system.
type osDisk struct{ *os.File }

// SyncDir syncs the file's folder.
func (d *osDisk) SyncDir() error {
	dir, err := os.Open(filepath.Dir(d.Name()))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
