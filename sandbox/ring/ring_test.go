package ring_test

import (
	"errors"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/sandbox/ring"
)

// memfd returns an empty memfd that allows sealing, as the supervisor makes it.
func memfd(t *testing.T) int {
	t.Helper()
	fd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func create(t *testing.T, slots int) (*ring.Ring, int) {
	t.Helper()
	fd := memfd(t)
	r, err := ring.Create(fd, slots)
	if err != nil {
		t.Fatal(err)
	}
	return r, fd
}

func TestSlotHoldsAnyBlock(t *testing.T) {
	if ring.SlotSize < btc.MaxBlockSize || ring.SlotSize%os.Getpagesize() != 0 {
		t.Errorf("slot of %d bytes", ring.SlotSize)
	}
}

func TestSlotLimits(t *testing.T) {
	for _, c := range []struct {
		slots int
		ok    bool
	}{{-1, false}, {0, false}, {1, true}, {ring.MaxSlots - 1, true}, {ring.MaxSlots, true}, {ring.MaxSlots + 1, false}} {
		r, err := ring.Create(memfd(t), c.slots)
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, ring.ErrSlots) {
			t.Errorf("%d slots: %v", c.slots, err)
		}
		if c.ok && r.Slots() != c.slots {
			t.Errorf("%d slots: %d", c.slots, r.Slots())
		}
	}
}

func TestCreateRefusals(t *testing.T) {
	if _, err := ring.Create(-1, 1); !errors.Is(err, unix.EBADF) {
		t.Errorf("no descriptor: %v", err)
	}
	plain, err := unix.MemfdCreate("plain", unix.MFD_CLOEXEC) // allows no seals
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(plain) })
	if _, err := ring.Create(plain, 1); !errors.Is(err, unix.EPERM) {
		t.Errorf("memfd without sealing: %v", err)
	}
	_, sealed := create(t, 1)
	if _, err := ring.Create(sealed, 2); !errors.Is(err, unix.EPERM) {
		t.Errorf("sealed already: %v", err)
	}
}

// All that an adapter that was taken over could try on the sealed descriptor.
func TestSealsHold(t *testing.T) {
	_, fd := create(t, 2)
	if err := ring.CheckSealed(fd); err != nil {
		t.Error(err)
	}
	if _, err := unix.Mmap(fd, 0, ring.SlotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
		t.Error("mapped writable again")
	}
	if _, err := unix.Pwrite(fd, []byte{1}, 0); err == nil {
		t.Error("written through the descriptor")
	}
	for _, size := range []int64{0, ring.SlotSize, 3 * ring.SlotSize} {
		if err := unix.Ftruncate(fd, size); err == nil {
			t.Errorf("resized to %d", size)
		}
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); err == nil {
		t.Error("seals changed")
	}
}

func TestCheckSealedRefusals(t *testing.T) {
	const all = unix.F_SEAL_FUTURE_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	for _, missing := range []int{unix.F_SEAL_FUTURE_WRITE, unix.F_SEAL_GROW, unix.F_SEAL_SHRINK, unix.F_SEAL_SEAL} {
		fd := memfd(t)
		if err := unix.Ftruncate(fd, ring.SlotSize); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, all&^missing); err != nil {
			t.Fatal(err)
		}
		if err := ring.CheckSealed(fd); !errors.Is(err, ring.ErrNotSealed) {
			t.Errorf("without seal %#x: %v", missing, err)
		}
	}
	if err := ring.CheckSealed(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("no descriptor: %v", err)
	}
}

func TestReaderSeesWhatIsWritten(t *testing.T) {
	r, fd := create(t, 3)
	file, err := ring.ReopenReadOnly(fd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if _, err := unix.Mmap(int(file.Fd()), 0, ring.SlotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); !errors.Is(err, unix.EACCES) {
		t.Errorf("mapped the reader's descriptor writable: %v", err)
	}
	reader, err := ring.OpenReader(int(file.Fd()))
	if err != nil || len(reader) != 3*ring.SlotSize {
		t.Fatalf("%d bytes, %v", len(reader), err)
	}
	for want := range byte(3) {
		s, ok := r.Take()
		if !ok {
			t.Fatal("no slot")
		}
		body := r.Bytes(s, 100)
		if len(body) != 100 || cap(body) != 100 {
			t.Errorf("%d bytes, room for %d", len(body), cap(body))
		}
		body[99] = want + 1
		if got := reader[int(s)*ring.SlotSize+99]; got != want+1 {
			t.Errorf("slot %d: reader sees %d", s, got)
		}
	}
}

func TestReaderRefusals(t *testing.T) {
	for _, size := range []int64{0, 1, ring.SlotSize - 1, ring.SlotSize + 1, ring.SlotSize * (ring.MaxSlots + 1)} {
		fd := memfd(t)
		if err := unix.Ftruncate(fd, size); err != nil {
			t.Fatal(err)
		}
		if _, err := ring.OpenReader(fd); !errors.Is(err, ring.ErrNotRing) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := ring.OpenReader(-1); !errors.Is(err, syscall.EBADF) {
		t.Errorf("no descriptor: %v", err)
	}
	if _, err := ring.ReopenReadOnly(-1); err == nil {
		t.Error("reopened no descriptor")
	}
}

func TestTakeAndRelease(t *testing.T) {
	r, _ := create(t, 3)
	seen := map[ring.Slot]bool{}
	for range 3 {
		s, ok := r.Take()
		if !ok || seen[s] || int(s) >= 3 {
			t.Fatalf("slot %d, %v", s, ok)
		}
		seen[s] = true
	}
	if s, ok := r.Take(); ok {
		t.Errorf("a fourth slot: %d", s)
	}
	r.Release(1)
	if s, ok := r.Take(); !ok || s != 1 {
		t.Errorf("got slot %d, %v, want 1", s, ok)
	}
}

func TestBrokenInvariantsPanic(t *testing.T) {
	for name, misuse := range map[string]func(r *ring.Ring, taken ring.Slot){
		"release twice":                                  func(r *ring.Ring, taken ring.Slot) { r.Release(taken); r.Release(taken) },
		"release what is free":                           func(r *ring.Ring, taken ring.Slot) { r.Release(taken + 1) },
		"release what is not":                            func(r *ring.Ring, _ ring.Slot) { r.Release(99) },
		"bytes of a free slot":                           func(r *ring.Ring, taken ring.Slot) { r.Bytes(taken+1, 1) },
		"more bytes than a slot":                         func(r *ring.Ring, taken ring.Slot) { r.Bytes(taken, ring.SlotSize+1) },
		"less than no bytes":                             func(r *ring.Ring, taken ring.Slot) { r.Bytes(taken, -1) },
		"bytes of a slot that is not " + strconv.Itoa(9): func(r *ring.Ring, _ ring.Slot) { r.Bytes(9, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := create(t, 2)
			taken, _ := r.Take()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			misuse(r, taken)
		})
	}
}

// Many goroutines take and release; a slot never has two owners.
func TestConcurrentOwners(t *testing.T) {
	const goroutines, rounds = 8, 2000
	r, _ := create(t, 4)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for range rounds {
				s, ok := r.Take()
				if !ok {
					continue
				}
				b := r.Bytes(s, 64)
				for i := range b {
					b[i] = byte(g)
				}
				for i := range b {
					if b[i] != byte(g) {
						t.Errorf("slot %d has two owners", s)
						return
					}
				}
				r.Release(s)
			}
		})
	}
	wg.Wait()
	for range 4 {
		if _, ok := r.Take(); !ok {
			t.Error("a slot was lost")
		}
	}
}
