package adapter

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"blockgate/adapter/addrbook"
)

// BookFile is the address book on the disk. One goroutine uses it at a time.
type BookFile struct {
	path string
	log  *slog.Logger
}

// What stands behind the name of the book while it is written, and when it could not be
// read.
const (
	newBook = ".new"
	badBook = ".bad"
)

// OpenBook reads the address book at path, or makes an empty one from config if there
// is none. A file that is no book, of another version or of another network is kept
// aside under its name with ".bad" behind it, in place of the one before, and the book
// is empty: peers are found anew by seeds. An error is of the disk.
func OpenBook(path string, config addrbook.Config, log *slog.Logger) (*addrbook.Book, *BookFile, error) {
	f := &BookFile{path, log}
	text, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return addrbook.New(config), f, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the address book: %w", err)
	}
	book, err := addrbook.Decode(text, config)
	if err == nil {
		return book, f, nil
	}
	if aside := os.Rename(path, path+badBook); aside != nil {
		return nil, nil, fmt.Errorf("%w; put it aside: %w", err, aside)
	}
	log.Error("address book not used", slog.String("file", path), slog.String("error", err.Error()),
		slog.String("next", "it is kept as "+path+badBook+"; peers are found anew by seeds"))
	return addrbook.New(config), f, nil
}

// read returns the file, or as much of it as shows that it is too long.
func (f *BookFile) read() ([]byte, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(file, int64(addrbook.MaxFileSize)+1))
}

// Save puts what [node.Node.AppendBook] gave in the place of the file, in one step: who
// reads it finds the old book or the new one, whole, also after a power cut.
func (f *BookFile) Save(text []byte) error {
	temporary := f.path + newBook
	if err := writeSynced(temporary, text); err != nil {
		return fmt.Errorf("write the address book: %w", err)
	}
	if err := os.Rename(temporary, f.path); err != nil {
		return fmt.Errorf("write the address book: %w", err)
	}
	folder, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return fmt.Errorf("write the address book: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// writeSynced writes a file that only this user may read, since it has the book's
// secret, and waits until the disk has it.
func writeSynced(path string, text []byte) error {
	const private = 0o600
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, private) //nolint:gosec // a path of ours
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// bookSaver writes the book in a goroutine of its own, so that a slow disk holds up
// nothing.
type bookSaver struct {
	file  *BookFile
	queue chan []byte // of one: a book that waits is as good as the next
	next  time.Time
}

func newBookSaver(file *BookFile) *bookSaver {
	return &bookSaver{file: file, queue: make(chan []byte, 1)}
}

// run writes what is queued, the last when the queue is closed.
func (b *bookSaver) run() {
	failed := false
	for text := range b.queue {
		err := b.file.Save(text)
		if err != nil && !failed {
			b.file.log.Error("address book not saved", slog.String("error", err.Error()), slog.String("next", "tried again; the service goes on without"))
		}
		failed = err != nil
	}
}

// saveBook queues the book now and then: at once after the start, since from then on
// there are no anchors in it until some have proven their worth.
func (s *shell) saveBook(now time.Time) {
	b := s.book
	if b == nil || now.Before(b.next) || len(b.queue) > 0 {
		return
	}
	b.next = now.Add(bookEvery)
	b.queue <- s.brain.AppendBook(nil)
}

// lastBook queues the book as the next run should find it, and no more.
func (s *shell) lastBook() {
	if s.book == nil {
		return
	}
	s.brain.Stop()
	s.book.queue <- s.brain.AppendBook(nil) // the writer takes what waits there first
	close(s.book.queue)
}
