//go:build race

package link

// stride is how many bytes lie between two cuts of a stream: the race detector makes
// each about ten times as slow.
const stride = 7
