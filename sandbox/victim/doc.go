//go:build linux && victim

// Command victim is a parser that was taken over: it puts on the layers of the
// wall that it is told, then makes one of some hundred attempts to get out, and
// says how it went.
//
// It is a program for the tests of this package alone. All of it, and the function
// of package sandbox that puts on some layers without the others, has the build
// tag victim, with which nothing that is shipped is built.
//
//	victim list
//	victim try NAME LAYERS TARGET
//
// The descriptors are those of a parser: 1 takes the answer, 2 the last words, 3 is
// a socket, 4 the ring. What each attempt came to with each layer stands in
// testdata/stops.txt.
//
// # Trust
//
// Runs in: tests.
//
// Reads: its arguments.
//
// Hands on: one line of answer. Whether it got out is for its parent to judge, by
// that line, the exit status, the signal that ended it, and the clock.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main
