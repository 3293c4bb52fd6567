// Command gen prints the amd64 kernels of the hashing engine.
//
// Run it by "go generate ./internal/sha256d": it writes kernels_amd64.s there, and
// a test wants what it prints to be that file. Review this command and not its
// output: each file of it prints one kind of kernel, and a kernel is a page of
// instructions in loops.
//
//	rounds.go   the 64 rounds over two sets of 16 lanes, and what feeds them
//	lanes.go    messages of any length in 32 lanes that refill themselves
//	groups.go   32 merkle nodes or headers at once
//	shani.go    one stream, two streams, and pairs on the SHA extensions
//	layout.go   where the kernels find the fields of what Go hands them
//
// Instructions are written as Go's assembler takes them: sources first, the
// destination last.
//
// # Trust
//
// Runs in: "go generate" and a test; no binary links it.
//
// Reads: nothing.
//
// Hands on: assembly that runs in every process that hashes.
package main
