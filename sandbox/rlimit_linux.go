package sandbox

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// limit is one line of the table of resource limits.
type limit struct {
	name     string
	resource int
	value    uint64
}

// limits returns the table for a process that has mapped so many bytes of
// address space and of data.
func limits(space, data uint64) []limit {
	return []limit{
		{"core", unix.RLIMIT_CORE, 0},             // no image of a process that held hostile bytes
		{"fsize", unix.RLIMIT_FSIZE, 0},           // no file grows
		{"nofile", unix.RLIMIT_NOFILE, 0},         // no new descriptor
		{"nproc", unix.RLIMIT_NPROC, 0},           // no new process (not enforced for root: seccomp has no clone)
		{"memlock", unix.RLIMIT_MEMLOCK, 0},       // no locked page
		{"msgqueue", unix.RLIMIT_MSGQUEUE, 0},     // no POSIX queue
		{"sigpending", unix.RLIMIT_SIGPENDING, 0}, // no queued real-time signal
		{"as", unix.RLIMIT_AS, space + heapBudgetBytes},
		{"data", unix.RLIMIT_DATA, data + heapBudgetBytes},
	}
}

// limitResources sets every limit, soft and hard, and reads it back.
func limitResources(now *situation) []Layer {
	l := Layer{Name: LayerLimits, Required: true, State: StateMissing}
	if now.mappedErr != nil {
		l.Detail = now.mappedErr.Error()
		return []Layer{l}
	}
	var bad []string
	table := limits(now.space, now.data)
	for _, x := range table {
		if err := setLimit(x); err != nil {
			bad = append(bad, x.name+": "+err.Error())
		}
	}
	if len(bad) > 0 {
		l.Detail = strings.Join(bad, ", ")
		return []Layer{l}
	}
	l.State = StateOK
	l.Detail = fmt.Sprintf("%d limits; %d MiB to grow", len(table), heapBudgetBytes>>20)
	return []Layer{l}
}

func setLimit(x limit) error {
	want := unix.Rlimit{Cur: x.value, Max: x.value}
	if err := unix.Prlimit(0, x.resource, &want, nil); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	var got unix.Rlimit
	if err := unix.Prlimit(0, x.resource, nil, &got); err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if got != want {
		return fmt.Errorf("is %d/%d, want %d", got.Cur, got.Max, x.value)
	}
	return nil
}

// mapped returns how many bytes of address space, and of data and stack, this
// process has mapped.
func mapped() (space, data uint64, err error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, fmt.Errorf("read memory size: %w", err)
	}
	var resident, shared, code, lib uint64
	if _, err := fmt.Sscan(string(text), &space, &resident, &shared, &code, &lib, &data); err != nil {
		return 0, 0, fmt.Errorf("read memory size from %q: %w", text, err)
	}
	page := uint64(os.Getpagesize())
	return space * page, data * page, nil
}
