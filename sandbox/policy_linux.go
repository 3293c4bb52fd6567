package sandbox

import "golang.org/x/sys/unix"

// policy returns what the filter lets through, for a process of that id. What
// is not in this table kills the process.
//
// A new line is a decision: see docs/decisions/0002-worker-policy.md.
func policy(pid int) []rule {
	const (
		none  = unix.PROT_NONE
		rw    = unix.PROT_READ | unix.PROT_WRITE
		anon  = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
		fixed = anon | unix.MAP_FIXED
	)
	self, urgent := uint64(pid), uint64(unix.SIGURG)
	return []rule{
		{"read", 0, 63, allow, always, "jobs come over a descriptor that is open; the poller's eventfd"},
		{"write", 1, 64, allow, always, "answers, the status line, the runtime's last words"},
		{"futex", 202, 98, allow, eachOf(1, futexWaitPrivate, futexWakePrivate), "the runtime's locks and parking; no PI, no requeue"},
		{"nanosleep", 35, 101, allow, always, "the runtime's monitor and spinning threads"},
		{"sched_yield", 24, 124, allow, always, "the runtime's spinning threads"},
		{"epoll_pwait", 281, 22, allow, always, "the scheduler polls for timers and the scavenger"},
		{"clock_gettime", 228, 113, allow, always, "a real call where the clock source is not in the vDSO"},
		{"getpid", 39, 172, allow, always, "preemption names its own process"},
		{"gettid", 186, 178, allow, always, "the crash path"},
		{"tgkill", 234, 131, allow, either(all(isInt(0, self), isInt(2, urgent))), "preemption: SIGURG to an own thread, nothing else"},
		{"rt_sigreturn", 15, 139, allow, always, "the return from that signal"},
		{"mmap", 9, 222, allow, either(
			all(is(2, none), is(3, anon)), all(is(2, none), is(3, fixed)),
			all(is(2, rw), is(3, anon)), all(is(2, rw), is(3, fixed)),
		), "the heap grows: anonymous memory, never a file, never executable"},
		{"munmap", 11, 215, allow, always, "the heap trims what it mapped for alignment"},
		{"madvise", 28, 233, allow, eachOf(2, unix.MADV_DONTNEED, unix.MADV_HUGEPAGE, unix.MADV_NOHUGEPAGE, unix.MADV_COLLAPSE), "the scavenger gives memory back"},
		{"prctl", 157, 167, refuse(unix.EINVAL), eachOf(0, unix.PR_SET_VMA), "the runtime names its mappings and stops at EINVAL"},
		{"exit_group", 231, 94, allow, always, "the end"},
	}
}

// Futex operations with FUTEX_PRIVATE_FLAG. Source: Linux
// include/uapi/linux/futex.h.
const (
	futexWaitPrivate = 128
	futexWakePrivate = 129
)

// rule is one line of the policy: a call, the answer, when it is given, and why.
type rule struct {
	name         string
	amd64, arm64 uint32   // The call's number on each architecture.
	action       uint32   // What the filter returns if any of when holds.
	when         [][]cond // Alternatives, each of them a list that must hold whole.
	why          string
}

// cond is one condition on an argument of a call.
type cond struct {
	arg   int
	bits  int // 64, or 32 where the kernel itself reads an int.
	value uint64
}

// What the filter answers.
const (
	allow = uint32(unix.SECCOMP_RET_ALLOW)
	kill  = uint32(unix.SECCOMP_RET_KILL_PROCESS)
)

// refuse is the answer that makes the call return an error.
func refuse(e unix.Errno) uint32 {
	return unix.SECCOMP_RET_ERRNO | uint32(e)&unix.SECCOMP_RET_DATA
}

// always is the condition that holds whatever the arguments are.
var always [][]cond //nolint:gochecknoglobals // a word of the table

func is(arg int, value uint64) cond          { return cond{arg, 64, value} }
func isInt(arg int, value uint64) cond       { return cond{arg, 32, value} }
func all(conds ...cond) []cond               { return conds }
func either(alternatives ...[]cond) [][]cond { return alternatives }

// eachOf holds if the int argument has one of the values.
func eachOf(arg int, values ...uint64) [][]cond {
	lists := make([][]cond, 0, len(values))
	for _, v := range values {
		lists = append(lists, all(isInt(arg, v)))
	}
	return lists
}
