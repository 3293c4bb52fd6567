package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Attest asks the kernel, not the process, whether every thread of the process
// has a seccomp filter and no_new_privs. It returns [ErrNotConfined] if one has
// not, and another error if /proc does not tell (the process ended, or /proc is
// mounted with hidepid).
func Attest(pid int) error {
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
		if err := attestThread(filepath.Join(tasks, name, "status")); err != nil {
			return fmt.Errorf("attest thread %s of process %d: %w", name, pid, err)
		}
	}
	return nil
}

func attestThread(path string) error {
	file, err := os.Open(path) //nolint:gosec // a path of /proc made of two numbers
	if err != nil {
		return fmt.Errorf("open status: %w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	want := map[string]string{"Seccomp": "2", "NoNewPrivs": "1"}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if w, ok := want[key]; ok {
			if got := strings.TrimSpace(value); got != w {
				return fmt.Errorf("%w: %s is %s, want %s", ErrNotConfined, key, got, w)
			}
			delete(want, key)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read status: %w", err)
	}
	for key := range want {
		return fmt.Errorf("%w: status has no %s", ErrNotConfined, key)
	}
	return nil
}
