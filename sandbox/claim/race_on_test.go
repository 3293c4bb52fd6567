//go:build race

package claim_test

// raceDetector says that everything takes ten times as long.
const raceDetector = true
