package fuzz_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"blockgate/fuzz"
	"blockgate/internal/btc"
)

// step is one step of Core's feature_block.py: blocks sent in order, and what
// became of the last.
type step struct {
	Accept bool        `json:"accept"`
	Reject string      `json:"reject"`
	Now    int64       `json:"now"`
	Blocks []stepBlock `json:"blocks"`
}

type stepBlock struct {
	Name string `json:"name"`
	Hex  string `json:"hex"`
	Xor  string `json:"xor"`
	body []byte
}

// featureSteps returns the steps in order.
func featureSteps(tb testing.TB, c *fuzz.Corpus) []step {
	tb.Helper()
	lines, err := c.Unzip("invalid/core_feature_block.jsonl.gz")
	if err != nil {
		tb.Fatal(err)
	}
	var steps []step
	bodies := map[string][]byte{}
	for decoder := json.NewDecoder(bytes.NewReader(lines)); decoder.More(); {
		var s step
		if err := decoder.Decode(&s); err != nil {
			tb.Fatal(err)
		}
		for i := range s.Blocks {
			b := &s.Blocks[i]
			if b.body, err = hex.DecodeString(b.Hex); err != nil {
				tb.Fatal(err)
			}
			for at := range min(len(b.body), len(bodies[b.Xor])) {
				b.body[at] ^= bodies[b.Xor][at]
			}
			bodies[b.Name] = b.body
			b.Hex = ""
		}
		steps = append(steps, s)
	}
	return steps
}

// needsOutputs are the blocks of feature_block.py and of btcd's fullblocktests (there
// with a b before the name) that break a rule which only a set of unspent outputs can
// show, with Core's reason and why. They are out of scope: as far as form and hashes go
// they are sound, and so we say. One that we refused would be in the wrong table.
var needsOutputs = map[string]struct{ reason, because string }{
	"for_invalid.BadInputOutpointIndex": {"bad-txns-inputs-missingorspent", "spends an output that its transaction has not"},
	"for_invalid.NonexistentInput":      {"bad-txns-inputs-missingorspent", "spends a transaction that there is not"},
	"for_invalid.SpendTooMuch":          {"bad-txns-in-belowout", "the values of its inputs are those of other outputs"},
	"for_invalid.InvalidOPIFConstruction": {
		"block-script-verify-flag-failed (Invalid OP_IF construction)", "runs the script of an output that it spends",
	},
	"for_invalid.NonStandardAndInvalid": {
		"block-script-verify-flag-failed (OP_RETURN was encountered)", "runs the script of an output that it spends",
	},
	"for_invalid.DisabledOpcode_OP_CAT":    {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_SUBSTR": {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_LEFT":   {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_RIGHT":  {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_INVERT": {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_AND":    {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_OR":     {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_XOR":    {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_2MUL":   {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_2DIV":   {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_MUL":    {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_DIV":    {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_MOD":    {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_LSHIFT": {"disabled opcode", runsScript},
	"for_invalid.DisabledOpcode_OP_RSHIFT": {"disabled opcode", runsScript},

	"9":   {"bad-cb-amount", paysFees},
	"11":  {"bad-cb-amount", paysFees},
	"12":  {"bad-cb-amount", "its last block's coinbase pays more than subsidy and fees; fees are of other outputs"},
	"13":  {"bad-cb-amount", "as 12, of whose step it is"},
	"14":  {"bad-cb-amount", "as 12, of whose step it is"},
	"68":  {"bad-cb-amount", paysFees},
	"17":  {"bad-txns-inputs-missingorspent", "spends an output of another fork"},
	"19":  {"bad-txns-inputs-missingorspent", "spends an output of another fork"},
	"37":  {"bad-txns-inputs-missingorspent", "spends an output that is spent"},
	"38":  {"bad-txns-inputs-missingorspent", "spends an output of a block that was refused"},
	"58":  {"bad-txns-inputs-missingorspent", "spends an output that its transaction has not"},
	"66":  {"bad-txns-inputs-missingorspent", "spends an output of a later transaction of the same block"},
	"67":  {"bad-txns-inputs-missingorspent", "spends an output of the same block twice"},
	"70":  {"bad-txns-inputs-missingorspent", "spends a transaction that there is not"},
	"89a": {"bad-txns-inputs-missingorspent", "spends an output of a fork that was left"},
	"20":  {"bad-txns-premature-spend-of-coinbase", "spends a coinbase before its time; whether an output is a coinbase's is not in the block"},
	"22":  {"bad-txns-premature-spend-of-coinbase", "as 20, on a fork"},
	"40":  {"bad-blk-sigops", "signature operations of P2SH are counted in the script that a spent output asks for"},
	"59":  {"bad-txns-in-belowout", "the values of its inputs are those of other outputs"},
	"61":  {"bad-txns-BIP30", "whether an equal transaction is unspent is not in the block"},
}

const (
	runsScript = "runs the script of an output that it spends"
	paysFees   = "the coinbase pays more than subsidy and fees, and fees are of other outputs"
)

// otherwise are the blocks of feature_block.py that we refuse for another reason
// than Core.
var otherwise = map[string]struct{ ours, core, because string }{
	"dup_cb": {
		"bad-cb-height", "",
		"a coinbase of height 1 that says 120: the test sets BIP34's activation to height 2, on regtest it is 1",
	},
	"for_invalid.InputMissing": {
		"end of data", "bad-txns-vin-empty",
		"its second transaction has 10 bytes, and a count of two promises 120: we do not read on; Core does (src/primitives/transaction.h)",
	},
}

// coreReason cuts the detail off a reason that feature_block.py demands of Core's log:
// "bad-blk-sigops, out-of-bounds SigOpCount".
func coreReason(s string) string {
	reason, _, _ := strings.Cut(s, ",")
	return reason
}

// Each block of feature_block.py, in order: accepted or refused like Core, for Core's
// reason. Where the test demands no reason the block builds on a refused one or loses a
// race, and is sound in itself.
func TestCoreFeatureBlock(t *testing.T) {
	replay, judged, accepted, refused, outOfScope, otherwiseSaid, unasked := fuzz.NewReplay(btc.Regtest), 0, 0, 0, 0, 0, 0
	for i, s := range featureSteps(t, corpus(t)) {
		for _, b := range s.Blocks {
			got, err := replay.Block(b.body, nowOf(s))
			if err != nil {
				t.Fatal(err)
			}
			judged++
			want := coreReason(s.Reject)
			row, listed := needsOutputs[b.Name]
			differs, other := otherwise[b.Name]
			switch {
			case listed && row.reason != s.Reject:
				t.Errorf("step %d, %s: Core says %q, the table of what is out of scope %q", i, b.Name, s.Reject, row.reason)
			case other && differs.core != s.Reject:
				t.Errorf("step %d, %s: Core says %q, the table of differences %q", i, b.Name, s.Reject, differs.core)
			case listed:
				outOfScope++
				want = ""
			case other:
				otherwiseSaid++
				want = differs.ours
			}
			switch {
			case got.Reason != want:
				t.Errorf("step %d, %s: %q, want %q (Core: accept %v, %q)", i, b.Name, got.Reason, want, s.Accept, s.Reject)
			case listed, other:
			case want != "":
				refused++
			case s.Accept:
				accepted++
			default:
				unasked++
			}
		}
	}
	t.Logf("%d blocks: %d accepted, %d refused for Core's reason, %d refused otherwise, %d out of scope, %d refused by Core without a reason",
		judged, accepted, refused, otherwiseSaid, outOfScope, unasked)
	if judged != 227 || outOfScope != len(needsOutputs) {
		t.Errorf("%d blocks, want 227; %d out of scope, want %d", judged, outOfScope, len(needsOutputs))
	}
}

// nowOf returns the time of a step. Where it has a block of the future accepted, the
// test has set its node's clock.
func nowOf(s step) time.Time {
	now := s.Now
	for _, b := range s.Blocks {
		header := btc.Header(b.body)
		if s.Accept {
			now = max(now, int64(header.Time()))
		}
	}
	return time.Unix(now, 0)
}
