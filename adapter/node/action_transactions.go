package node

import "blockgate/internal/btc"

// Announce asks to tell the peer of a [Carrier] of a transaction and to give it when the
// peer asks for it. One [TransactionTaken] may follow.
type Announce struct {
	Peer        PeerID
	Txid, Wtxid btc.Hash
}

// NoteTransaction asks to keep how far a transaction got. Nothing waits for it: what is
// lost is found out again.
type NoteTransaction struct {
	Txid     btc.Hash
	Progress TxProgress
}

// ForgetTransaction says that a transaction is done with: it is in a final block, or
// has expired long ago.
type ForgetTransaction struct{ Txid btc.Hash }

// TransactionMoved says that a transaction is in another state. It is for the log and
// for those who wait.
type TransactionMoved struct {
	Txid  btc.Hash
	State TxState
}

func (Announce) action()          {}
func (NoteTransaction) action()   {}
func (ForgetTransaction) action() {}
func (TransactionMoved) action()  {}
