package fuzz_test

import (
	"blockgate/internal/btc"
)

// facts are what Core's deserialiser sees in a block or a transaction and does not
// mind: CheckBlock and CheckTransaction do, or nobody.
type facts struct {
	txs       int
	noInputs  bool // of some transaction
	noOutputs bool // of some transaction
	trailing  int  // bytes that follow
}

// reference reads like Core's deserialiser, which knows no rule but those of form.
// It is written after Core and apart from the parser.
//
// Source: Bitcoin Core v30.0 src/serialize.h, src/primitives/transaction.h and
// src/primitives/block.h.
type reference struct {
	b  []byte
	ok bool
}

// maxSize is MAX_SIZE of src/serialize.h.
const maxSize = 0x02000000

func referenceBlock(b []byte) (f facts, ok bool) {
	r := reference{b: b, ok: true}
	r.skip(btc.HeaderSize)
	for n := r.size(); n > 0 && r.ok; n-- {
		r.transaction(&f)
	}
	f.trailing = len(r.b)
	return f, r.ok
}

func referenceTransaction(b []byte) (f facts, ok bool) {
	r := reference{b: b, ok: true}
	r.transaction(&f)
	return f, r.ok && len(r.b) == 0 // DecodeHexTx wants the stream to be empty
}

func (r *reference) transaction(f *facts) {
	f.txs++
	r.skip(4)
	inputs, outputs, flags := r.inputs(), 0, byte(0)
	if inputs == 0 {
		if flags = r.octet(); flags != 0 {
			inputs, outputs = r.inputs(), r.outputs()
		}
	} else {
		outputs = r.outputs()
	}
	if flags&1 != 0 {
		flags ^= 1
		if r.witness(inputs) == 0 {
			r.ok = false // superfluous
		}
	}
	if flags != 0 {
		r.ok = false
	}
	r.skip(4)
	f.noInputs, f.noOutputs = f.noInputs || inputs == 0, f.noOutputs || outputs == 0
}

func (r *reference) inputs() int {
	count := r.size()
	for n := count; n > 0 && r.ok; n-- {
		r.skip(36)
		r.skip(r.size())
		r.skip(4)
	}
	return count
}

func (r *reference) outputs() int {
	count := r.size()
	for n := count; n > 0 && r.ok; n-- {
		r.skip(8)
		r.skip(r.size())
	}
	return count
}

// witness returns how many items there are in the stacks.
func (r *reference) witness(stacks int) int {
	items := 0
	for ; stacks > 0 && r.ok; stacks-- {
		for n := r.size(); n > 0 && r.ok; n-- {
			items++
			r.skip(r.size())
		}
	}
	return items
}

func (r *reference) skip(n int) {
	if !r.ok || n > len(r.b) {
		r.ok = false
		return
	}
	r.b = r.b[n:]
}

func (r *reference) octet() byte {
	if len(r.b) == 0 {
		r.ok = false
		return 0
	}
	b := r.b[0]
	r.b = r.b[1:]
	return b
}

func (r *reference) size() int {
	first := r.octet()
	if first < 0xfd {
		return int(first)
	}
	width, least := 2, uint64(0xfd)
	switch first {
	case 0xfe:
		width, least = 4, 1<<16
	case 0xff:
		width, least = 8, 1<<32
	}
	value := uint64(0)
	for i := range width {
		value |= uint64(r.octet()) << (8 * i)
	}
	if value < least || value > maxSize {
		r.ok = false
		return 0
	}
	return int(value)
}
