package parser

import (
	"bytes"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// rules judges a block by what the walk found in its transactions, told one after
// the other.
type rules struct {
	ctx Context
	// inCoinbase: the coinbase begins with the height (BIP-0034).
	inCoinbase bool
	// cutoff is what lock times in seconds are compared with.
	cutoff uint32

	counts claim.Counts
	// script is the scriptSig of the first transaction.
	script []byte
	// The faults so far: the first transaction is no coinbase, another one is, the
	// first rule that a transaction breaks in itself, one is not final.
	missing, multiple bool
	broken            verdict.Code
	nonFinal          bool
}

// newRules returns the rules that are in force at a place in the chain, for a block
// whose header has been found to be there, or is not walked.
//
// Source: ContextualCheckBlock, Bitcoin Core v30.0 src/validation.cpp, and
// DeploymentActiveAfter, src/deploymentstatus.h.
func newRules(ctx Context, body []byte) rules {
	params := ctx.Network.Params()
	r := rules{ctx: ctx, inCoinbase: ctx.Height >= params.BIP34Height, cutoff: ctx.MedianTime}
	if ctx.Height < params.CSVHeight && len(body) >= btc.HeaderSize {
		header := btc.Header(body[:btc.HeaderSize])
		r.cutoff = header.Time()
	}
	return r
}

// judge takes in one transaction.
func (r *rules) judge(t *transaction, first bool) {
	coinbase := t.isCoinbase()
	if first {
		r.script = t.script
		r.missing = !coinbase
	} else if coinbase {
		r.multiple = true
	}
	if r.broken == 0 {
		r.broken = t.check()
	}
	r.nonFinal = r.nonFinal || !r.isFinal(t)
	r.counts.Inputs += t.counts.Inputs
	r.counts.Outputs += t.counts.Outputs
	r.counts.WitnessItems += t.counts.WitnessItems
	r.counts.Sigops += t.counts.Sigops
}

// isFinal reports whether t may stand in this block.
//
// Source: IsFinalTx, Bitcoin Core v30.0 src/consensus/tx_verify.cpp.
func (r *rules) isFinal(t *transaction) bool {
	if r.ctx.Height < 0 {
		return true
	}
	limit := int64(r.cutoff)
	if t.lockTime < lockTimeThreshold {
		limit = int64(r.ctx.Height)
	}
	return t.lockTime == 0 || int64(t.lockTime) < limit || t.final
}

// verdict returns the rule that Core would name, all transactions taken in.
//
// Source: CheckBlock, then ContextualCheckBlock, Bitcoin Core v30.0
// src/validation.cpp.
func (r *rules) verdict() verdict.Code {
	switch {
	case r.missing:
		return verdict.CoinbaseMissing
	case r.multiple:
		return verdict.CoinbaseMultiple
	case r.broken != 0:
		return r.broken
	case r.counts.Sigops > maxSigopsCost:
		return verdict.Sigops
	case r.nonFinal:
		return verdict.NonFinal
	case r.inCoinbase && !beginsWithHeight(r.script, r.ctx.Height):
		return verdict.CoinbaseHeight
	}
	return verdict.OK
}

// beginsWithHeight reports whether script begins as BIP-0034 wants: with the height,
// at least 1, as the shortest push of a number (CScript() << nHeight).
//
// Source: ContextualCheckBlock, Bitcoin Core v30.0 src/validation.cpp, and
// CScript::push_int64 and CScriptNum::serialize, src/script/script.h.
func beginsWithHeight(script []byte, height btc.Height) bool {
	const op1 = 0x51
	if height <= 16 {
		return len(script) > 0 && int(script[0]) == op1-1+int(height)
	}
	var push [6]byte // a length and at most 5 bytes
	n := 1
	for rest := height; rest > 0; rest >>= 8 {
		push[n] = byte(rest)
		n++
	}
	if push[n-1]&0x80 != 0 { // would be a sign
		n++
	}
	push[0] = byte(n - 1)
	return bytes.HasPrefix(script, push[:n])
}
