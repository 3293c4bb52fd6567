package ring

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

var (
	// ErrNotSealed says that a ring lacks a seal, so that it could still change
	// its size or be mapped writable.
	ErrNotSealed = errors.New("ring is not sealed")
	// ErrNotRing says that a descriptor is no ring: its size is not that of 1 to
	// MaxSlots slots.
	ErrNotRing = errors.New("not a ring")
)

// CheckSealed returns [ErrNotSealed] unless fd bears all the seals of [Create],
// and [ErrNotRing] if its size is wrong.
func CheckSealed(fd int) error {
	got, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return fmt.Errorf("read the seals of the ring: %w", err)
	}
	if got&seals != seals {
		return fmt.Errorf("%w: %#x, want %#x", ErrNotSealed, got, seals)
	}
	_, err = sizeOf(fd)
	return err
}

// ReopenReadOnly opens the ring fd a second time, for reading only and closed on
// exec: parsers get this descriptor. The caller owns the file. It needs /proc.
func ReopenReadOnly(fd int) (*os.File, error) {
	file, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(fd), os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("reopen the ring: %w", err)
	}
	return file, nil
}

// OpenReader maps the whole ring fd for reading. The mapping lasts as long as the
// process; fd is not needed afterwards. A store into it is a fault.
//
// It returns [ErrNotRing] if the size is not that of a ring.
func OpenReader(fd int) ([]byte, error) {
	size, err := sizeOf(fd)
	if err != nil {
		return nil, err
	}
	mapping, err := unix.Mmap(fd, 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the ring: %w", err)
	}
	return mapping, nil
}

func sizeOf(fd int) (int, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return 0, fmt.Errorf("read the size of the ring: %w", err)
	}
	if stat.Size < SlotSize || stat.Size > MaxSlots*SlotSize || stat.Size%SlotSize != 0 {
		return 0, fmt.Errorf("%w: %d bytes", ErrNotRing, stat.Size)
	}
	return int(stat.Size), nil
}
