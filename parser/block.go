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
	// Height below 0 stands for a place that nobody knows: what hangs on it, lock times
	// and the height in the coinbase, is not judged then.
	Height btc.Height
	// MedianTime is the median time of the ancestors in Unix seconds (BIP-0113).
	MedianTime uint32
}

// Parser walks blocks and transactions. It holds about 2 MB of scratch memory, made
// by [New] and never more, so it must not be used by several goroutines at once.
// What a former call left in it is of no consequence.
type Parser struct {
	walk walk
	seen outpoints
	one  [1]claim.Tx
}

// New returns a parser. It takes a seed from the randomness that the process was
// started with.
func New() *Parser { return &Parser{seen: newOutpoints()} }

// Block walks body, a whole block as it stands on the wire, and returns its claim.
// The entries are appended to out[:0]; nothing is allocated if its capacity is
// btc.MaxBlockTransactions. It does not keep body.
//
// If the bytes are no block, the claim has no entries and its verdict is the first
// fault in the order of the bytes. If they are one that breaks rules, the claim is
// whole and its verdict is the rule that Bitcoin Core would name; see the package's
// text for their order.
//
// It panics if ctx.Network is no network.
func (p *Parser) Block(ctx Context, body []byte, out []claim.Tx) claim.Block {
	if len(body) > btc.MaxBlockSize {
		return claim.Block{Verdict: verdict.TooLarge}
	}
	p.begin(body)
	p.walk.skip(btc.HeaderSize)
	r := newRules(ctx, body)
	txs := p.transactions(&r, out[:0])
	if fault := p.end(); fault != 0 {
		return claim.Block{Verdict: fault}
	}
	return claim.Block{Txs: txs, Counts: r.counts, Verdict: r.verdict()}
}

// Transaction walks raw, one transaction and nothing else, and returns its claim.
// The one entry is valid until the next call. It does not keep raw.
//
// The rules are those that stand alone: a coinbase, sound in itself, breaks the one
// that it belongs to a block.
func (p *Parser) Transaction(raw []byte) claim.Block {
	if len(raw) > btc.MaxBlockSize {
		return claim.Block{Verdict: verdict.TooLarge}
	}
	p.begin(raw)
	var t transaction
	p.one[0] = p.transaction(&t)
	if fault := p.end(); fault != 0 {
		return claim.Block{Verdict: fault}
	}
	broken := t.check()
	if broken == 0 && t.isCoinbase() {
		broken = verdict.Coinbase
	}
	return claim.Block{Txs: p.one[:], Counts: t.counts, Verdict: max(broken, verdict.OK)}
}

func (p *Parser) begin(b []byte) { p.walk = walk{b: b} }

// end lets go of the bytes and returns the fault of form, 0 if there is none.
func (p *Parser) end() verdict.Code {
	if p.walk.fault == 0 && p.walk.at < len(p.walk.b) {
		p.walk.fail(verdict.Trailing)
	}
	p.walk.b = nil
	return p.walk.fault
}

// transactions walks the transactions of a block, tells r of each and appends
// their entries to txs.
func (p *Parser) transactions(r *rules, txs []claim.Tx) []claim.Tx {
	w := &p.walk
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
	for i := uint64(0); i < count && w.fault == 0; i++ { // consumes 60 bytes a turn
		var t transaction
		txs = append(txs, p.transaction(&t))
		if w.fault == 0 {
			r.judge(&t, i == 0)
		}
	}
	return txs
}
