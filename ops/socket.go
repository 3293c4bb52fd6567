package ops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// socketName is the control socket in its folder.
const socketName = "socket"

// maxSocketPath is the most bytes of a Unix socket's path, less the NUL.
//
// Source: sun_path, Linux include/uapi/linux/un.h: UNIX_PATH_MAX is 108.
const maxSocketPath = 107

// withSocket calls use with a path of the control socket in folder that is short
// enough for the kernel. A folder that lies too deep is opened, and named by its
// descriptor while use runs.
func withSocket(folder string, use func(path string) error) error {
	path := filepath.Join(folder, socketName)
	if len(path) <= maxSocketPath {
		return use(path)
	}
	dir, err := os.Open(folder) //nolint:gosec // the operator's own data directory
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // nothing was written
	err = use(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName))
	if err != nil {
		if _, missing := os.Stat("/proc/self/fd"); missing != nil {
			err = fmt.Errorf("%w; the path %s is %d bytes, and without /proc no more than %d can be used: name a shorter --datadir", err, path, len(path), maxSocketPath)
		}
	}
	return err
}

// ownFolder makes folder if need be, and keeps all others out of it. A link, or a
// folder of somebody else, is an error.
func ownFolder(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) { //nolint:gosec // the operator's own data directory
		return err
	}
	info, err := os.Lstat(folder) //nolint:gosec // as above
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: not a folder of our own: remove it", folder)
	}
	return os.Chmod(folder, 0o700) //nolint:gosec // a folder needs x; a volume's driver may have opened it to a group
}
