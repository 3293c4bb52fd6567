package sandbox

import (
	"fmt"
	"runtime"

	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Probe returns what this kernel offers of the layers that depend on it, without
// starting or changing anything: Landlock by its ABI version, seccomp by its
// kill action. A layer that is missing says why; [Remedy] says what to do. What
// it offers is not yet what holds: only [Confine] tests the effect.
func Probe() []Layer {
	abi, err := llsys.LandlockGetABIVersion()
	if err != nil {
		abi = 0
	}
	landlock := offered(LayerLandlock, true, abi, abiPaths)
	if err != nil {
		landlock.Detail = fmt.Sprintf("the kernel offers no Landlock (%v)", err)
	}
	return []Layer{
		landlock,
		offered(LayerLandlockNet, false, abi, abiTCP),
		offered(LayerLandlockScope, false, abi, abiScope),
		probeSeccomp(),
	}
}

func offered(name string, required bool, abi, need int) Layer {
	l := Layer{name, required, StateOK, fmt.Sprintf("abi %d", abi)}
	if abi < need {
		l.State, l.Detail = StateMissing, fmt.Sprintf("abi %d, needs %d", abi, need)
	}
	return l
}

func probeSeccomp() Layer {
	l := Layer{LayerSeccomp, true, StateOK, "kill action, " + runtime.GOARCH}
	if _, ok := archOf(runtime.GOARCH); !ok {
		l.State, l.Detail = StateMissing, "no policy for "+runtime.GOARCH
	} else if err := knowsAction(kill); err != nil {
		l.State, l.Detail = StateMissing, err.Error()
	}
	return l
}
