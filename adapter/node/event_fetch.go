package node

import "blockgate/internal/btc"

// BodyProgress says how far a block has come that a peer is sending: at its first bytes,
// unless it is whole then, and at most every 250 ms afterwards. Some may be lost. Hash is
// zero by the encrypted transport, where what a packet is shows when it is whole: Bytes
// are of a packet that may be a block.
type BodyProgress struct {
	Peer  PeerID
	Hash  btc.Hash
	Bytes int // of this block or packet so far
	// Paused says that the shell does not read, for want of memory: no clock runs
	// against the peer.
	Paused bool
}

// OperatorAcceptReorg brings the operator's word that a heavier branch that is held is to
// be published, though it takes back what was final: Hash is a block of that branch, such
// as Status.HeldHash. The journal begins a new epoch with a [Reset] once all bodies of
// the branch are proven and held. One [OperatorTold] answers it.
type OperatorAcceptReorg struct {
	// Request is repeated in the answer.
	Request uint64
	Hash    btc.Hash
}

func (BodyProgress) event()        {}
func (OperatorAcceptReorg) event() {}
