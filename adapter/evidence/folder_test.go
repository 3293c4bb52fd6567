package evidence_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"blockgate/adapter/evidence"
	"blockgate/internal/btc"
)

func open(t *testing.T, dir string, limits evidence.Limits) *evidence.Folder {
	t.Helper()
	f, err := evidence.Open(dir, limits, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fill writes bodies with these texts, one after the other, and closes the folder.
func fill(t *testing.T, dir string, limits evidence.Limits, texts ...string) (all evidence.Stats) {
	t.Helper()
	for _, text := range texts {
		f := open(t, dir, limits)
		if !f.Offer(func() evidence.Record { return record(text) }) {
			t.Fatalf("no room for %s", text)
		}
		f.Close()
		s := f.Stats()
		all.Kept, all.Known, all.Failed = all.Kept+s.Kept, all.Known+s.Known, all.Failed+s.Failed
	}
	return all
}

// kept returns the texts of the bodies in a folder, oldest first, and the files' size.
func kept(t *testing.T, dir string) (texts []string, size int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		file, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		r, err := evidence.Decode(file)
		if err != nil {
			t.Errorf("%s: %v", e.Name(), err)
			continue
		}
		texts = append(texts, string(r.Body[btc.HeaderSize:]))
		size += int64(len(file))
	}
	return texts, size
}

func TestBounds(t *testing.T) {
	one := int64(len(encode(t, record("1"))))
	for _, c := range []struct {
		name   string
		limits evidence.Limits
		want   string
	}{
		{"three files", evidence.Limits{Files: 3, Bytes: 1 << 20}, "4 5 6"},
		{"one file", evidence.Limits{Files: 1, Bytes: 1 << 20}, "6"},
		{"bytes for two", evidence.Limits{Files: 10, Bytes: 2 * one}, "5 6"},
		{"bytes for two, and less than a third", evidence.Limits{Files: 10, Bytes: 3*one - 1}, "5 6"},
		{"bytes for three", evidence.Limits{Files: 10, Bytes: 3 * one}, "4 5 6"},
		{"the service's", evidence.Limits{}, "1 2 3 4 5 6"},
	} {
		dir := filepath.Join(t.TempDir(), "a", "evidence")
		stats := fill(t, dir, c.limits, "1", "2", "3", "4", "5", "6")
		if stats != (evidence.Stats{Kept: 6}) {
			t.Errorf("%s: %+v", c.name, stats)
		}
		texts, size := kept(t, dir)
		if got := strings.Join(texts, " "); got != c.want || c.limits.Bytes > 0 && size > c.limits.Bytes {
			t.Errorf("%s: kept %s, %d bytes, want %s", c.name, got, size, c.want)
		}
		open(t, dir, evidence.Limits{Files: 2, Bytes: 1 << 20}).Close() // less than before
		if texts, _ := kept(t, dir); len(texts) > 2 || texts[len(texts)-1] != "6" {
			t.Errorf("%s: kept %q after the limits fell", c.name, texts)
		}
	}
}

// The same bytes again do not push out others.
func TestKnown(t *testing.T) {
	dir := t.TempDir()
	if stats := fill(t, dir, evidence.Limits{Files: 2, Bytes: 1 << 20}, "1", "2", "2", "2", "1"); stats != (evidence.Stats{Kept: 2, Known: 3}) {
		t.Errorf("got %+v", stats)
	}
	if texts, _ := kept(t, dir); strings.Join(texts, " ") != "1 2" {
		t.Errorf("kept %q", texts)
	}
}

// What a crash left half written goes, what is not ours stays.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, evidence.Limits{}, "1")
	for _, name := range []string{"0000000000000009-0011223344556677.evidence.partial", "notes.txt", "x.evidence"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "0000000000000009-0011223344556677.evidence"), 0o700); err != nil {
		t.Fatal(err)
	}
	fill(t, dir, evidence.Limits{Files: 1, Bytes: 1 << 20}, "2")
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 4 {
		t.Errorf("%q, %v; want the file, the folder and two that are not ours", names, err)
	}
}

// Who offers never waits: while the disk is busy, four records wait and the rest is
// counted and not even made.
func TestNeverWaits(t *testing.T) {
	dir := t.TempDir()
	busy, free := make(chan struct{}), make(chan struct{})
	f, err := evidence.Open(dir, evidence.Limits{Files: 99, Bytes: 1}, func(error) { // nothing fits
		busy <- struct{}{}
		<-free
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Offer(func() evidence.Record { return record("0") })
	<-busy
	made := 0
	for i := range 10 {
		f.Offer(func() evidence.Record { made++; return record(fmt.Sprint(i)) })
	}
	if got, want := f.Stats(), (evidence.Stats{Failed: 1, Dropped: 6}); got != want || made != 4 {
		t.Errorf("%+v, %d made; want %+v, 4", got, made, want)
	}
	close(free)
	go func() {
		for range busy { //nolint:revive // let them go
		}
	}()
	f.Close()
	close(busy)
	if f.Offer(func() evidence.Record { return record("late") }) {
		t.Error("a closed folder took one")
	}
	f.Close()
}

func TestMany(t *testing.T) {
	f := open(t, t.TempDir(), evidence.Limits{Files: 5, Bytes: 1 << 20})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				f.Offer(func() evidence.Record { return record(fmt.Sprint(i, j)) })
			}
		})
	}
	wg.Wait()
	f.Close()
	if s := f.Stats(); s.Kept+s.Dropped != 160 || s.Kept == 0 {
		t.Errorf("%+v, want 160 in all", s)
	}
}

// smallDisk is set for a test that was started again in namespaces of its own.
const smallDisk = "BLOCKGATE_TEST_SMALL_DISK"

// TestFullDisk fills a disk of 64 KiB: what does not fit is an error that is told, no
// half file stays, and once there is room the next one is kept.
func TestFullDisk(t *testing.T) {
	dir := os.Getenv(smallDisk)
	if dir == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
		again.Env = append(os.Environ(), smallDisk+"="+t.TempDir())
		again.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		text, err := again.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSPC) {
			t.Skipf("no namespaces: %v", err)
		}
		if err != nil || !strings.Contains(string(text), "--- PASS: TestFullDisk") {
			t.Fatalf("%v\n%s", err, text)
		}
		return
	}
	if err := syscall.Mount("small", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	var told []error
	f, err := evidence.Open(dir, evidence.Limits{}, func(err error) { told = append(told, err) })
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{10_000, 200_000, 20_000} {
		f.Offer(func() evidence.Record { return record(strings.Repeat("x", size)) })
	}
	f.Close()
	if len(told) != 1 || !errors.Is(told[0], syscall.ENOSPC) {
		t.Errorf("told %v, want one error of a full disk", told)
	}
	if got, want := f.Stats(), (evidence.Stats{Kept: 2, Failed: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if texts, _ := kept(t, dir); len(texts) != 2 || len(texts[0]) != 10_000 || len(texts[1]) != 20_000 {
		t.Errorf("%d files are there, want the two that fit", len(texts))
	}
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Open(path, evidence.Limits{}, nil); err == nil {
		t.Error("a file is no folder")
	}
}
