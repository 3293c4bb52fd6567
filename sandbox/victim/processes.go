//go:build linux && victim

package main

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// onPrograms are attempts to start something.
func onPrograms() []attempt {
	start := func(t *target, path string) error {
		return call(unix.SYS_EXECVE, t.text(path), t.words(uint64(t.text("victim")), uint64(t.text("confess")), 0), t.words(0))
	}
	return []attempt{
		{"exec-program", false, func(t *target) error { return start(t, t.Program) }},
		{"exec-itself", false, func(t *target) error { return start(t, "/proc/self/exe") }},
		{"exec-descriptor", false, func(t *target) error {
			fd, err := unix.Open(t.Program, unix.O_PATH, 0)
			if err != nil {
				return err
			}
			argv := t.words(uint64(t.text("victim")), uint64(t.text("confess")), 0)
			return call(unix.SYS_EXECVEAT, uintptr(fd), t.text(""), argv, t.words(0), unix.AT_EMPTY_PATH)
		}},
		{"clone", false, func(*target) error { return child(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) }},
		{"clone-user-namespace", false, func(*target) error {
			return child(unix.SYS_CLONE, uintptr(unix.SIGCHLD)|unix.CLONE_NEWUSER)
		}},
		{"clone3", false, func(t *target) error {
			return child(unix.SYS_CLONE3, t.words(0, 0, 0, 0, uint64(unix.SIGCHLD), 0, 0, 0), 64)
		}},
		{"unshare-files", false, func(*target) error { return call(unix.SYS_UNSHARE, unix.CLONE_FILES) }},
		{"unshare-network", true, func(*target) error { return call(unix.SYS_UNSHARE, unix.CLONE_NEWNET) }},
		{"threads", false, func(*target) error { return holdThreads(100) }},
	}
}

// holdThreads makes the runtime start n threads at once.
func holdThreads(n int) error {
	var ready sync.WaitGroup
	hold := make(chan struct{})
	defer close(hold)
	for range n {
		ready.Add(1)
		go func() {
			runtime.LockOSThread()
			ready.Done()
			<-hold
		}()
	}
	ready.Wait()
	return nil
}

// onParent are attempts on the process that started this one.
func onParent() []attempt {
	pid := func(t *target) uintptr { return uintptr(t.Parent) }
	onPidfd := func(t *target, do func(fd int) error) error {
		fd, err := unix.PidfdOpen(t.Parent, 0)
		if err != nil {
			return err
		}
		return do(fd)
	}
	return []attempt{
		{"signal-parent", false, func(t *target) error { return unix.Kill(t.Parent, 0) }},
		{"signal-everyone", false, func(*target) error { return unix.Kill(-1, 0) }},
		{"signal-thread-of-parent", false, func(t *target) error { return call(unix.SYS_TGKILL, pid(t), pid(t), uintptr(unix.SIGURG)) }},
		{"queue-signal-to-parent", false, func(t *target) error {
			const queued = 0xffffffff // SI_QUEUE
			return call(unix.SYS_RT_SIGQUEUEINFO, pid(t), uintptr(unix.SIGURG), t.halves(uint32(unix.SIGURG), 0, queued, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
		}},
		{"pidfd-open", false, func(t *target) error { return onPidfd(t, nothing) }},
		{"pidfd-signal", false, func(t *target) error {
			return onPidfd(t, func(fd int) error { return unix.PidfdSendSignal(fd, 0, nil, 0) })
		}},
		{"pidfd-getfd", false, func(t *target) error {
			return onPidfd(t, func(fd int) error { return one(unix.PidfdGetfd(fd, 0, 0)) })
		}},
		{"process-mrelease", false, func(t *target) error {
			return onPidfd(t, func(fd int) error { // EINVAL: the parent does not die just now
				return reached(call(unix.SYS_PROCESS_MRELEASE, uintptr(fd), 0), unix.EINVAL)
			})
		}},
		{"process-madvise", false, func(t *target) error {
			return onPidfd(t, func(fd int) error {
				where := t.words(t.Secret&^4095, 4096)
				return call(unix.SYS_PROCESS_MADVISE, uintptr(fd), where, 1, unix.MADV_COLD, 0)
			})
		}},
		{"trace-parent", false, func(t *target) error {
			if err := unix.PtraceSeize(t.Parent); err != nil {
				return err
			}
			return nil
		}},
		{"read-parent", false, func(t *target) error {
			return one(unix.ProcessVMReadv(t.Parent, []unix.Iovec{{Base: &t.bytes(8)[0], Len: 8}}, []unix.RemoteIovec{{Base: uintptr(t.Secret), Len: 8}}, 0))
		}},
		{"write-parent", false, func(t *target) error {
			return one(unix.ProcessVMWritev(t.Parent, []unix.Iovec{{Base: &t.bytes(8)[0], Len: 8}}, []unix.RemoteIovec{{Base: uintptr(t.Secret), Len: 8}}, 0))
		}},
	}
}

// onParentToo are attempts on what the kernel keeps about the parent.
func onParentToo() []attempt {
	pid := func(t *target) uintptr { return uintptr(t.Parent) }
	return []attempt{
		{"open-parent-memory", false, func(t *target) error { return opened(t.parent("mem"), unix.O_RDONLY) }},
		{"open-parent-environment", false, func(t *target) error { return opened(t.parent("environ"), unix.O_RDONLY) }},
		{"open-parent-descriptor", false, func(t *target) error { return opened(t.parent("fd/0"), unix.O_RDONLY) }},
		{"compare-with-parent", false, func(t *target) error {
			return call(unix.SYS_KCMP, pid(t), pid(t), 0, 0, 0)
		}},
		{"limits-of-parent", false, func(t *target) error { return unix.Prlimit(t.Parent, unix.RLIMIT_NOFILE, nil, &unix.Rlimit{}) }},
		{"priority-of-parent", false, func(t *target) error { return unix.Setpriority(unix.PRIO_PROCESS, t.Parent, t.Nice) }},
		{"affinity-of-parent", false, func(t *target) error { return unix.SchedGetaffinity(t.Parent, &unix.CPUSet{}) }},
		{"session-of-parent", false, func(t *target) error { return one(unix.Getsid(t.Parent)) }},
		{"robust-list-of-parent", false, func(t *target) error { return call(unix.SYS_GET_ROBUST_LIST, pid(t), t.at(8), t.at(8)) }},
		{"pages-of-parent", false, func(t *target) error { return call(unix.SYS_MOVE_PAGES, pid(t), 0, 0, 0, 0, 0) }},
		{"io-priority-of-parent", false, func(t *target) error {
			const process, bestEffort = 1, 2 << 13
			return call(unix.SYS_IOPRIO_SET, process, pid(t), bestEffort|4)
		}},
	}
}

// onItself are attempts of a process to loosen what holds it.
func onItself() []attempt {
	prctl := func(option int, args ...uintptr) func(*target) error {
		return func(*target) error { return call(unix.SYS_PRCTL, append([]uintptr{uintptr(option)}, args...)...) }
	}
	return []attempt{
		{"dumpable-again", false, prctl(unix.PR_SET_DUMPABLE, 1)},
		{"outlive-parent", false, prctl(unix.PR_SET_PDEATHSIG, 0)},
		{"adopt-orphans", false, prctl(unix.PR_SET_CHILD_SUBREAPER, 1)},
		{"rename-itself", false, func(t *target) error { return call(unix.SYS_PRCTL, unix.PR_SET_NAME, t.text("innocent")) }},
		{"read-own-filter", false, prctl(unix.PR_GET_SECCOMP)},
		{"take-capability", true, func(*target) error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			wanted := [2]unix.CapUserData{{Effective: 1 << unix.CAP_SYS_ADMIN, Permitted: 1 << unix.CAP_SYS_ADMIN}}
			return unix.Capset(&header, &wanted[0])
		}},
		{"become-root", true, func(*target) error { return call(unix.SYS_SETRESUID, 0, 0, 0) }},
		{"drop-groups", true, func(*target) error { return call(unix.SYS_SETGROUPS, 0, 0) }},
		{"raise-own-limit", false, func(*target) error {
			return unix.Prlimit(0, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 64}, nil)
		}},
		{"more-filters", false, func(t *target) error {
			return call(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, t.halves(unix.SECCOMP_RET_TRAP))
		}},
		{"signal-itself", false, func(*target) error { return call(unix.SYS_TKILL, uintptr(unix.Gettid()), 0) }},
		{"signal-handler", false, func(t *target) error {
			return call(unix.SYS_RT_SIGACTION, uintptr(unix.SIGUSR1), t.at(32), 0, 8)
		}},
		{"block-signals", false, func(t *target) error { return call(unix.SYS_RT_SIGPROCMASK, 0, t.words(0), 0, 8) }},
		{"signal-stack", false, func(t *target) error { return call(unix.SYS_SIGALTSTACK, 0, t.at(24)) }},
	}
}

// onItselfToo are attempts to learn about the machine, and to change how this
// process runs.
func onItselfToo() []attempt {
	return []attempt{
		{"user-id", false, func(*target) error { return call(unix.SYS_GETUID) }},
		{"parent-id", false, func(*target) error { return call(unix.SYS_GETPPID) }},
		{"uname", false, func(*target) error { return unix.Uname(&unix.Utsname{}) }},
		{"sysinfo", false, func(*target) error { return unix.Sysinfo(&unix.Sysinfo_t{}) }},
		{"usage", false, func(*target) error { return unix.Getrusage(unix.RUSAGE_SELF, &unix.Rusage{}) }},
		{"random", false, func(*target) error { return one(unix.Getrandom(make([]byte, 8), 0)) }},
		{"own-affinity", false, func(*target) error { return unix.SchedGetaffinity(0, &unix.CPUSet{}) }},
		{"own-priority", false, func(t *target) error { return unix.Setpriority(unix.PRIO_PROCESS, 0, t.Nice) }},
		{"scheduling-class", false, func(*target) error {
			const idle = 5
			return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: idle}, 0)
		}},
		{"interval-timer", false, func(*target) error {
			return one(unix.Setitimer(unix.ITIMER_REAL, unix.Itimerval{Value: unix.Timeval{Sec: 100}}))
		}},
		{"posix-timer", false, func(t *target) error { return call(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, 0, t.at(8)) }},
		{"read-kernel-clock", false, func(*target) error { return one(unix.ClockAdjtime(unix.CLOCK_REALTIME, &unix.Timex{})) }},
		{"wait-for-children", false, func(*target) error {
			return reached(one(unix.Wait4(-1, nil, unix.WNOHANG, nil)), unix.ECHILD)
		}},
		{"memory-barrier", false, func(*target) error { return call(unix.SYS_MEMBARRIER, 0) }},
		{"memory-policy", false, func(*target) error { return call(unix.SYS_SET_MEMPOLICY, 0, 0, 0) }},
		{"personality", false, func(*target) error { return call(unix.SYS_PERSONALITY, 0x0040000) }},
		{"spin", false, func(*target) error {
			for n := uint64(1); ; n++ {
				if n == 0 {
					return nil
				}
			}
		}},
		{"sleep", false, func(*target) error { time.Sleep(time.Hour); return nil }},
		{"flood-errors", false, func(*target) error { return flood(2) }},
		{"flood-answers", false, func(*target) error { return flood(3) }},
	}
}

// flood writes 64 MiB.
func flood(fd int) error {
	piece := make([]byte, 64<<10)
	for range 1024 {
		if _, err := unix.Write(fd, piece); err != nil {
			return err
		}
	}
	return nil
}
