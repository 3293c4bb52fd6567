//go:build !race

package session

// hostileSessions is how many sessions with hostile peers are kept up at once, and
// hostileMemory what they may take, in bytes.
const (
	hostileSessions = 1000
	hostileMemory   = 64 << 20
)
