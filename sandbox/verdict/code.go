package verdict

import "fmt"

// Code is what a worker says about the bytes that it walked: a code of a closed
// table. The zero Code is none; a worker that sends it is taken for broken, as is
// one that sends a code beyond the table. The numbers are part of the worker's
// protocol.
type Code uint8

// OK says that the bytes are one block or one transaction, nothing else, and break
// no rule that can be checked without hashes and without other blocks.
const OK Code = 1

// The faults of form: the bytes can not be walked to their end, and have no claim.
const (
	// TooLarge says that there are more bytes than any block has. Nobody walks them, so
	// its reason is one of two: Core's is bad-blk-weight if the witnesses are what is
	// too much.
	TooLarge Code = iota + 2
	// Truncated says that the bytes end within a field.
	Truncated
	// Trailing says that bytes follow the last transaction.
	Trailing
	// NonCanonical says that a CompactSize is longer than needed.
	NonCanonical
	// Count says that a count promises more items than the bytes that are left
	// can hold.
	Count
	// NoTransactions says that the block has no transaction.
	NoTransactions
	// TooManyTransactions says that the block has more than
	// btc.MaxBlockTransactions.
	TooManyTransactions
	// NoInputs says that a transaction has no input.
	NoInputs
	// NoOutputs says that a transaction has no output.
	NoOutputs
	// UnknownFlag says that the flag after a segwit marker is not 1.
	UnknownFlag
	// SuperfluousWitness says that a transaction is serialised with a witness
	// although no input has one.
	SuperfluousWitness
)

// The broken rules: the bytes were walked to their end, and have a claim.
const (
	// CoinbaseMissing says that the first transaction is no coinbase.
	CoinbaseMissing = SuperfluousWitness + 1 + iota
	// CoinbaseMultiple says that another transaction is one, too.
	CoinbaseMultiple
	// CoinbaseLength says that the coinbase's scriptSig has not 2 to 100 bytes.
	CoinbaseLength
	// CoinbaseHeight says that the coinbase's scriptSig does not begin with the
	// block's height (BIP-0034).
	CoinbaseHeight
	// TransactionTooLarge says that a transaction without its witness weighs more
	// than a block may.
	TransactionTooLarge
	// ValueNegative says that an output's value is below zero.
	ValueNegative
	// ValueTooLarge says that an output's value is more than all there can be.
	ValueTooLarge
	// TotalTooLarge says that a transaction's outputs sum to more than that.
	TotalTooLarge
	// DuplicateInputs says that a transaction spends an output twice
	// (CVE-2018-17144).
	DuplicateInputs
	// NullPrevout says that an input that is no coinbase's spends nothing.
	NullPrevout
	// Sigops says that legacy signature operations cost more than a block may.
	Sigops
	// NonFinal says that a transaction's lock time lies ahead (BIP-0113).
	NonFinal
	// Coinbase says that a transaction that was sent alone is a coinbase: it belongs
	// to a block.
	Coinbase
)

type row struct{ text, reason string }

// The reasons are those of Bitcoin Core v30.0: src/validation.cpp
// (MemPoolAccept::PreChecks among it), src/consensus/tx_check.cpp, and for faults of form what the deserialiser of
// src/serialize.h and src/primitives/transaction.h throws.
var table = [...]row{ //nolint:gochecknoglobals // a table, never written
	OK:                  {"well formed", ""},
	TooLarge:            {"larger than 4,000,000 bytes", "bad-blk-length"},
	Truncated:           {"bytes end within a field", "end of data"},
	Trailing:            {"bytes after the last transaction", "trailing data"},
	NonCanonical:        {"CompactSize longer than its value needs", "non-canonical ReadCompactSize()"},
	Count:               {"count larger than the bytes that are left can hold", "end of data"},
	NoTransactions:      {"no transactions", "bad-blk-length"},
	TooManyTransactions: {"more than 16,666 transactions", "bad-blk-length"},
	NoInputs:            {"transaction without inputs", "bad-txns-vin-empty"},
	NoOutputs:           {"transaction without outputs", "bad-txns-vout-empty"},
	UnknownFlag:         {"unknown flag after the segwit marker", "Unknown transaction optional data"},
	SuperfluousWitness:  {"witness serialisation without a witness", "Superfluous witness record"},
	CoinbaseMissing:     {"first transaction is no coinbase", "bad-cb-missing"},
	CoinbaseMultiple:    {"more than one coinbase", "bad-cb-multiple"},
	CoinbaseLength:      {"coinbase scriptSig is not of 2 to 100 bytes", "bad-cb-length"},
	CoinbaseHeight:      {"coinbase does not begin with the block's height", "bad-cb-height"},
	TransactionTooLarge: {"transaction larger than any block", "bad-txns-oversize"},
	ValueNegative:       {"output value below zero", "bad-txns-vout-negative"},
	ValueTooLarge:       {"output value above 21,000,000 BTC", "bad-txns-vout-toolarge"},
	TotalTooLarge:       {"output values sum to more than 21,000,000 BTC", "bad-txns-txouttotal-toolarge"},
	DuplicateInputs:     {"transaction spends an output twice", "bad-txns-inputs-duplicate"},
	NullPrevout:         {"input of no coinbase spends nothing", "bad-txns-prevout-null"},
	Sigops:              {"more than 80,000 of signature operation cost", "bad-blk-sigops"},
	NonFinal:            {"transaction is not final", "bad-txns-nonfinal"},
	Coinbase:            {"coinbase that stands alone", "coinbase"},
}

// Valid reports whether c is in the table.
func (c Code) Valid() bool { return c >= OK && int(c) < len(table) }

// Rule reports whether c is a broken rule: the bytes were walked to their end, and
// a claim comes with the code.
func (c Code) Rule() bool { return c >= CoinbaseMissing && c.Valid() }

// Claimed reports whether a claim comes with c: with [OK] and with a broken rule.
func (c Code) Claimed() bool { return c == OK || c.Rule() }

// String returns the sentence that c stands for.
func (c Code) String() string {
	if !c.Valid() {
		return fmt.Sprintf("verdict(%d)", uint8(c))
	}
	return table[c].text
}

// Reason returns the reject reason that Bitcoin Core gives for the same fault,
// such as "bad-txns-inputs-duplicate"; for a fault of form, what its deserialiser
// says. It is empty for [OK] and for what is not in the table.
func (c Code) Reason() string {
	if !c.Valid() {
		return ""
	}
	return table[c].reason
}
