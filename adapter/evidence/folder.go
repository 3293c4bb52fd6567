package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Limits bound a folder. The zero value stands for [MaxFiles] and [MaxBytes].
type Limits struct {
	Files int
	Bytes int64
}

// Stats are counters.
type Stats struct {
	// Kept counts files that were written, Known bodies that were there already,
	// Dropped those that came while the disk had too many to do, Failed those that
	// the disk did not take.
	Kept, Known, Dropped, Failed uint64
}

// Folder is a folder of evidence. Many goroutines may offer; one writes.
type Folder struct {
	dir     string
	limits  Limits
	failed  func(error)
	room    chan struct{} // a token for each record that may wait
	queue   chan Record
	written sync.WaitGroup

	files []file // oldest first; the writer's
	bytes int64  // of all files
	next  uint64 // number of the next file

	mu     sync.Mutex // guards what follows
	stats  Stats
	closed bool
}

// file is one that is kept. Its name is its number, in 16 hex digits, a hyphen and the
// first 16 hex digits of the body's SHA-256.
type file struct {
	name string
	size int64
}

const (
	suffix  = ".evidence"
	partial = ".partial" // being written; after a crash it is worthless
	nameLen = 16 + 1 + 16 + len(suffix)
)

// Open makes the folder if there is none, and room in it. What is no file of this
// package is left alone. failed is called with each error of the disk, by the goroutine
// that writes.
func Open(dir string, limits Limits, failed func(error)) (*Folder, error) {
	if limits == (Limits{}) {
		limits = Limits{MaxFiles, MaxBytes}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of evidence: %w", err)
	}
	f := &Folder{dir: dir, limits: limits, failed: failed, room: make(chan struct{}, queueLen), queue: make(chan Record, queueLen)}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of evidence: %w", err)
	}
	for _, e := range entries { // in the order of their names
		info, err := e.Info()
		switch {
		case err != nil || !info.Mode().IsRegular():
		case strings.HasSuffix(e.Name(), suffix+partial):
			_ = os.Remove(filepath.Join(dir, e.Name())) // if it stays it does no harm
		case len(e.Name()) == nameLen && strings.HasSuffix(e.Name(), suffix):
			f.files = append(f.files, file{e.Name(), info.Size()})
			f.bytes += info.Size()
			f.next = max(f.next, numberOf(e.Name())+1)
		}
	}
	if err := f.makeRoom(0); err != nil {
		return nil, fmt.Errorf("folder of evidence: %w", err)
	}
	f.written.Go(f.write)
	return f, nil
}

// numberOf returns the number in a name, 0 if it has none.
func numberOf(name string) (number uint64) {
	digits, err := hex.DecodeString(name[:16])
	for i := 0; err == nil && i < len(digits); i++ {
		number = number<<8 | uint64(digits[i])
	}
	return number
}

// Offer has a record written, some time. It does not wait: if too many are waiting
// already the record is not even made, and it reports false. The body that record
// returns is the folder's from then on.
func (f *Folder) Offer(record func() Record) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case f.room <- struct{}{}:
	default:
		f.stats.Dropped++
		return false
	}
	if f.closed {
		<-f.room
		return false
	}
	f.queue <- record() // there is room
	return true
}

// Close writes what waits and ends the writer.
func (f *Folder) Close() {
	f.mu.Lock()
	again := f.closed
	f.closed = true
	f.mu.Unlock()
	if !again {
		close(f.queue)
	}
	f.written.Wait()
}

// Stats returns the counters.
func (f *Folder) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

func (f *Folder) count(what func(*Stats)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what(&f.stats)
}

func (f *Folder) write() {
	for r := range f.queue {
		err := f.keep(&r)
		<-f.room
		if err != nil {
			f.count(func(s *Stats) { s.Failed++ })
			f.failed(err)
		}
	}
}

// keep writes one record, unless its bytes are there already.
func (f *Folder) keep(r *Record) error {
	sum := sha256.Sum256(r.Body)
	id := "-" + hex.EncodeToString(sum[:8]) + suffix
	if slices.ContainsFunc(f.files, func(have file) bool { return strings.HasSuffix(have.name, id) }) {
		f.count(func(s *Stats) { s.Known++ })
		return nil
	}
	b, err := r.Encode()
	if err != nil {
		return err
	}
	if int64(len(b)) > f.limits.Bytes {
		return fmt.Errorf("%d bytes for a folder of %d", len(b), f.limits.Bytes)
	}
	if err := f.makeRoom(int64(len(b))); err != nil {
		return err
	}
	name := fmt.Sprintf("%016x%s", f.next, id)
	if err := writeWhole(filepath.Join(f.dir, name), b); err != nil {
		return err
	}
	f.next++
	f.files = append(f.files, file{name, int64(len(b))})
	f.bytes += int64(len(b))
	f.count(func(s *Stats) { s.Kept++ })
	return nil
}

// makeRoom removes the oldest files until there is room for one of that size; for 0,
// until the limits hold.
func (f *Folder) makeRoom(size int64) error {
	most := f.limits.Files
	if size > 0 {
		most--
	}
	for len(f.files) > 0 && (len(f.files) > most || f.bytes+size > f.limits.Bytes) {
		if err := os.Remove(filepath.Join(f.dir, f.files[0].name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		f.bytes -= f.files[0].size
		f.files = f.files[1:]
	}
	return nil
}

// writeWhole writes a file that is there whole or not at all, also after a crash.
func writeWhole(path string, b []byte) error {
	out, err := os.OpenFile(path+partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // a name of ours in our folder
	if err != nil {
		return err
	}
	_, err = out.Write(b)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(path+partial, path)
	}
	if err != nil {
		_ = os.Remove(path + partial) // or the next start does
	}
	return err
}
