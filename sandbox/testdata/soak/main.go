//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command soak locks itself up as a parser does, in namespaces that are its own, then
// makes garbage from several goroutines for the time that its argument says. A call
// of the runtime that the policy lacks kills it.
//
// # Trust
//
// Runs in: tests.
//
// Reads: its argument.
//
// Hands on: its status line, then how many collections there were.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"blockgate/sandbox"
)

func main() {
	length, err := time.ParseDuration(os.Args[1])
	if err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(2)
	debug.SetGCPercent(20)
	debug.SetMemoryLimit(24 << 20) // all of it must fit into one arena of 64 MiB
	report, err := sandbox.Confine(sandbox.Options{AllowedFDs: []int{0, 1, 2}, OwnNamespaces: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(sandbox.ExitMissingLayer)
	}
	fmt.Printf("%s\n", report.AppendText(nil))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { churn(time.Now().Add(length)) })
	}
	wg.Wait()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Printf("%d collections\n", stats.NumGC)
}

// churn makes trees and big slices, waits and loops without a call, so that the
// collector, the scavenger, the timers and preemption all have work.
func churn(end time.Time) {
	type node struct {
		left, right *node
		text        []byte
	}
	for time.Now().Before(end) {
		root := &node{}
		for i := range 2000 {
			root = &node{left: root, text: make([]byte, i)}
		}
		big := make([]byte, 1<<20)
		for i := range big {
			big[i] = byte(i)
		}
		time.Sleep(time.Millisecond)
		debug.FreeOSMemory()
		runtime.KeepAlive(root)
	}
}
