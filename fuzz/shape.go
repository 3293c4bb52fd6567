package fuzz

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"blockgate/internal/btc"
)

// Script is what the scripts of a [Shape] consist of.
type Script uint8

// The kinds of scripts. None has a signature operation.
const (
	// ScriptNops are opcodes of one byte.
	ScriptNops Script = iota
	// ScriptPushes are pushes of one byte, two bytes each.
	ScriptPushes
	// ScriptPushData are pushes of nothing by OP_PUSHDATA4, five bytes each.
	ScriptPushData
	// ScriptLongPush is one push that takes in all the rest.
	ScriptLongPush
	// ScriptMixed are opcodes and pushes of up to three bytes, as chance has them.
	ScriptMixed

	scriptKinds = iota
)

// bytes returns a script of size bytes; its last push may be cut.
func (s Script) bytes(size int) []byte {
	unit := []byte{0x61}
	switch s {
	case ScriptNops:
	case ScriptPushes:
		unit = []byte{1, 0}
	case ScriptPushData:
		unit = []byte{0x4e, 0, 0, 0, 0}
	case ScriptMixed:
		return mixedScript(size)
	case ScriptLongPush:
		return append([]byte{0x4e, byte(size - 5), byte((size - 5) >> 8), byte((size - 5) >> 16), 0}, make([]byte, max(0, size-5))...)[:size]
	}
	return bytes.Repeat(unit, size/len(unit)+1)[:size]
}

// mixedScript returns size bytes that no processor can foresee. It has no OP_PUSHDATA and
// no signature operation: what it does not push are opcodes from OP_NOP to OP_CHECKSIG-1.
func mixedScript(size int) []byte {
	script, bits := make([]byte, 0, size+4), chance(1)
	for len(script) < size { // adds a byte a turn at least
		switch n := bits.next() % 8; {
		case n < 4:
			script = append(script, 0x61+byte(bits.next()%(0xac-0x61)))
		default:
			script = append(append(script, byte(n%4)), make([]byte, n%4)...)
		}
	}
	return script[:size]
}

// chance is a generator of numbers that look random and are the same each time.
//
// Source: Marsaglia, "Xorshift RNGs", 2003.
type chance uint64

func (c *chance) next() int {
	*c ^= *c << 13
	*c ^= *c >> 7
	*c ^= *c << 17
	return int(*c >> 33)
}

// Shape describes blocks of equal transactions that are made to cost a lot. All rules
// that need no unspent outputs are kept.
type Shape struct {
	// Txs is the number of transactions beside the coinbase, 0 for as many as fit.
	Txs int
	// Inputs and Outputs are those of each transaction. At least one of each; 0 stands
	// for as many as fit into the block, of one of the two.
	Inputs, Outputs int
	// SigSize and PubKeySize are the lengths in bytes of each input's and output's
	// script.
	SigSize, PubKeySize int
	// Script is what they consist of.
	Script Script
	// Items is the number of witness items of each input, 0 for no witness, -1 for as
	// many as fit into the block, all in the first input.
	Items int
	// ItemSize is the length in bytes of each item; -1 for lengths of 0 to 2, as chance
	// has them.
	ItemSize int
	// Sparse, if it is above 0, leaves only each so many-th item its length; below 0, one
	// of so many as chance has it. The others are empty.
	Sparse int
}

// String returns the fields that are not zero, for the name of a benchmark.
func (s Shape) String() string {
	return fmt.Sprintf("tx%d-in%d-out%d-sig%d-pub%d-script%d-items%d-size%d-sparse%d",
		s.Txs, s.Inputs, s.Outputs, s.SigSize, s.PubKeySize, s.Script, s.Items, s.ItemSize, s.Sparse)
}

// mintHeight is the height of the blocks that are made here: on regtest all rules are
// in force then, and the coinbase has its height in three bytes.
const mintHeight = 100_000

// MintedAt returns the place of the blocks of [Shape.Block].
func MintedAt() Place {
	return Place{Network: btc.Regtest, Height: mintHeight, MedianTime: mintTime - 1}
}

// spare is the weight that header, counts and coinbase take, rounded up.
const spare = 4 * 2000

// Block returns a block of that shape, as heavy as it may be unless Txs says how many
// transactions there are.
func (s Shape) Block() []byte {
	one := s.tx(0)
	count := s.Txs
	if fit := (btc.MaxBlockWeight - spare) / one.Weight(); count == 0 || count > fit {
		count = min(fit, btc.MaxBlockTransactions-1)
	}
	txs := make([]Tx, count)
	for i := range txs {
		txs[i] = s.tx(i)
	}
	return Mint(mintHeight, txs)
}

// tx returns the n-th transaction, which spends outpoints that no other does.
func (s Shape) tx(n int) Tx {
	input := func(at int) []byte {
		return join(outpoint(at), btc.AppendCompactSize(nil, uint64(s.SigSize)), s.Script.bytes(s.SigSize), []byte{0xff, 0xff, 0xff, 0xff})
	}
	output := join(make([]byte, 8), btc.AppendCompactSize(nil, uint64(s.PubKeySize)), s.Script.bytes(s.PubKeySize))
	inputs, outputs := s.counts(len(input(0)), len(output))
	stripped := btc.AppendCompactSize([]byte{2, 0, 0, 0}, uint64(inputs))
	for i := range inputs {
		stripped = append(stripped, input(n*inputs+i)...)
	}
	stripped = btc.AppendCompactSize(stripped, uint64(outputs))
	stripped = append(slices.Concat(stripped, bytes.Repeat(output, outputs)), 0, 0, 0, 0)
	return Tx{Stripped: stripped, Witness: s.witness(inputs, len(stripped))}
}

// counts returns how many inputs and outputs a transaction has, where one of each takes
// so many bytes.
func (s Shape) counts(input, output int) (inputs, outputs int) {
	room := btc.MaxBlockWeight/btc.WitnessScaleFactor - spare
	inputs, outputs = s.Inputs, s.Outputs
	switch {
	case inputs == 0:
		inputs = (room - outputs*output) / input
	case outputs == 0:
		outputs = (room - inputs*input) / output
	}
	return inputs, outputs
}

// witness returns the stacks of so many inputs of a transaction of stripped bytes.
func (s Shape) witness(inputs, stripped int) []byte {
	if s.Items == 0 {
		return nil
	}
	if s.Items > 0 {
		stack, _ := s.items(s.Items, math.MaxInt)
		return bytes.Repeat(append(btc.AppendCompactSize(nil, uint64(s.Items)), stack...), inputs)
	}
	const sizes = 5 // the most that this count takes
	room := btc.MaxBlockWeight - spare - btc.WitnessScaleFactor*stripped - sizes - inputs
	stack, count := s.items(math.MaxInt, room)
	return append(append(btc.AppendCompactSize(nil, uint64(count)), stack...), make([]byte, inputs-1)...)
}

// items returns at most so many witness items, with their lengths, in at most so many
// bytes, and how many there are.
func (s Shape) items(most, room int) (items []byte, count int) {
	bits := chance(2)
	for ; count < most; count++ { // adds a byte a turn
		size := s.ItemSize
		if size < 0 {
			size = bits.next() % 3
		}
		if s.Sparse > 0 && count%s.Sparse != 0 || s.Sparse < 0 && bits.next()%-s.Sparse != 0 {
			size = 0
		}
		if len(items)+5+size > room {
			break
		}
		items = append(btc.AppendCompactSize(items, uint64(size)), make([]byte, size)...)
	}
	return items, count
}

// Hostile are the shapes that cost the most for some part of the work, by name.
func Hostile() map[string]Shape {
	return map[string]Shape{
		"smallest-txs":        {Inputs: 1, Outputs: 1},
		"smallest-segwit-txs": {Inputs: 1, Outputs: 1, Items: 1},
		"one-tx-all-inputs":   {Txs: 1, Outputs: 1},
		"one-tx-all-outputs":  {Txs: 1, Inputs: 1},
		"one-byte-opcodes":    {Txs: 1, Inputs: 1, Outputs: 1, PubKeySize: 990_000},
		"pushes-of-one-byte":  {Txs: 1, Inputs: 1, Outputs: 1, PubKeySize: 990_000, Script: ScriptPushes},
		"empty-pushdata4":     {Txs: 1, Inputs: 1, Outputs: 1, PubKeySize: 990_000, Script: ScriptPushData},
		"short-nop-scripts":   {Txs: 1, Inputs: 1, PubKeySize: 25},
		"empty-witness-items": {Txs: 1, Inputs: 1, Outputs: 1, Items: -1},
		"byte-witness-items":  {Txs: 1, Inputs: 1, Outputs: 1, Items: -1, ItemSize: 1},
		"mixed-witness-items": {Txs: 1, Inputs: 1, Outputs: 1, Items: -1, ItemSize: -1},
		"each-fourth-item":    {Txs: 1, Inputs: 1, Outputs: 1, Items: -1, ItemSize: 1, Sparse: 4},
		"each-eighth-item":    {Txs: 1, Inputs: 1, Outputs: 1, Items: -1, ItemSize: 1, Sparse: 8},
		"items-by-chance":     {Txs: 1, Inputs: 1, Outputs: 1, Items: -1, ItemSize: 1, Sparse: -12},
		"mixed-opcodes":       {Txs: 1, Inputs: 1, Outputs: 1, PubKeySize: 990_000, Script: ScriptMixed},
		"mixed-short-scripts": {Inputs: 2, Outputs: 2, SigSize: 20, PubKeySize: 20, Script: ScriptMixed},
		"mixed-everything":    {Txs: 1, Inputs: 1, Outputs: 1, PubKeySize: 500_000, Script: ScriptMixed, Items: -1, ItemSize: -1},
		"one-witness-item":    {Txs: 1, Inputs: 1, Outputs: 1, Items: 1, ItemSize: 3_990_000},
		"ten-witness-items":   {Txs: 10, Inputs: 1, Outputs: 1, Items: 1, ItemSize: 398_000},
		"inputs-and-items":    {Txs: 1, Inputs: 12_250, Outputs: 1, Items: 160},
	}
}

// sizes and counts are what chance chooses from.
//
//nolint:gochecknoglobals // tables, never written
var (
	sizes  = []int{0, 0, 0, 1, 2, 25, 34, 107, 253, 1000}
	counts = []int{1, 1, 1, 2, 3, 4, 5, 8, 16, 64, 300, 3000}
	items  = []int{0, 1, 1, 2, 3, 10, 100, -1}
	lens   = []int{-1, 0, 0, 0, 1, 2, 32, 72}
	sparse = []int{0, 0, 0, 2, 4, 7, 8, 9, -3, -12}
)

// RandomShape returns a shape by the numbers that n gives, each 0 to below its argument.
func RandomShape(n func(int) int) Shape {
	for {
		s := Shape{}
		for field := range shapeFields {
			s = s.with(field, n)
		}
		if s.fits() {
			return s
		}
	}
}

// Neighbour returns a shape that differs from s in one field, by the numbers that n
// gives.
func (s Shape) Neighbour(n func(int) int) Shape {
	for {
		if other := s.with(n(shapeFields), n); other.fits() {
			return other
		}
	}
}

// shapeFields is how many fields chance may choose.
const shapeFields = 8

// with returns s with one of its fields chosen by chance.
func (s Shape) with(field int, n func(int) int) Shape {
	switch field {
	case 0:
		s.Inputs = counts[n(len(counts))]
	case 1:
		s.Outputs = counts[n(len(counts))]
	case 2:
		s.SigSize = sizes[n(len(sizes))]
	case 3:
		s.PubKeySize = sizes[n(len(sizes))]
	case 4:
		s.Script = Script(n(scriptKinds))
	case 5:
		s.Items = items[n(len(items))]
	case 6:
		s.ItemSize = lens[n(len(lens))]
	case 7:
		s.Sparse = sparse[n(len(sparse))]
	}
	return s
}

// fits reports whether one transaction of the shape fits into a block.
func (s Shape) fits() bool {
	one := s.tx(0)
	return one.Weight() <= btc.MaxBlockWeight-spare
}
