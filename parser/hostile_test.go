package parser_test

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"slices"

	"blockgate/internal/btc"
)

// hostile is a block that costs a parser more than its bytes are worth. All of them
// fit 4,000,000 weight units but those that say so.
type hostile struct {
	name string
	body []byte
}

// hostiles returns the worst blocks that we know. They are sound, with a coinbase and
// without duplicates, unless they say otherwise.
func hostiles() []hostile {
	rng := rand.New(rand.NewSource(9))
	one := func(item []byte) func() []byte { return func() []byte { return item } }
	mixed := func() []byte { // empty or one byte, so that no branch is foreseen
		if rng.Intn(2) == 0 {
			return []byte{0}
		}
		return []byte{1, 0}
	}
	ones := func() []byte { return []byte{1, byte(rng.Intn(2))} }
	anyOp := func() []byte { // no branch is foreseen, and no push takes much
		return [][]byte{{0xac}, {0x61}, {0}, {1, 0}, {0x4c, 0}, {0x4d, 0, 0}, {0x4e, 0, 0, 0, 0}}[rng.Intn(7)]
	}
	opOrPush := func() []byte { // OP_CHECKSIG, or a push of 1 or 2 bytes
		return [][]byte{{0xac}, {1, 0}, {2, 0, 0}, {0x4c, 0}}[rng.Intn(4)]
	}
	return []hostile{
		{"empty_witness_items", witnessOf(one([]byte{0}))},
		{"witness_items_of_one_byte", witnessOf(ones)},
		{"seven_empty_items_and_one", witnessOf(one([]byte{0, 0, 0, 0, 0, 0, 0, 1, 1}))},
		{"witness_items_mixed", witnessOf(mixed)},
		{"zeros_or_one_unforeseen", witnessOf(func() []byte { // skipped as eight, or not
			return [][]byte{make([]byte, 8), {1, 1}}[rng.Intn(2)]
		})},
		{"stacks_of_one_empty_item", stacksOfOne()},
		{"scripts_of_op_nop", scriptOf(one([]byte{0x61}))},
		{"scripts_of_op_0", scriptOf(one([]byte{0}))},
		{"scripts_of_op_checkmultisig", scriptOf(one([]byte{0xae}))}, // over the limit
		{"scripts_of_any_but_long_pushes", scriptOf(anyOp)},
		{"scripts_of_op_or_push", scriptOf(opOrPush)},
		{"scripts_of_pushdata1", scriptOf(one([]byte{0x4c, 0}))},
		{"transactions_of_60_bytes", many(tx, 999_000)},
		{"segwit_transactions_of_64_bytes", many(func() []byte { return segwitTx(vector(1, str(0))) }, 1_045_000)},
		{"inputs_24000", many(func() []byte { return inputsOf(24_000, rng) }, 985_000)},
		{"inputs_of_one_txid_16_each", many(func() []byte { return inputsOf(16, nil) }, 999_000)},
		{"inputs_of_one_txid_17_each", many(func() []byte { return inputsOf(17, nil) }, 999_000)},
		{"outputs_111000", many(func() []byte {
			return slices.Concat(version, vector(1, input), vector(110_000, output), lockTime)
		}, 999_000)},
		{"inputs_97560_too_large", many(func() []byte { return inputsOf(97_550, nil) }, btc.MaxBlockSize)},
	}
}

// many is a block of a coinbase and as many transactions as fit so many bytes.
func many(tx func() []byte, most int) []byte {
	txs, size := [][]byte{coinbase}, btc.HeaderSize+3+len(coinbase)
	for {
		next := tx()
		if size += len(next); size > most {
			return blockOf(txs...)
		}
		txs = append(txs, next)
	}
}

// inputsOf is a transaction with n inputs that spend outputs of one transaction, or of
// a random one each.
func inputsOf(n int, rng *rand.Rand) []byte {
	inputs := size(uint64(n))
	for i := range n {
		in := slices.Clone(input)
		binary.LittleEndian.PutUint32(in[32:], uint32(i))
		if rng != nil {
			rng.Read(in[:32])
		}
		inputs = append(inputs, in...)
	}
	return slices.Concat(version, inputs, vector(1, output), lockTime)
}

// fill repeats item until there are most bytes.
func fill(item func() []byte, most int) []byte {
	var b []byte
	for {
		next := item()
		if len(b)+len(next) > most {
			return b
		}
		b = append(b, next...)
	}
}

// witnessOf is a block with one stack of such items; an item of several is counted
// by its zeros and what follows them.
func witnessOf(item func() []byte) []byte {
	const room = btc.MaxBlockWeight - 3*(btc.HeaderSize+200) - 400
	items := fill(item, room)
	n := 0
	for at := 0; at < len(items); n++ {
		at += 1 + int(items[at])
	}
	return blockOf(coinbase, segwitTx(append(size(uint64(n)), items...)))
}

// stacksOfOne has as many inputs as a block can, each with one empty item.
func stacksOfOne() []byte {
	const n = 24_000
	plain := inputsOf(n, nil)
	return blockOf(coinbase, slices.Concat(version, marker, plain[4:len(plain)-4], bytes.Repeat([]byte{1, 0}, n), lockTime))
}

// scriptOf is a block with one scriptPubKey of such opcodes.
func scriptOf(op func() []byte) []byte {
	script := fill(op, 999_000)
	script = append(size(uint64(len(script))), script...)
	return blockOf(coinbase, slices.Concat(version, vector(1, input), []byte{1}, make([]byte, 8), script, lockTime))
}
