package node

import "blockgate/internal/btc"

// BodyDoubtful says that the first parser failed on a body, or has had it for long, and
// that nothing is known of it yet: a second opinion is under way, and one [BodyJudged]
// follows. The node asks another peer for the block, if there is one: see
// [Node.Elsewhere].
type BodyDoubtful struct {
	Peer PeerID
	Hash btc.Hash
}

func (BodyDoubtful) event() {}

// GiveUp says that nothing that waits to be judged of this peer is of use any more: its
// address is banned. What a parser has may be finished. A [BodyJudged] follows for each
// all the same, with [OutcomeNotJudged] for what was given up.
type GiveUp struct{ Peer PeerID }

func (GiveUp) action() {}
