//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kept is what a victim tries to read; it is a global so that it does not move.
var kept = [8]byte{1, 2, 3, 4, 5, 6, 7, 8}

// secret is where it lies.
func secret() uint64 { return uint64(uintptr(unsafe.Pointer(&kept))) }

// makeQueues makes what processes share by a name: a segment, a queue, and a queue
// of the newer kind.
func (p *parent) makeQueues() error {
	const create, remove = 0o1600, 0
	p.target.SysV = 0x62670000 | os.Getpid()&0xffff
	memory, err := unix.SysvShmGet(p.target.SysV, 4096, create)
	if err != nil {
		return fmt.Errorf("%w: shared memory: %w", errNoKernel, err)
	}
	p.undo = append(p.undo, func() { _, _ = unix.SysvShmCtl(memory, unix.IPC_RMID, nil) })
	queue, _, errno := unix.Syscall(unix.SYS_MSGGET, uintptr(p.target.SysV), create, 0)
	if errno != 0 {
		return fmt.Errorf("%w: queue: %w", errNoKernel, errno)
	}
	p.undo = append(p.undo, func() { _, _, _ = unix.Syscall(unix.SYS_MSGCTL, queue, remove, 0) })
	p.target.Owned = fmt.Sprintf("victim-owned-%d", os.Getpid())
	name, err := unix.BytePtrFromString(p.target.Owned)
	if err != nil {
		return err
	}
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600, 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("%w: named queue: %w", errNoKernel, errno)
	}
	p.undo = append(p.undo, func() {
		_, _, _ = unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(name)), 0, 0)
	})
	return unix.Close(int(fd))
}

// settleIn makes a first process at home in its namespaces: its own /proc, and a
// loopback that is up.
func settleIn() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	var request [40]byte
	copy(request[:], "lo")
	request[16] = unix.IFF_UP
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return errno
	}
	return errors.Join(unix.Close(fd))
}
