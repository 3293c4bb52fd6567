package node

import (
	"time"

	"blockgate/internal/btc"
)

// speed is how fast a peer delivered of late: blocks, their bytes and the time that they
// took, each the sum of the past, in which a block counts less the longer ago it came.
type speed struct {
	blocks, bytes float64
	busy          time.Duration
}

// add notes a block and how long we waited for it alone.
func (s *speed) add(sizeBytes int, took time.Duration) {
	const kept = 1 - 1.0/speedMemory
	s.blocks = s.blocks*kept + 1
	s.bytes = s.bytes*kept + float64(sizeBytes)
	s.busy += max(took, time.Millisecond) - s.busy/speedMemory
}

// perSecond returns bytes per second, 0 before the first block.
func (s *speed) perSecond() float64 {
	if s.busy <= 0 {
		return 0
	}
	return s.bytes / s.busy.Seconds()
}

// blocksIn returns how many blocks like the last ones come in that time.
func (s *speed) blocksIn(d time.Duration) int {
	if s.busy <= 0 {
		return 0
	}
	return int(min(s.blocks*d.Seconds()/s.busy.Seconds()+0.5, MaxPerPeer)) // rounded
}

// transfer is a block on its way from a peer, by what the shell told of it. The zero
// transfer is none.
type transfer struct {
	hash   btc.Hash  // zero by the encrypted transport
	since  time.Time // when it began, or when the shell last did not read
	at     time.Time // when bytes last came
	bytes  int
	before int // those that had come at since
}

// perSecond returns its bytes per second since it began, 0 if there is none.
func (t *transfer) perSecond(now time.Time) float64 {
	if t.since.IsZero() {
		return 0
	}
	return float64(t.bytes-t.before) / max(now.Sub(t.since), firstSecond).Seconds()
}

// drips reports whether a block comes more slowly than it may.
func (b *peerBlocks) drips(now time.Time) bool {
	t := &b.coming
	return !t.since.IsZero() && now.Sub(t.since) >= dripGrace && t.perSecond(now) < minBlockRate
}

// isSending reports whether the peer has begun to send the block, as far as that shows.
func (b *peerBlocks) isSending(hash btc.Hash) bool {
	t := &b.coming
	return !t.since.IsZero() && (t.hash == hash || t.hash.IsZero() && len(b.owed) > 0 && b.owed[0].hash == hash)
}

// active returns when the peer last sent some of what it owes, or was asked for the
// oldest of it. It owes something.
func (b *peerBlocks) active() time.Time {
	at := b.owed[0].since
	for _, other := range [...]time.Time{b.last, b.coming.at} {
		if other.After(at) {
			at = other
		}
	}
	return at
}
