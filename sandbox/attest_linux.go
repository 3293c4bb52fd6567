package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Attest asks the kernel, not the process, whether what a report says of it is
// true. Every thread must have no_new_privs and a seccomp filter of its own, one
// more than we have; with the layer capabilities in force every thread must have
// empty sets, and with a namespace of processes it must be process 1 of one.
//
// It returns [ErrNotConfined] if something is not so, [ErrGone] if the process ended, and
// another error if /proc does not tell (it may be mounted with hidepid).
func Attest(pid int, said Report) error {
	err := attest(pid, said)
	if isGone(err) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

// AttestRole asks the kernel whether a process is confined as [ConfineRole] does it: each
// thread has no_new_privs and a filter of its own. The layer says whether each is
// without capabilities, too, which is wanted. Its errors are those of [Attest].
func AttestRole(pid int) (Layer, error) {
	l := Layer{Name: LayerCapabilities, State: StateOK, Detail: "by the kernel's word"}
	err := attestThreads(pid, Report{Layers: []Layer{{Name: LayerCapabilities, State: StatePartial}}}) // the bounding set may stay
	if errors.Is(err, ErrNotConfined) {
		l.State, l.Detail = StateMissing, err.Error()
		err = attestThreads(pid, Report{})
	}
	return l, err
}

// attestThreads is [Attest] for a process whose threads may end before it does.
func attestThreads(pid int, said Report) (err error) {
	for range attestTries {
		if err = Attest(pid, said); !errors.Is(err, ErrGone) {
			break
		}
	}
	return err
}

// isGone reports whether a file of /proc/PID was not there, or not any more.
func isGone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }

func attest(pid int, said Report) error {
	own, err := readStatus("/proc/self/status")
	if err != nil {
		return fmt.Errorf("attest: %w", err)
	}
	tasks := filepath.Join("/proc", strconv.Itoa(pid), "task")
	dir, err := os.Open(tasks) //nolint:gosec // a path of /proc made of a number
	if err != nil {
		return fmt.Errorf("attest: %w", err)
	}
	names, err := dir.Readdirnames(maxThreads)
	if closeErr := dir.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("attest: list %s: %w", tasks, err)
	}
	for _, name := range names {
		thread, err := readStatus(filepath.Join(tasks, name, "status"))
		if err == nil {
			err = attestThread(thread, own, said)
		}
		if err != nil {
			return fmt.Errorf("attest thread %s of process %d: %w", name, pid, err)
		}
	}
	return nil
}

// attestThread holds the kernel's words about a thread to a report.
func attestThread(thread, own map[string]string, said Report) error {
	// Who ends has no filters any more. A thread of a parser ends with all others.
	if state := thread["State"]; strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X") {
		return fmt.Errorf("%w: its state is %q", ErrGone, state)
	}
	want := map[string]string{"Seccomp": "2", "NoNewPrivs": "1"}
	if l, _ := said.Layer(LayerCapabilities); l.Holds() {
		const none = "0000000000000000"
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
			want[set] = none
		}
		if l.State == StateOK {
			want["CapBnd"] = none
		}
	}
	for key, w := range want {
		if got := thread[key]; got != w {
			return fmt.Errorf("%w: %s is %q, want %q", ErrNotConfined, key, got, w)
		}
	}
	if l, _ := said.Layer(LayerPIDNS); l.Holds() {
		ids := strings.Fields(thread["NStgid"])
		if len(ids) < 2 || ids[len(ids)-1] != "1" {
			return fmt.Errorf("%w: NStgid is %q, want it to end in 1", ErrNotConfined, thread["NStgid"])
		}
	}
	return moreFilters(thread["Seccomp_filters"], own["Seccomp_filters"])
}

// moreFilters refuses a process that has no filter but the ones that it inherited
// from us, as in a container. Linux counts them since 5.9.
func moreFilters(theirs, ours string) error {
	if ours == "" {
		return nil
	}
	a, errA := strconv.Atoi(theirs)
	b, errB := strconv.Atoi(ours)
	if errA != nil || errB != nil || a <= b {
		return fmt.Errorf("%w: Seccomp_filters is %q, ours %q", ErrNotConfined, theirs, ours)
	}
	return nil
}

// readStatus reads a file of the form of /proc/PID/status: a key, a colon, a value
// on each line.
func readStatus(path string) (map[string]string, error) {
	file, err := os.Open(path) //nolint:gosec // a path of /proc made of two numbers
	if err != nil {
		return nil, fmt.Errorf("open status: %w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	status := map[string]string{}
	lines := bufio.NewScanner(io.LimitReader(file, maxProcStatus))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		status[key] = strings.TrimSpace(value)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	return status, nil
}
