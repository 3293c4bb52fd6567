//go:build race

package addrbook

// raceDetector says that each hash takes ten times as long.
const raceDetector = true
