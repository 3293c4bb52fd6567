package parser_test

import (
	"bytes"
	"slices"

	"blockgate/internal/btc"
)

// The pieces that test blocks are made of, each with the fewest bytes.
var (
	header   = make([]byte, btc.HeaderSize)
	version  = []byte{2, 0, 0, 0}
	lockTime = []byte{0, 0, 0, 0}
	input    = make([]byte, 41) // outpoint, empty script, sequence
	output   = make([]byte, 9)  // value, empty script
	marker   = []byte{0, 1}

	// coinbase is one, of height 1, with the shortest script that there may be.
	coinbase = coinbaseOf([]byte{0x51, 0x51})
)

// null is the outpoint of a coinbase.
var null = append(make([]byte, 32), 0xff, 0xff, 0xff, 0xff)

// coinbaseOf is a coinbase with that scriptSig.
func coinbaseOf(script []byte) []byte {
	return slices.Concat(version, []byte{1}, null, size(uint64(len(script))), script, lockTime, vector(1, output), lockTime)
}

func size(n uint64) []byte { return btc.AppendCompactSize(nil, n) }

// vector is a count and so many copies of item.
func vector(n int, item []byte) []byte { return append(size(uint64(n)), bytes.Repeat(item, n)...) }

// str is a string of n zeros.
func str(n int) []byte { return append(size(uint64(n)), make([]byte, n)...) }

// tx has 60 bytes, btc.MinTransactionSize.
func tx() []byte {
	return slices.Concat(version, vector(1, input), vector(1, output), lockTime)
}

// segwitTx has one input for each stack.
func segwitTx(stacks ...[]byte) []byte {
	return slices.Concat(version, marker, vector(len(stacks), input), vector(1, output), slices.Concat(stacks...), lockTime)
}

// blockOf is a block of so many transactions as there are, with their count.
func blockOf(txs ...[]byte) []byte {
	return slices.Concat(header, size(uint64(len(txs))), slices.Concat(txs...))
}
