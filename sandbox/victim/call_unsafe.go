//go:build linux && victim

package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// call makes a system call by its number.
func call(number uintptr, args ...uintptr) error {
	_, err := result(number, args...)
	return err
}

// result makes a system call by its number and gives what came back.
func result(number uintptr, args ...uintptr) (uintptr, error) {
	var a [6]uintptr
	copy(a[:], args)
	r, _, errno := unix.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return r, errno
	}
	return r, nil
}

// child makes a call that returns twice, and ends the second process at once.
func child(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	pid, _, errno := unix.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	return nil
}

// address is where b begins. It must be memory of the arena, or of a mapping.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
