//go:build !race

package addrbook

const raceDetector = false
