//go:build race

package bench_test

// raceDetector says that times mean little, and that the standard library allocates more.
const raceDetector = true
