//go:build linux && victim

package main

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// cause strips a path off an error.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// onDescriptors are attempts to make descriptors, and to do with those of a parser
// what it need not.
func onDescriptors() []attempt {
	return []attempt{
		{"dup", false, func(*target) error { return one(unix.Dup(3)) }},
		{"fcntl-dup", false, func(*target) error { return one(unix.FcntlInt(3, unix.F_DUPFD, 200)) }},
		{"fcntl-flags", false, func(*target) error { return one(unix.FcntlInt(3, unix.F_GETFL, 0)) }},
		{"close", false, func(*target) error { return unix.Close(0) }},
		{"close-range", false, func(*target) error { return unix.CloseRange(0, 0, 0) }},
		{"pipe", false, func(*target) error { return unix.Pipe(make([]int, 2)) }},
		{"eventfd", false, func(*target) error { return one(unix.Eventfd(0, 0)) }},
		{"epoll-create", false, func(*target) error { return one(unix.EpollCreate1(0)) }},
		{"signalfd", false, func(*target) error { return one(unix.Signalfd(-1, &unix.Sigset_t{}, 0)) }},
		{"timerfd", false, func(*target) error { return one(unix.TimerfdCreate(unix.CLOCK_MONOTONIC, 0)) }},
		{"memfd", false, func(*target) error { return one(unix.MemfdCreate("x", 0)) }},
		{"memfd-secret", false, func(*target) error { return one(unix.MemfdSecret(0)) }},
		{"cachestat", false, func(t *target) error {
			fd, err := unix.MemfdCreate("x", 0)
			if err != nil {
				return err
			}
			return call(unix.SYS_CACHESTAT, uintptr(fd), t.words(0, 0), t.at(40), 0)
		}},
		{"ioctl", false, func(t *target) error { return call(unix.SYS_IOCTL, 3, unix.TIOCOUTQ, t.at(8)) }},
		{"type-into-terminal", false, func(t *target) error { return call(unix.SYS_IOCTL, 2, unix.TIOCSTI, t.at(1)) }},
		{"send-descriptor", false, func(*target) error { return unix.Sendmsg(3, []byte("x"), unix.UnixRights(0), nil, 0) }},
		{"receive-message", false, func(*target) error {
			_, _, _, _, err := unix.Recvmsg(3, make([]byte, 1), make([]byte, 64), unix.MSG_DONTWAIT)
			return reached(err, unix.EAGAIN)
		}},
		{"socket-option", false, func(*target) error { return unix.SetsockoptInt(3, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20) }},
		{"socket-peer", false, func(*target) error { return one(unix.GetsockoptUcred(3, unix.SOL_SOCKET, unix.SO_PEERCRED)) }},
		{"shutdown-socket", false, func(*target) error { return unix.Shutdown(3, unix.SHUT_RD) }},
		{"poll", false, func(*target) error { return one(unix.Poll([]unix.PollFd{{Fd: 3}}, 0)) }},
		{"seek", false, func(*target) error { return one(unix.Seek(0, 0, 0)) }},
		{"positioned-read", false, func(*target) error { return one(unix.Pread(0, make([]byte, 1), 0)) }},
		{"vector-write", false, func(*target) error { return one(unix.Writev(3, [][]byte{[]byte("x")})) }},
	}
}

// onRing are attempts to change what others read.
func onRing() []attempt {
	return []attempt{
		{"ring-writable", false, func(t *target) error { return unix.Mprotect(t.ring, unix.PROT_READ|unix.PROT_WRITE) }},
		{"ring-store", false, func(t *target) error { t.ring[0]++; return nil }},
		{"ring-hole", false, func(t *target) error { return unix.Madvise(t.ring, unix.MADV_REMOVE) }},
		{"ring-executable", false, func(t *target) error { return unix.Mprotect(t.ring, unix.PROT_READ|unix.PROT_EXEC) }},
		{"ring-reopen", false, func(t *target) error {
			from := address(t.ring)
			path := fmt.Sprintf("/proc/self/map_files/%x-%x", from, from+uintptr(len(t.ring)))
			fd, err := unix.Open(path, unix.O_RDWR, 0)
			if err != nil {
				return err
			}
			return one(unix.Pwrite(fd, []byte("x"), 0))
		}},
		{"ring-move", false, func(t *target) error {
			const mayMove = 1
			size := uintptr(len(t.ring))
			return call(unix.SYS_MREMAP, address(t.ring), size, 2*size, mayMove)
		}},
	}
}
