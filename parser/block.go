package parser

import (
	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// Context is what the rules need to know about a block's place. It comes with the
// job.
type Context struct {
	Network btc.Network
	Height  btc.Height
	// MedianTime is the median time of the ancestors in Unix seconds (BIP-0113).
	MedianTime uint32
}

// Parser walks blocks and transactions. It holds scratch memory, so it must not be
// used by several goroutines at once.
type Parser struct {
	one [1]claim.Tx
}

// New returns a parser.
func New() *Parser { return &Parser{} }

// Transaction walks raw, one transaction and nothing else, and returns its claim,
// one entry that is valid until the next call.
func (p *Parser) Transaction(raw []byte) claim.Block {
	if len(raw) > btc.MaxBlockSize {
		return claim.Block{Verdict: verdict.TooLarge}
	}
	w := walk{b: raw}
	p.one[0] = w.transaction()
	if w.fault == 0 && w.at < len(w.b) {
		w.fail(verdict.Trailing)
	}
	if w.fault != 0 {
		return claim.Block{Verdict: w.fault}
	}
	return claim.Block{Txs: p.one[:], Verdict: verdict.OK}
}

// Block walks body, a whole block as it stands on the wire, and returns its claim.
// The entries are appended to out[:0]; nothing is allocated if its capacity is
// btc.MaxBlockTransactions. If the bytes are no block, the claim has no entries
// and its verdict says why.
//
// It stops at the first fault in the order of the bytes; which of several codes
// fits a fault is for people to read, not for code to branch on.
func (p *Parser) Block(_ Context, body []byte, out []claim.Tx) claim.Block {
	if len(body) > btc.MaxBlockSize {
		return claim.Block{Verdict: verdict.TooLarge}
	}
	w := walk{b: body}
	w.skip(btc.HeaderSize)
	txs := w.transactions(out[:0])
	if w.fault == 0 && w.at < len(w.b) {
		w.fail(verdict.Trailing)
	}
	if w.fault != 0 {
		return claim.Block{Verdict: w.fault}
	}
	return claim.Block{Txs: txs, Verdict: verdict.OK}
}

// The fewest bytes that an item may have bound its count by the bytes left.
const (
	// minInput: outpoint 36, empty script 1, sequence 4.
	minInput = 41
	// minOutput: value 8, empty script 1.
	minOutput = 9
	// minItem: the length of an empty witness item.
	minItem = 1
)

func (w *walk) transactions(txs []claim.Tx) []claim.Tx {
	count := w.compactSize()
	switch {
	case w.fault != 0:
		return nil
	case count == 0:
		w.fail(verdict.NoTransactions)
	case count > btc.MaxBlockTransactions:
		w.fail(verdict.TooManyTransactions)
	case count*btc.MinTransactionSize > w.left():
		w.fail(verdict.Count)
	}
	for ; count > 0 && w.fault == 0; count-- { // consumes 60 bytes a turn
		txs = append(txs, w.transaction())
	}
	return txs
}

// transaction walks one transaction.
//
// Source: UnserializeTransaction, Bitcoin Core v30.0 src/primitives/transaction.h,
// and for empty inputs and outputs CheckTransaction, src/consensus/tx_check.cpp.
func (w *walk) transaction() claim.Tx {
	begin := w.at
	w.skip(4) // version
	segwit := w.marker()
	inputs := w.count(minInput, verdict.NoInputs)
	for i := inputs; i > 0 && w.fault == 0; i-- {
		w.skip(36) // outpoint
		w.str()    // scriptSig
		w.skip(4)  // sequence
	}
	for i := w.count(minOutput, verdict.NoOutputs); i > 0 && w.fault == 0; i-- {
		w.skip(8) // value
		w.str()   // scriptPubKey
	}
	witness := 0
	if segwit {
		witness = w.witness(inputs)
	}
	w.skip(4)                                                            // lock time
	return claim.Tx{Len: uint32(w.at - begin), Witness: uint32(witness)} //nolint:gosec // at most btc.MaxBlockSize
}

// marker consumes marker and flag (BIP-0144), if they are there. A count of no
// inputs is the marker; no transaction without inputs is valid.
func (w *walk) marker() bool {
	if w.left() < 2 || w.b[w.at] != 0 {
		return false
	}
	switch w.b[w.at+1] {
	case 0:
		w.fail(verdict.NoInputs)
	case 1:
		w.skip(2)
		return true
	default:
		w.fail(verdict.UnknownFlag)
	}
	return false
}

// witness walks the stacks of so many inputs and returns their length in bytes.
// One of them at least must have an item.
func (w *walk) witness(inputs uint64) int {
	begin, some := w.at, false
	for ; inputs > 0 && w.fault == 0; inputs-- {
		items := w.compactSize()
		if items*minItem > w.left() {
			w.fail(verdict.Count)
		}
		some = some || items > 0
		for ; items > 0 && w.fault == 0; items-- {
			w.str()
		}
	}
	if !some {
		w.fail(verdict.SuperfluousWitness)
	}
	return w.at - begin
}
