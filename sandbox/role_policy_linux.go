package sandbox

import (
	"slices"

	"golang.org/x/sys/unix"
)

// rolePolicy returns what the filter of a role answers, for a process of that id:
// the first row that holds, EPERM if none does. A role that does not connect has no
// connect, one that does not listen no bind, and so on.
//
// A new row is a decision: see docs/decisions/0010-roles.md.
func rolePolicy(pid int, role Role) []rule {
	rows := slices.Concat(roleRuntime(pid), neverList(), roleMemory())
	if len(role.Folders)+len(role.ReadOnly) > 0 || role.connects() {
		rows = append(rows, roleFiles()...)
	}
	if role.connects() || role.listens() || role.Accept {
		rows = append(rows, roleStreams()...)
	}
	if role.connects() {
		rows = append(rows, rule{"connect", 42, 203, allow, always, "to peers, the bus, the name server; the port is Landlock's to judge"})
	}
	if role.listens() {
		rows = append(rows, roleListener()...)
	}
	if role.listens() || role.Accept {
		rows = append(rows, rule{"accept4", 288, 242, allow, always, "clients"})
	}
	if role.Accept {
		rows = append(rows, rule{
			"getsockopt", 55, 209, allow, either(all(isInt(1, unix.SOL_SOCKET), isInt(2, unix.SO_PEERCRED))),
			"who asks at a Unix socket that it was given: the user id decides",
		})
	}
	if role.connects() && role.Datagrams {
		rows = append(rows, roleDatagrams()...)
	}
	return rows
}

// goThread is what the runtime asks of clone; on amd64 it adds SETTLS.
//
// Source: cloneFlags, Go 1.26 src/runtime/os_linux.go.
const goThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD

// roleRuntime is what Go needs to run: the calls of a parser, and threads.
func roleRuntime(pid int) []rule {
	self := uint64(pid)
	return []rule{
		{"futex", 202, 98, allow, eachOf(1, futexWaitPrivate, futexWakePrivate), "the runtime's locks and parking; no PI, no requeue"},
		{"epoll_pwait", 281, 22, allow, always, "the poller"},
		{"read", 0, 63, allow, always, "sockets, files, the control socket"},
		{"write", 1, 64, allow, always, "the same, and the log"},
		{"nanosleep", 35, 101, allow, always, "the runtime's monitor"},
		{"sched_yield", 24, 124, allow, always, "the runtime's spinning threads"},
		{"clock_gettime", 228, 113, allow, always, "a real call where the clock source is not in the vDSO"},
		{"getpid", 39, 172, allow, always, "preemption names its own process"},
		{"gettid", 186, 178, allow, always, "a new thread, the crash path"},
		{"tgkill", 234, 131, allow, either(all(isInt(0, self))), "preemption, and the crash path ends itself; never another process"},
		{"rt_sigreturn", 15, 139, allow, always, "the return from a signal"},
		{"rt_sigaction", 13, 134, allow, always, "the crash path takes handlers away"},
		{"rt_sigprocmask", 14, 135, allow, always, "a new thread"},
		{"sigaltstack", 131, 132, allow, always, "a new thread"},
		{"restart_syscall", 219, 128, allow, always, "the kernel goes on with a call after SIGSTOP"},
		{"clone", 56, 220, allow, either(all(is(0, goThread)), all(is(0, goThread|unix.CLONE_SETTLS))), "a thread of the runtime"},
		{"clone", 56, 220, kill, always, "anything else makes a process or a namespace"},
		{"sched_getaffinity", 204, 123, allow, always, "the runtime follows the number of processors"},
		{"pread64", 17, 67, allow, always, "the same, in the files of its cgroup that it holds; the journal's files"},
		{"getrandom", 318, 278, allow, always, "nonces, seeds"},
		{"exit", 60, 93, allow, always, "the end of a thread"},
		{"exit_group", 231, 94, allow, always, "the end"},
	}
}

// roleMemory is the heap: anonymous memory, never a file, never executable.
func roleMemory() []rule {
	const (
		none      = unix.PROT_NONE
		rw        = unix.PROT_READ | unix.PROT_WRITE
		anon      = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
		fixed     = anon | unix.MAP_FIXED
		droppable = unix.MAP_DROPPABLE | unix.MAP_ANONYMOUS
	)
	return []rule{
		{"mmap", 9, 222, allow, either(
			all(is(2, none), is(3, anon)), all(is(2, none), is(3, fixed)),
			all(is(2, rw), is(3, anon)), all(is(2, rw), is(3, fixed)),
		), "the heap grows"},
		{"mmap", 9, 222, allow, either(all(is(2, rw), is(3, droppable))), "the state of random numbers in the vDSO, one a thread"},
		{"munmap", 11, 215, allow, always, "the heap trims what it mapped for alignment"},
		{"madvise", 28, 233, allow, eachOf(2, unix.MADV_DONTNEED, unix.MADV_HUGEPAGE, unix.MADV_NOHUGEPAGE, unix.MADV_COLLAPSE), "the scavenger gives memory back"},
		{"prctl", 157, 167, refuse(unix.EINVAL), eachOf(0, unix.PR_SET_VMA), "the runtime names its mappings and stops at EINVAL"},
	}
}

// roleFiles is what a store of plain files needs; which paths is Landlock's to
// judge.
func roleFiles() []rule {
	return []rule{
		{"openat", 257, 56, allow, always, "files of the own folder, resolv.conf, credentials"},
		{"close", 3, 57, allow, always, "files and sockets"},
		{"pwrite64", 18, 68, allow, always, "the file of headers, the journal"},
		{"lseek", 8, 62, allow, always, "the journal"},
		{"fstat", 5, 80, allow, always, "files that are open"},
		{"newfstatat", 262, 79, allow, always, "whether resolv.conf has changed, the journal"},
		{"getdents64", 217, 61, allow, always, "the journal is found after a start"},
		{"readlinkat", 267, 78, allow, always, "a folder is removed whole"},
		{"fsync", 74, 82, allow, always, "what was said to be stored is"},
		{"fdatasync", 75, 83, allow, always, "the same"},
		{"ftruncate", 77, 46, allow, always, "what was cut short by a crash"},
		{"renameat", 264, 38, allow, always, "a file replaces another in one step"},
		{"renameat2", 316, 276, allow, always, "the same"},
		{"unlinkat", 263, 35, allow, always, "the journal's oldest files"},
		{"mkdirat", 258, 34, allow, always, "the journal's folders"},
		{"flock", 73, 32, allow, always, "the lock of a store"},
		{"fcntl", 72, 25, allow, eachOf(1, unix.F_GETFL, unix.F_SETFL, unix.F_GETFD, unix.F_SETFD, unix.F_DUPFD_CLOEXEC), "how os.File finds out what it holds"},
		{"epoll_ctl", 233, 21, allow, always, "a file or socket joins the poller"},
	}
}

// socketFlags are what Go's net adds to the type of each socket.
const socketFlags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK

// roleStreams is TCP, and no other stream: MPTCP would pass by Landlock. Nor is
// there a call that sends with flags: by MSG_FASTOPEN it would connect past
// Landlock. Go reads and writes sockets with read, write and writev.
func roleStreams() []rule {
	const stream = unix.SOCK_STREAM | socketFlags
	return []rule{
		{"socket", 41, 198, allow, either(
			all(isInt(0, unix.AF_INET), isInt(1, stream), isInt(2, 0)), all(isInt(0, unix.AF_INET), isInt(1, stream), isInt(2, unix.IPPROTO_TCP)),
			all(isInt(0, unix.AF_INET6), isInt(1, stream), isInt(2, 0)), all(isInt(0, unix.AF_INET6), isInt(1, stream), isInt(2, unix.IPPROTO_TCP)),
		), "TCP; protocol 262, MPTCP, is another"},
		{"writev", 20, 66, allow, always, "a message of several slices"},
		{"getsockname", 51, 204, allow, always, "a connection's own address"},
		{"getpeername", 52, 205, allow, always, "and the other's"},
		{"shutdown", 48, 210, allow, always, "half of a connection is closed"},
		{
			"getsockopt", 55, 209, allow, either(all(isInt(1, unix.SOL_SOCKET), isInt(2, unix.SO_ERROR)), all(isInt(1, unix.SOL_SOCKET), isInt(2, unix.SO_TYPE))),
			"how a connection came out; what an inherited socket is",
		},
		{"setsockopt", 54, 208, allow, streamOptions(), "what Go sets on connections; TCP_FASTOPEN_CONNECT and TCP_ULP are others"},
	}
}

// streamOptions are the options that Go's net sets on TCP sockets.
func streamOptions() [][]cond {
	option := func(level, name uint64) []cond { return all(isInt(1, level), isInt(2, name)) }
	return either(
		option(unix.IPPROTO_TCP, unix.TCP_NODELAY), option(unix.SOL_SOCKET, unix.SO_KEEPALIVE),
		option(unix.IPPROTO_TCP, unix.TCP_KEEPIDLE), option(unix.IPPROTO_TCP, unix.TCP_KEEPINTVL), option(unix.IPPROTO_TCP, unix.TCP_KEEPCNT),
		option(unix.SOL_SOCKET, unix.SO_REUSEADDR), option(unix.SOL_SOCKET, unix.SO_LINGER), option(unix.SOL_SOCKET, unix.SO_BROADCAST),
		option(unix.SOL_SOCKET, unix.SO_RCVBUF), option(unix.SOL_SOCKET, unix.SO_SNDBUF),
		option(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY),
	)
}

// roleListener is what a server needs more.
func roleListener() []rule {
	return []rule{
		{"bind", 49, 200, allow, always, "the port is Landlock's to judge"},
		{"listen", 50, 201, allow, always, "the same; without a bind before it listens at no port that anybody knows"},
	}
}

// roleDatagrams is what a look-up of names needs more. A datagram socket is
// connected and then read and written like any file.
func roleDatagrams() []rule {
	const datagram = unix.SOCK_DGRAM | socketFlags
	return []rule{
		{"socket", 41, 198, allow, either(
			all(isInt(0, unix.AF_INET), isInt(1, datagram), isInt(2, 0)), all(isInt(0, unix.AF_INET6), isInt(1, datagram), isInt(2, 0)),
		), "UDP, for names"},
	}
}
