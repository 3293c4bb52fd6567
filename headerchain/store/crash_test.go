package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// stretch is a run of Keeps: how many headers each brings.
var stretch = []int{1, 3, 1, 12, 2, 7}

// fileSize is the size of a file with count records.
func fileSize(count int) int { return store.LineSize + count*store.RecordSize }

func sum(sizes []int) int {
	all := 0
	for _, n := range sizes {
		all += n
	}
	return all
}

// runUntilKilled keeps the stretch on a disk with so much space and returns how many
// headers were said to be on the disk.
func runUntilKilled(d *fakeDisk, sizes []int) (acked int) {
	s, _, _, err := load(d)
	if err != nil {
		return 0
	}
	from := 0
	for _, n := range sizes {
		if s.Keep(numbered(from, n)) != nil {
			return acked
		}
		from += n
		acked = from
	}
	return acked
}

// survive opens what a crash left, wants all that was acknowledged and nothing
// wrong, and goes on to the end.
func survive(t *testing.T, d *fakeDisk, acked, total int) {
	t.Helper()
	want := numbered(0, total)
	s, got := mustLoad(t, d)
	if len(got) < acked || !isPrefix(got, want) {
		t.Fatalf("%d headers of %d acknowledged, prefix %v", len(got), acked, isPrefix(got, want))
	}
	mustKeep(t, s, want[len(got):])
	if len(d.cached) != fileSize(total) {
		t.Fatalf("%d bytes, want %d", len(d.cached), fileSize(total))
	}
	if _, again := mustLoad(t, d); !slices.Equal(again, want) {
		t.Fatalf("%d headers after going on, want %d", len(again), total)
	}
}

// The process is killed, or the power cut, at every byte of a run.
func TestCrashAtEveryByte(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	total := sum(stretch)
	for space := range fileSize(total) + 1 {
		d := newDisk()
		d.space = space
		acked := runUntilKilled(d, stretch)
		if space < fileSize(total) && acked == total {
			t.Fatalf("%d bytes: all was acknowledged", space)
		}
		survive(t, d.killed(), acked, total)
		for range 3 {
			survive(t, d.powerCut(random), acked, total)
		}
	}
}

// Writes fail, each in turn of a run of 500 headers; a kill leaves bytes that were
// never synced, the next process goes on behind them, and then the power is cut.
func TestCrashAfterCrash(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	sizes := slices.Repeat([]int{1, 40, 9}, 10)
	total := sum(sizes)
	for range 2000 {
		d := newDisk()
		d.space = random.IntN(fileSize(total))
		acked := runUntilKilled(d, sizes)
		d = d.killed()
		for range random.IntN(3) {
			s, got := mustLoad(t, d)
			if len(got) < acked {
				t.Fatalf("%d headers of %d acknowledged", len(got), acked)
			}
			d.space = random.IntN(6000)
			more := numbered(0, total)[len(got):]
			more = more[:min(len(more), random.IntN(60))]
			if s.Keep(more) == nil {
				acked = len(got) + len(more)
			}
			d = d.killed()
		}
		survive(t, d.powerCut(random), acked, total)
	}
}

// The disk is full at every byte of a run, and then it is not.
func TestSpaceReturns(t *testing.T) {
	total := sum(stretch)
	for space := range fileSize(total) {
		d := newDisk()
		d.space = space
		s, _ := mustLoad(t, d)
		from, refused := 0, 0
		for _, n := range stretch {
			if err := s.Keep(numbered(from, n)); err != nil {
				refused++
				if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "wait in memory") {
					t.Fatalf("%d bytes: %v", space, err)
				}
			}
			from += n
		}
		if refused == 0 {
			t.Fatalf("%d bytes: nothing was refused", space)
		}
		d.space = -1
		mustKeep(t, s, nil)
		if _, got := mustLoad(t, d.killed()); !slices.Equal(got, numbered(0, total)) {
			t.Fatalf("%d bytes: %d headers", space, len(got))
		}
	}
}

// The order of writes that Keep states: each is synced before the next begins.
func TestOrderOfWrites(t *testing.T) {
	record := func(count, number int) string {
		return fmt.Sprintf("write %d at %d", count*store.RecordSize, fileSize(number))
	}
	begin := []string{"sync", "write 64 at 0", "sync", "sync the folder"}
	for _, test := range []struct {
		name string
		disk *fakeDisk
		keep []int
		want []string
	}{
		{"a new file", newDisk(), []int{0}, begin},
		{"a new file and headers", newDisk(), []int{3, 0, 1}, append(slices.Clone(begin), record(3, 0), "sync", record(1, 3), "sync")},
		{"more than a batch", newDisk(), []int{store.MaxBatch + 5}, append(slices.Clone(begin), record(store.MaxBatch, 0), "sync", record(5, store.MaxBatch), "sync")},
		{"a torn first line", &fakeDisk{cached: []byte("block"), space: -1}, []int{1}, append([]string{"cut at 0"}, append(slices.Clone(begin), record(1, 0), "sync")...)},
		{"a file", written(t, 4).killed(), []int{2}, []string{"sync", record(2, 4), "sync"}},
		{"a torn tail", torn(written(t, 4), 5), []int{2}, []string{fmt.Sprintf("cut at %d", fileSize(3)), "sync", record(2, 3), "sync"}},
	} {
		test.disk.trace = true
		s, got := mustLoad(t, test.disk)
		if len(test.disk.calls) > 0 {
			t.Errorf("%s: Load wrote: %q", test.name, test.disk.calls)
		}
		from := len(got)
		for _, n := range test.keep {
			mustKeep(t, s, numbered(from, n))
			from += n
		}
		if !slices.Equal(test.disk.calls, test.want) {
			t.Errorf("%s: %q, want %q", test.name, test.disk.calls, test.want)
		}
	}
}

// torn returns a disk after a crash that took the last bytes.
func torn(d *fakeDisk, lost int) *fakeDisk {
	after := d.killed()
	after.cached = after.cached[:len(after.cached)-lost]
	return after
}

// Each kind of call fails once. What failed to sync is written again, not synced
// alone.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name string
		fail func(*fakeDisk, error)
		want string
	}{
		{"sync", func(d *fakeDisk, err error) { d.failSync = err }, "sync"},
		{"folder", func(d *fakeDisk, err error) { d.failDir = err }, "sync the folder"},
		{"cut", func(d *fakeDisk, err error) { d.failCut = err; d.cached = []byte("block") }, "cut the torn tail at offset 0"},
	} {
		d := newDisk()
		test.fail(d, syscall.EROFS)
		s, _ := mustLoad(t, d)
		for range 2 {
			if err := s.Keep(numbered(0, 1)); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%s: %v", test.name, err)
			}
		}
		d.failSync, d.failDir, d.failCut = nil, nil, nil
		mustKeep(t, s, nil)
		if _, got := mustLoad(t, d); len(got) != 2 {
			t.Errorf("%s: %d headers", test.name, len(got))
		}
	}
	d := written(t, 3)
	s, _ := mustLoad(t, d)
	mustKeep(t, s, nil)
	d.failSync = syscall.EIO
	if err := s.Keep(numbered(3, 1)); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	before := d.writes
	d.failSync = nil
	d.cached = d.cached[:fileSize(3)] // the system dropped it
	mustKeep(t, s, nil)
	if _, got := mustLoad(t, d); d.writes != before+1 || !slices.Equal(got, numbered(0, 4)) {
		t.Errorf("%d writes, %d headers", d.writes-before, len(got))
	}
}

// The tail is cut at every byte of the last record.
func TestTornTail(t *testing.T) {
	for lost := 1; lost <= store.RecordSize; lost++ {
		d := written(t, 2, 3)
		d.cached = d.cached[:len(d.cached)-lost]
		_, got, loaded, err := load(d)
		want := store.Loaded{Headers: 4, Torn: int64(store.RecordSize - lost)}
		if err != nil || loaded != want || !slices.Equal(got, numbered(0, 4)) {
			t.Fatalf("%d bytes lost: %+v, %v", lost, loaded, err)
		}
		survive(t, d, 4, 5)
	}
}

// What comes after a torn tail is not mixed with what is left of it.
func TestTornTailIsCut(t *testing.T) {
	d := written(t, 2, 5)
	d.cached[fileSize(3)] ^= 1 // the second of the last batch; three good ones behind
	s, got, loaded, err := load(d)
	if err != nil || len(got) != 3 || loaded.Torn != 4*store.RecordSize {
		t.Fatalf("%+v, %v", loaded, err)
	}
	other := numbered(1000, 1)
	mustKeep(t, s, other)
	if _, got := mustLoad(t, d); !slices.Equal(got, append(numbered(0, 3), other...)) {
		t.Errorf("%d headers", len(got))
	}
}

// Random runs of Keeps, faults and restarts against a list.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		d := newDisk()
		s, _ := mustLoad(t, d)
		var given, acked []btc.Header
		for range 40 {
			switch random.IntN(5) {
			case 0:
				d.space = random.IntN(2000)
			case 1:
				d.space, d.failSync = -1, nil
			case 2:
				d.failSync = syscall.EIO
			case 3:
				if d = d.killed(); random.IntN(2) == 0 {
					d = d.powerCut(random)
				}
				var got []btc.Header
				if s, got = mustLoad(t, d); !isPrefix(got, given) || len(got) < len(acked) {
					t.Fatalf("%d headers, %d acknowledged, %d given", len(got), len(acked), len(given))
				}
				given = got
				acked = got[:min(len(acked), len(got))]
			}
			more := numbered(len(given), random.IntN(30))
			given = append(given, more...)
			err := s.Keep(more)
			if (err == nil) != (s.Waiting() == 0) && len(given) > len(acked) {
				t.Fatalf("%v, %d wait", err, s.Waiting())
			}
			if err == nil {
				acked = given
			}
		}
	}
}
