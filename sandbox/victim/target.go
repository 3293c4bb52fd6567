//go:build linux && victim

package main

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// target is what the parent prepared for us to attack, and memory for the attack.
type target struct {
	Parent   int    // Its process id.
	Secret   uint64 // Where eight bytes lie in its memory.
	Dir      string // A folder of ours, with files in it.
	Program  string // A copy of this program.
	TCP, UDP int    // Ports on loopback that somebody listens on.
	Path     string // A socket that somebody listens on.
	Abstract string // The same, without a path.
	Queue    string // The name of a POSIX queue that nobody has.
	Owned    string // The name of one of the parent.
	Nice     int    // The parent's.
	SysV     int    // The key of a queue and of a segment of the parent.
	Leak     int    // A descriptor of /etc that should not be here, or 0.

	ring  []byte // The ring, as a parser has it mapped.
	arena []byte // Memory that does not move: what calls read and write.
	used  int
}

const arenaBytes = 1 << 20

// errNothing says that a call worked and gave nothing.
var errNothing = errors.New("nothing there")

// prepare maps what an attempt needs, as a parser does before it locks itself in.
func (t *target) prepare() error {
	var err error
	if t.ring, err = unix.Mmap(4, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return err
	}
	if err := unix.Close(4); err != nil {
		return err
	}
	t.arena, err = unix.Mmap(-1, 0, arenaBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	return err
}

// bytes gives memory of the arena that nothing else uses, aligned to 64 bytes.
func (t *target) bytes(size int) []byte {
	from := (t.used + 63) &^ 63
	t.used = from + size
	return t.arena[from:t.used]
}

// at is the address of so much zeroed memory.
func (t *target) at(size int) uintptr { return address(t.bytes(size)) }

// text is the address of a string that ends in a zero byte.
func (t *target) text(s string) uintptr {
	b := t.bytes(len(s) + 1)
	copy(b, s)
	return address(b)
}

// words is the address of a struct of 64-bit words.
func (t *target) words(values ...uint64) uintptr {
	b := t.bytes(8 * len(values))
	for i, v := range values {
		binary.NativeEndian.PutUint64(b[8*i:], v)
	}
	return address(b)
}

// halves is the address of a struct of 32-bit words.
func (t *target) halves(values ...uint32) uintptr {
	b := t.bytes(4 * len(values))
	for i, v := range values {
		binary.NativeEndian.PutUint32(b[4*i:], v)
	}
	return address(b)
}

// file is the path of one of our files.
func (t *target) file(name string) string { return t.Dir + "/" + name }

// parent is the path of a file about the parent.
func (t *target) parent(name string) string {
	return "/proc/" + strconv.Itoa(t.Parent) + "/" + name
}

// opened tries to open a path, and closes it.
func opened(path string, flags int) error {
	fd, err := unix.Open(path, flags, 0o600)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// reached takes one error for success: the kernel got past its checks of who asks.
func reached(err error, proof ...unix.Errno) error {
	for _, e := range proof {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// one drops what a call gave besides its error.
func one[T any](_ T, err error) error { return err }

// onSocket makes a socket and does something with it.
func onSocket(domain, kind, protocol int, then func(fd int) error) error {
	fd, err := unix.Socket(domain, kind, protocol)
	if err != nil {
		return err
	}
	return then(fd)
}

func nothing(int) error { return nil }
