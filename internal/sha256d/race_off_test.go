//go:build !race

package sha256d_test

const raceDetector = false
