package sandbox

import (
	"bytes"
	"os"
	"path"
	"runtime"
	"sync"
	"time"
)

// parkThreads makes the runtime start n threads and leave them idle: each of n
// goroutines holds a thread of its own until all have one.
func parkThreads(n int) {
	var started, done sync.WaitGroup
	started.Add(n)
	release := make(chan struct{})
	for range n {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			started.Done()
			<-release
		})
	}
	started.Wait()
	close(release)
	done.Wait()
}

// settleThreads waits until every other thread sleeps. The runtime starts one more
// than parkThreads asked for, and on a busy machine it may not have run yet: a
// thread sets up its signal stack first, which the filter forbids. A thread that
// sleeps has that behind it.
//
// It gives up after settleLimit: then the parser may die of it later, and another
// takes its place.
func settleThreads() {
	for asleep, limit := 0, time.Now().Add(settleLimit); asleep < settleRounds && time.Now().Before(limit); {
		time.Sleep(settlePause)
		if othersSleep() {
			asleep++
		} else {
			asleep = 0
		}
	}
}

// othersSleep reports whether the kernel has every thread but this one asleep. It
// reports false if /proc does not tell.
func othersSleep() bool {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false
	}
	// Not gettid: /proc may count threads from outside our namespace.
	link, err := os.Readlink("/proc/thread-self")
	if err != nil {
		return false
	}
	self := path.Base(link)
	for _, task := range tasks {
		if task.Name() == self {
			continue
		}
		stat, err := os.ReadFile("/proc/self/task/" + task.Name() + "/stat")
		if err != nil || !isSleeping(stat) {
			return false
		}
	}
	return true
}

// isSleeping reports whether a line of /proc/PID/stat has the state S: waiting, and
// not about to run. The state follows the name in parentheses, which may hold any
// byte.
func isSleeping(stat []byte) bool {
	end := bytes.LastIndexByte(stat, ')')
	return end >= 0 && bytes.HasPrefix(stat[end+1:], []byte(" S "))
}
