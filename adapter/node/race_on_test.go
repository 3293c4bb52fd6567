//go:build race

package node_test

// raceDetector says that each hash takes ten times as long.
const raceDetector = true
