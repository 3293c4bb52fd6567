package sandbox

import (
	"runtime"
	"time"
)

// Confine takes from this process everything that a parser does not need, in
// the order that the package documentation gives, and reports each layer. It
// must be called once, by the main goroutine, before the first hostile byte and
// before any goroutine that opens something. It cannot be undone.
//
// It returns a [*MissingError] at the first required layer that does not hold;
// the report then ends with that layer and the process must end at once.
func Confine(o Options) (Report, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := Report{Build: BuildID()}
	wakePoller()
	parkThreads(parkedThreads)
	runtime.GC()
	settleThreads()
	now := situation{Options: o}
	now.space, now.data, now.mappedErr = mapped()
	for _, put := range []func(situation) []Layer{
		countDescriptors, forbidDumps, denyPaths, limitResources, filterCalls,
	} {
		r.Layers = append(r.Layers, put(now)...)
		if err := r.missing(); err != nil {
			return r, err
		}
	}
	return r, nil
}

// situation is what a step may know: what the caller wants, and what was read
// from /proc while it was open.
type situation struct {
	Options
	space, data uint64 // Bytes of address space and of data that are mapped.
	mappedErr   error
}

// wakePoller makes the runtime create its epoll and eventfd now, by a timer.
func wakePoller() {
	fired := make(chan struct{})
	time.AfterFunc(0, func() { close(fired) })
	<-fired
}
