// Command nerf runs a program on what looks like a poorer or a stricter kernel: a
// filter makes the calls of the features that it is told fail as they fail there.
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
		for _, r := range refusals(feature) {
			program = append(program, r.code()...)
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

// refusal is a call that fails, if flags is not 0 only with one of them in its
// argument of that index.
type refusal struct {
	number uint32
	errno  unix.Errno
	flags  uint32
	index  uint32
}

// code is what the filter does about it. The number is loaded before and after.
func (r refusal) code() []unix.SockFilter {
	fail := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(r.errno)}
	if r.flags == 0 {
		return []unix.SockFilter{{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: r.number, Jf: 1}, fail}
	}
	return []unix.SockFilter{
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: r.number, Jf: 4},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16 + 8*r.index}, // the low half of the argument
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: r.flags, Jf: 1},
		fail,
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
	}
}

// anyNamespace are the flags of clone that Docker's default profile refuses.
const anyNamespace = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

func refusals(feature string) []refusal {
	switch feature {
	case "landlock": // not built in: ENOSYS; built in and not started: EOPNOTSUPP
		return each(unix.ENOSYS, unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF)
	case "landlock-off":
		return each(unix.EOPNOTSUPP, unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF)
	case "landlock-hollow": // says yes, and does nothing
		return each(0, unix.SYS_LANDLOCK_RESTRICT_SELF)
	case "landlock-refuses":
		return each(unix.E2BIG, unix.SYS_LANDLOCK_RESTRICT_SELF)
	case "seccomp":
		return each(unix.ENOSYS, unix.SYS_SECCOMP)
	case "rlimits":
		return each(unix.ENOSYS, unix.SYS_PRLIMIT64)
	case "userns": // a sysctl forbids them
		return append(each(unix.EPERM, unix.SYS_UNSHARE), refusal{unix.SYS_CLONE, unix.EPERM, unix.CLONE_NEWUSER, 0})
	case "userns-none": // user.max_user_namespaces is 0
		return append(each(unix.ENOSPC, unix.SYS_UNSHARE), refusal{unix.SYS_CLONE, unix.ENOSPC, unix.CLONE_NEWUSER, 0})
	case "mount": // what AppArmor does to the user namespaces that it lets be made
		return each(unix.EACCES, unix.SYS_MOUNT, unix.SYS_PIVOT_ROOT, unix.SYS_UMOUNT2)
	case "noexec": // before Linux 6.3
		return []refusal{{unix.SYS_MEMFD_CREATE, unix.EINVAL, unix.MFD_NOEXEC_SEAL, 1}}
	case "capset":
		return each(unix.EPERM, unix.SYS_CAPSET)
	case "docker": // what of Docker's default profile concerns us, without CAP_SYS_ADMIN
		return append(each(unix.EPERM, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT),
			refusal{unix.SYS_CLONE, unix.EPERM, anyNamespace, 0}, refusal{unix.SYS_CLONE3, unix.ENOSYS, 0, 0})
	default:
		panic("no such feature: " + feature)
	}
}

func each(errno unix.Errno, numbers ...uint32) []refusal {
	var all []refusal
	for _, n := range numbers {
		all = append(all, refusal{n, errno, 0, 0})
	}
	return all
}
