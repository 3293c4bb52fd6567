//go:build race

package signet_test

// raceDetector says that everything takes ten times as long.
const raceDetector = true
