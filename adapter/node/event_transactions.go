package node

import (
	"time"

	"blockgate/internal/btc"
)

// TxProgress is how far a transaction got among peers.
type TxProgress uint8

// The steps, in order.
const (
	// TxProgressKnown says that we hold it.
	TxProgressKnown TxProgress = iota
	// TxProgressAnnounced says that a peer was told of it.
	TxProgressAnnounced
	// TxProgressSeen says that an observer was told of it by its peer.
	TxProgressSeen
)

// TransactionKept says that a transaction is to be sent and that its bytes are where a
// crash does not reach them: it was submitted, perhaps again, or kept by a run before.
// One whose txid is known already gets the new Expires, and starts anew if its Wtxid is
// another one.
type TransactionKept struct {
	Txid, Wtxid btc.Hash
	Submitted   time.Time
	Expires     time.Time
	Progress    TxProgress
	Blocks      []btc.Hash // proven blocks that hold it
}

// TransactionTaken says that the peer of a [Carrier] asked for the transaction, got it
// and answered the ping behind it.
type TransactionTaken struct {
	Peer PeerID
	Txid btc.Hash
}

// TransactionHeard says that the peer of an [Observer] announced a transaction that
// waits. The shell compares; of others it says nothing.
type TransactionHeard struct {
	Peer PeerID
	Txid btc.Hash
}

// TransactionMined says that a block is proven and holds a transaction that waits. The
// shell has written that down before it says so.
type TransactionMined struct{ Txid, Block btc.Hash }

func (TransactionKept) event()  {}
func (TransactionTaken) event() {}
func (TransactionHeard) event() {}
func (TransactionMined) event() {}
