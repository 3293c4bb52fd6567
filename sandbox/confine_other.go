//go:build !linux

package sandbox

import (
	"fmt"
	"runtime"
)

// Confine returns a [*MissingError]: only Linux has the layers that a parser
// must have, and it never runs unconfined.
func Confine(Options) (Report, error) {
	r := Report{Build: BuildID(), Layers: Probe()}
	return r, r.missing()
}

// Attest returns an error: only Linux can say how a process is confined.
func Attest(pid int, _ Report) error {
	return fmt.Errorf("attest process %d: no sandbox on %s", pid, runtime.GOOS)
}

// Probe returns the required layers, missing, since this is not Linux.
func Probe() []Layer {
	why := "this is " + runtime.GOOS + ", not Linux: run it in a Linux container or virtual machine"
	return []Layer{
		{Name: LayerLandlock, Required: true, State: StateMissing, Detail: why},
		{Name: LayerSeccomp, Required: true, State: StateMissing, Detail: why},
	}
}
