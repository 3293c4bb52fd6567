//go:build !race

package bip324

// stride is how many bytes lie between two cuts of a stream.
const stride = 1
