package claim

import (
	"errors"
	"fmt"

	"blockgate/sandbox/verdict"
)

// The reasons for which [Checker.Check] refuses a body that is not proven. All of them
// speak of these bytes together with this claim: none says anything about the
// header. Bitcoin Core's words for them are in package reject.
var (
	// ErrMalformed says that the worker could not walk the block. The error is
	// a [*MalformedError] with the verdict.
	ErrMalformed = errors.New("block is malformed")
	// ErrHeader says that the block does not begin with the header that it was
	// asked for by.
	ErrHeader = errors.New("block does not begin with the header")
	// ErrSize says that the block has too few or too many bytes for any block.
	ErrSize = errors.New("block size out of range")
	// ErrCount says that the count of transactions in the block is not the
	// number of claimed ones, or not in its shortest form, or out of range.
	ErrCount = errors.New("transaction count differs from the claim")
	// ErrTiling says that the claimed lengths do not tile the block exactly.
	ErrTiling = errors.New("claimed lengths do not tile the block")
	// ErrMarker says that a witness is claimed where no segwit marker is.
	ErrMarker = errors.New("witness claimed without marker and flag")
	// ErrCoinbase says that the first transaction is no coinbase.
	ErrCoinbase = errors.New("first transaction is not a coinbase")
	// ErrMerkle says that the transactions do not hash to the header's root.
	ErrMerkle = errors.New("merkle root mismatch")
	// ErrMutated says that the list of transactions repeats its end, so that it
	// has the root of a shorter one (CVE-2012-2459).
	ErrMutated = errors.New("duplicated transactions at the end of the block")
	// ErrUnexpectedWitness says that there is a witness although no commitment
	// covers it, or before segwit is active.
	ErrUnexpectedWitness = errors.New("witness without a commitment")
	// ErrCoinbaseWitness says that the block commits to witnesses, but the
	// coinbase's own is not a single item of 32 bytes.
	ErrCoinbaseWitness = errors.New("coinbase witness is not one item of 32 bytes")
	// ErrWitnessCommitment says that the witnesses are not the committed ones.
	ErrWitnessCommitment = errors.New("witness commitment mismatch")
	// ErrContradiction says that the body is proven, and that it keeps the rule
	// which the worker calls broken: the worker lies.
	ErrContradiction = errors.New("claimed fault is not there")
)

// ErrRule is the kind of all errors that say that the body is proven and breaks a
// rule. A [*RuleError] is one by a worker's word; the others are proven themselves.
var ErrRule = errors.New("body is proven and breaks a rule")

// The broken rules that are proven. Each is an [ErrRule].
var (
	// ErrSolution says that no signer of the signet has signed the block (BIP-0325).
	ErrSolution = fmt.Errorf("%w: no solution for the signet's challenge", ErrRule)
	// ErrLength says that the block without any witness is heavier than
	// btc.MaxBlockWeight.
	ErrLength = fmt.Errorf("%w: block without witness is too large", ErrRule)
	// ErrCoinbaseLength says that the coinbase's scriptSig has not 2 to 100 bytes.
	ErrCoinbaseLength = fmt.Errorf("%w: coinbase scriptSig is not of 2 to 100 bytes", ErrRule)
	// ErrWeight says that the block is heavier than btc.MaxBlockWeight.
	ErrWeight = fmt.Errorf("%w: block is too heavy", ErrRule)
)

// MalformedError is an [ErrMalformed] together with the worker's reason.
type MalformedError struct {
	// Verdict is no [verdict.Code.Claimed]. The worker's word is all there is for it.
	Verdict verdict.Code
}

// Error returns the kind and the verdict's sentence.
func (e *MalformedError) Error() string { return ErrMalformed.Error() + ": " + e.Verdict.String() }

// Unwrap returns [ErrMalformed].
func (e *MalformedError) Unwrap() error { return ErrMalformed }

// RuleError is an [ErrRule] together with the worker's word for the rule.
type RuleError struct {
	// Code is a [verdict.Code.Rule]. That the body is the header's is proven; that
	// it breaks this rule is the worker's word.
	Code verdict.Code
}

// Error returns the kind and the code's sentence.
func (e *RuleError) Error() string { return ErrRule.Error() + ": " + e.Code.String() }

// Unwrap returns [ErrRule].
func (e *RuleError) Unwrap() error { return ErrRule }
