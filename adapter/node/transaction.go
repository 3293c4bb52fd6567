package node

import (
	"errors"
	"fmt"
	"time"

	"blockgate/internal/btc"
)

// TxState is what became of a transaction.
type TxState uint8

// The states. Until it expires a transaction goes forth along them, and back from
// TxInBlock when a reorganisation takes its block away.
const (
	// TxMalformed says that the bytes are no transaction, or break a rule that needs no
	// coins. The node never says so: what is malformed does not come to it.
	TxMalformed TxState = iota + 1
	// TxKnown says that it is kept and nobody was told yet.
	TxKnown
	// TxAnnounced says that at least one peer was told.
	TxAnnounced
	// TxSeen says that a peer that we had not told announced it to us.
	TxSeen
	// TxInBlock says that a proven block of the best complete chain holds it.
	TxInBlock
	// TxExpired says that none of this came about in time. It is not announced any more.
	TxExpired
)

var txStateNames = [...]string{ //nolint:gochecknoglobals // a table
	TxMalformed: "malformed", TxKnown: "known", TxAnnounced: "announced", TxSeen: "seen", TxInBlock: "in block", TxExpired: "expired",
}

// String returns the state in one or two lower-case words.
func (s TxState) String() string {
	if s == 0 || int(s) >= len(txStateNames) {
		return "no state"
	}
	return txStateNames[s]
}

// MarshalText returns what [TxState.String] does.
func (s TxState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// errTxState says that a text names no state.
var errTxState = errors.New("no state of a transaction")

// UnmarshalText reads what MarshalText returns.
func (s *TxState) UnmarshalText(text []byte) error {
	for state, name := range txStateNames {
		if name != "" && name == string(text) {
			*s = TxState(state)
			return nil
		}
	}
	return fmt.Errorf("%w: %.20q", errTxState, text)
}

// Transaction is what is known of one that was submitted. All of it is by value.
type Transaction struct {
	Txid  btc.Hash `json:"txid"`
	Wtxid btc.Hash `json:"wtxid"`
	State TxState  `json:"state"`
	// Told counts the connections on which it was announced in this run, Taken those
	// whose peer asked for it and got it, Wanted how many are told in a round.
	Told   int `json:"told"`
	Taken  int `json:"taken"`
	Wanted int `json:"wanted"`
	// SeenBy counts the observers that heard of it in this run.
	SeenBy int `json:"seen_by"`
	// Block and Height say where it is, if State is [TxInBlock]; Confirmations is 1 if
	// that block is the tip.
	Block         btc.Hash   `json:"block,omitzero"`
	Height        btc.Height `json:"height,omitzero"`
	Confirmations int        `json:"confirmations,omitzero"`
	Submitted     time.Time  `json:"submitted"`
	Expires       time.Time  `json:"expires"`
}

// Transaction returns what is known of a transaction, false if nothing is.
func (n *Node) Transaction(txid btc.Hash) (Transaction, bool) {
	t := n.txs.find(txid)
	if t == nil {
		return Transaction{}, false
	}
	return n.describe(t), true
}

// Transactions returns all that are known, in the order in which they came.
func (n *Node) Transactions() []Transaction {
	all := make([]Transaction, 0, len(n.txs.all))
	for _, t := range n.txs.all {
		all = append(all, n.describe(t))
	}
	return all
}

func (n *Node) describe(t *transaction) Transaction {
	d := Transaction{
		Txid: t.txid, Wtxid: t.wtxid, State: n.stateOf(t), Told: t.told, Taken: t.taken, Wanted: n.cfg.Carriers,
		SeenBy: len(t.seers), Submitted: t.submitted, Expires: t.expires,
	}
	if d.State == TxInBlock {
		d.Block, d.Height = t.block, t.height
		d.Confirmations = max(1, int(n.chain.BestComplete().Height-t.height)+1)
	}
	return d
}

func (n *Node) stateOf(t *transaction) TxState {
	switch {
	case !t.block.IsZero():
		return TxInBlock
	case n.expired(t):
		return TxExpired
	case t.progress == TxProgressSeen:
		return TxSeen
	case t.progress == TxProgressAnnounced:
		return TxAnnounced
	}
	return TxKnown
}

func (n *Node) expired(t *transaction) bool { return !n.now.Before(t.expires) }
