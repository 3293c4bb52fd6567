package txstore

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"blockgate/internal/btc"
)

var (
	// ErrFull says that the folder holds as many transactions, or bytes, as it may, and
	// none of them has expired.
	ErrFull = errors.New("too many transactions are waiting")
	// ErrTooLarge says that a transaction is longer than [MaxTransaction].
	ErrTooLarge = errors.New("transaction longer than nodes relay")
	// ErrUnknown says that the folder does not hold a transaction.
	ErrUnknown = errors.New("unknown transaction")
)

// Limits bound a folder. The zero value stands for [MaxCount] and [MaxBytes].
type Limits struct {
	Count int
	Bytes int64
}

// Store is a folder of transactions. Many goroutines may use it.
type Store struct {
	dir    string
	limits Limits

	mu    sync.Mutex // guards what follows, and the files
	kept  map[btc.Hash]*Record
	bytes int64 // of all files
}

const (
	suffix  = ".tx"
	partial = ".partial" // being written; after a crash it is worthless
	damaged = ".damaged"
)

// Open makes the folder if there is none, and reads what is in it. It calls said with
// each file that cannot be used, and goes on without it. What is beyond the limits is
// said, too, and left where it is.
func Open(dir string, limits Limits, said func(error)) (*Store, error) {
	if limits == (Limits{}) {
		limits = Limits{MaxCount, MaxBytes}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // a folder of ours
		return nil, fmt.Errorf("folder of transactions: %w", err)
	}
	s := &Store{dir: dir, limits: limits, kept: map[btc.Hash]*Record{}}
	folder, err := os.Open(dir) //nolint:gosec // a folder of ours
	if err != nil {
		return nil, fmt.Errorf("folder of transactions: %w", err)
	}
	defer folder.Close() //nolint:errcheck // nothing was written
	names, err := folder.Readdirnames(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("folder of transactions: %w", err)
	}
	if len(names) > maxEntries {
		said(fmt.Errorf("folder of transactions: more than %d files; the rest is left alone", maxEntries))
		names = names[:maxEntries]
	}
	slices.Sort(names)
	aside := 0
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, suffix+partial):
			_ = os.Remove(s.path(name)) // if it stays it does no harm
		case strings.HasSuffix(name, suffix+damaged):
			if aside++; aside > maxDamaged {
				_ = os.Remove(s.path(name)) // or at the next start
			}
		case strings.HasSuffix(name, suffix):
			if err := s.load(name); err != nil {
				said(fmt.Errorf("transaction %q: %w", name, err))
			}
		}
	}
	return s, nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func nameOf(txid btc.Hash) string { return txid.String() + suffix }

// load takes in one file, or sets it aside.
func (s *Store) load(name string) error {
	r, raw, err := s.read(name)
	if err == nil && nameOf(r.Txid) != name {
		err = fmt.Errorf("%w: it is of transaction %s", ErrDamaged, r.Txid)
	}
	if errors.Is(err, ErrDamaged) {
		return errors.Join(err, os.Rename(s.path(name), s.path(name+damaged)))
	}
	if err != nil {
		return err
	}
	size := fileSize(len(raw))
	if len(s.kept) >= s.limits.Count || s.bytes+size > s.limits.Bytes {
		return ErrFull
	}
	s.kept[r.Txid] = &r
	s.bytes += size
	return nil
}

func fileSize(size int) int64 { return int64(headSize + size + 32) }

// read reads a file whole, if it is one of ours.
func (s *Store) read(name string) (Record, []byte, error) {
	file, err := os.OpenFile(s.path(name), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0) //nolint:gosec // a name of ours in our folder
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) {
		return Record{}, nil, fmt.Errorf("%w: no regular file", ErrDamaged)
	}
	if err != nil {
		return Record{}, nil, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err := file.Stat()
	if err != nil {
		return Record{}, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > int64(MaxFile) {
		return Record{}, nil, fmt.Errorf("%w: %v of %d bytes", ErrDamaged, info.Mode().Type(), info.Size())
	}
	b, err := io.ReadAll(io.LimitReader(file, int64(MaxFile)+1))
	if err != nil {
		return Record{}, nil, err
	}
	return decode(b)
}

// Records returns what is kept, in the order in which it was submitted.
func (s *Store) Records() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Record, 0, len(s.kept))
	for _, r := range s.kept {
		all = append(all, r.clone())
	}
	slices.SortFunc(all, func(a, b Record) int {
		return cmp.Or(a.Submitted.Compare(b.Submitted), slices.Compare(a.Txid[:], b.Txid[:]))
	})
	return all
}

// Add writes a transaction and returns when it is on the disk for certain. One with the
// same txid is replaced; with the same wtxid, too, only its expiry changes. It keeps
// neither raw nor r.Blocks.
//
// The errors are [ErrTooLarge], [ErrFull], [ErrDamaged] if r does not belong to raw,
// and those of the system; then nothing has changed.
func (s *Store) Add(r Record, raw []byte) error {
	if len(raw) > MaxTransaction {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(raw), MaxTransaction)
	}
	r = r.clone()
	r.Size = len(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.kept[r.Txid]; have != nil && have.Wtxid == r.Wtxid {
		expires := r.Expires
		r = have.clone()
		r.Expires = expires
	}
	if err := s.makeRoom(&r); err != nil {
		return err
	}
	return s.write(&r, raw)
}

// makeRoom removes what had expired when r was submitted, oldest first, as far as there is no
// room for r. It removes nothing if that is not enough.
func (s *Store) makeRoom(r *Record) error {
	count, size := len(s.kept)+1, s.bytes+fileSize(r.Size)
	if have := s.kept[r.Txid]; have != nil {
		count, size = count-1, size-fileSize(have.Size)
	}
	var old []*Record
	for _, have := range s.kept {
		if have.Txid != r.Txid && len(have.Blocks) == 0 && !have.Expires.After(r.Submitted) {
			old = append(old, have)
		}
	}
	slices.SortFunc(old, func(a, b *Record) int {
		return cmp.Or(a.Expires.Compare(b.Expires), slices.Compare(a.Txid[:], b.Txid[:]))
	})
	used := 0
	for ; used < len(old) && (count > s.limits.Count || size > s.limits.Bytes); used++ {
		count, size = count-1, size-fileSize(old[used].Size)
	}
	if count > s.limits.Count || size > s.limits.Bytes {
		return fmt.Errorf("%w: %d of %d, %d of %d bytes", ErrFull, len(s.kept), s.limits.Count, s.bytes, s.limits.Bytes)
	}
	for _, have := range old[:used] {
		if err := s.remove(have); err != nil {
			return err
		}
	}
	return nil
}

// write writes the file of a record and, once it is there for certain, takes it over.
func (s *Store) write(r *Record, raw []byte) error {
	b, err := r.encode(raw)
	if err != nil {
		return err
	}
	if err := writeWhole(s.dir, nameOf(r.Txid), b); err != nil {
		return fmt.Errorf("transaction %s: %w", r.Txid, err)
	}
	if have := s.kept[r.Txid]; have != nil {
		s.bytes -= fileSize(have.Size)
	}
	s.kept[r.Txid] = r
	s.bytes += fileSize(r.Size)
	return nil
}

// Note writes how far a transaction got.
func (s *Store) Note(txid btc.Hash, progress Progress) error {
	return s.change(txid, func(r *Record) bool {
		changed := r.Progress != progress
		r.Progress = progress
		return changed
	})
}

// Mined writes that a proven block holds a transaction.
func (s *Store) Mined(txid, block btc.Hash) error {
	return s.change(txid, func(r *Record) bool {
		if slices.Contains(r.Blocks, block) {
			return false
		}
		r.Blocks = append(r.Blocks, block)
		r.Blocks = r.Blocks[max(0, len(r.Blocks)-MaxBlocks):]
		return true
	})
}

// change writes a record anew if edit says that it changed.
func (s *Store) change(txid btc.Hash, edit func(*Record) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.kept[txid]
	if have == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, txid)
	}
	r := have.clone()
	if !edit(&r) {
		return nil
	}
	_, raw, err := s.read(nameOf(txid))
	if err != nil {
		return fmt.Errorf("transaction %s: %w", txid, err)
	}
	return s.write(&r, raw)
}

// Raw returns the bytes of a transaction, which are the caller's.
func (s *Store) Raw(txid btc.Hash) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.kept[txid]
	if have == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, txid)
	}
	r, raw, err := s.read(nameOf(txid))
	if err == nil && (r.Txid != txid || r.Wtxid != have.Wtxid) {
		err = fmt.Errorf("%w: it is another one", ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("transaction %s: %w", txid, err)
	}
	return raw, nil
}

// Remove forgets a transaction. It is no error if there is none.
func (s *Store) Remove(txid btc.Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.kept[txid]
	if have == nil {
		return nil
	}
	return s.remove(have)
}

func (s *Store) remove(r *Record) error {
	if err := os.Remove(s.path(nameOf(r.Txid))); err != nil && !errors.Is(err, os.ErrNotExist) { //nolint:gosec // digits in our folder
		return fmt.Errorf("transaction %s: %w", r.Txid, err)
	}
	delete(s.kept, r.Txid)
	s.bytes -= fileSize(r.Size)
	return nil
}

// writeWhole writes a file that is there whole or not at all, also after a crash, and
// is there for certain once it returns nil.
func writeWhole(dir, name string, b []byte) error {
	path := filepath.Join(dir, name)
	out, err := os.OpenFile(path+partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600) //nolint:gosec // a name of ours in our folder
	if err != nil {
		return err
	}
	_, err = out.Write(b)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(path+partial, path) //nolint:gosec // digits in our folder
	}
	if err != nil {
		_ = os.Remove(path + partial) //nolint:gosec // digits in our folder; if it stays the next start removes it
		return err
	}
	folder, err := os.Open(dir) //nolint:gosec // a folder of ours
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
