//go:build !race

package claim_test

const raceDetector = false
