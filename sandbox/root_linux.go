package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// emptyRoot gives the process a root directory with nothing in it: no path of the
// host exists any more, whatever the rights on it. The runtime's descriptors stay.
//
// It changes mounts, so it runs only where they are this process's own: the caller
// says so, and the user namespace is seen to be such a one.
func emptyRoot(now *situation) []Layer {
	l := Layer{Name: LayerRoot, State: StateMissing}
	if !now.OwnNamespaces || !aloneInUserNamespace() {
		l.Detail = "not in a mount namespace of its own"
		return []Layer{l}
	}
	err := pivot()
	if err == nil {
		err = rootIsEmpty()
	}
	if err != nil {
		l.Detail = err.Error()
		return []Layer{l}
	}
	l.State, l.Detail = StateOK, "empty, read-only"
	return []Layer{l}
}

// aloneInUserNamespace reports whether the user namespace has one user, as
// [Isolate] makes it. That of a machine has 4,294,967,295, that of a container many.
func aloneInUserNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(text))
	return err == nil && len(fields) == 3 && fields[0] == "0" && fields[2] == "1"
}

// pivot puts a file system of one page over /proc, makes it the root, lets go of
// the old one with all that hangs in it, and closes the new one for writing.
func pivot() error {
	const closed = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("none", "/proc", "tmpfs", closed, "size=4k,nr_inodes=1,mode=0"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	if err := unix.Chdir("/proc"); err != nil {
		return fmt.Errorf("change directory: %w", err)
	}
	// The old root is stacked on the new one, so that no folder is needed for it.
	// Source: pivot_root(2), "pivot_root(".", ".")".
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detach the old root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("change directory: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_RDONLY|closed, "mode=0"); err != nil {
		return fmt.Errorf("close for writing: %w", err)
	}
	return nil
}

// rootIsEmpty looks at the effect: nothing is there, and nothing can be made.
func rootIsEmpty() error {
	names, err := os.ReadDir("/")
	if err != nil {
		return fmt.Errorf("list the new root: %w", err)
	}
	if len(names) > 0 {
		return fmt.Errorf("the new root is not empty: %s", names[0].Name())
	}
	if err := unix.Mkdir("/made", 0); !errors.Is(err, unix.EROFS) {
		return fmt.Errorf("the new root takes a folder: %v", err) //nolint:errorlint // it may be nil
	}
	return nil
}
