//go:build race

package simnet

// raceDetector says that a run takes ten times as long.
const raceDetector = true
