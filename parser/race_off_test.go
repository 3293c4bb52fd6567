//go:build !race

package parser_test

// slower is how many times less the long tests do without the race detector.
const slower = 1
