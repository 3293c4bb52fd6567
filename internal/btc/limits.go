package btc

// MaxBlockWeight is the most weight units a block may have (BIP-0141).
//
// Source: MAX_BLOCK_WEIGHT, Bitcoin Core v30.0 src/consensus/consensus.h.
const MaxBlockWeight = 4_000_000

// MaxBlockSize is the most bytes a serialised block may have, witness included.
// A block of that size would be all witness; the weight limit is the real one.
//
// Source: MAX_BLOCK_SERIALIZED_SIZE, Bitcoin Core v30.0 src/consensus/consensus.h.
const MaxBlockSize = 4_000_000

// WitnessScaleFactor is what a byte outside the witness weighs (BIP-0141).
//
// Source: WITNESS_SCALE_FACTOR, Bitcoin Core v30.0 src/consensus/consensus.h.
const WitnessScaleFactor = 4

// MinTransactionSize is the fewest bytes that a serialised transaction has:
// version 4, one input of 41, one output of 9, both counts, lock time 4.
//
// Source: MIN_TRANSACTION_WEIGHT / WITNESS_SCALE_FACTOR, Bitcoin Core v30.0
// src/consensus/consensus.h.
const MinTransactionSize = 60

// MaxBlockTransactions is the most transactions a block can have:
// MaxBlockWeight / (WitnessScaleFactor * MinTransactionSize).
const MaxBlockTransactions = MaxBlockWeight / (WitnessScaleFactor * MinTransactionSize)

// MaxHeaders is the most headers that one headers message may carry.
//
// Source: MAX_HEADERS_RESULTS, Bitcoin Core v30.0 src/net_processing.h.
const MaxHeaders = 2000

// MaxFutureBlockTime is how many seconds a header may be ahead of our clock.
//
// Source: MAX_FUTURE_BLOCK_TIME, Bitcoin Core v30.0 src/chain.h.
const MaxFutureBlockTime = 2 * 60 * 60

// MedianTimeSpan is how many headers the median time is taken of (BIP-0113).
//
// Source: CBlockIndex::nMedianTimeSpan, Bitcoin Core v30.0 src/chain.h.
const MedianTimeSpan = 11
