package main

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// remembered is read by another process of this program, where it has the same
// address.
var remembered = [8]byte{'r', 'e', 'm', 'e', 'm', 'b', 'e', 'r'}

// rawAttempts are the ones that no package has a function for.
var rawAttempts = map[string]func(world) error{
	"execute from memory":    executeMemory,
	"clone3":                 clone3,
	"ptrace another":         func(w world) error { return call(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(w.Bystander)) },
	"read memory of another": readMemory,
	"compare with another":   func(w world) error { return call(unix.SYS_KCMP, uintptr(os.Getpid()), uintptr(os.Getpid())) },
	"io_uring":               ioUring,
	"bpf":                    func(world) error { return call(unix.SYS_BPF, unix.BPF_PROG_LOAD, 0, 0) },
	"perf":                   perf,
	"userfaultfd":            func(world) error { return call(unix.SYS_USERFAULTFD, 1) }, // of user memory alone
	"personality":            func(world) error { return call(unix.SYS_PERSONALITY, 0xffffffff) },
	"capset":                 capset,
	"set namespace":          func(world) error { return call(unix.SYS_SETNS, ^uintptr(0), 0) },
	"load a module":          func(world) error { return call(unix.SYS_FINIT_MODULE, ^uintptr(0), 0, 0) },
	"open by handle":         func(world) error { return call(unix.SYS_OPEN_BY_HANDLE_AT, ^uintptr(0), 0, 0) },
	"kexec":                  func(world) error { return call(unix.SYS_KEXEC_FILE_LOAD, ^uintptr(0), ^uintptr(0), 0, 0, 0) },
	"shared memory":          sharedMemory,
	"unknown call":           func(world) error { return call(1999) },
	"another filter": func(world) error {
		return call(unix.SYS_SECCOMP, unix.SECCOMP_GET_NOTIF_SIZES, 0, uintptr(unsafe.Pointer(&[8]uint16{})))
	},
	"another Landlock":          func(world) error { return call(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1) },
	"32-bit table":              func(world) error { return call(unix.SYS_GETPID | 0x40000000) },
	"change memory of a thread": func(world) error { return call(unix.SYS_PROCESS_MADVISE, ^uintptr(0), 0, 0, 0, 0) },
}

func call(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

// fork makes a process that ends at once.
func fork(flags uintptr) error {
	runtime.LockOSThread()
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, _ = unix.Wait4(int(pid), nil, 0, nil)
	return nil
}

func clone3(world) error {
	runtime.LockOSThread()
	args := [11]uint64{4: uint64(unix.SIGCHLD)} // struct clone_args, exit_signal
	pid, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, _ = unix.Wait4(int(pid), nil, 0, nil)
	return nil
}

// executeMemory becomes this program again by a descriptor, as one that is only in
// memory would be: the descriptor of the standard input stands in for it, since a
// confined process makes no memfd.
func executeMemory(world) error {
	fd, err := unix.MemfdCreate("program", 0)
	if err == nil {
		var program []byte
		if program, err = os.ReadFile("/proc/self/exe"); err != nil {
			return err
		}
		if _, err = os.NewFile(uintptr(fd), "program").Write(program); err != nil {
			return err
		}
	} else {
		fd = 0
	}
	argv, err := syscall.SlicePtrFromStrings([]string{"role", "executed"})
	if err != nil {
		return err
	}
	empty, env := [1]byte{}, [1]*byte{}
	return call(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(&empty)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env)), unix.AT_EMPTY_PATH)
}

func readMemory(w world) error {
	var got [8]byte
	local := []unix.Iovec{{Base: &got[0], Len: 8}}
	remote := []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&remembered)), Len: 8}}
	if _, err := unix.ProcessVMReadv(w.Bystander, local, remote, 0); err != nil {
		return err
	}
	if got != remembered {
		return unix.EIO
	}
	return nil
}

func ioUring(world) error {
	var params [120]byte // struct io_uring_params
	return call(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)))
}

func perf(world) error {
	_, err := unix.PerfEventOpen(&unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Bits: unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv,
	}, 0, -1, -1, 0)
	return err
}

// sharedMemory makes a segment and removes it: it would outlive the process.
func sharedMemory(world) error {
	id, _, errno := unix.RawSyscall(unix.SYS_SHMGET, unix.IPC_PRIVATE, 4096, 0o600)
	if errno != 0 {
		return errno
	}
	return call(unix.SYS_SHMCTL, id, unix.IPC_RMID, 0)
}

func capset(world) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	return unix.Capset(&header, &sets[0])
}
