package claim_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/reject"
	"blockgate/sandbox/verdict"
)

// bases are the blocks that the mutants were made from.
var bases = map[string]struct {
	file string
	ctx  claim.Context
}{
	"main100001n12":      {"mainnet_0100001.raw", claim.Context{Network: btc.Mainnet, Height: 100_001}},
	"main482683n12seg":   {"mainnet_482683.raw", claim.Context{Network: btc.Mainnet, Height: 482_683}},
	"test3_924634n15seg": {"testnet3_924634.raw", claim.Context{Network: btc.Testnet3, Height: 924_634}},
}

// reasons says for each mutation how it is refused: by the parser or by the proof.
var reasons = map[string]string{
	"trailing_1_byte":       verdict.Trailing.String(),
	"trailing_dup_block":    verdict.Trailing.String(),
	"txcount_minus1":        verdict.Trailing.String(),
	"truncated":             claim.ErrMalformed.Error(),
	"txcount_plus1":         verdict.Truncated.String(),
	"tx_script_len_huge":    verdict.Truncated.String(),
	"tx_incount_huge":       verdict.Count.String(),
	"tx_witness_items_huge": verdict.Count.String(),

	"txcount_noncanonical_fd": verdict.NonCanonical.String(),
	"txcount_noncanonical_fe": verdict.NonCanonical.String(),
	"txcount_noncanonical_ff": verdict.NonCanonical.String(),
	"tx_incount_noncanonical": verdict.NonCanonical.String(),

	"txcount_huge_u64":       verdict.TooManyTransactions.String(),
	"txcount_32MB":           verdict.TooManyTransactions.String(),
	"txcount_zero":           verdict.NoTransactions.String(),
	"txcount_zero_with_body": verdict.NoTransactions.String(),
	"tx_flag_0":              verdict.NoInputs.String(),
	"tx_flag_2":              verdict.UnknownFlag.String(),
	"tx_superfluous_witness": verdict.SuperfluousWitness.String(),

	"tx_swap":                          claim.ErrMerkle.Error(),
	"tx_dropped":                       claim.ErrMerkle.Error(),
	"tx_locktime_flip":                 claim.ErrMerkle.Error(),
	"two_coinbases":                    claim.ErrMerkle.Error(),
	"coinbase_not_first":               claim.ErrMerkle.Error(),
	"cve_2012_2459_dup_last":           claim.ErrMutated.Error(),
	"cve_2012_2459_dup_last4":          claim.ErrMutated.Error(),
	"unexpected_witness_no_commitment": claim.ErrUnexpectedWitness.Error(),
	"coinbase_witness_two_items":       claim.ErrCoinbaseWitness.Error(),
	"witness_stripped_all":             claim.ErrCoinbaseWitness.Error(),
	"coinbase_witness_nonce_flip":      claim.ErrWitnessCommitment.Error(),
	"witness_stripped_noncoinbase":     claim.ErrWitnessCommitment.Error(),
	"witness_bitflip":                  claim.ErrWitnessCommitment.Error(),

	"header_merkle_bitflip": claim.ErrHeader.Error(),
	"header_nonce_bitflip":  claim.ErrHeader.Error(),
	"header_nbits_regtest":  claim.ErrHeader.Error(),
	"header_nbits_zero":     claim.ErrHeader.Error(),
	"header_nbits_negative": claim.ErrHeader.Error(),
	"header_nbits_overflow": claim.ErrHeader.Error(),
}

// otherReasons are ours where Bitcoin Core has another reason, bad-txnmrklroot each time:
// its deserialiser does not mind that bytes are left over, or that a transaction has no
// input, and comes to the root first.
var otherReasons = map[string]string{
	"txcount_minus1":         verdict.Trailing.Reason(),
	"txcount_zero":           verdict.NoTransactions.Reason(),
	"txcount_zero_with_body": verdict.NoTransactions.Reason(),
	"tx_flag_0":              verdict.NoInputs.Reason(),
}

// headersAlone are the mutations that break nothing but a rule of headers. A body
// under the header that it bears is another package's to refuse: headerchain never
// asks for it.
var headersAlone = map[string]bool{
	"header_nonce_bitflip": true, "header_nbits_regtest": true, "header_nbits_zero": true,
	"header_nbits_negative": true, "header_nbits_overflow": true,
}

// unchanged is a mutant that is none: of its base's witnesses, which were to go, the
// coinbase has the only one. It is the base, byte for byte, and valid.
const unchanged = "test3_924634n15seg__witness_stripped_noncoinbase.bin"

// Each mutant is refused for its reason, judged against the header that was asked
// for, as a block from a peer is.
func TestMutants(t *testing.T) {
	for _, m := range mutants(t) {
		base, ok := bases[m.base]
		if !ok || !strings.HasPrefix(m.expected, "reject") {
			t.Fatalf("%s: base %s, expected %s", m.file, m.base, m.expected)
		}
		mutation := m.mutation
		if strings.HasPrefix(mutation, "truncated_") {
			mutation = "truncated"
		}
		want, ok := reasons[mutation]
		if !ok {
			t.Errorf("%s: no reason for %s", m.file, m.mutation)
			continue
		}
		original := block(t, base.file)
		err := check(t, base.ctx, headerOf(original), m.body, walk(bases[m.base].ctx, m.body))
		if strings.HasPrefix(m.core, "bad-") && reject.Reason(err) != m.core && otherReasons[mutation] != reject.Reason(err) {
			t.Errorf("%s: %v is %q, Bitcoin Core says %q", m.file, err, reject.Reason(err), m.core)
		}
		if m.file == unchanged {
			if err != nil || !bytes.Equal(m.body, original) {
				t.Errorf("%s: got %v", m.file, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", m.file, err, want)
		}
	}
}

// Judged against the header that it bears, a mutant is refused too, unless its one
// fault is in that header.
func TestMutantsUnderTheirOwnHeader(t *testing.T) {
	outOfScope := 0
	for _, m := range mutants(t) {
		if len(m.body) < btc.HeaderSize {
			continue
		}
		err := check(t, bases[m.base].ctx, headerOf(m.body), m.body, walk(bases[m.base].ctx, m.body))
		if headersAlone[m.mutation] {
			outOfScope++
		}
		if accepted := err == nil; accepted != (headersAlone[m.mutation] || m.file == unchanged) {
			t.Errorf("%s: got %v", m.file, err)
		}
		if m.mutation == "header_merkle_bitflip" && !errors.Is(err, claim.ErrMerkle) {
			t.Errorf("%s: got %v, want %v", m.file, err, claim.ErrMerkle)
		}
	}
	if outOfScope != 3*len(headersAlone) {
		t.Errorf("%d mutants out of scope", outOfScope)
	}
}
