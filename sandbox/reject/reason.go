package reject

import (
	"errors"

	"blockgate/sandbox/claim"
)

// reasons are Bitcoin Core's for what claim proves itself.
//
// Source: CheckBlock, CheckMerkleRoot, CheckWitnessMalleation and
// ContextualCheckBlock, Bitcoin Core v30.0 src/validation.cpp, and CheckTransaction,
// src/consensus/tx_check.cpp.
var reasons = []struct { //nolint:gochecknoglobals // a table, never written
	kind   error
	reason string
}{
	{claim.ErrSize, "bad-blk-length"},
	{claim.ErrCoinbase, "bad-cb-missing"},
	{claim.ErrMerkle, "bad-txnmrklroot"},
	{claim.ErrMutated, "bad-txns-duplicate"},
	{claim.ErrUnexpectedWitness, "unexpected-witness"},
	{claim.ErrCoinbaseWitness, "bad-witness-nonce-size"},
	{claim.ErrWitnessCommitment, "bad-witness-merkle-match"},
	{claim.ErrSolution, "bad-signet-blksig"},
	{claim.ErrLength, "bad-blk-length"},
	{claim.ErrCoinbaseLength, "bad-cb-length"},
	{claim.ErrWeight, "bad-blk-weight"},
}

// Reason returns the reject reason that Bitcoin Core gives for what err says, such as
// "bad-txnmrklroot"; for a fault of form what its deserialiser says. It is empty where
// Core has none: for nil, for a claim that does not fit its bytes, which only a worker
// makes, for a body of another header, and for any error that is not claim's.
func Reason(err error) string {
	if malformed, ok := errors.AsType[*claim.MalformedError](err); ok {
		return malformed.Verdict.Reason()
	}
	if rule, ok := errors.AsType[*claim.RuleError](err); ok {
		return rule.Code.Reason()
	}
	for _, row := range reasons {
		if errors.Is(err, row.kind) {
			return row.reason
		}
	}
	return ""
}
