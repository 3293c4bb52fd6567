//go:build linux && victim

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// here is AT_FDCWD as a call takes it.
const here = ^uintptr(99)

// onPaths are attempts on what has a path.
func onPaths() []attempt {
	const write = unix.O_WRONLY
	return []attempt{
		{"open-passwd", false, func(*target) error { return opened("/etc/passwd", unix.O_RDONLY) }},
		{"openat2-passwd", false, func(*target) error {
			return one(unix.Openat2(unix.AT_FDCWD, "/etc/passwd", &unix.OpenHow{}))
		}},
		{"list-root", false, func(*target) error {
			names, err := os.ReadDir("/")
			if err == nil && len(names) == 0 {
				return errNothing
			}
			return cause(err)
		}},
		{"create-file", false, func(t *target) error { return opened(t.file("made"), write|unix.O_CREAT) }},
		{"append-file", false, func(t *target) error { return opened(t.file("file"), write|unix.O_APPEND) }},
		{"open-device", false, func(*target) error { return opened("/dev/null", unix.O_RDWR) }},
		{"open-meminfo", false, func(*target) error { return opened("/proc/meminfo", unix.O_RDONLY) }},
		{"open-sys", false, func(*target) error { return opened("/sys/kernel/notes", unix.O_RDONLY) }},
		{"open-own-memory", false, func(*target) error { return opened("/proc/self/mem", unix.O_RDWR) }},
		{"open-own-environment", false, func(*target) error { return opened("/proc/self/environ", unix.O_RDONLY) }},
		{"open-own-pages", false, func(*target) error { return opened("/proc/self/pagemap", unix.O_RDONLY) }},
		{"truncate", false, func(t *target) error { return unix.Truncate(t.file("file"), 0) }},
		{"unlink", false, func(t *target) error { return unix.Unlink(t.file("file")) }},
		{"rmdir", false, func(t *target) error { return unix.Rmdir(t.file("folder")) }},
		{"mkdir", false, func(t *target) error { return unix.Mkdir(t.file("made"), 0o700) }},
		{"mkfifo", false, func(t *target) error { return unix.Mkfifo(t.file("made"), 0o600) }},
		{"symlink", false, func(t *target) error { return unix.Symlink("/etc", t.file("made")) }},
		{"hard-link", false, func(t *target) error { return unix.Link(t.file("file"), t.file("made")) }},
		{"rename", false, func(t *target) error { return unix.Rename(t.file("file"), t.file("made")) }},
		{"chmod", false, func(t *target) error { return unix.Chmod(t.file("file"), 0o666) }},
		{"fchmodat2", false, func(t *target) error {
			return call(unix.SYS_FCHMODAT2, here, t.text(t.file("file")), 0o666, unix.AT_SYMLINK_NOFOLLOW)
		}},
		{"chown", false, func(t *target) error { return unix.Chown(t.file("file"), -1, -1) }},
		{"utimes", false, func(t *target) error {
			return call(unix.SYS_UTIMENSAT, here, t.text(t.file("file")), 0, 0)
		}},
		{"setxattr", false, func(t *target) error { return unix.Setxattr(t.file("file"), "user.x", []byte("x"), 0) }},
		{"setxattrat", false, func(t *target) error {
			value := t.bytes(1)
			return call(unix.SYS_SETXATTRAT, here, t.text(t.file("file")), 0, t.text("user.x"), t.words(uint64(address(value)), 1), 16)
		}},
	}
}

// onPathsToo are attempts to learn about paths, and to keep a handle on one.
func onPathsToo() []attempt {
	return []attempt{
		{"stat", false, func(*target) error { return unix.Stat("/etc/passwd", &unix.Stat_t{}) }},
		{"statx", false, func(*target) error {
			return unix.Statx(unix.AT_FDCWD, "/etc/passwd", 0, unix.STATX_BASIC_STATS, &unix.Statx_t{})
		}},
		{"access", false, func(*target) error { return unix.Access("/etc/passwd", unix.R_OK) }},
		{"readlink", false, func(*target) error { return one(unix.Readlink("/proc/self/exe", make([]byte, 256))) }},
		{"statfs", false, func(*target) error { return unix.Statfs("/etc", &unix.Statfs_t{}) }},
		{"chdir", false, func(*target) error { return unix.Chdir("/etc") }},
		{"keep-path", false, func(*target) error { return opened("/etc", unix.O_PATH) }},
		{"open-tree", false, func(t *target) error { return call(unix.SYS_OPEN_TREE, here, t.text("/etc"), 0) }},
		{"open-tree-attr", false, func(t *target) error { return call(openTreeAttr, here, t.text("/etc"), 0, 0, 0) }},
		{"name-to-handle", false, func(*target) error {
			_, _, err := unix.NameToHandleAt(unix.AT_FDCWD, "/etc/passwd", 0)
			return err
		}},
		{"open-by-handle", false, func(*target) error {
			handle := unix.NewFileHandle(1, make([]byte, 8)) // ESTALE: of a file that is gone
			return reached(one(unix.OpenByHandleAt(unix.AT_FDCWD, handle, unix.O_RDONLY)), unix.ESTALE)
		}},
		{"file-attributes", false, func(t *target) error {
			return call(fileGetattr, here, t.text(t.file("file")), t.at(24), 24, 0)
		}},
		{"statmount", false, func(t *target) error {
			var x unix.Statx_t
			if err := unix.Statx(unix.AT_FDCWD, "/", 0, unix.STATX_MNT_ID_UNIQUE, &x); err != nil {
				return err
			}
			return call(unix.SYS_STATMOUNT, t.words(24, x.Mnt_id, 1), t.at(4096), 4096, 0)
		}},
		{"listmount", false, func(t *target) error {
			n, err := result(unix.SYS_LISTMOUNT, t.words(24, ^uint64(0), 0), t.at(1024), 128, 0)
			if err == nil && n < 2 {
				return errNothing
			}
			return err
		}},
		{"inotify", false, func(*target) error { return one(unix.InotifyInit1(0)) }},
		{"fanotify", false, func(*target) error {
			return one(unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_REPORT_FID, unix.O_RDONLY))
		}},
		{"use-a-leak", false, func(t *target) error {
			fd, err := unix.Openat(t.Leak, "passwd", unix.O_RDONLY, 0)
			if err != nil {
				return err
			}
			return unix.Close(fd)
		}},
	}
}

// Calls that are newer than the table of x/sys.
const (
	openTreeAttr = 467
	fileGetattr  = 468
)
