package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespace is one line of the table of namespaces that a parser gets.
type namespace struct {
	layer string  // Name of the layer.
	file  string  // Its name in /proc/PID/ns.
	flag  uintptr // What clone wants for it.
}

// namespaces are made by one clone: the kernel gives all of them or none.
//
//nolint:gochecknoglobals // a table, never written
var namespaces = []namespace{
	{LayerUserNS, "user", unix.CLONE_NEWUSER},       // no right over anything outside
	{LayerMountNS, "mnt", unix.CLONE_NEWNS},         // a root of its own, see emptyRoot
	{LayerNetNS, "net", unix.CLONE_NEWNET},          // no interface that is up
	{LayerPIDNS, "pid", unix.CLONE_NEWPID},          // no process but itself
	{LayerIPCNS, "ipc", unix.CLONE_NEWIPC},          // no queue and no shared memory of others
	{LayerUTSNS, "uts", unix.CLONE_NEWUTS},          // a host name that nobody sees
	{LayerCgroupNS, "cgroup", unix.CLONE_NEWCGROUP}, // no path of a cgroup
}

// Isolate makes attr start a process in namespaces of its own, in which it is
// process 1 and has every capability, over nothing. Where the kernel or a
// container forbids it the start fails with an error of which [Forbidden] is
// true; then only a start without is possible.
//
// Whoever starts the process must be dumpable and not under Landlock, or it may
// not write the child's table of user ids.
func Isolate(attr *syscall.SysProcAttr) {
	for _, n := range namespaces {
		attr.Cloneflags |= n.flag
	}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

// Forbidden reports whether a start that failed with err may work with fewer
// layers: the kernel does not know or does not permit what was asked for.
func Forbidden(err error) bool {
	for _, e := range []error{
		unix.EPERM, unix.EACCES, unix.ENOSPC, unix.EUSERS, unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EBUSY, unix.ENODEV,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Namespaces returns the layers that whoever starts a process with [Isolate]
// answers for. With refused, the error for which it was started without, they are
// missing. Else the kernel is asked whether each namespace of the process is
// another one than ours, and [ErrNotConfined] comes back if one is not, [ErrGone] if the
// process has ended.
func Namespaces(pid int, refused error) ([]Layer, error) {
	layers := make([]Layer, 0, len(namespaces))
	for _, n := range namespaces {
		l := Layer{Name: n.layer, State: StateMissing}
		if refused != nil {
			l.Detail = "not permitted here: " + refused.Error()
			layers = append(layers, l)
			continue
		}
		ours, theirs, err := compareNamespace(pid, n.file)
		switch {
		case isGone(err):
			return nil, fmt.Errorf("%w: process %d: %w", ErrGone, pid, err)
		case err != nil:
			l.State, l.Detail = StatePartial, "cannot be checked: "+err.Error()
		case ours == theirs:
			return layers, fmt.Errorf("%w: process %d shares %s with us", ErrNotConfined, pid, ours)
		default:
			l.State, l.Detail = StateOK, theirs
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// compareNamespace returns the kernel's names for our namespace and for that of
// the process.
func compareNamespace(pid int, file string) (ours, theirs string, err error) {
	if ours, err = os.Readlink("/proc/self/ns/" + file); err != nil {
		return "", "", fmt.Errorf("read namespace: %w", err)
	}
	if theirs, err = os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "ns", file)); err != nil {
		return "", "", fmt.Errorf("read namespace: %w", err)
	}
	return ours, theirs, nil
}
