package sandbox

import (
	"runtime"
	"runtime/debug"
	"time"
)

// Confine takes from this process everything that a parser does not need, in
// the order that the package documentation gives, and reports each layer. It
// must be called once, by the main goroutine, before the first hostile byte and
// before any goroutine that opens something. It cannot be undone.
//
// It returns a [*MissingError] at the first required layer that does not hold;
// the report then ends with that layer and the process must end at once.
func Confine(o Options) (Report, error) { return confine(o, steps) }

// step puts on one layer, or a few that are one to the kernel.
type step struct {
	layer string // The name of the first; empty if it prepares for others.
	put   func(*situation) []Layer
}

// steps are the layers in their order; see the package documentation.
//
//nolint:gochecknoglobals // a table, never written
var steps = []step{
	{LayerCapabilities, dropBoundingSet},
	{"", settleRuntime},
	{LayerDescriptors, countDescriptors},
	{"", callWitness},
	{LayerRoot, emptyRoot},
	{LayerCapabilities, dropCapabilities},
	{LayerDumpable, forbidDumps},
	{LayerLandlock, denyPaths},
	{"", dismissWitness},
	{LayerLimits, limitResources},
	{LayerSeccomp, filterCalls},
}

// confine puts on the layers of the table.
func confine(o Options, table []step) (Report, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := Report{Build: BuildID()}
	now := situation{Options: o, witness: -1}
	for _, s := range table {
		r.Layers = append(r.Layers, s.put(&now)...)
		if err := r.missing(); err != nil {
			return r, err
		}
	}
	return r, nil
}

// situation is what a step may know: what the caller wants, and what earlier
// steps saw.
type situation struct {
	Options
	space, data uint64 // Bytes of address space and of data that are mapped.
	mappedErr   error
	boundedErr  error // Why the bounding set is not empty, or nil.
	witness     int   // A descriptor of /proc, or -1; see callWitness.
}

// settleRuntime brings the runtime to where it needs nothing more of the kernel,
// and measures it while /proc is open.
func settleRuntime(now *situation) []Layer {
	wakePoller()
	parkThreads(parkedThreads)
	growHeap()
	settleThreads()
	now.space, now.data, now.mappedErr = mapped()
	return nil
}

// growHeap makes the runtime map room for the heap, and gives back what that took. Where
// in its first arena the heap begins is chance (Go 1.26), so without this the first
// growth may want a whole new arena.
func growHeap() {
	room := make([]byte, heapRoomBytes) // nobody touches it
	runtime.KeepAlive(room)
	debug.FreeOSMemory() // collects garbage first
}

// wakePoller makes the runtime create its epoll and eventfd now, by a timer.
func wakePoller() {
	fired := make(chan struct{})
	time.AfterFunc(0, func() { close(fired) })
	<-fired
}
