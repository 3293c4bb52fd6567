//go:build race

package fuzz_test

// All is ten times slower with the race detector, and there is one goroutine: little is
// left of the long tests.
const (
	flips      = 200    // random bits that are flipped in each block
	firstBytes = 128    // of a block, whose bits are all flipped
	largest    = 60_000 // bytes of a block that is judged
	raceOn     = true
)
