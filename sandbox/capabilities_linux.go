package sandbox

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// dropCapabilities empties all five sets on all threads. In a user namespace of
// its own a process has every capability, and with it much more of the kernel than
// an ordinary one may touch.
func dropCapabilities(now *situation) []Layer {
	l := Layer{Name: LayerCapabilities, State: StateMissing}
	if err := emptyOtherSets(); err != nil {
		l.Detail = err.Error()
		return []Layer{l}
	}
	if err := setsAreEmpty(); err != nil {
		l.Detail = err.Error()
		return []Layer{l}
	}
	l.State, l.Detail = StateOK, "all five sets are empty"
	if now.boundedErr != nil { // nothing is left that it could bound
		l.State, l.Detail = StatePartial, "all but the bounding set: "+now.boundedErr.Error()
	}
	return []Layer{l}
}

// dropBoundingSet goes first, before there are many threads: each capability is a
// call on all of them, and no later step rests on the set.
func dropBoundingSet(now *situation) []Layer {
	now.boundedErr = emptyBoundingSet()
	return nil
}

// emptyBoundingSet drops what exec could give back. An ordinary user outside a
// namespace may not, and has nothing to give back.
func emptyBoundingSet() error {
	for capability := range uintptr(maxCapabilities) {
		held, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, capability, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			return nil // the kernel knows no more
		}
		if held == 0 && err == nil {
			continue
		}
		if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, capability, 0, 0, 0, 0); errno != 0 {
			return fmt.Errorf("drop capability %d: %w", capability, errno)
		}
	}
	return nil
}

// setsAreEmpty asks the kernel about this thread; [Attest] asks about all.
func setsAreEmpty() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	if sets != [2]unix.CapUserData{} {
		return fmt.Errorf("still %+v", sets)
	}
	return nil
}
