package headerchain

import (
	"encoding/binary"

	"blockgate/internal/btc"
)

// index finds a node by its hash: open addressing with linear probing. A slot is
//
//	bit 31     24 23          0
//	    tag       ref + 1          0 if free
//
// The tag is a byte of the hash that the slot number does not use, so that a
// probe of a strange slot seldom has to look at the node. The ref fits 24 bits:
// MaxChainHeaders is 2^23.
//
// The slot comes from the hash as it is. To make headers that collide, a miner
// has to do their proof of work times the number of slots.
type index struct {
	slots []uint32 // a power of two
	used  int
}

const (
	firstSlots = 1 << 10
	refBits    = 24
	refMask    = 1<<refBits - 1
)

func tagOf(hash *btc.Hash) uint32 { return uint32(hash[8]) << refBits }

func (x *index) home(hash *btc.Hash) int {
	return int(binary.LittleEndian.Uint32(hash[:4])) & (len(x.slots) - 1)
}

// find returns the node with hash, or none.
func (x *index) find(nodes *arena, hash *btc.Hash) ref {
	tag := tagOf(hash)
	for i := x.home(hash); ; i = (i + 1) & (len(x.slots) - 1) {
		slot := x.slots[i]
		if slot == 0 {
			return none
		}
		if slot&^refMask == tag {
			if r := ref(slot&refMask) - 1; nodes.at(r).hash == *hash {
				return r
			}
		}
	}
}

// add enters node r, which must not be there. Refs come in rising order.
func (x *index) add(nodes *arena, r ref) {
	if 4*x.used >= 3*len(x.slots) {
		x.grow(nodes)
	}
	x.put(&nodes.at(r).hash, r)
	x.used++
}

func (x *index) put(hash *btc.Hash, r ref) {
	i := x.home(hash)
	for x.slots[i] != 0 {
		i = (i + 1) & (len(x.slots) - 1)
	}
	x.slots[i] = tagOf(hash) | uint32(r+1)
}

// grow doubles the slots. It enters the nodes in the order of their refs, so the
// youngest node is always the one entered last.
func (x *index) grow(nodes *arena) {
	x.slots = make([]uint32, max(firstSlots, 2*len(x.slots)))
	for r := range ref(x.used) {
		x.put(&nodes.at(r).hash, r)
	}
}

// removeLast takes out node r, the youngest. No other was entered after it, so
// none was pushed on by it and its slot can simply be freed.
func (x *index) removeLast(nodes *arena, r ref) {
	want := tagOf(&nodes.at(r).hash) | uint32(r+1)
	i := x.home(&nodes.at(r).hash)
	for x.slots[i] != want {
		i = (i + 1) & (len(x.slots) - 1)
	}
	x.slots[i] = 0
	x.used--
}
