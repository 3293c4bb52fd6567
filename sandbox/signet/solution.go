package signet

import (
	"errors"
	"slices"

	"blockgate/internal/btc"
)

// The reasons for which a block is refused.
var (
	// ErrNoSolution says that the coinbase has no witness commitment, or none with a
	// solution in it.
	ErrNoSolution = errors.New("coinbase carries no signet solution")
	// ErrForm says that a solution is not a script and an empty witness, or its script
	// not one of pushes within the limits.
	ErrForm = errors.New("signet solution is malformed")
	// ErrSignature says that the solution is not what the challenge wants.
	ErrSignature = errors.New("signet solution does not meet the challenge")
)

const (
	// solutionHeader is how the push begins that has the solution (BIP-0325).
	solutionHeader = "\xec\xc7\xda\xa2"
	// commitmentPrefix and commitmentLen tell a witness commitment (BIP-0141).
	commitmentPrefix = "\x6a\x24\xaa\x21\xa9\xed"
	commitmentLen    = len(commitmentPrefix) + btc.HashSize
)

// CheckSolution returns nil if the block of header is signed as c wants. Coinbase is
// its first transaction as it stands in the block, of which so many bytes are
// witness; it must have passed claim's walk. Root returns the merkle root of the block
// with another txid for the coinbase. Genesis has no solution and is not to be asked
// for. It keeps none of its arguments.
//
// The errors are [ErrNoSolution], [ErrForm] and [ErrSignature].
//
// Source: SignetTxs::Create and CheckSignetBlockSolution, Bitcoin Core v30.0
// src/signet.cpp.
func (c *Challenge) CheckSolution(header btc.Header, coinbase []byte, witness int, root func(coinbase btc.Hash) btc.Hash) error {
	stripped := strip(coinbase, witness)
	before, script, after, ok := cutCommitment(stripped)
	if !ok {
		return ErrNoSolution
	}
	cleared, solution, ok := cutSolution(script)
	if !ok {
		return ErrNoSolution
	}
	scriptSig, ok := decodeSolution(solution)
	if !ok {
		return ErrForm
	}
	stack, ok := stackOf(scriptSig, maxStackSize-c.pushes())
	if !ok {
		return ErrForm
	}
	unsigned := slices.Concat(before, btc.AppendCompactSize(nil, uint64(len(cleared))), cleared, after)
	if !c.met(stack, c.spend(header, root(btc.DoubleSHA256(unsigned)))) {
		return ErrSignature
	}
	return nil
}

// strip returns a transaction without marker, flag and witness, if it has one.
func strip(raw []byte, witness int) []byte {
	if witness == 0 {
		return raw
	}
	return slices.Concat(raw[:4], raw[6:len(raw)-4-witness], raw[len(raw)-4:])
}

// cutCommitment cuts a stripped coinbase around the script of its witness commitment:
// the bytes before the script's length, the script, the bytes after it. Of several
// commitments it takes the last.
func cutCommitment(tx []byte) (before, script, after []byte, ok bool) {
	const beforeScriptSig = 4 + 1 + 36
	if len(tx) < beforeScriptSig {
		return nil, nil, nil, false
	}
	_, b, fine := cutString(tx[beforeScriptSig:])
	if !fine || len(b) < 4 {
		return nil, nil, nil, false
	}
	outputs, size, err := btc.CompactSize(b[4:])
	if err != nil {
		return nil, nil, nil, false
	}
	b = b[4+size:]
	for ; outputs > 0; outputs-- { // consumes 9 bytes a turn, or ends
		if len(b) < 8 {
			return nil, nil, nil, false
		}
		at := len(tx) - len(b) + 8
		s, rest, fine := cutString(b[8:])
		if !fine {
			return nil, nil, nil, false
		}
		if len(s) >= commitmentLen && string(s[:len(commitmentPrefix)]) == commitmentPrefix {
			before, script, after, ok = tx[:at], s, rest, true
		}
		b = rest
	}
	return before, script, after, ok
}

// cutString cuts a string, CompactSize and as many bytes, off the front of b.
func cutString(b []byte) (str, rest []byte, ok bool) {
	length, size, err := btc.CompactSize(b)
	if err != nil || length > uint64(len(b)-size) {
		return nil, nil, false
	}
	return b[size:][:length], b[size:][length:], true
}

// cutSolution takes the solution out of the script of a commitment: what stands behind
// the header in the first push that begins with it and has more. Cleared is the script
// with the header alone in that push, every push in its shortest form, and without
// what stands behind a push that reaches beyond the end.
//
// Source: FetchAndClearCommitmentSection, Bitcoin Core v30.0 src/signet.cpp.
func cutSolution(script []byte) (cleared, solution []byte, ok bool) {
	for code, push, rest, more := nextOp(script); more; code, push, rest, more = nextOp(rest) {
		if len(push) == 0 {
			cleared = append(cleared, code)
			continue
		}
		if !ok && len(push) > len(solutionHeader) && string(push[:len(solutionHeader)]) == solutionHeader {
			push, solution, ok = push[:len(solutionHeader)], push[len(solutionHeader):], true
		}
		cleared = appendPush(cleared, push)
	}
	return cleared, solution, ok
}

// decodeSolution reads a solution: a script, then the stack of a witness. No challenge
// that is taken has a use for a witness, and Core refuses one that has no use.
func decodeSolution(b []byte) (scriptSig []byte, ok bool) {
	scriptSig, rest, ok := cutString(b)
	return scriptSig, ok && len(rest) == 1 && rest[0] == 0
}
