package main

import (
	"errors"
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"blockgate/parser/worker"
	"blockgate/sandbox"
	"blockgate/sandbox/ring"
)

func main() {
	noLandlock := flag.Bool("allow-no-landlock", false, "go on where the kernel has no Landlock (for trials)")
	isolated := flag.Bool("own-namespaces", false, "the namespaces are this process's own (for the supervisor)")
	flag.Parse()
	runtime.GOMAXPROCS(2)          // one for the walk, one for the collector
	debug.SetMemoryLimit(64 << 20) // a soak of full blocks stays under 17 MB
	blocks, err := ring.OpenReader(4)
	if err = errors.Join(err, syscall.Close(4), sandbox.SetProcessName("blockgate-parser")); err != nil {
		end(sandbox.ExitFailure, "only blockgate can start this program: ", err)
	}
	parser := worker.New()
	report, err := sandbox.Confine(sandbox.Options{AllowNoLandlock: *noLandlock, OwnNamespaces: *isolated, AllowedFDs: []int{0, 1, 2, 3}})
	if err != nil {
		end(sandbox.ExitMissingLayer, "", err)
	}
	if _, err = os.Stdout.Write(append(report.AppendText(nil), '\n')); err == nil {
		err = parser.Serve(3, blocks)
	}
	if err != nil {
		end(sandbox.ExitFailure, "", err)
	}
}

func end(code int, doing string, err error) {
	_, _ = os.Stderr.WriteString("blockgate-parser: " + doing + err.Error() + "\n")
	os.Exit(code)
}
