package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFileFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f := fileFormat{"blockgate-test", 2, "it may be deleted"}
	if _, err := f.read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for _, body := range []string{"", "x", "line\nline\n", strings.Repeat("y", 1000)} {
		if err := f.write(path, []byte(body)); err != nil {
			t.Fatal(err)
		}
		if got, err := f.read(path); err != nil || string(got) != body {
			t.Errorf("%q came back as %q, %v", body, got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v, %v", info, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("a temporary file stayed: %v, %v", left, err)
	}
}

func TestFileFormatRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f := fileFormat{"blockgate-test", 2, "it may be deleted"}
	for _, tt := range []struct {
		content string
		newer   bool
	}{
		{"blockgate-test 3\nbody", true},
		{"blockgate-test 999999\n", true},
		{"blockgate-test 99999999999999999999\n", false},
		{"", false},
		{"\n", false},
		{"blockgate-test", false},
		{"blockgate-test 1", false}, // cut short
		{"blockgate-test\n1", false},
		{"blockgate-test 0\n", false},
		{"blockgate-test -1\n", false},
		{"blockgate-test x\n", false},
		{"blockgate-test  1\n", false},
		{"blockgate-other 1\n", false},
		{" blockgate-test 1\n", false},
		{"\x00\xff\n", false},
	} {
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := f.read(path)
		if err == nil || errors.Is(err, errNewerFormat) != tt.newer || !strings.Contains(err.Error(), f.deletable) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %q, %v", tt.content, got, err)
		}
	}
	if err := os.WriteFile(path, []byte("blockgate-test 1\nold"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := f.read(path); err != nil || string(got) != "old" {
		t.Errorf("an older version: %q, %v", got, err)
	}
}

func TestSmallFileLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, size := range []int{maxSmallFile - 1, maxSmallFile, maxSmallFile + 1} {
		if err := os.WriteFile(path, bytes.Repeat([]byte{'x'}, size), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readSmallFile(path)
		if fits := size <= maxSmallFile; fits != (err == nil) || fits && len(got) != size {
			t.Errorf("%d bytes: %d, %v", size, len(got), err)
		}
	}
}

func TestWriteAtomically(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "file")
	if err := writeAtomically(path, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil { // a folder stands where the file should
		t.Fatal(err)
	}
	if err := writeAtomically(path, []byte("x")); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("over a folder: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("a temporary file stayed: %v, %v", left, err)
	}
}

func TestExists(t *testing.T) {
	dir := t.TempDir()
	if !exists(dir) || exists(filepath.Join(dir, "x")) {
		t.Error("exists is wrong")
	}
}
