//go:build race

package sha256d_test

// raceDetector says that crypto/sha256 allocates: the compiler does not see through
// its append of a new slice then.
const raceDetector = true
