package parser

import (
	"encoding/binary"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// transaction is what the walk over one transaction found for the rules.
type transaction struct {
	counts claim.Counts
	// stripped is the size in bytes without marker, flag and witness.
	stripped int
	// script is the first scriptSig. It aliases the block.
	script   []byte
	lockTime uint32
	// final: no input cares for the lock time.
	final bool
	// null: an input spends the null outpoint.
	null bool
	// duplicate: two inputs spend the same outpoint.
	duplicate bool
	// values is the first fault of the output values, 0 if there is none.
	values verdict.Code
}

// isCoinbase reports whether the one input spends nothing.
//
// Source: CTransaction::IsCoinBase, Bitcoin Core v30.0 src/primitives/transaction.h.
func (t *transaction) isCoinbase() bool { return t.null && t.counts.Inputs == 1 }

// check returns the first rule, in Core's order, that the transaction breaks in
// itself, 0 if there is none. Empty inputs and outputs never come so far.
//
// Source: CheckTransaction, Bitcoin Core v30.0 src/consensus/tx_check.cpp.
func (t *transaction) check() verdict.Code {
	switch {
	case t.stripped > btc.MaxBlockWeight/btc.WitnessScaleFactor:
		return verdict.TransactionTooLarge
	case t.values != 0:
		return t.values
	case t.duplicate:
		return verdict.DuplicateInputs
	case t.isCoinbase():
		if len(t.script) < minCoinbaseScript || len(t.script) > maxCoinbaseScript {
			return verdict.CoinbaseLength
		}
	case t.null:
		return verdict.NullPrevout
	}
	return 0
}

// transaction walks one transaction and fills t, the zero one.
//
// Source: UnserializeTransaction, Bitcoin Core v30.0 src/primitives/transaction.h,
// and for empty inputs and outputs CheckTransaction, src/consensus/tx_check.cpp.
func (p *Parser) transaction(t *transaction) claim.Tx {
	w := &p.walk
	begin := w.at
	w.skip(4) // version
	segwit := w.marker()
	w.inputs(t, &p.seen)
	w.outputs(t)
	witness, outside := 0, 0
	if segwit {
		witness = w.witness(t)
		outside = witness + 2 // marker and flag
	}
	t.lockTime = w.uint32()
	t.counts.Sigops *= sigopCost
	t.stripped = w.at - begin - outside
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

// inputs walks the inputs and fills t with what the rules need to know of them.
func (w *walk) inputs(t *transaction, seen *outpoints) {
	n := w.count(minInput, verdict.NoInputs)
	seen.begin(n)
	b, at := w.b, w.at
	sequences, sigops := uint32(noSequence), 0
	for i := range n {
		if len(b)-at < minInput {
			w.fail(verdict.Truncated)
			return
		}
		input := b[at : at+minInput : at+minInput]
		script := at + outpointSize + 1
		end := script + int(input[outpointSize])
		if input[outpointSize] >= longCompactSize {
			script, end = w.longString(at + outpointSize)
		}
		if end > len(b)-4 {
			w.fail(verdict.Truncated)
			return
		}
		if binary.LittleEndian.Uint32(input[32:]) == noIndex && isZero(input[:32]) {
			t.null = true
		}
		if n > 1 && seen.again(b, at) {
			t.duplicate = true
		}
		if i == 0 {
			t.script = b[script:end]
		}
		sigops += inputSigops(b[script:end])
		sequences &= binary.LittleEndian.Uint32(b[end:])
		at = end + 4
	}
	w.at = at
	t.final = sequences == noSequence
	t.counts.Inputs = uint32(n) //nolint:gosec // at most maxInputs
	t.counts.Sigops = uint32(sigops)
}

// outputs walks the outputs and fills t with what the rules need to know of them.
func (w *walk) outputs(t *transaction) {
	n := w.count(minOutput, verdict.NoOutputs)
	b, at := w.b, w.at
	total, sigops := uint64(0), 0
	for range n {
		if len(b)-at < minOutput {
			w.fail(verdict.Truncated)
			return
		}
		output := b[at : at+minOutput : at+minOutput]
		script := at + minOutput
		end := script + int(output[8])
		if output[8] >= longCompactSize {
			script, end = w.longString(at + 8)
		}
		if end > len(b) {
			w.fail(verdict.Truncated)
			return
		}
		value := binary.LittleEndian.Uint64(output)
		total += value
		if value > maxMoney || total > maxMoney {
			t.valueOutOfRange(value)
			total = 0 // of no more interest, and may not run over
		}
		sigops += outputSigops(b[script:end])
		at = end
	}
	w.at = at
	t.counts.Outputs = uint32(n) //nolint:gosec // fewer than bytes
	t.counts.Sigops += uint32(sigops)
}

// valueOutOfRange notes the first output whose value, or whose total with those
// before, is out of range.
func (t *transaction) valueOutOfRange(value uint64) {
	switch {
	case t.values != 0:
	case int64(value) < 0: //nolint:gosec // it is a signed number
		t.values = verdict.ValueNegative
	case value > maxMoney:
		t.values = verdict.ValueTooLarge
	default:
		t.values = verdict.TotalTooLarge
	}
}

// witness walks the stacks of all inputs and returns their length in bytes. One
// of them at least must have an item.
func (w *walk) witness(t *transaction) int {
	begin, all := w.at, uint64(0)
	for i := uint32(0); i < t.counts.Inputs && w.fault == 0; i++ { // consumes a byte a turn
		items := w.compactSize()
		if items*minItem > w.left() {
			w.fail(verdict.Count)
			break
		}
		w.stack(items)
		all += items
	}
	if all == 0 {
		w.fail(verdict.SuperfluousWitness)
	}
	t.counts.WitnessItems = uint32(all)
	return w.at - begin
}

// stack walks so many items of a witness. Eight empty ones are one step: there can
// be nearly four million. More short ones in a step would be slower: the walk waits
// for one load and one sum an item, and for nothing else.
func (w *walk) stack(items uint64) {
	b, at := w.b, w.at
	for items > 0 {
		if items >= 8 && len(b)-at >= 8 && binary.LittleEndian.Uint64(b[at:]) == 0 {
			at, items = at+8, items-8
			continue
		}
		if at >= len(b) {
			w.fail(verdict.Truncated)
			return
		}
		end := at + 1 + int(b[at])
		if b[at] >= longCompactSize {
			_, end = w.longString(at)
		}
		if end > len(b) {
			w.fail(verdict.Truncated)
			return
		}
		at, items = end, items-1
	}
	w.at = at
}
