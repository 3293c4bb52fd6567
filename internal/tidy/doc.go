// Package tidy holds the tree to its own rules: who may import whom, what is
// documented, how long a file may grow, what the confined parser links.
//
// It is all tests. A rule is a function from the tree to a list of faults; each
// runs on this tree and on small planted trees that break it, so that a rule
// which stopped seeing anything is noticed. Run it alone by "make tidy".
//
// # Trust
//
// Runs in: go test only; no binary links it.
//
// Reads: the files of this repository, and what "go list" says of them.
//
// Hands on: nothing but test failures.
package tidy
