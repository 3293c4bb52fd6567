// Package bench measures what whole blocks cost: parser, all rules and the proof by
// each hashing engine, next to btcd and to the hashes alone.
//
// It is all benchmarks: "make bench" runs them and prints what they say as a table.
// The variants of one block run in turns, and the fastest round of each counts, so
// that a machine that is slow for a while is slow for all. docs/benchmarks.md has the
// figures of one machine.
//
// # Trust
//
// Runs in: go test only; no binary links it.
//
// Reads: the files of testdata.
//
// Hands on: figures, for people.
package bench
