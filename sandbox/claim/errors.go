package claim

import (
	"errors"

	"blockgate/sandbox/verdict"
)

// The reasons for which [Checker.Check] refuses. All of them speak of these
// bytes together with this claim: none says anything about the header.
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
	// ErrWeight says that the block is heavier than btc.MaxBlockWeight.
	ErrWeight = errors.New("block is too heavy")
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
)

// MalformedError is an [ErrMalformed] together with the worker's reason.
type MalformedError struct {
	// Verdict is any but [verdict.OK]. The worker's word is all there is for it.
	Verdict verdict.Code
}

// Error returns the kind and the verdict's sentence.
func (e *MalformedError) Error() string { return ErrMalformed.Error() + ": " + e.Verdict.String() }

// Unwrap returns [ErrMalformed].
func (e *MalformedError) Unwrap() error { return ErrMalformed }
