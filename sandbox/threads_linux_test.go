package sandbox

import (
	"os"
	"sync/atomic"
	"testing"
)

func TestIsSleeping(t *testing.T) {
	for _, test := range []struct {
		name, stat string
		want       bool
	}{
		{"asleep", "7 (blockgate-parse) S 1 7 7 0", true},
		{"running", "7 (100) R 1 7 7 0", false},
		{"waiting for a page", "7 (100) D 1 7 7 0", false},
		{"stopped", "7 (100) T 1 7 7 0", false},
		{"a name that looks like the state", "7 (a) S ) R 1 7 7 0", false},
		{"a name with a parenthesis", "7 (a)b) S 1 7 7 0", true},
		{"cut after the name", "7 (a)", false},
		{"cut in the state", "7 (a) S", false},
		{"nothing", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := isSleeping([]byte(test.stat)); got != test.want {
				t.Errorf("isSleeping(%q) = %t, want %t", test.stat, got, test.want)
			}
		})
	}
}

// TestOwnThreadRuns ensures that the state is read where the kernel writes it:
// whoever reads its own line is running.
func TestOwnThreadRuns(t *testing.T) {
	stat, err := os.ReadFile("/proc/thread-self/stat")
	if err != nil {
		t.Fatal(err)
	}
	if isSleeping(stat) {
		t.Errorf("the thread that reads %q is said to sleep", stat)
	}
}

// TestOthersSleep ensures that a thread that runs is seen, and that one that was
// parked is seen to sleep.
func TestOthersSleep(t *testing.T) {
	var stop atomic.Bool
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for !stop.Load() { // busy
		}
	}()
	for othersSleep() { // until it runs on a processor or waits for one
	}
	stop.Store(true)
	<-stopped
	settleThreads()
}
