//go:build linux && victim

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// onMounts are attempts on mounts and names of the machine. All need a capability.
func onMounts() []attempt {
	return []attempt{
		{"mount", true, func(*target) error { return unix.Mount("none", "/", "tmpfs", 0, "size=4k") }},
		{"unmount", true, func(*target) error { return reached(unix.Unmount("/", unix.MNT_DETACH), unix.EINVAL) }},
		{"chroot", true, func(*target) error { return unix.Chroot("/") }},
		{"pivot-root", true, func(*target) error { return reached(unix.PivotRoot("/", "/"), unix.EBUSY, unix.EINVAL) }},
		{"fsopen", true, func(*target) error { return one(unix.Fsopen("tmpfs", 0)) }},
		{"clone-tree", true, func(t *target) error {
			return call(unix.SYS_OPEN_TREE, here, t.text("/"), unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE)
		}},
		{"mount-attributes", true, func(*target) error {
			return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID})
		}},
		{"host-name", true, func(*target) error { return unix.Sethostname([]byte("mine")) }},
		{"domain-name", true, func(*target) error { return unix.Setdomainname([]byte("mine")) }},
		{"reboot", true, func(*target) error { return reached(call(unix.SYS_REBOOT, 1, 2, 3), unix.EINVAL) }},
		{"enter-own-namespace", true, func(*target) error {
			fd, err := unix.Open("/proc/self/ns/net", unix.O_RDONLY, 0)
			if err != nil {
				return err
			}
			return unix.Setns(fd, unix.CLONE_NEWNET)
		}},
		{"enter-parent-namespace", true, func(t *target) error {
			fd, err := unix.Open(t.parent("ns/net"), unix.O_RDONLY, 0)
			if err != nil {
				return err
			}
			return unix.Setns(fd, unix.CLONE_NEWNET)
		}},
	}
}

// onKeys are attempts on the kernel's keys and security modules.
func onKeys() []attempt {
	return []attempt{
		{"add-key", false, func(*target) error { return one(unix.AddKey("user", "x", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)) }},
		{"keyctl", false, func(*target) error { return one(unix.KeyctlJoinSessionKeyring("x")) }},
		{"request-key", false, func(*target) error {
			return reached(one(unix.RequestKey("user", "x", "", unix.KEY_SPEC_PROCESS_KEYRING)), unix.ENOKEY, unix.ENOENT)
		}},
		{"landlock-version", false, func(*target) error { return call(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1) }},
		{"landlock-ruleset", false, func(t *target) error {
			return call(unix.SYS_LANDLOCK_CREATE_RULESET, t.words(unix.LANDLOCK_ACCESS_FS_EXECUTE), 8, 0)
		}},
		{"landlock-restrict", false, func(*target) error {
			if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
				return err
			}
			return reached(call(unix.SYS_LANDLOCK_RESTRICT_SELF, 3, 0), unix.EBADFD)
		}},
		{"lsm-list", false, func(t *target) error {
			return call(unix.SYS_LSM_LIST_MODULES, t.at(1024), t.halves(1024), 0)
		}},
		{"lsm-get", false, func(t *target) error {
			const current = 100
			return reached(call(unix.SYS_LSM_GET_SELF_ATTR, current, t.at(4096), t.halves(4096), 0), unix.EOPNOTSUPP)
		}},
		{"lsm-set", false, func(t *target) error {
			const current = 100
			return reached(call(unix.SYS_LSM_SET_SELF_ATTR, current, t.words(101, 0, 32, 0), 32, 0), unix.EOPNOTSUPP)
		}},
	}
}

// onMessages are attempts on queues and memory that processes share by a name.
func onMessages() []attempt {
	key := func(t *target) uintptr { return uintptr(t.SysV) }
	return []attempt{
		{"sysv-memory", false, func(*target) error {
			const remove = 0
			id, err := result(unix.SYS_SHMGET, 0, 4096, 0o600)
			if err == nil {
				_ = call(unix.SYS_SHMCTL, id, remove, 0)
			}
			return err
		}},
		{"sysv-memory-of-parent", false, func(t *target) error { return call(unix.SYS_SHMGET, key(t), 0, 0) }},
		{"sysv-queue-of-parent", false, func(t *target) error { return call(unix.SYS_MSGGET, key(t), 0) }},
		{"sysv-semaphore", false, func(*target) error {
			const remove = 0
			id, err := result(unix.SYS_SEMGET, 0, 1, 0o600)
			if err == nil {
				_ = call(unix.SYS_SEMCTL, id, 0, remove, 0)
			}
			return err
		}},
		{"posix-queue", false, func(t *target) error {
			name := t.text(t.Queue)
			err := call(unix.SYS_MQ_OPEN, name, unix.O_CREAT|unix.O_RDWR, 0o600, 0)
			if err == nil {
				_ = call(unix.SYS_MQ_UNLINK, name)
			}
			return err
		}},
		{"posix-queue-of-parent", false, func(t *target) error {
			return call(unix.SYS_MQ_OPEN, t.text(t.Owned), unix.O_RDWR, 0, 0)
		}},
	}
}

// onKernel are attempts on parts of the kernel that had holes before.
func onKernel() []attempt {
	return []attempt{
		{"bpf-map", false, func(t *target) error { return call(unix.SYS_BPF, 0, t.halves(2, 4, 8, 1, 0, 0, 0, 0), 32) }},
		{"perf-event", false, func(*target) error {
			attr := &unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Size: unix.PERF_ATTR_SIZE_VER5, Bits: unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv}
			return one(unix.PerfEventOpen(attr, 0, -1, -1, 0))
		}},
		{"io-uring", false, func(t *target) error { return call(unix.SYS_IO_URING_SETUP, 4, t.at(120)) }},
		{"old-async-io", false, func(t *target) error { return call(unix.SYS_IO_SETUP, 1, t.at(8)) }},
		{"userfaultfd", false, func(*target) error { return call(unix.SYS_USERFAULTFD, 1) }},
		{"load-module", false, func(t *target) error { return call(unix.SYS_INIT_MODULE, t.at(8), 8, t.text("")) }},
		{"kernel-log", false, func(*target) error { return one(unix.Klogctl(10, nil)) }},
		{"futex-pi", false, func(t *target) error { return call(unix.SYS_FUTEX, t.at(4), 6|128, 0, 0) }},
		{"futex-shared", false, func(t *target) error { return call(unix.SYS_FUTEX, t.at(4), 1, 1) }},
		{"futex-requeue", false, func(t *target) error { return call(unix.SYS_FUTEX, t.at(4), 3|128, 1, 1, t.at(4)) }},
		{"futex-waitv", false, func(t *target) error { // EAGAIN: the word is not the one that it waits for
			const private32 = 2 | 128
			return reached(call(unix.SYS_FUTEX_WAITV, t.words(7, uint64(t.at(4)), private32), 1, 0, 0, 0), unix.EAGAIN)
		}},
		{"futex2-wake", false, func(t *target) error { return call(unix.SYS_FUTEX_WAKE, t.at(4), 0xffffffff, 1, 2|128) }},
		{"futex2-requeue", false, func(t *target) error {
			const private32 = 2 | 128
			pair := t.words(0, uint64(t.at(4)), private32, 0, uint64(t.at(4)), private32)
			return call(unix.SYS_FUTEX_REQUEUE, pair, 0, 1, 1)
		}},
		{"tgkill-other-signal", false, func(*target) error { return call(unix.SYS_TGKILL, uintptr(os.Getpid()), uintptr(unix.Gettid()), 0) }},
		{"restartable-sequence", false, func(t *target) error { return call(unix.SYS_RSEQ, t.at(64), 32, 0, 0x53053053) }},
	}
}
