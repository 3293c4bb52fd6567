package fuzz_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"blockgate/fuzz"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// mutantBases are the blocks that the mutants were made from.
var mutantBases = map[string]struct {
	file string
	at   fuzz.Place
}{
	"main100001n12":      {"mainnet_0100001.raw", fuzz.Place{Network: btc.Mainnet, Height: 100_001, MedianTime: 1_293_620_000}},
	"main482683n12seg":   {"mainnet_482683.raw", fuzz.Place{Network: btc.Mainnet, Height: 482_683, MedianTime: 1_504_400_000}},
	"test3_924634n15seg": {"testnet3_924634.raw", fuzz.Place{Network: btc.Testnet3, Height: 924_634, MedianTime: 1_467_000_000}},
}

// What Core said where it did not judge the mutation.
const (
	// decodeFailed is all that submitblock says of a block that cannot be read.
	decodeFailed = "ERR:Block decode failed"
	// notAsked is what it says where the parent was not in its chain: the rules that
	// the mutation breaks come later.
	notAsked = "prev-blk-not-found"
)

// mutations says for each mutation our reason, what Core answered, and why that is
// not the same word, if it is not.
var mutations = map[string]struct{ reason, core, because string }{
	"trailing_1_byte":    {"trailing data", notAsked, "Core reads blocks from a stream and ignores what follows (DataStream in submitblock, src/rpc/mining.cpp); a byte too many must not be stored"},
	"trailing_dup_block": {"trailing data", notAsked, "as above"},
	"txcount_minus1":     {"trailing data", "bad-txnmrklroot", "as above: Core ignores the last transaction and compares the root of the others"},

	"truncated":             {"end of data", decodeFailed, ""},
	"txcount_plus1":         {"end of data", decodeFailed, ""},
	"tx_script_len_huge":    {"end of data", decodeFailed, ""},
	"tx_incount_huge":       {"end of data", decodeFailed, "Core says that the size is too large (MAX_SIZE, src/serialize.h); for us a count that the bytes left cannot hold is their end"},
	"tx_witness_items_huge": {"end of data", decodeFailed, "as above"},
	"txcount_huge_u64":      {"bad-blk-length", decodeFailed, "as above; a count of transactions that no block can have is named as such"},
	"txcount_32MB":          {"bad-blk-length", decodeFailed, "as above"},

	"txcount_noncanonical_fd": {"non-canonical ReadCompactSize()", decodeFailed, ""},
	"txcount_noncanonical_fe": {"non-canonical ReadCompactSize()", decodeFailed, ""},
	"txcount_noncanonical_ff": {"non-canonical ReadCompactSize()", decodeFailed, ""},
	"tx_incount_noncanonical": {"non-canonical ReadCompactSize()", decodeFailed, ""},
	"tx_flag_2":               {"Unknown transaction optional data", decodeFailed, ""},
	"tx_superfluous_witness":  {"Superfluous witness record", decodeFailed, ""},

	"txcount_zero":           {"bad-blk-length", "bad-txnmrklroot", "CheckBlock compares the root before it counts (src/validation.cpp); no transactions are seen first here"},
	"txcount_zero_with_body": {"bad-blk-length", "bad-txnmrklroot", "as above"},
	"tx_flag_0":              {"bad-txns-vin-empty", "bad-txnmrklroot", "Core reads a transaction without inputs and outputs (src/primitives/transaction.h) and finds another root; no inputs are seen first here"},

	"tx_swap":                          {"bad-txnmrklroot", "bad-txnmrklroot", ""},
	"tx_dropped":                       {"bad-txnmrklroot", "bad-txnmrklroot", ""},
	"tx_locktime_flip":                 {"bad-txnmrklroot", "bad-txnmrklroot", ""},
	"two_coinbases":                    {"bad-txnmrklroot", "bad-txnmrklroot", ""},
	"coinbase_not_first":               {"bad-txnmrklroot", "bad-txnmrklroot", ""},
	"cve_2012_2459_dup_last":           {"bad-txns-duplicate", "bad-txns-duplicate", ""},
	"cve_2012_2459_dup_last4":          {"bad-txns-duplicate", "bad-txns-duplicate", ""},
	"unexpected_witness_no_commitment": {"unexpected-witness", notAsked, ""},
	"coinbase_witness_two_items":       {"bad-witness-nonce-size", notAsked, ""},
	"witness_stripped_all":             {"bad-witness-nonce-size", notAsked, ""},
	"coinbase_witness_nonce_flip":      {"bad-witness-merkle-match", notAsked, ""},
	"witness_stripped_noncoinbase":     {"bad-witness-merkle-match", notAsked, ""},
	"witness_bitflip":                  {"bad-witness-merkle-match", notAsked, ""},
}

// unchanged is a mutant that is none: of its base's witnesses, which were to go, the
// coinbase has the only one. It is the base, byte for byte, and valid.
const unchanged = "test3_924634n15seg__witness_stripped_noncoinbase.bin"

// Each mutant is refused for its reason, judged against the header that was asked
// for, as a block from a peer is; the mutants of headers by the rules of headers. Among
// them are witnesses that are there and empty (W05), counts that are longer than need be
// (W06) or beyond the bytes (W08), unknown flags (W07) and bytes behind the end (W18).
func TestMutants(t *testing.T) {
	c, judge := corpus(t), fuzz.NewJudge()
	bodies, err := c.Untar("mutants/mutants.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(read(t, c, "mutants/mutants.csv"))).ReadAll()
	if err != nil || len(lines) != 119 {
		t.Fatalf("%d mutants, want 118: %v", len(lines)-1, err)
	}
	seen := map[string]bool{}
	for _, line := range lines[1:] {
		name, mutation, core := line[0], line[2], line[5]
		base, body := mutantBases[line[1]], bodies[name]
		original := block(t, c, base.file)
		if strings.HasPrefix(mutation, "header_") {
			judgeMutantHeader(t, name, core, base.at.Network, btc.Header(body))
			continue
		}
		if strings.HasPrefix(mutation, "truncated_") {
			mutation = "truncated"
		}
		seen[mutation] = true
		row, want := mutations[mutation], mutations[mutation].reason
		if name == unchanged {
			want = ""
		}
		switch got := judge.Block(base.at, btc.Header(original), body); {
		case core != row.core:
			t.Errorf("%s: Core answered %q, the row says %q", name, core, row.core)
		case got.Reason != want && !(mutation == "truncated" && len(body) < btc.HeaderSize && got.Reason == "end of data"):
			t.Errorf("%s: %q, want %q (Core: %q)", name, got.Reason, want, core)
		case core != want && core != decodeFailed && core != notAsked && row.because == "":
			t.Errorf("%s: Core answered %q, and nothing says why we do not", name, core)
		}
	}
	for mutation := range mutations {
		if !seen[mutation] {
			t.Errorf("no mutant is %s", mutation)
		}
	}
}

// judgeMutantHeader holds a header that was changed to the rules of headers, and
// its base's to none of them.
func judgeMutantHeader(t *testing.T, name, core string, network btc.Network, header btc.Header) {
	t.Helper()
	_, err := headerchain.New(network).Accept([]btc.Header{header}, time.Unix(2_000_000_000, 0))
	if got := fuzz.HeaderReason(header, err); got != core || core != "high-hash" {
		t.Errorf("%s: %q, Core answered %q", name, got, core)
	}
}

// The bodies under those headers are another block's, whoever sends them.
func TestMutantHeadersAreNotAskedFor(t *testing.T) {
	c, judge := corpus(t), fuzz.NewJudge()
	bodies, err := c.Untar("mutants/mutants.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for name, body := range bodies {
		base, mutation, _ := strings.Cut(name, "__")
		if !strings.HasPrefix(mutation, "header_") {
			continue
		}
		count++
		from := mutantBases[base]
		original := block(t, c, from.file)
		if got := judge.Block(from.at, btc.Header(original), body); got.Reason != fuzz.OtherBlock {
			t.Errorf("%s: %q", name, got.Reason)
		}
		_, err := headerchain.New(from.at.Network).Accept([]btc.Header{btc.Header(original)}, time.Unix(2_000_000_000, 0))
		if got := fuzz.HeaderReason(btc.Header(original), err); got != notAsked {
			t.Errorf("%s: its base's header has no parent there, but got %q", name, got)
		}
	}
	if count != 18 {
		t.Errorf("%d mutants of headers, want 18", count)
	}
}
