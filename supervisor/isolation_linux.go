package supervisor

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"blockgate/sandbox"
)

// surroundings are what a process is started in, beyond what it inherits.
type surroundings struct {
	namespaces bool     // Namespaces of its own.
	cgroup     *os.File // The folder of its cgroup; nil: ours.
}

// isolation is what this machine permits of it: what was refused once is not tried
// again. Its zero value has tried nothing.
type isolation struct {
	mu         sync.Mutex // guards what follows
	namespaces error      // Why not; nil: permitted, or not tried.
	cgroup     error      // The same.
}

// refusals returns why parsers are started without namespaces and without a
// cgroup, nil for each that they are started with.
func (i *isolation) refusals() (namespaces, cgroup error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.namespaces, i.cgroup
}

// ladder returns what to try, best first. The leaf may be nil.
func (i *isolation) ladder(leaf *os.File) []surroundings {
	namespaces, cgroup := i.refusals()
	if cgroup != nil {
		leaf = nil
	}
	var rungs []surroundings
	for _, own := range []bool{true, false} {
		if own && namespaces != nil {
			continue
		}
		if leaf != nil {
			rungs = append(rungs, surroundings{own, leaf})
		}
		rungs = append(rungs, surroundings{own, nil})
	}
	return rungs
}

// remember notes what was refused, for the reason why, before a start worked.
func (i *isolation) remember(best, worked surroundings, why error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if best.namespaces && !worked.namespaces {
		i.namespaces = why
	}
	if best.cgroup != nil && worked.cgroup == nil {
		i.cgroup = why
	}
}

// startIsolated starts a parser in the best that is permitted and returns in what.
// The leaf is its memory cgroup, or nil.
func (s *service) startIsolated(what spec, leaf *os.File) (*process, surroundings, error) {
	ladder := s.isolation.ladder(leaf)
	argv := what.argv
	var refused error
	for _, what.surroundings = range ladder {
		what.argv = argv
		if what.namespaces {
			what.argv = append(slices.Clone(argv), "--own-namespaces")
		}
		p, err := s.starter.start(what)
		if err == nil {
			s.isolation.remember(ladder[0], what.surroundings, refused)
			return p, what.surroundings, nil
		}
		if refused = err; !sandbox.Forbidden(err) {
			break
		}
	}
	return nil, surroundings{}, refused
}

// outer returns the layers that we answer for, not the parser: what it was started
// in. It returns [sandbox.ErrNotConfined] if the kernel does not agree.
func (s *service) outer(pid int, in surroundings) ([]sandbox.Layer, error) {
	namespaces, cgroup := s.isolation.refusals()
	if in.namespaces {
		namespaces = nil
	}
	layers, err := sandbox.Namespaces(pid, namespaces)
	if err != nil {
		return nil, err
	}
	memory, err := s.leaves.memoryLayer(pid, in, cgroup)
	return append(layers, memory), err
}

// attributes are how the kernel is to start a process.
func (o order) attributes() *syscall.SysProcAttr {
	// A session of its own: the terminal's interrupt comes to us alone.
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if o.namespaces {
		sandbox.Isolate(attr)
	}
	if o.cgroup != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(o.cgroup.Fd())
	}
	return attr
}

// beDumpable makes this process dumpable until restore is called. A child gets its
// user namespace only from a dumpable parent: the /proc/PID/uid_map of others
// belongs to root.
func beDumpable() (restore func(), err error) {
	before, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("read whether we are dumpable: %w", err)
	}
	if before == 1 {
		return func() {}, nil
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become dumpable: %w", err)
	}
	return func() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }, nil
}
