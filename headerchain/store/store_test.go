package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"blockgate/headerchain"
	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// A batch may be larger than what is written at once.
func TestBatches(t *testing.T) {
	for _, n := range []int{0, 1, store.MaxBatch - 1, store.MaxBatch, store.MaxBatch + 1, 2*store.MaxBatch + 7} {
		d := written(t, n, 1)
		if _, got := mustLoad(t, d); !slices.Equal(got, numbered(0, n+1)) || len(d.cached) != fileSize(n+1) {
			t.Errorf("%d headers come back of %d, %d bytes", len(got), n+1, len(d.cached))
		}
	}
}

func TestNothingKept(t *testing.T) {
	d := newDisk()
	s, got := mustLoad(t, d)
	mustKeep(t, s, nil)
	if len(got) != 0 || len(d.cached) != fileSize(0) {
		t.Errorf("%d headers, %d bytes", len(got), len(d.cached))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A bit is flipped anywhere: an error that names where, or a torn tail where it may
// be one. Never another header.
func TestFlippedBit(t *testing.T) {
	good := written(t, 2, 3, 2)
	want := numbered(0, 7)
	for at := range good.cached {
		for bit := range 8 {
			d := good.killed()
			d.cached[at] ^= 1 << bit
			_, got, loaded, err := load(d)
			if !isPrefix(got, want) {
				t.Fatalf("byte %d, bit %d: other headers", at, bit)
			}
			record := (at - store.LineSize) / store.RecordSize
			switch {
			case at < store.LineSize:
				if !errors.Is(err, store.ErrFormat) && !errors.Is(err, store.ErrNewer) && !errors.Is(err, store.ErrNetwork) {
					t.Fatalf("byte %d, bit %d: %v", at, bit, err)
				}
			case record < 5:
				if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "offset "+strconv.Itoa(fileSize(record))) {
					t.Fatalf("byte %d, bit %d: %v", at, bit, err)
				}
			case err != nil || len(got) != record || int(loaded.Torn) != len(d.cached)-fileSize(record):
				t.Fatalf("byte %d, bit %d: %+v, %v", at, bit, loaded, err)
			}
		}
	}
}

// A torn tail is no longer than what is written between two syncs.
func TestTornTailLimit(t *testing.T) {
	for _, test := range []struct {
		behind int // records from the bad one on
		want   error
	}{{store.MaxBatch - 1, nil}, {store.MaxBatch, nil}, {store.MaxBatch + 1, store.ErrDamaged}} {
		d := written(t, 3)
		for range test.behind {
			d.cached = append(d.cached, make([]byte, store.RecordSize)...)
		}
		if _, got, loaded, err := load(d); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || test.want == nil && len(got) != 3 {
			t.Errorf("%d records: %+v, %v", test.behind, loaded, err)
		}
	}
}

func TestMovedRecord(t *testing.T) {
	d := written(t, 1, 1, 1)
	a, b := d.cached[fileSize(0):fileSize(1)], d.cached[fileSize(1):fileSize(2)]
	first := slices.Clone(a)
	copy(a, b)
	copy(b, first)
	if _, _, _, err := load(d); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("two records swapped: %v", err)
	}
}

func TestFirstLine(t *testing.T) {
	line := func(text string) string { return text + strings.Repeat(" ", store.LineSize-1-len(text)) + "\n" }
	for _, test := range []struct {
		name, content string
		want          error
		says          string
	}{
		{"ours", line("blockgate-headers 1 regtest"), nil, ""},
		{"empty", "", nil, ""},
		{"torn", line("blockgate-headers 1 regtest")[:33], nil, ""},
		{"zeros", strings.Repeat("\x00", store.LineSize), nil, ""},
		{"zeros and more", strings.Repeat("\x00", store.LineSize+1), store.ErrFormat, "never written"},
		{"newer", line("blockgate-headers 2 regtest"), store.ErrNewer, "may be deleted"},
		{"newer and shorter", "blockgate-headers 37\n", store.ErrNewer, "version 37"},
		{"other network", line("blockgate-headers 1 mainnet"), store.ErrNetwork, `"mainnet", not regtest`},
		{"no version", line("blockgate-headers x regtest"), store.ErrFormat, "no version"},
		{"version 0", line("blockgate-headers 0 regtest"), store.ErrFormat, "no version"},
		{"another file", "#!/bin/sh\nexit 0\n", store.ErrFormat, "does not begin with"},
		{"no words", strings.Repeat(" ", 80), store.ErrFormat, "does not begin with"},
		{"other spaces", "blockgate-headers 1  regtest" + strings.Repeat(" ", 35) + "\n", store.ErrFormat, "damaged"},
	} {
		path := filepath.Join(t.TempDir(), "headers")
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(path, btc.Regtest)
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil && (!strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%s: %v does not say %q or the path", test.name, err, test.says)
		}
		if s != nil {
			_ = s.Close()
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != test.content {
			t.Errorf("%s: the file was changed", test.name)
		}
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headers")
	first, err := store.Open(path, btc.Regtest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(path, btc.Regtest); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second one: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := store.Open(path, btc.Regtest)
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
}

// Readers change nothing, may be several, and keep no writer company.
func TestOpenRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headers")
	if _, err := store.OpenRead(path, btc.Regtest); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	torn := written(t, 3, 2).cached
	torn = torn[:len(torn)-7]
	if err := os.WriteFile(path, torn, 0o400); err != nil {
		t.Fatal(err)
	}
	var readers []*store.Store
	for range 2 {
		s, err := store.OpenRead(path, btc.Regtest)
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, s)
		loaded, err := s.Load(func([]btc.Header) error { return nil })
		if want := (store.Loaded{Headers: 4, Torn: store.RecordSize - 7}); err != nil || loaded != want || s.Records() != 4 {
			t.Errorf("%+v, %d records, %v", loaded, s.Records(), err)
		}
		for _, headers := range [][]btc.Header{nil, numbered(0, 1)} {
			if err := s.Keep(headers); !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), path) || s.Waiting() != 0 {
				t.Errorf("Keep: %v, %d wait", err, s.Waiting())
			}
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(path, btc.Regtest); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a writer beside readers: %v", err)
	}
	for _, s := range readers {
		_ = s.Close()
	}
	writer, err := store.Open(path, btc.Regtest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenRead(path, btc.Regtest); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("a reader beside a writer: %v", err)
	}
	_ = writer.Close()
	if _, err := store.OpenRead(path, btc.Signet); !errors.Is(err, store.ErrNetwork) {
		t.Errorf("another network: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !slices.Equal(after, torn) {
		t.Errorf("the file was changed: %v", err)
	}
}

func TestRecords(t *testing.T) {
	for size, want := range map[int]int{0: 0, 1: 0, store.LineSize: 0, fileSize(1) - 1: 0, fileSize(1): 1, fileSize(9) + 1: 9} {
		s, err := store.OpenDisk(&fakeDisk{cached: written(t, 10).cached[:size]}, int64(size), btc.Regtest)
		if err != nil || s.Records() != want {
			t.Errorf("%d bytes: %d records, %v", size, s.Records(), err)
		}
	}
}

func TestOpenWhatCannotBe(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.Open(dir, btc.Regtest); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := store.Open(filepath.Join(dir, "none", "headers"), btc.Regtest); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
	if _, err := store.Open(os.DevNull, btc.Regtest); !errors.Is(err, store.ErrFormat) {
		t.Errorf("a device: %v", err)
	}
}

func TestOrder(t *testing.T) {
	d := newDisk()
	s, err := store.OpenDisk(d, 0, btc.Regtest)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(nil); !errors.Is(err, store.ErrOrder) {
		t.Errorf("Keep before Load: %v", err)
	}
	nothing := func([]btc.Header) error { return nil }
	if _, err := s.Load(nothing); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(nothing); !errors.Is(err, store.ErrOrder) {
		t.Errorf("Load twice: %v", err)
	}
}

func TestWaitingLimit(t *testing.T) {
	for _, test := range []struct {
		count int
		want  error
	}{{9, nil}, {10, nil}, {11, store.ErrBehind}} {
		d := newDisk()
		s, _ := mustLoad(t, d)
		s.SetLimits(10, 100)
		d.space = 0
		if err := s.Keep(numbered(0, 6)); err == nil {
			t.Fatal("a full disk took it")
		}
		_ = s.Keep(numbered(6, test.count-6))
		d.space = -1
		err := s.Keep(nil)
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || s.Waiting() != 0 {
			t.Errorf("%d: %v, %d wait", test.count, err, s.Waiting())
		}
		kept := test.count
		if test.want != nil {
			kept = 6 // and nothing later, whose parents would be missing
			if err := s.Keep(numbered(6, 1)); !errors.Is(err, test.want) {
				t.Errorf("%d: then %v", test.count, err)
			}
		}
		if _, got := mustLoad(t, d); !slices.Equal(got, numbered(0, kept)) {
			t.Errorf("%d: %d headers", test.count, len(got))
		}
	}
}

func TestRecordLimit(t *testing.T) {
	for _, test := range []struct {
		count int
		want  error
	}{{9, nil}, {10, nil}, {11, store.ErrTooMany}} {
		s, _ := mustLoad(t, newDisk())
		s.SetLimits(100, 10)
		mustKeep(t, s, numbered(0, 6))
		if err := s.Keep(numbered(6, test.count-6)); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%d: %v", test.count, err)
		}
	}
	_, err := store.OpenDisk(written(t, 1), int64(fileSize(store.MaxRecords+store.MaxBatch))+1, btc.Regtest)
	if !errors.Is(err, store.ErrTooMany) {
		t.Errorf("a file that is too large: %v", err)
	}
}

// The file is shorter than it was when it was opened.
func TestFileShrinks(t *testing.T) {
	d := written(t, 5)
	s, err := store.OpenDisk(d, int64(fileSize(7)), btc.Regtest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(func([]btc.Header) error { return nil }); err == nil || !strings.Contains(err.Error(), "offset "+strconv.Itoa(fileSize(5))) {
		t.Error(err)
	}
}

// What the caller refuses is named by its place in the file.
func TestRefusedHeader(t *testing.T) {
	d := written(t, store.MaxBatch+50)
	s, err := store.OpenDisk(d, int64(len(d.cached)), btc.Regtest)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	_, err = s.Load(func([]btc.Header) error {
		if calls++; calls == 1 {
			return nil
		}
		return &headerchain.HeaderError{Index: 20, Kind: headerchain.ErrBits}
	})
	want := "offset " + strconv.Itoa(fileSize(store.MaxBatch+20))
	if !errors.Is(err, headerchain.ErrBits) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// The one that is allowed is the race detector's.
func TestNoAllocations(t *testing.T) {
	d := newDisk()
	s, _ := mustLoad(t, d)
	headers := numbered(0, 100)
	d.cached, d.durable = make([]byte, 0, 1<<20), make([]byte, 0, 1<<20)
	if n := testing.AllocsPerRun(50, func() { mustKeep(t, s, headers) }); n > 1 {
		t.Errorf("%v allocations for 100 headers", n)
	}
}
