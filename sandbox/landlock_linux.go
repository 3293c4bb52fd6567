package sandbox

import (
	"errors"
	"fmt"
	"os"

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
func denyPaths(now situation) []Layer {
	abi, err := llsys.LandlockGetABIVersion()
	if err != nil || abi < abiPaths {
		return withoutLandlock(now.AllowNoLandlock, fmt.Sprintf("the kernel offers no Landlock (%v)", err))
	}
	before := attemptAll()
	if err := landlock.V9.BestEffort().Restrict(); err != nil {
		return withoutLandlock(now.AllowNoLandlock, "restrict: "+err.Error())
	}
	after := attemptAll()
	if !refused(after.open, unix.EACCES) {
		return withoutLandlock(now.AllowNoLandlock, fmt.Sprintf("abi %d has no effect: opening / gave %v", abi, after.open))
	}
	return []Layer{
		{LayerLandlock, true, StateOK, fmt.Sprintf("abi %d; every path is closed", abi)},
		judge(LayerLandlockNet, abi, abiTCP, before.bind, after.bind, unix.EACCES, "TCP is closed"),
		judge(LayerLandlockScope, abi, abiScope, before.signal, after.signal, unix.EPERM, "signals stay inside"),
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
type attempts struct{ open, bind, signal error }

func attemptAll() attempts {
	return attempts{open: openRoot(), bind: bindLoopback(), signal: unix.Kill(os.Getppid(), 0)}
}

func openRoot() error {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /: %w", err)
	}
	return unix.Close(fd)
}

func bindLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if closeErr := unix.Close(fd); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}
