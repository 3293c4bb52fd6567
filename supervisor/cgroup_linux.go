package supervisor

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"blockgate/sandbox"
)

// leaves are memory cgroups, one for each parser, in the cgroup that this process
// was started in. The zero value has none.
type leaves struct {
	files []*os.File // Their folders.
	why   error      // Why there are none.
}

// Reasons for which there are no leaves.
var (
	errNoCgroup      = errors.New("no cgroup of version 2")
	errNotDelegated  = errors.New("the memory controller is not delegated to this service")
	errSharedCgroup  = errors.New("other processes are in the cgroup of this service")
	errLeavesNotUsed = errors.New("a trial of one parser gets none; the service says of its own")
)

// openLeaves makes n leaves if this process alone is in a cgroup that was delegated
// to it. A cgroup that has children may not have processes, so the service moves
// into a child, too.
func openLeaves(n int) leaves {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return leaves{why: fmt.Errorf("%w: %w", errNoCgroup, err)}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return leaves{why: fmt.Errorf("%w: %w", errNoCgroup, err)}
	}
	dir, err := cgroupFolder(string(own), string(mounts))
	if err != nil {
		return leaves{why: err}
	}
	files, err := makeLeaves(dir, os.Getpid(), n)
	return leaves{files, err}
}

// cgroupFolder finds the folder of this process's cgroup, from the texts of
// /proc/self/cgroup and /proc/self/mountinfo.
func cgroupFolder(own, mounts string) (string, error) {
	path := ""
	for line := range strings.Lines(own) {
		if p, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			path = p
		}
	}
	if strings.HasPrefix(path, "/..") || path == "" { // outside of what our namespace shows
		return "", errNoCgroup
	}
	for line := range strings.Lines(mounts) {
		// "36 35 98:0 ROOT POINT rw,noatime master:1 - TYPE SOURCE OPTIONS"; proc(5).
		before, after, _ := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(kind) == 0 || kind[0] != "cgroup2" {
			continue
		}
		if below, err := filepath.Rel(fields[3], path); err == nil && filepath.IsLocal(below) {
			return filepath.Join(fields[4], below), nil
		}
	}
	return "", errNoCgroup
}

// makeLeaves makes the leaves in a folder. What it did is undone if it fails.
func makeLeaves(dir string, pid, n int) ([]*os.File, error) {
	controllers, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers")) //nolint:gosec // a folder that the kernel named
	if err != nil || !slices.Contains(strings.Fields(string(controllers)), "memory") {
		return nil, errNotDelegated
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.type")); err != nil {
		return nil, errNotDelegated // it is the root of all cgroups
	}
	inside, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")) //nolint:gosec // the same folder
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotDelegated, err)
	}
	if strings.TrimSpace(string(inside)) != strconv.Itoa(pid) {
		return nil, errSharedCgroup
	}
	service := filepath.Join(dir, "blockgate-service")
	if err := makeFolder(service); err != nil {
		return nil, err
	}
	if err := put(service, "cgroup.procs", strconv.Itoa(pid)); err != nil {
		return nil, errors.Join(err, os.Remove(service))
	}
	files, err := fillLeaves(dir, n)
	if err != nil {
		return nil, errors.Join(err, put(dir, "cgroup.procs", strconv.Itoa(pid)))
	}
	return files, nil
}

// fillLeaves makes the folders and their limits.
func fillLeaves(dir string, n int) (files []*os.File, err error) {
	defer func() {
		if err != nil {
			closeAll(files)
		}
	}()
	if err := put(dir, "cgroup.subtree_control", "+memory"); err != nil {
		return nil, err
	}
	for i := range n {
		leaf := filepath.Join(dir, leafName(i))
		if err := makeFolder(leaf); err != nil {
			return files, err
		}
		if err := put(leaf, "memory.max", strconv.Itoa(leafBytes)); err != nil {
			return files, err
		}
		// Not everywhere: swap, and the end of all of a group at once.
		for _, more := range [][2]string{{"memory.swap.max", "0"}, {"memory.oom.group", "1"}} {
			if err := put(leaf, more[0], more[1]); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return files, err
			}
		}
		file, err := os.Open(leaf) //nolint:gosec // a folder that we made
		if err != nil {
			return files, fmt.Errorf("open cgroup: %w", err)
		}
		files = append(files, file)
	}
	return files, nil
}

func leafName(index int) string { return "blockgate-parser-" + strconv.Itoa(index) }

// makeFolder makes a folder; it may be there from an earlier run.
func makeFolder(path string) error {
	if err := unix.Mkdir(path, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("make cgroup %s: %w", filepath.Base(path), err)
	}
	return nil
}

// put writes to a file of a cgroup, which must be there.
func put(dir, name, text string) error {
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0) //nolint:gosec // a folder of cgroups
	if err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// leaf returns the folder for the parser of that index, or nil.
func (l leaves) leaf(index int) *os.File {
	if index >= len(l.files) {
		return nil
	}
	return l.files[index]
}

// memoryLayer says whether the process is in its leaf, refused being why it was
// started without, or nil.
func (l leaves) memoryLayer(pid int, in surroundings, refused error) (sandbox.Layer, error) {
	layer := sandbox.Layer{Name: sandbox.LayerMemory, State: sandbox.StateMissing}
	if in.cgroup == nil {
		layer.Detail = cmp.Or(refused, l.why, errNoCgroup).Error()
		return layer, nil
	}
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return layer, fmt.Errorf("%w: %w", sandbox.ErrGone, err)
	}
	if err != nil {
		return layer, fmt.Errorf("read cgroup of process %d: %w", pid, err)
	}
	if want := filepath.Base(in.cgroup.Name()); !inCgroup(string(text), want) {
		return layer, fmt.Errorf("%w: process %d is not in cgroup %s: %q", sandbox.ErrNotConfined, pid, want, text)
	}
	layer.State, layer.Detail = sandbox.StateOK, fmt.Sprintf("at most %d MiB, no swap", leafBytes>>20)
	return layer, nil
}

// inCgroup reports whether a text of /proc/PID/cgroup names that cgroup.
func inCgroup(text, name string) bool {
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return filepath.Base(path) == name
		}
	}
	return false
}
