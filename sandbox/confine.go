package sandbox

// Options say what a process keeps through [Confine].
type Options struct {
	// AllowNoLandlock lets the process go on where the kernel has no Landlock.
	// The report then says off, and why. Nothing else can be allowed away.
	AllowNoLandlock bool
	// OwnNamespaces says that the process was started with [Isolate], so that its
	// mounts are its own to change.
	OwnNamespaces bool
	// AllowedFDs are the descriptors that the process may hold at lock-down. Any
	// other one, but for the runtime's own epoll and eventfd, is a leak.
	AllowedFDs []int
}

// missing returns the first required layer of the report that does not hold and
// that nobody allowed away, or nil.
func (r Report) missing() error {
	for _, l := range r.Layers {
		if l.Required && l.State != StateOff && !l.Holds() {
			return &MissingError{Layer: l.Name, Detail: l.Detail}
		}
	}
	return nil
}
