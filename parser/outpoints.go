package parser

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// outpoints finds an outpoint that stands twice in one transaction (CVE-2018-17144).
//
// A few are compared with each other. More go into a table of places in the block
// by hash, each with 32 more bits of the hash, so that bytes are only compared where
// those agree. Peers choose the outpoints, so the hash is keyed by a secret of the
// process: without it no two can be made to meet, and the time grows with their
// number alone.
type outpoints struct {
	seed maphash.Seed
	// table has slots for twice as many as there can be: 32 bits of the hash, then
	// the place, 0 if empty. A transaction uses the first mask+1 slots.
	table []uint64
	mask  uint64
	// few are the first eight bytes and the places of the first n, if all are few.
	few   [maxFew]struct{ head, at uint64 }
	n     int
	isFew bool
}

// maxFew is how many outpoints are compared with each other, 120 comparisons at most.
const maxFew = 16

// tableSlots is a power of two, at least twice maxInputs: half of the slots are empty.
const (
	tableSlots = 1 << 18
	_          = uint(tableSlots - 2*maxInputs)
)

func newOutpoints() outpoints {
	return outpoints{seed: maphash.MakeSeed(), table: make([]uint64, tableSlots)}
}

// begin forgets all, for n outpoints at most maxInputs.
func (o *outpoints) begin(n uint64) {
	o.n, o.isFew = 0, n <= maxFew
	if o.isFew {
		return
	}
	slots := uint64(1) << bits.Len64(2*n-1)
	o.mask = slots - 1
	clear(o.table[:slots])
}

// again notes the outpoint that begins at a place of b, not 0, and reports whether it
// was there before.
func (o *outpoints) again(b []byte, at int) bool {
	if o.isFew {
		return o.againFew(b, at)
	}
	this := b[at : at+outpointSize]
	hash := maphash.Bytes(o.seed, this)
	slot := hash>>32<<32 | uint64(at)                //nolint:gosec // a place is not negative
	for i := hash & o.mask; ; i = (i + 1) & o.mask { // half the slots are empty
		old := o.table[i]
		if old == 0 {
			o.table[i] = slot
			return false
		}
		if (old^slot)>>32 == 0 {
			there := int(uint32(old)) //nolint:gosec // the lower half
			if string(b[there:there+outpointSize]) == string(this) {
				return true
			}
		}
	}
}

func (o *outpoints) againFew(b []byte, at int) bool {
	this := b[at : at+outpointSize]
	head := binary.LittleEndian.Uint64(this)
	for _, old := range o.few[:o.n] {
		if old.head == head && string(b[old.at:old.at+outpointSize]) == string(this) {
			return true
		}
	}
	o.few[o.n].head, o.few[o.n].at = head, uint64(at) //nolint:gosec // a place is not negative
	o.n++
	return false
}
