//go:build linux && victim

package main

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// onMemory are attempts to make memory what a parser's is not: executable, shared,
// locked.
func onMemory() []attempt {
	const anonymous, writable = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, unix.PROT_READ | unix.PROT_WRITE
	page := func() ([]byte, error) { return unix.Mmap(-1, 0, os.Getpagesize(), writable, anonymous) }
	onPage := func(do func(page []byte) error) func(*target) error {
		return func(*target) error {
			p, err := page()
			if err != nil {
				return err
			}
			return do(p)
		}
	}
	return []attempt{
		{"executable-memory", false, func(*target) error {
			return one(unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, anonymous))
		}},
		{"shared-memory", false, func(*target) error {
			return one(unix.Mmap(-1, 0, 4096, writable, unix.MAP_SHARED|unix.MAP_ANONYMOUS))
		}},
		{"make-executable", false, onPage(func(p []byte) error { return unix.Mprotect(p, unix.PROT_READ|unix.PROT_EXEC) })},
		{"make-read-only", false, onPage(func(p []byte) error { return unix.Mprotect(p, unix.PROT_READ) })},
		{"lock-memory", false, onPage(unix.Mlock)},
		{"lock-all-memory", false, func(*target) error { return unix.Mlockall(unix.MCL_FUTURE | unix.MCL_ONFAULT) }},
		{"pages-in-core", false, onPage(func(p []byte) error { return call(unix.SYS_MINCORE, address(p), uintptr(len(p)), address(p)) })},
		{"sync-memory", false, onPage(func(p []byte) error { return unix.Msync(p, unix.MS_SYNC) })},
		{"seal-memory", false, onPage(func(p []byte) error { return call(unix.SYS_MSEAL, address(p), uintptr(len(p)), 0) })},
		{"other-advice", false, onPage(func(p []byte) error { return unix.Madvise(p, unix.MADV_DONTFORK) })},
		{"protection-key", false, func(*target) error { return call(unix.SYS_PKEY_ALLOC, 0, 0) }},
		{"shadow-stack", false, func(*target) error { return call(unix.SYS_MAP_SHADOW_STACK, 0, 4096, 0) }},
	}
}

// onLimits are attempts to use up what all processes share.
func onLimits() []attempt {
	const anonymous, writable = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, unix.PROT_READ | unix.PROT_WRITE
	return []attempt{
		{"map-much", false, func(*target) error {
			return one(unix.Mmap(-1, 0, 2<<30, writable, anonymous))
		}},
		{"grow-heap", false, func(*target) error {
			const pieces, piece = 640, 1 << 20 // more than a parser may have, and little enough for a test machine
			held := make([][]byte, 0, pieces)
			for range pieces {
				held = append(held, make([]byte, piece))
			}
			runtime.KeepAlive(held)
			return nil
		}},
		{"reserve-much", false, func(*target) error {
			return one(unix.Mmap(-1, 0, 2<<30, unix.PROT_NONE, anonymous))
		}},
		{"grow-file", false, func(t *target) error {
			fd, err := unix.Open(t.file("file"), unix.O_WRONLY, 0)
			if err != nil {
				return err
			}
			return one(unix.Write(fd, make([]byte, 4096)))
		}},
		{"many-descriptors", false, func(*target) error {
			for range 100 {
				if _, err := unix.Dup(3); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}
