//go:build race

package session

// hostileSessions and hostileMemory: the race detector takes memory of its own, and more
// goroutines than it can watch end the program.
const (
	hostileSessions = 100
	hostileMemory   = 1 << 30
)
