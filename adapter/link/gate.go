package link

import (
	"time"

	"blockgate/internal/btc"
)

// Gate decides about the v1 frames of one connection by the rules of [Conn], from
// their headers alone: for a simulation, which has no socket and a clock of its own.
// It is not for concurrent use.
type Gate struct {
	magic uint32
	phase phase
	flood flood
}

// NewGate returns a gate for a connection that has not begun its handshake. magic is
// the first field of each frame, as in [btc.Params].
func NewGate(magic uint32) *Gate { return &Gate{magic: magic} }

// Frame takes the 24-byte header of the next frame and returns its command, the bytes
// of its payload and what happens to it. The error, an *[EndError], ends the
// connection, as does one of [Gate.Unasked].
func (g *Gate) Frame(now time.Time, header [frameHeaderSize]byte) (Command, int, Verdict, error) {
	m, err := parseFrameHeader(&header, g.magic)
	if err != nil {
		return m.command, 0, Ban, err
	}
	verdict, err := judge(m, g.phase)
	switch {
	case err != nil:
	case verdict == Answer:
		err = g.flood.ping(now)
	case verdict == Pass, verdict == Take:
		g.phase = g.phase.after(m.command)
		err = g.flood.heard(now, m)
	case verdict != Divert:
		err = g.flood.drop(now, m)
	}
	return m.command, int(m.size), verdict, err
}

// Unasked counts a block that was not asked for.
func (g *Gate) Unasked(now time.Time, hash btc.Hash) error { return g.flood.unaskedBlock(now, hash) }
