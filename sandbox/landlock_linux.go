package sandbox

import (
	"errors"
	"fmt"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// ABI versions of Landlock that brought what we want of it.
//
// Source: Linux Documentation/userspace-api/landlock.rst, "Previous limitations".
const (
	abiPaths = 1 // Linux 5.13.
	abiTCP   = 4 // Linux 6.7.
	abiScope = 6 // Linux 6.12.
)

// denyPaths restricts the process by Landlock with no rule at all: whatever the
// kernel can handle is denied. Best effort means that the library's return
// value says little, so each layer is judged by what worked before and is
// refused after.
func denyPaths(now *situation) []Layer {
	abi, err := llsys.LandlockGetABIVersion()
	if err != nil || abi < abiPaths {
		return withoutLandlock(now.AllowNoLandlock, fmt.Sprintf("the kernel offers no Landlock (%v)", err))
	}
	fd, outside, err := bystander()
	if err == nil {
		defer unix.Close(fd) //nolint:errcheck // it only stands there
	}
	before := attemptAll(now.witness, outside)
	if err := landlock.V9.BestEffort().Restrict(); err != nil {
		return withoutLandlock(now.AllowNoLandlock, "restrict: "+err.Error())
	}
	after := attemptAll(now.witness, outside)
	if before.open != nil || !refused(after.open, unix.EACCES) {
		return withoutLandlock(now.AllowNoLandlock, fmt.Sprintf("abi %d has no effect: opening a folder gave %v, then %v", abi, before.open, after.open))
	}
	return []Layer{
		{LayerLandlock, true, StateOK, fmt.Sprintf("abi %d; every path is closed", abi)},
		judge(LayerLandlockNet, abi, abiTCP, before.bind, after.bind, unix.EACCES, "TCP is closed"),
		judge(LayerLandlockScope, abi, abiScope, before.reach, after.reach, unix.EPERM, "signals and sockets stay inside"),
	}
}

// withoutLandlock reports that Landlock is not in force: off where the operator
// allowed it, else missing.
func withoutLandlock(allowed bool, why string) []Layer {
	l := Layer{Name: LayerLandlock, Required: true, State: StateMissing, Detail: why}
	if allowed {
		l.State, l.Detail = StateOff, "ALLOWED BY --allow-no-landlock: "+why
	}
	return []Layer{
		l,
		{LayerLandlockNet, false, StateMissing, "no Landlock"},
		{LayerLandlockScope, false, StateMissing, "no Landlock"},
	}
}

// judge compares an attempt before and after the restriction.
func judge(name string, abi, need int, before, after error, want unix.Errno, ok string) Layer {
	switch {
	case abi < need:
		return Layer{name, false, StateMissing, fmt.Sprintf("abi %d, needs %d", abi, need)}
	case before != nil:
		return Layer{name, false, StatePartial, fmt.Sprintf("abi %d; cannot be checked: %v before", abi, before)}
	case !refused(after, want):
		return Layer{name, false, StateMissing, fmt.Sprintf("abi %d has no effect: %v", abi, after)}
	default:
		return Layer{name, false, StateOK, fmt.Sprintf("abi %d; %s", abi, ok)}
	}
}

func refused(err error, want unix.Errno) bool { return errors.Is(err, want) }

// attempts are what this process could do, each nil if it worked.
type attempts struct{ open, bind, reach error }

// attemptAll tries what Landlock is to refuse. What it tries works in an empty
// network namespace, too, and names no process: in a namespace of processes there
// is no parent to signal.
func attemptAll(witness int, outside unix.Sockaddr) attempts {
	return attempts{open: openWitness(witness), bind: bindAnything(), reach: reach(outside)}
}

// callWitness keeps a handle on a folder of the host that everybody may read. In an
// empty root there is nothing that only Landlock refuses, so its effect could not
// be seen. It cannot be read through itself, and is gone before the first job.
func callWitness(now *situation) []Layer {
	fd, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		now.witness = fd
	}
	return nil
}

// dismissWitness closes it. A descriptor that stays is a leak.
func dismissWitness(now *situation) []Layer {
	if now.witness < 0 {
		return nil
	}
	if err := unix.Close(now.witness); err != nil {
		return []Layer{{LayerDescriptors, true, StateMissing, "close the witness: " + err.Error()}}
	}
	return nil
}

// openWitness opens for reading what the witness is a handle on.
func openWitness(witness int) error {
	fd, err := unix.Openat(witness, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a folder: %w", err)
	}
	return unix.Close(fd)
}

func bindAnything() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{}), unix.Close(fd)); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

// bystander makes an abstract socket that belongs to no Landlock domain: it stands
// for one of another process. The caller closes it.
func bystander() (fd int, address unix.Sockaddr, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("socket: %w", err)
	}
	err = unix.Bind(fd, &unix.SockaddrUnix{}) // the kernel picks an abstract name
	if err == nil {
		address, err = unix.Getsockname(fd)
	}
	if err != nil {
		return -1, nil, errors.Join(err, unix.Close(fd))
	}
	return fd, address, nil
}

// reach connects to an abstract socket. It fails where there is none.
func reach(address unix.Sockaddr) error {
	if address == nil {
		return errNoBystander
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := errors.Join(unix.Connect(fd, address), unix.Close(fd)); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// errNoBystander says that there is no socket to try the scope on.
var errNoBystander = errors.New("no abstract socket")
