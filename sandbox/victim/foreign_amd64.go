//go:build linux && victim

package main

import "golang.org/x/sys/unix"

// onArchitecture are attempts by what only this architecture has.
func onArchitecture() []attempt {
	return []attempt{
		{"fork", false, func(*target) error { return child(unix.SYS_FORK) }},
		{"call-gate-32", false, func(*target) error {
			const getpid = 20
			if r := callGate(getpid); int32(r) < 0 {
				return unix.Errno(-int32(r))
			}
			return nil
		}},
		{"call-x32", false, func(*target) error { return call(0x40000000 | unix.SYS_GETPID) }},
		{"descriptor-table", false, func(t *target) error { return call(unix.SYS_MODIFY_LDT, 0, t.at(64), 64) }},
		{"thread-pointer", false, func(t *target) error {
			const getFS = 0x1003
			return call(unix.SYS_ARCH_PRCTL, getFS, t.at(8))
		}},
		{"port-permission", false, func(*target) error { return call(unix.SYS_IOPERM, 0x80, 1, 1) }},
		{"port-level", false, func(*target) error { return call(unix.SYS_IOPL, 3) }},
		{"old-open", false, func(t *target) error { return call(unix.SYS_OPEN, t.text("/etc/passwd"), 0, 0) }},
		{"old-file-systems", false, func(*target) error { return call(unix.SYS_SYSFS, 3) }},
	}
}

// callGate makes a 32-bit system call without arguments by interrupt 0x80.
func callGate(number uint32) uint32
