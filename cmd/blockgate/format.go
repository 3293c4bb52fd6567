package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSmallFile is the most bytes that are read of a file of ours: a key, a
// cursor, a format line. Each is below 1 KiB.
const maxSmallFile = 64 << 10

// errNewerFormat says that a file was written by a newer blockgate.
var errNewerFormat = errors.New("written by a newer blockgate")

// fileFormat is the first line of each file that blockgate writes: its name and
// version. deletable says what is lost with the file.
type fileFormat struct {
	name      string
	version   int
	deletable string
}

// The files of a data directory.
var (
	formatDataDir = fileFormat{"blockgate-datadir", 1, "the data directory as a whole may be deleted: the journal is then built again from the chain"} //nolint:gochecknoglobals // a table
	formatBus     = fileFormat{"blockgate-bus", 1, "this file may be deleted: it is written anew at each start"}                                       //nolint:gochecknoglobals // a table
)

// write puts the format line and body into path.
func (f fileFormat) write(path string, body []byte) error {
	return writeAtomically(path, fmt.Appendf(nil, "%s %d\n%s", f.name, f.version, body))
}

// writeAtomically puts content into path with mode 0600: into a temporary file
// that is synced and then renamed, so that no reader ever sees half of it.
func writeAtomically(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // gone already when all went well
	_, err = temp.Write(content)
	err = errors.Join(err, temp.Chmod(0o600), temp.Sync(), temp.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// read returns what stands below the format line of path. A file that is not
// there is [fs.ErrNotExist]; one of a newer version is [errNewerFormat] with
// what is safe to delete.
func (f fileFormat) read(path string) ([]byte, error) {
	content, err := readSmallFile(path)
	if err != nil {
		return nil, err
	}
	line, body, ok := bytes.Cut(content, []byte("\n"))
	name, number, spaced := strings.Cut(string(line), " ")
	version, err := strconv.Atoi(number)
	switch {
	case !ok || !spaced || name != f.name || err != nil || version < 1:
		return nil, fmt.Errorf("%s: does not begin with %q; %s", path, f.name+" 1", f.deletable)
	case version > f.version:
		return nil, fmt.Errorf("%s: version %d, this blockgate knows up to %d: %w; %s", path, version, f.version, errNewerFormat, f.deletable)
	}
	return body, nil
}

// readSmallFile returns what is in a file of at most [maxSmallFile] bytes.
func readSmallFile(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // a file of ours, or one that the caller named
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read only
	content, err := io.ReadAll(io.LimitReader(file, maxSmallFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxSmallFile {
		return nil, fmt.Errorf("%s: more than %d bytes", path, maxSmallFile)
	}
	return content, nil
}

// exists reports whether a file is there.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
