//go:build !race

package fuzz_test

// All is ten times slower with the race detector, and there is one goroutine: little is
// left of the long tests then.
const (
	flips      = 10_000    // random bits that are flipped in each block
	firstBytes = 2048      // of a block, whose bits are all flipped
	largest    = 4_000_000 // bytes of a block that is judged
	raceOn     = false
)
