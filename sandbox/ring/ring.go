package ring

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Slot is the index of a slot, counted from 0.
type Slot uint32

// Ring is the adapter's side: the only writable mapping. Many goroutines may use
// it at once. Its life is that of the process; it is never unmapped.
type Ring struct {
	mapping []byte

	mu    sync.Mutex
	free  []Slot // a stack: the slot last released is warm
	taken []bool // by slot. Invariant: a slot is free or taken, never both.
}

// ErrSlots says that a ring of so many slots cannot be.
var ErrSlots = errors.New("number of slots out of range")

// seals keep everybody from writing, by a new mapping or by the descriptor, and
// from resizing, and keep the seals as they are.
const seals = unix.F_SEAL_FUTURE_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL

// Create makes a ring of 1 to MaxSlots slots from fd, an empty memfd that allows
// sealing: it sizes, maps and seals it. All slots are free. The caller still owns
// fd and should close it.
//
// It returns [ErrSlots] or the error of the system call that was refused.
func Create(fd, slots int) (*Ring, error) {
	if slots < 1 || slots > MaxSlots {
		return nil, fmt.Errorf("%w: %d, want 1 to %d", ErrSlots, slots, MaxSlots)
	}
	size := slots * SlotSize
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return nil, fmt.Errorf("size the ring: %w", err)
	}
	mapping, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the ring: %w", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, errors.Join(fmt.Errorf("seal the ring: %w", err), unix.Munmap(mapping))
	}
	r := &Ring{mapping: mapping, free: make([]Slot, slots), taken: make([]bool, slots)}
	for i := range r.free {
		r.free[i] = Slot(slots - 1 - i)
	}
	return r, nil
}

// Slots returns the number of slots.
func (r *Ring) Slots() int { return len(r.taken) }

// Take takes a free slot. It reports false if there is none.
func (r *Ring) Take() (Slot, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.free) == 0 {
		return 0, false
	}
	s := r.free[len(r.free)-1]
	r.free = r.free[:len(r.free)-1]
	r.taken[s] = true
	return s, true
}

// Bytes returns the first n bytes of slot s, whose capacity ends there too. Who
// took the slot owns them until the slot is released. It panics if s is not taken
// or n is more than SlotSize: both are broken invariants of the caller.
func (r *Ring) Bytes(s Slot, n int) []byte {
	r.mu.Lock()
	r.mustBeTaken(s)
	r.mu.Unlock()
	if n < 0 || n > SlotSize {
		panic(fmt.Sprintf("ring: %d bytes of a slot of %d", n, SlotSize))
	}
	begin := int(s) * SlotSize
	return r.mapping[begin : begin+n : begin+n]
}

// Release gives slot s back. It panics if s is not taken: a slot released twice
// would soon have two owners.
func (r *Ring) Release(s Slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mustBeTaken(s)
	r.taken[s] = false
	r.free = append(r.free, s)
}

// mustBeTaken panics unless s is taken. The caller holds mu, and a panic ends the
// process: nobody waits for mu any more.
func (r *Ring) mustBeTaken(s Slot) {
	if int(s) >= len(r.taken) || !r.taken[s] {
		panic(fmt.Sprintf("ring: slot %d is not taken", s))
	}
}
