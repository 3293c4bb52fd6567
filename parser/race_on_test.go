//go:build race

package parser_test

// slower is how many times less the long tests do under the race detector.
const slower = 10
