package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/adapter/session"
	"blockgate/adapter/txstore"
	"blockgate/internal/btc"
)

var (
	// ErrTxBusy says that too many transactions are being checked.
	ErrTxBusy = errors.New("too many transactions are being checked")
	// ErrTxUnknown says that a transaction was never submitted, or is done with.
	ErrTxUnknown = errors.New("unknown transaction")
	// ErrTxStopped says that the adapter does not run any more.
	ErrTxStopped = errors.New("the adapter has stopped")
)

// MalformedTxError says that bytes are no transaction, or break a rule that needs no
// coins.
type MalformedTxError struct{ Reason string }

// Error returns the reason.
func (e *MalformedTxError) Error() string { return e.Reason }

// CheckedTx is what a cell proved of a transaction.
type CheckedTx struct {
	Txid, Wtxid  btc.Hash
	Size         int // bytes
	StrippedSize int // bytes, without its witness
	Weight       int // weight units
}

// TxCell has transactions walked where they can do no harm.
type TxCell interface {
	// CheckTx proves the ids of a transaction. The error is a [*MalformedTxError], or
	// says why there is no answer. Many goroutines may call it.
	CheckTx(ctx context.Context, raw []byte) (CheckedTx, error)
}

// TxResult is what became of a transaction that was submitted.
type TxResult struct {
	node.Transaction
	// Reason says why it is malformed, if State is [node.TxMalformed]; the rest of the
	// result is zero then.
	Reason string `json:"reason,omitzero"`
	// Size, StrippedSize and Weight are 0 unless it was submitted just now.
	Size         int `json:"size,omitzero"`          // bytes
	StrippedSize int `json:"stripped_size,omitzero"` // bytes
	Weight       int `json:"weight,omitzero"`        // weight units
}

// Transactions is where transactions are handed in and asked after, while [Run] runs
// with it. Many goroutines may use it.
type Transactions struct {
	store *txstore.Store
	cell  TxCell
	life  time.Duration // of a transaction that is neither seen nor mined
	room  chan struct{} // a token for each that is being checked
	asks  chan txAsk
	over  chan struct{} // closed when Run has ended
	watch watch
	// changing is held for reading from the time a transaction is written until the
	// brain knows, so that none is removed in between that was just submitted again.
	changing sync.RWMutex
	notes    chan func() error // for the disk
}

// txAsk is a question to the brain, behind an event unless that is nil.
type txAsk struct {
	event  node.Event
	about  bool // one transaction: who asks wants to see it in a block
	answer func(*node.Node)
	done   chan struct{} // closed behind answer
}

// NewTransactions returns a desk for transactions that are kept in store and checked by
// cell. One that is handed in expires after lifetime, [DefaultTxLifetime] if that is 0 or
// less, and [MaxTxLifetime] if it is more; those that were kept before are not changed.
func NewTransactions(store *txstore.Store, cell TxCell, lifetime time.Duration) *Transactions {
	if lifetime <= 0 {
		lifetime = DefaultTxLifetime
	}
	return &Transactions{
		life:  min(lifetime, MaxTxLifetime),
		store: store, cell: cell, room: make(chan struct{}, maxTxChecks), asks: make(chan txAsk), over: make(chan struct{}),
		notes: make(chan func() error, txNotes),
	}
}

// Submit has a transaction checked in the cell, kept on the disk and, from then on,
// announced. It returns once it is certain that a crash does not lose it, or with State
// [node.TxMalformed]. One that is known already is announced again if nobody has seen
// it, and expires later. It does not keep raw.
//
// The errors are [ErrTxBusy], [ErrTxStopped], those of txstore, of ctx, and of a cell that
// gave no answer: then it may be tried again. After ErrTxStopped, and when ctx is done, it
// may have been kept: then the next run announces it.
func (t *Transactions) Submit(ctx context.Context, raw []byte) (TxResult, error) {
	select {
	case t.room <- struct{}{}:
		defer func() { <-t.room }()
	default:
		return TxResult{}, ErrTxBusy
	}
	if len(raw) > txstore.MaxTransaction {
		return TxResult{}, fmt.Errorf("%w: %d bytes, at most %d", txstore.ErrTooLarge, len(raw), txstore.MaxTransaction)
	}
	checked, err := t.cell.CheckTx(ctx, raw)
	if malformed, is := errors.AsType[*MalformedTxError](err); is {
		return TxResult{Transaction: node.Transaction{State: node.TxMalformed}, Reason: malformed.Reason}, nil
	}
	if err != nil {
		return TxResult{}, fmt.Errorf("check the transaction: %w", err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	record := txstore.Record{Txid: checked.Txid, Wtxid: checked.Wtxid, Submitted: now, Expires: now.Add(t.life)}
	t.changing.RLock()
	defer t.changing.RUnlock()
	if err := t.store.Add(record, raw); err != nil {
		return TxResult{}, err
	}
	result := TxResult{Size: checked.Size, StrippedSize: checked.StrippedSize, Weight: checked.Weight}
	result.Transaction, err = t.find(ctx, kept(record), checked.Txid)
	return result, err
}

// Find returns what became of a transaction.
//
// The errors are [ErrTxUnknown], [ErrTxStopped] and that of ctx.
func (t *Transactions) Find(ctx context.Context, txid btc.Hash) (TxResult, error) {
	found, err := t.find(ctx, nil, txid)
	return TxResult{Transaction: found}, err
}

// All returns what became of all that are known, in the order in which they came. The
// errors are [ErrTxStopped] and that of ctx.
func (t *Transactions) All(ctx context.Context) (all []node.Transaction, err error) {
	err = t.ask(ctx, txAsk{answer: func(n *node.Node) { all = n.Transactions() }})
	return all, err
}

func (t *Transactions) find(ctx context.Context, event node.Event, txid btc.Hash) (node.Transaction, error) {
	var found node.Transaction
	var ok bool
	a := txAsk{event: event, about: true, answer: func(n *node.Node) { found, ok = n.Transaction(txid) }}
	if err := t.ask(ctx, a); err != nil {
		return node.Transaction{}, err
	}
	if !ok {
		return node.Transaction{}, fmt.Errorf("%w: %s", ErrTxUnknown, txid)
	}
	return found, nil
}

// ask has the loop step the event, unless it is nil, and then call the answer.
func (t *Transactions) ask(ctx context.Context, a txAsk) error {
	a.done = make(chan struct{})
	select {
	case t.asks <- a: // the loop has it now, and answers at once
		<-a.done
		return nil
	case <-t.over:
		return ErrTxStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

func kept(r txstore.Record) node.TransactionKept {
	return node.TransactionKept{
		Txid: r.Txid, Wtxid: r.Wtxid, Submitted: r.Submitted, Expires: r.Expires, Progress: node.TxProgress(r.Progress), Blocks: r.Blocks,
	}
}

// loadTransactions tells the brain of what runs before have kept, and begins to write
// what it says of them.
func (s *shell) loadTransactions(ctx context.Context) {
	t := s.config.Transactions
	if t == nil {
		return
	}
	s.txAsks = t.asks
	for _, record := range t.store.Records() {
		s.step(ctx, kept(record))
		t.watch.add(record.Txid)
	}
	s.working.Go(func() { s.writeNotes(ctx, t) })
}

// transactionAsked does what a [Transactions] asks of the loop.
func (s *shell) transactionAsked(ctx context.Context, a txAsk) {
	if a.about {
		s.wake(ctx)
	}
	if e, ok := a.event.(node.TransactionKept); ok {
		s.config.Transactions.watch.add(e.Txid)
		s.step(ctx, e)
	}
	a.answer(s.brain)
	close(a.done)
}

// announce tells the peer of a carrier of its transaction.
func (s *shell) announce(a node.Announce) {
	p, ok := s.peers[a.Peer]
	if !ok || p.session == nil {
		return
	}
	store := s.config.Transactions.store
	s.sent(p, p.session.Announce(a.Txid, a.Wtxid, func() ([]byte, error) {
		raw, err := store.Raw(a.Txid)
		if err != nil {
			s.log.Error("transaction not sent", slog.String("txid", a.Txid.String()), slog.String("error", err.Error()))
		}
		return raw, err
	}))
}

// note has something written about a transaction, some time. When the disk has too much
// to do it is not: the brain finds it out again.
func (s *shell) note(write func() error) {
	select {
	case s.config.Transactions.notes <- write:
	default:
		s.log.Warn("transaction not noted", slog.String("error", "the disk is too slow"))
	}
}

func (s *shell) noteTransaction(a node.NoteTransaction) {
	t := s.config.Transactions
	s.note(func() error { return t.store.Note(a.Txid, txstore.Progress(a.Progress)) })
}

func (s *shell) forgetTransaction(a node.ForgetTransaction) {
	t := s.config.Transactions
	t.watch.remove(a.Txid)
	s.note(func() error {
		t.changing.Lock()
		defer t.changing.Unlock()
		if t.watch.has(a.Txid) {
			return nil // submitted again
		}
		return t.store.Remove(a.Txid)
	})
}

func (s *shell) writeNotes(ctx context.Context, t *Transactions) {
	for {
		select {
		case <-ctx.Done():
			return
		case write := <-t.notes:
			if err := write(); err != nil && !errors.Is(err, txstore.ErrUnknown) {
				s.log.ErrorContext(ctx, "transaction not noted", slog.String("error", err.Error()))
			}
		}
	}
}

// minedIn looks for waiting transactions in a proven block. What it finds is on the disk
// before anybody can write the block to the journal: a block of the journal is not seen
// again after a crash.
func (s *shell) minedIn(ctx context.Context, block btc.Hash, proven Proven) {
	t := s.config.Transactions
	if t == nil || proven == nil {
		return
	}
	for _, txid := range t.watch.in(proven) {
		if err := t.store.Mined(txid, block); err != nil && !errors.Is(err, txstore.ErrUnknown) {
			s.log.ErrorContext(ctx, "transaction not noted", slog.String("txid", txid.String()), slog.String("error", err.Error()))
		}
		s.post(ctx, node.TransactionMined{Txid: txid, Block: block})
	}
}

// purposeOf says what link and session let pass on a connection.
func purposeOf(kind node.Kind) link.Purpose {
	switch kind {
	case node.Carrier:
		return link.Carrier
	case node.Observer:
		return link.Observer
	case node.Manual, node.BlockRelay, node.Feeler, node.Anchor, node.Extra:
	}
	return 0
}

// waits reports whether a transaction is waited for.
func (s *shell) waits(txid btc.Hash) bool {
	return s.config.Transactions != nil && s.config.Transactions.watch.has(txid)
}

// txEvent turns what a session tells about a transaction into what the brain hears.
func (s *shell) txEvent(ctx context.Context, id node.PeerID, event session.Event) {
	switch e := event.(type) {
	case session.TxTaken:
		s.post(ctx, node.TransactionTaken{Peer: id, Txid: e.Txid})
	case session.TxHeard:
		s.post(ctx, node.TransactionHeard{Peer: id, Txid: e.Txid})
	}
}
