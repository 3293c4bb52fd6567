package sandbox

import (
	"errors"
	"fmt"
	"slices"
)

// State says how far a layer holds. Its zero value is no state.
type State uint8

// The states of a layer.
const (
	// StateOK says that the layer holds.
	StateOK State = iota + 1
	// StatePartial says that the layer holds in the part that is required, and
	// that the rest is not there or could not be checked.
	StatePartial
	// StateMissing says that the layer does not hold.
	StateMissing
	// StateOff says that the operator allowed to go without the layer.
	StateOff
)

// String returns the word that stands for the state in a status line, or
// "unknown".
func (s State) String() string {
	switch s {
	case StateOK:
		return "ok"
	case StatePartial:
		return "partial"
	case StateMissing:
		return "missing"
	case StateOff:
		return "off"
	default:
		return "unknown"
	}
}

// Names of the layers, as they stand in reports, logs and metrics.
const (
	// LayerUserNS is a user namespace.
	LayerUserNS = "user_ns"
	// LayerMountNS is a mount namespace.
	LayerMountNS = "mount_ns"
	// LayerNetNS is a network namespace.
	LayerNetNS = "net_ns"
	// LayerPIDNS is a namespace of processes.
	LayerPIDNS = "pid_ns"
	// LayerIPCNS is a namespace of queues and shared memory.
	LayerIPCNS = "ipc_ns"
	// LayerUTSNS is a namespace of the host's name.
	LayerUTSNS = "uts_ns"
	// LayerCgroupNS is a namespace of cgroup paths.
	LayerCgroupNS = "cgroup_ns"
	// LayerMemory is a memory cgroup of version 2 with a limit.
	LayerMemory = "memory_cgroup"
	// LayerDescriptors is the census of inherited descriptors.
	LayerDescriptors = "descriptors"
	// LayerRoot is an empty, read-only root directory.
	LayerRoot = "root"
	// LayerCapabilities is the emptiness of all capability sets.
	LayerCapabilities = "capabilities"
	// LayerDumpable is PR_SET_DUMPABLE 0.
	LayerDumpable = "dumpable"
	// LayerLandlock is Landlock's denial of the file system.
	LayerLandlock = "landlock"
	// LayerLandlockNet is Landlock's denial of TCP bind and connect.
	LayerLandlockNet = "landlock_net"
	// LayerLandlockScope is Landlock's denial of signals and abstract sockets.
	LayerLandlockScope = "landlock_scope"
	// LayerLimits is the table of resource limits.
	LayerLimits = "rlimits"
	// LayerSeccomp is the system call filter.
	LayerSeccomp = "seccomp"
)

// Layer is one layer of the wall and how far it holds.
type Layer struct {
	Name     string // One of the Layer names, [a-z0-9_]{1,24}.
	Required bool   // Invariant: no job is read while it is missing.
	State    State
	Detail   string // Printable ASCII for people; may be cut in a status line.
}

// Holds reports whether the layer is in force, at least in its required part.
func (l Layer) Holds() bool { return l.State == StateOK || l.State == StatePartial }

// Report is what a process says about its own confinement.
type Report struct {
	Build  string  // The build identity of the process, see [BuildID].
	Layers []Layer // In the order in which they were put on.
}

// Layer returns the layer of that name, and whether the report has it.
func (r Report) Layer(name string) (Layer, bool) {
	for _, l := range r.Layers {
		if l.Name == name {
			return l, true
		}
	}
	return Layer{}, false
}

// With returns the report with the layers before its own. It returns [ErrStatus]
// if the report already names one of them: a process does not speak for whoever
// started it.
func (r Report) With(layers []Layer) (Report, error) {
	for _, l := range layers {
		if _, twice := r.Layer(l.Name); twice {
			return r, fmt.Errorf("%w: layer %s is not the process's to tell", ErrStatus, l.Name)
		}
	}
	r.Layers = append(slices.Clone(layers), r.Layers...)
	return r, nil
}

// ErrNotConfined says that the kernel's word about a process is not what a
// confined process would have.
var ErrNotConfined = errors.New("process is not confined")

// ErrGone says that a process ended before the kernel could be asked about it.
var ErrGone = errors.New("process is gone")

// MissingError says that a required layer does not hold. The process that
// meets it ends with [ExitMissingLayer].
type MissingError struct {
	Layer  string // Name of the layer.
	Detail string // What was seen.
}

// Error names the layer, what was seen, and what to do about it.
func (e *MissingError) Error() string {
	return fmt.Sprintf(missingBegin+"%s is missing: %s; %s", e.Layer, e.Detail, Remedy(e.Layer))
}

// Remedy returns a sentence, without capital and full stop, that says how to
// get the layer of that name. It is empty for a name it does not know.
func Remedy(layer string) string {
	switch layer {
	case LayerUserNS, LayerMountNS, LayerNetNS, LayerPIDNS, LayerIPCNS, LayerUTSNS, LayerCgroupNS:
		return "allow unprivileged user namespaces: sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 (Debian), " +
			"kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile with userns (Ubuntu); " +
			"in Docker a seccomp profile that lets clone make namespaces"
	case LayerRoot:
		return "needs the namespaces, and an AppArmor or seccomp profile that lets a process mount and pivot_root in them"
	case LayerCapabilities:
		return "run blockgate as an ordinary user, or allow capset in the outer seccomp profile"
	case LayerMemory:
		return "needs cgroup version 2 with the memory controller delegated to the service: Delegate=yes in its systemd unit; " +
			"without it the limits of address space and data hold"
	case LayerDescriptors:
		return "mount /proc, and start blockgate so that no open descriptor is inherited by its children"
	case LayerNoNewPrivs:
		return "allow prctl(PR_SET_NO_NEW_PRIVS) in the outer seccomp profile, and build with CGO_ENABLED=0"
	case LayerDumpable:
		return "allow prctl(PR_SET_DUMPABLE) in the outer seccomp profile; Docker's default profile does"
	case LayerLandlock:
		return "needs Linux 5.13 or later with landlock in the list /sys/kernel/security/lsm (boot parameter lsm=); " +
			"Docker's default seccomp profile lets it through; for trials only: --allow-no-landlock"
	case LayerLandlockNet:
		return "needs Linux 6.7 or later; without it TCP is denied by namespaces and seccomp"
	case LayerLandlockScope:
		return "needs Linux 6.12 or later; without it signals are denied by namespaces and seccomp"
	case LayerLimits:
		return "allow prlimit64 in the outer seccomp profile; Docker's default profile does"
	case LayerSeccomp:
		return "needs Linux 4.14 or later on amd64 or arm64, built with CONFIG_SECCOMP_FILTER; Docker's default profile lets it through"
	default:
		return ""
	}
}
