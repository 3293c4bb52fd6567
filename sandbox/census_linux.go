package sandbox

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// countDescriptors is the census: the process holds what is allowed, and the
// runtime's poller.
func countDescriptors(now *situation) []Layer {
	l := Layer{Name: LayerDescriptors, Required: true, State: StateMissing}
	held, err := openDescriptors()
	if err != nil {
		l.Detail = "census: " + err.Error()
		return []Layer{l}
	}
	if leaks := leaked(held, now.AllowedFDs); len(leaks) > 0 {
		l.Detail = "inherited " + strings.Join(leaks, ", ")
		return []Layer{l}
	}
	l.State = StateOK
	l.Detail = strconv.Itoa(len(held)) + " held, none leaked"
	return []Layer{l}
}

// descriptor is an open descriptor and what /proc says that it is.
type descriptor struct {
	fd   int
	kind string
}

// openDescriptors lists what this process holds, the listing's own descriptor
// left out.
func openDescriptors() ([]descriptor, error) {
	fd, err := unix.Open("/proc/self/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /proc/self/fd: %w", err)
	}
	dir := os.NewFile(uintptr(fd), "/proc/self/fd")
	names, err := dir.Readdirnames(maxCensus)
	held := make([]descriptor, 0, maxCensus)
	for _, name := range names {
		n, numErr := strconv.Atoi(name)
		if numErr != nil || n == fd {
			continue
		}
		kind, linkErr := os.Readlink("/proc/self/fd/" + name)
		if linkErr != nil {
			kind = linkErr.Error()
		}
		held = append(held, descriptor{n, kind})
	}
	if closeErr := dir.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("list /proc/self/fd: %w", err)
	}
	slices.SortFunc(held, func(a, b descriptor) int { return a.fd - b.fd })
	return held, nil
}

// leaked names what is neither allowed nor the runtime's: one epoll and one
// eventfd belong to the poller, a second one came from outside.
func leaked(held []descriptor, allowed []int) []string {
	poller := map[string]bool{"anon_inode:[eventpoll]": true, "anon_inode:[eventfd]": true}
	var leaks []string
	for _, d := range held {
		switch {
		case slices.Contains(allowed, d.fd):
		case poller[d.kind]:
			poller[d.kind] = false
		default:
			leaks = append(leaks, fmt.Sprintf("%d=%s", d.fd, d.kind))
		}
	}
	return leaks
}

// forbidDumps makes the process undumpable and asks the kernel whether it is.
func forbidDumps(*situation) []Layer {
	l := Layer{Name: LayerDumpable, Required: true, State: StateMissing}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		l.Detail = "prctl: " + err.Error()
		return []Layer{l}
	}
	got, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil || got != 0 {
		l.Detail = fmt.Sprintf("still %d (%v)", got, err)
		return []Layer{l}
	}
	l.State, l.Detail = StateOK, "no core, no ptrace by others"
	return []Layer{l}
}
