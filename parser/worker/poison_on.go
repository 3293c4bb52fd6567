//go:build poison

package worker

import (
	"bytes"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/sandbox/frame"
)

// poisons are what a body that ends in one of these words does to a parser that was
// built to fall for it, by the tag poison. They are for the tests of what stands around
// a parser; no program that is shipped has them.
var poisons = map[string]func(jobs int){ //nolint:gochecknoglobals // a table, never written
	"poison:panic":   func(int) { panic("poison") },
	"poison:nil":     func(int) { *nowhere() = 1 },
	"poison:stack":   func(int) { debug.SetMaxStack(8 << 20); deeper(new(int)) }, // else it meets the memory limit first
	"poison:loop":    func(int) { spin() },
	"poison:memory":  func(int) { hoard() },
	"poison:call":    func(int) { _, _ = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0) },
	"poison:silence": func(int) { time.Sleep(time.Hour) },
	"poison:flood":   flood,
}

// swallow falls for a body that is poisoned.
func swallow(jobs int, body []byte) {
	for word, effect := range poisons {
		if bytes.HasSuffix(body, []byte(word)) {
			effect(jobs)
		}
	}
}

func nowhere() *int { return nil }

func deeper(n *int) {
	if *n++; *n > 0 {
		deeper(n)
		deeper(n)
	}
}

func spin() {
	for n := 0; ; n++ {
		if n < 0 {
			n = 0
		}
	}
}

// hoard takes 2 GiB and touches them.
func hoard() {
	var all [][]byte
	for range 2048 {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		all = append(all, b)
	}
	all[0][0] = all[len(all)-1][0]
}

// flood answers with 64 MiB.
func flood(jobs int) {
	for range (64 << 20) / frame.MaxMessage {
		if write(jobs, make([]byte, frame.MaxMessage)) != nil {
			return
		}
	}
}
