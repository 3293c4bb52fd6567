package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var (
	// ErrStoreLocked says that another server has the store folder.
	ErrStoreLocked = errors.New("store folder is in use by another broker")
	// ErrStoreFormat says that the store folder is of a newer version, or not of
	// this program at all.
	ErrStoreFormat = errors.New("store folder has another format")
)

// FormatFile is the name of the file that says whose folder it is.
const FormatFile = "FORMAT"

const (
	formatName    = "blockgate-broker"
	formatVersion = 1
)

// store is a locked store folder.
type store struct{ format *os.File }

// openStore makes the folder if there is none, locks it, waiting for as long as
// lockWait, and checks its format. The caller closes the store.
func openStore(ctx context.Context, dir string) (*store, error) {
	if dir == "" {
		return nil, errors.New("no store folder given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make store folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, FormatFile), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("open store folder: %w", err)
	}
	s := &store{format: file}
	if err := s.lock(ctx, dir); err != nil {
		_ = file.Close()
		return nil, err
	}
	if err := s.checkFormat(dir); err != nil {
		_ = file.Close()
		return nil, err
	}
	return s, nil
}

// Close gives the lock back.
func (s *store) Close() error { return s.format.Close() }

func (s *store) lock(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		err := unix.Flock(int(s.format.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock store folder %s: %w", dir, err)
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", dir, ErrStoreLocked)
		}
	}
}

func (s *store) checkFormat(dir string) error {
	text, err := io.ReadAll(io.LimitReader(s.format, maxFormat))
	if err != nil {
		return fmt.Errorf("read %s: %w", s.format.Name(), err)
	}
	if len(text) == 0 {
		return s.writeFormat(dir)
	}
	name, version, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), " ")
	number, err := strconv.Atoi(version)
	switch {
	case name != formatName || err != nil || number < 1:
		return fmt.Errorf("%w: %s says %q, want %q", ErrStoreFormat, s.format.Name(), text, formatLine())
	case number > formatVersion:
		return fmt.Errorf("%w: %s is of version %d, this build knows %d; run a newer build, or delete the folder %s: "+
			"the journal is then made anew from the chain and readers find their place by block hash",
			ErrStoreFormat, s.format.Name(), number, formatVersion, dir)
	}
	return nil
}

// writeFormat claims an empty folder. A folder with anything in it but no format
// is somebody else's.
func (s *store) writeFormat(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read store folder: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() != FormatFile {
			return fmt.Errorf("%w: %s has %q in it, but no %s file; give an empty folder", ErrStoreFormat, dir, entry.Name(), FormatFile)
		}
	}
	if _, err := s.format.WriteAt([]byte(formatLine()), 0); err != nil {
		return fmt.Errorf("write %s: %w", s.format.Name(), err)
	}
	if err := s.format.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", s.format.Name(), err)
	}
	return nil
}

func formatLine() string { return formatName + " " + strconv.Itoa(formatVersion) + "\n" }
