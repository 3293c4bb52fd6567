package parser_test

import (
	"bytes"
	"encoding/binary"
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
	return txOf(0, [][]byte{inputOf(null, script, 0)}, output)
}

// outpoint is output i of some transaction.
func outpoint(i int) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Repeat([]byte{7}, 32), uint32(i))
}

func inputOf(outpoint, script []byte, sequence uint32) []byte {
	return binary.LittleEndian.AppendUint32(slices.Concat(outpoint, size(uint64(len(script))), script), sequence)
}

// spends are n inputs that differ.
func spends(n int) [][]byte {
	inputs := make([][]byte, n)
	for i := range inputs {
		inputs[i] = inputOf(outpoint(i), nil, 0)
	}
	return inputs
}

func outputOf(value uint64, script []byte) []byte {
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, value), size(uint64(len(script))), script)
}

// txOf is a transaction without a witness.
func txOf(lockTime uint32, inputs [][]byte, outputs ...[]byte) []byte {
	return binary.LittleEndian.AppendUint32(slices.Concat(version,
		size(uint64(len(inputs))), slices.Concat(inputs...),
		size(uint64(len(outputs))), slices.Concat(outputs...)), lockTime)
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
	plain := txOf(0, spends(len(stacks)), output)
	return slices.Concat(version, marker, plain[4:len(plain)-4], slices.Concat(stacks...), lockTime)
}

// blockOf is a block of so many transactions as there are, with their count.
func blockOf(txs ...[]byte) []byte {
	return slices.Concat(header, size(uint64(len(txs))), slices.Concat(txs...))
}
