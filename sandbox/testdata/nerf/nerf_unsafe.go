// Command nerf runs a program on what looks like a poorer kernel: a filter makes
// the calls of the features that it is told fail with ENOSYS.
//
//	nerf landlock,seccomp PROGRAM [ARGUMENT...]
//
// # Trust
//
// Runs in: tests.
//
// Reads: its arguments.
//
// Hands on: a program in its place.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	runtime.LockOSThread() // the filter is this thread's, and exec keeps it
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}}
	for feature := range strings.SplitSeq(os.Args[1], ",") {
		for _, number := range numbers(feature) {
			program = append(program,
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number, Jf: 1},
				unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)})
		}
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		err = unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0)
	}
	if err == nil {
		err = unix.Exec(os.Args[2], os.Args[2:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "nerf:", err)
	os.Exit(99)
}

func numbers(feature string) []uint32 {
	switch feature {
	case "landlock":
		return []uint32{unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF}
	case "seccomp":
		return []uint32{unix.SYS_SECCOMP}
	case "rlimits":
		return []uint32{unix.SYS_PRLIMIT64}
	default:
		panic("no such feature: " + feature)
	}
}
