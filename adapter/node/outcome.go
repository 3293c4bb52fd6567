package node

import "fmt"

// Outcome is what judging a body came to. The zero Outcome is none.
type Outcome uint8

// The outcomes. Only [OutcomeProven] and [OutcomeRule] say something about the block;
// all others say something about these bytes or about our parser.
const (
	// OutcomeProven says that the bytes are the block of the header.
	OutcomeProven Outcome = iota + 1
	// OutcomeNotJudged says that nobody looked at the bytes: the pool was closing.
	OutcomeNotJudged
	// OutcomeWorkerDied, OutcomeWorkerHung and OutcomeWorkerNonsense say that the
	// parser failed on the bytes.
	OutcomeWorkerDied
	OutcomeWorkerHung
	OutcomeWorkerNonsense
	// OutcomeMalformed says that the parser calls the bytes no block.
	OutcomeMalformed
	// OutcomeMerkle says that the transactions do not hash to the header's root.
	OutcomeMerkle
	// OutcomeMutated says that transactions are doubled so that the root stays
	// the same (CVE-2012-2459).
	OutcomeMutated
	// OutcomeCoinbase says that the first transaction has not a coinbase's shape.
	OutcomeCoinbase
	// OutcomeWitness says that the witness commitment does not hold, or that
	// there is witness where none may be.
	OutcomeWitness
	// OutcomeRule says that the bytes are the block of the header, and break a rule:
	// all parsers that were asked say so.
	OutcomeRule
	// OutcomeDisagree says that parsers contradict each other about these bytes.
	OutcomeDisagree
	// OutcomeOther says that other bytes were proven to be the block before a parser
	// had said anything about these.
	OutcomeOther
)

// outcomeReasons gives, for each outcome, the reason for which a peer is banned
// once other bytes are proven for the same header.
var outcomeReasons = [...]Reason{ //nolint:gochecknoglobals // a table
	OutcomeProven:         "body-not-the-block", // two different bodies proven: cannot be
	OutcomeNotJudged:      "body-not-judged",
	OutcomeWorkerDied:     "body-worker-died",
	OutcomeWorkerHung:     "body-worker-hung",
	OutcomeWorkerNonsense: "body-worker-nonsense",
	OutcomeMalformed:      "body-malformed",
	OutcomeMerkle:         "body-merkle",
	OutcomeMutated:        "body-mutated",
	OutcomeCoinbase:       "body-coinbase",
	OutcomeWitness:        "body-witness",
	OutcomeRule:           "body-rule",
	OutcomeDisagree:       "body-disagree",
	OutcomeOther:          "body-other",
}

// Valid reports whether o is one of the outcomes.
func (o Outcome) Valid() bool { return o >= OutcomeProven && int(o) < len(outcomeReasons) }

// Reason returns the reason for which a peer that sent such bytes is banned when
// other bytes are proven: "body-" and a word for the outcome.
func (o Outcome) Reason() Reason {
	if !o.Valid() {
		return Reason(fmt.Sprintf("body-outcome-%d", uint8(o)))
	}
	return outcomeReasons[o]
}
