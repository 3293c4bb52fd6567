package parser

import "blockgate/internal/btc"

// The fewest bytes that an item may have bound its count by the bytes left.
const (
	// minInput: outpoint 36, empty script 1, sequence 4.
	minInput = 41
	// minOutput: value 8, empty script 1.
	minOutput = 9
	// minItem: the length of an empty witness item.
	minItem = 1
)

// outpointSize is the length in bytes of what an input spends: hash 32, index 4.
const outpointSize = 36

// maxInputs is the most inputs that bytes within our limit can hold, 97,560. A
// transaction of that many is too large, but it is walked to its end.
const maxInputs = btc.MaxBlockSize / minInput

// maxMoney is the most satoshis that an output, or all outputs of a transaction,
// may have.
//
// Source: MAX_MONEY, Bitcoin Core v30.0 src/consensus/amount.h.
const maxMoney = 21_000_000 * 100_000_000

// maxSigopsCost is the most that the signature operations of a block may cost, and
// sigopCost what one of the legacy kind costs (BIP-0141).
//
// Source: MAX_BLOCK_SIGOPS_COST and WITNESS_SCALE_FACTOR, Bitcoin Core v30.0
// src/consensus/consensus.h.
const (
	maxSigopsCost = 80_000
	sigopCost     = btc.WitnessScaleFactor
)

// multisigSigops is what OP_CHECKMULTISIG counts for where nobody looks at the
// number of its keys.
//
// Source: MAX_PUBKEYS_PER_MULTISIG, Bitcoin Core v30.0 src/script/script.h.
const multisigSigops = 20

// The coinbase's scriptSig has 2 to 100 bytes.
//
// Source: CheckTransaction, Bitcoin Core v30.0 src/consensus/tx_check.cpp.
const (
	minCoinbaseScript = 2
	maxCoinbaseScript = 100
)

// lockTimeThreshold parts lock times: below it they are heights, from it on Unix
// seconds.
//
// Source: LOCKTIME_THRESHOLD, Bitcoin Core v30.0 src/script/script.h.
const lockTimeThreshold = 500_000_000

// noSequence is the sequence of an input that does not care for the lock time, and
// noIndex the index of an outpoint that is none.
//
// Source: CTxIn::SEQUENCE_FINAL and COutPoint::NULL_INDEX, Bitcoin Core v30.0
// src/primitives/transaction.h.
const (
	noSequence = 0xffffffff
	noIndex    = 0xffffffff
)
