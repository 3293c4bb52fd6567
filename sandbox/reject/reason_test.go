package reject_test

import (
	"errors"
	"fmt"
	"testing"

	"blockgate/sandbox/claim"
	"blockgate/sandbox/reject"
	"blockgate/sandbox/verdict"
)

func TestReason(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("another"), ""},
		{claim.ErrHeader, ""},
		{claim.ErrCount, ""},
		{claim.ErrTiling, ""},
		{claim.ErrMarker, ""},
		{claim.ErrContradiction, ""},
		{claim.ErrEncoding, ""},
		{claim.ErrRule, ""},
		{claim.ErrMalformed, ""},
		{claim.ErrSize, "bad-blk-length"},
		{claim.ErrLength, "bad-blk-length"},
		{claim.ErrWeight, "bad-blk-weight"},
		{claim.ErrCoinbase, "bad-cb-missing"},
		{claim.ErrCoinbaseLength, "bad-cb-length"},
		{claim.ErrMerkle, "bad-txnmrklroot"},
		{claim.ErrMutated, "bad-txns-duplicate"},
		{claim.ErrUnexpectedWitness, "unexpected-witness"},
		{claim.ErrCoinbaseWitness, "bad-witness-nonce-size"},
		{claim.ErrWitnessCommitment, "bad-witness-merkle-match"},
		{claim.ErrSolution, "bad-signet-blksig"},
	} {
		if got := reject.Reason(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
		if c.err == nil {
			continue
		}
		if got := reject.Reason(fmt.Errorf("check: %w: a detail", c.err)); got != c.want {
			t.Errorf("wrapped %v: %q, want %q", c.err, got, c.want)
		}
	}
}

// A worker's code has its own reason, through whichever error it comes.
func TestReasonOfCodes(t *testing.T) {
	for n := range 256 {
		code := verdict.Code(n)
		for _, err := range []error{&claim.MalformedError{Verdict: code}, fmt.Errorf("parse: %w", &claim.RuleError{Code: code})} {
			if got := reject.Reason(err); got != code.Reason() {
				t.Errorf("%v: %q", err, got)
			}
		}
	}
}
