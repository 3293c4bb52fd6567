package claim

import "fmt"

// Verdict is what a worker says about the structure of a block: a code of a
// closed table. The zero Verdict is none; a worker that sends it is taken for
// broken, as is one that sends a code beyond the table.
type Verdict uint8

// The verdicts. Their numbers are part of the worker's protocol.
const (
	// VerdictOK says that the bytes are one block, and nothing else.
	VerdictOK Verdict = iota + 1
	// VerdictTooLarge says that there are more than btc.MaxBlockSize bytes.
	VerdictTooLarge
	// VerdictTruncated says that the bytes end within a field.
	VerdictTruncated
	// VerdictTrailing says that bytes follow the last transaction.
	VerdictTrailing
	// VerdictNonCanonical says that a CompactSize is longer than needed.
	VerdictNonCanonical
	// VerdictCount says that a count promises more items than the bytes that
	// are left can hold.
	VerdictCount
	// VerdictNoTransactions says that the block has no transaction.
	VerdictNoTransactions
	// VerdictTooManyTransactions says that the block has more than
	// btc.MaxBlockTransactions.
	VerdictTooManyTransactions
	// VerdictNoInputs says that a transaction has no input.
	VerdictNoInputs
	// VerdictNoOutputs says that a transaction has no output.
	VerdictNoOutputs
	// VerdictUnknownFlag says that the flag after a segwit marker is not 1.
	VerdictUnknownFlag
	// VerdictSuperfluousWitness says that a transaction is serialised with a
	// witness although no input has one.
	VerdictSuperfluousWitness
)

var verdictTexts = [...]string{ //nolint:gochecknoglobals // a table, never written
	VerdictOK:                  "well formed",
	VerdictTooLarge:            "block larger than 4,000,000 bytes",
	VerdictTruncated:           "bytes end within a field",
	VerdictTrailing:            "bytes after the last transaction",
	VerdictNonCanonical:        "CompactSize longer than its value needs",
	VerdictCount:               "count larger than the bytes that are left can hold",
	VerdictNoTransactions:      "no transactions",
	VerdictTooManyTransactions: "more than 16,666 transactions",
	VerdictNoInputs:            "transaction without inputs",
	VerdictNoOutputs:           "transaction without outputs",
	VerdictUnknownFlag:         "unknown flag after the segwit marker",
	VerdictSuperfluousWitness:  "witness serialisation without a witness",
}

// Valid reports whether v is in the table.
func (v Verdict) Valid() bool { return v >= VerdictOK && int(v) < len(verdictTexts) }

// String returns the sentence that v stands for.
func (v Verdict) String() string {
	if !v.Valid() {
		return fmt.Sprintf("verdict(%d)", uint8(v))
	}
	return verdictTexts[v]
}
