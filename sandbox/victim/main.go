//go:build linux && victim

package main

import (
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"blockgate/sandbox"
)

// attempt is one way out, or one step on it. It returns nil if it worked.
type attempt struct {
	name   string
	inside bool // It needs the capabilities that a user namespace gives.
	do     func(t *target) error
}

// attempts are all of them.
func attempts() []attempt {
	var all []attempt
	for _, group := range [][]attempt{
		onPaths(), onPathsToo(), onDescriptors(), onRing(), onNetwork(), onInterfaces(), onPrograms(), onParent(), onParentToo(),
		onItself(), onItselfToo(), onMounts(), onKeys(), onMessages(), onKernel(), onMemory(), onLimits(), onArchitecture(),
	} {
		all = append(all, group...)
	}
	return all
}

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "confess":
		say("succeeded")
	case len(os.Args) == 2 && os.Args[1] == "list":
		for _, a := range attempts() {
			if a.inside {
				a.name += " inside"
			}
			_, _ = os.Stdout.WriteString(a.name + "\n")
		}
	case len(os.Args) == 5 && os.Args[1] == "try":
		try(os.Args[2], os.Args[3], os.Args[4])
	default:
		os.Exit(sandbox.ExitUsage)
	}
}

// say writes the answer as the parser does, by one write.
func say(text string) { _, _ = unix.Write(1, []byte(text+"\n")) }

// try confines this process and makes the attempt of that name.
func try(name, layers, about string) {
	runtime.GOMAXPROCS(2)
	debug.SetMemoryLimit(64 << 20)
	t := &target{}
	if err := json.Unmarshal([]byte(about), t); err != nil {
		os.Exit(sandbox.ExitUsage)
	}
	if err := t.prepare(); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(sandbox.ExitFailure)
	}
	options := sandbox.Options{AllowedFDs: []int{0, 1, 2, 3}, OwnNamespaces: strings.Contains(layers, sandbox.LayerRoot)}
	report, err := sandbox.ConfinePartly(options, strings.Split(layers, ","))
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(sandbox.ExitMissingLayer)
	}
	_, _ = unix.Write(1, append(report.AppendText(nil), '\n'))
	for _, a := range attempts() {
		if a.name != name {
			continue
		}
		if err := a.do(t); err != nil {
			say("refused " + word(err))
			return
		}
		say("succeeded")
		return
	}
	os.Exit(sandbox.ExitUsage)
}

// word is the kernel's word for an error, or our own.
func word(err error) string {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return unix.ErrnoName(errno)
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}
