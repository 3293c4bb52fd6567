package main

import (
	"fmt"
	"io"
	"time"
)

// progressEvery is how often a long command says how far it is; one that takes
// less says nothing.
const progressEvery = time.Second

// headerProgress says on out how far a walk over total headers is.
type headerProgress struct {
	out   io.Writer
	total int64 // headers, 0 if not known, as from a pipe: then no end is foretold
	said  time.Time
}

func newHeaderProgress(out io.Writer, total int64) *headerProgress {
	return &headerProgress{out: out, total: total}
}

// step says, at most once a second, that done headers took from started to now.
func (p *headerProgress) step(now, started time.Time, done int64) {
	elapsed := now.Sub(started)
	if p.total > 0 && done >= p.total || elapsed < progressEvery || now.Sub(p.said) < progressEvery {
		return
	}
	p.said = now
	perSecond := headersPerSecond(done, elapsed)
	if p.total == 0 {
		_, _ = fmt.Fprintf(p.out, "blockgate: %d headers, %d headers/s, more to come\n", done, perSecond)
		return
	}
	left := "unknown time"
	if perSecond > 0 {
		left = fmt.Sprintf("%d s", (p.total-done+perSecond-1)/perSecond)
	}
	_, _ = fmt.Fprintf(p.out, "blockgate: %d of %d headers (%d%%), %d headers/s, %s left\n", done, p.total, 100*done/p.total, perSecond, left)
}

// headersPerSecond returns a rate, 0 if no time has passed.
func headersPerSecond(count int64, elapsed time.Duration) int64 {
	if elapsed <= 0 {
		return 0
	}
	return int64(float64(count) / elapsed.Seconds())
}
