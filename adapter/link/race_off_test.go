//go:build !race

package link

// stride is how many bytes lie between two cuts of a stream.
const stride = 1
