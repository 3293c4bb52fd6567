package node

import (
	"slices"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// transactions are those that were submitted, and the connections that are there for
// them alone. The other peers never hear of a transaction.
type transactions struct {
	all   []*transaction // in the order in which they came; MaxTransactions at most
	conns []*txConn      // in the order of their dials; observers and carriers are bounded each
	// changed says that something happened; looked is when the last look was, and tip
	// what the best complete tip was then.
	changed bool
	looked  time.Time
	tip     btc.Hash
	// needless is since when no transaction needs an observer; zero if one does.
	needless time.Time
	// observerFailures in a row put off the next dial until observerNext.
	observerFailures int
	observerNext     time.Time
}

// transaction is one that was submitted.
type transaction struct {
	txid, wtxid        btc.Hash
	submitted, expires time.Time
	arrived            time.Time // in this run
	progress           TxProgress
	said               TxState    // last, by TransactionMoved
	blocks             []btc.Hash // proven ones that hold it, maxTxBlocks at most
	block              btc.Hash   // that of them on the best complete chain, or zero
	height             btc.Height // of block
	told, taken        int
	seers              []PeerID // observers that heard of it, maxSeers at most
	round              txRound
}

// txRound is one time of telling as many peers as are wanted.
type txRound struct {
	number   int // of rounds that are over
	failures int // in a row: rounds in which nobody was told
	told     int
	tries    int // dials
	used     []addrbook.Addr
	next     time.Time // of the next dial
}

// find returns the transaction with that txid, nil if there is none.
func (x *transactions) find(txid btc.Hash) *transaction {
	for _, t := range x.all {
		if t.txid == txid {
			return t
		}
	}
	return nil
}

// transactionEvent takes in what concerns transactions and their connections, and
// reports whether that was it.
func (n *Node) transactionEvent(ev Event) bool {
	switch e := ev.(type) {
	case TransactionKept:
		n.transactionKept(e)
	case TransactionTaken:
		n.transactionTaken(e)
	case TransactionHeard:
		n.transactionHeard(e)
	case TransactionMined:
		n.transactionMined(e)
	case PeerUp:
		return n.txConnUp(e)
	case DialFailed:
		return n.txConnGone(e.Peer, PeerDown{Peer: e.Peer, Detail: e.Detail})
	case PeerDown:
		return n.txConnGone(e.Peer, e)
	default:
		return false
	}
	n.txs.changed = true
	return true
}

func (n *Node) transactionKept(e TransactionKept) {
	t := n.txs.find(e.Txid)
	switch {
	case t == nil && len(n.txs.all) >= MaxTransactions:
		return // the shell keeps no more than that
	case t == nil:
		t = &transaction{txid: e.Txid}
		n.txs.all = append(n.txs.all, t)
	case t.wtxid == e.Wtxid:
		t.expires = e.Expires
		if n.wantsAnnouncing(t) && t.round.told == 0 {
			t.round.next = n.soon()
		}
		return
	default: // another witness: what was told of the old one says nothing
		n.endCarriersOf(t)
		*t = transaction{txid: e.Txid}
	}
	t.wtxid, t.submitted, t.expires, t.arrived, t.progress = e.Wtxid, e.Submitted, e.Expires, n.now, e.Progress
	t.blocks = slices.Clone(e.Blocks[max(0, len(e.Blocks)-maxTxBlocks):])
	t.round.next = n.soon()
	n.txs.tip = btc.Hash{} // look for its blocks
}

// soon is when a transaction goes out that may: not at once, lest the moment tell who
// had it first.
func (n *Node) soon() time.Time { return n.now.Add(time.Duration(n.dice.below(int(txJitter)))) }

func (n *Node) transactionTaken(e TransactionTaken) {
	c := n.txs.conn(e.Peer)
	if c == nil || c.kind != Carrier || !c.ready || c.tx.txid != e.Txid {
		return
	}
	c.tx.taken++
	n.closeTxConn(c, ReasonDelivered)
}

func (n *Node) transactionHeard(e TransactionHeard) {
	c, t := n.txs.conn(e.Peer), n.txs.find(e.Txid)
	if c == nil || c.kind != Observer || t == nil || slices.Contains(t.seers, e.Peer) || len(t.seers) >= maxSeers {
		return
	}
	t.seers = append(t.seers, e.Peer)
	n.progressed(t, TxProgressSeen)
}

// progressed notes that a transaction got that far, if it is further than before.
func (n *Node) progressed(t *transaction, to TxProgress) {
	if to > t.progress {
		t.progress = to
		n.do(NoteTransaction{Txid: t.txid, Progress: to})
	}
}

func (n *Node) transactionMined(e TransactionMined) {
	t := n.txs.find(e.Txid)
	if t == nil || slices.Contains(t.blocks, e.Block) {
		return
	}
	t.blocks = append(t.blocks, e.Block)
	t.blocks = t.blocks[max(0, len(t.blocks)-maxTxBlocks):]
	n.txs.tip = btc.Hash{}
}

// advanceTransactions looks at where the transactions stand.
func (n *Node) advanceTransactions() {
	x := &n.txs
	tip := n.chain.BestComplete().Hash
	if len(x.all)+len(x.conns) == 0 || !x.changed && tip == x.tip && n.now.Sub(x.looked) < txLook {
		return
	}
	if tip != x.tip {
		n.findTxBlocks(tip)
	}
	x.changed, x.looked, x.tip = false, n.now, tip
	n.forgetTransactions()
	n.endTxConns()
	n.keepObservers()
	for _, t := range x.all {
		n.announce(t)
		n.sayMoved(t)
	}
}

// findTxBlocks notes which transactions are in a block of the best complete chain.
func (n *Node) findTxBlocks(tip btc.Hash) {
	for _, t := range n.txs.all {
		block, height := n.blockOf(t, tip)
		if block.IsZero() && !t.block.IsZero() { // reorganised away: as if it had just come
			t.progress, t.seers = min(t.progress, TxProgressAnnounced), nil
			t.round = txRound{next: n.soon()}
			n.do(NoteTransaction{Txid: t.txid, Progress: t.progress})
		}
		t.block, t.height = block, height
	}
}

func (n *Node) blockOf(t *transaction, tip btc.Hash) (btc.Hash, btc.Height) {
	for _, hash := range t.blocks {
		e, ok := n.chain.Lookup(hash)
		if !ok {
			continue
		}
		if at, ok := n.chain.Ancestor(tip, e.Height); ok && at.Hash == hash {
			return hash, e.Height
		}
	}
	return btc.Hash{}, 0
}

// forgetTransactions drops those of final blocks, and those that expired long ago.
func (n *Node) forgetTransactions() {
	n.txs.all = slices.DeleteFunc(n.txs.all, func(t *transaction) bool {
		done := n.now.Sub(t.expires) >= txExpiredFor
		if !t.block.IsZero() {
			done = n.journal.adopted && t.height <= n.journal.final
		}
		if done {
			n.sayMoved(t)
			n.endCarriersOf(t)
			n.do(ForgetTransaction{Txid: t.txid})
		}
		return done
	})
}

func (n *Node) sayMoved(t *transaction) {
	if state := n.stateOf(t); state != t.said {
		t.said = state
		n.do(TransactionMoved{Txid: t.txid, State: state})
	}
}

// wantsAnnouncing reports whether peers are to be told of a transaction, now or later:
// until it is seen, but the first round is ended, since whoever is told first must not
// be the only one who decides where it goes.
func (n *Node) wantsAnnouncing(t *transaction) bool {
	switch {
	case !t.block.IsZero() || n.expired(t):
		return false
	case len(t.blocks) > 0 && !n.journal.adopted:
		return false // it is likely in a block of the journal
	}
	return t.progress < TxProgressSeen || t.told > 0 && t.round.number == 0
}
