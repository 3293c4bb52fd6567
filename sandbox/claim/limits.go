package claim

import "blockgate/internal/btc"

// EntrySize is the length in bytes of a [Tx] in its serialised form, in which
// the worker answers and the bus carries it: two little-endian numbers of 32
// bits, the length of the transaction and the length of its witness section.
const EntrySize = 8

// MaxSize is the most bytes that a serialised claim has.
const MaxSize = EntrySize * btc.MaxBlockTransactions

// The coinbase's scriptSig has 2 to 100 bytes.
//
// Source: CheckTransaction, Bitcoin Core v30.0 src/consensus/tx_check.cpp.
const (
	minCoinbaseScript = 2
	maxCoinbaseScript = 100
)
