package headerchain

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"blockgate/internal/btc"
)

// index finds a node by its hash: open addressing with linear probing. A slot is
//
//	bit 31     24 23          0
//	    tag       ref + 1          0 if free
//
// The tag is a byte of the hash that the slot number hardly uses, so that a probe
// of a strange slot seldom has to look at the node. ref + 1 fits 24 bits:
// MaxChainHeaders is 2^24 - 1.
//
// The slot number comes from eight bytes of the hash times a secret odd number, so
// that nobody can choose headers that collide.
type index struct {
	slots []uint32
	used  int
	key   uint64
	// touched keeps the compiler from leaving out loads; it says nothing.
	touched uint32
}

const (
	firstSlots = 1 << 10
	refBits    = 24
	refMask    = 1<<refBits - 1
)

// The highest ref + 1 fits.
const _ = uint(refMask - MaxChainHeaders)

// newIndex returns an empty index with a key of its own.
func newIndex() index {
	return index{slots: make([]uint32, firstSlots), key: maphash.Bytes(maphash.MakeSeed(), nil) | 1}
}

func tagOf(hash *btc.Hash) uint32 { return uint32(hash[8]) << refBits }

func (x *index) home(hash *btc.Hash) int {
	high, _ := bits.Mul64(binary.LittleEndian.Uint64(hash[:8])*x.key, uint64(len(x.slots)))
	return int(high)
}

// after returns the slot after i.
func (x *index) after(i int) int {
	if i++; i < len(x.slots) {
		return i
	}
	return 0
}

// find returns the node with hash, or none.
func (x *index) find(nodes *arena, hash *btc.Hash) ref {
	tag := tagOf(hash)
	for i := x.home(hash); ; i = x.after(i) {
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
	hash := &nodes.at(r).hash
	x.put(x.home(hash), tagOf(hash), r)
	x.used++
}

// put puts r, with its tag, into the first free slot from i on.
func (x *index) put(i int, tag uint32, r ref) {
	for x.slots[i] != 0 {
		i = x.after(i)
	}
	x.slots[i] = tag | uint32(r+1)
}

// touch loads the slots that hashes will want. One load does not wait for another,
// so that the caches have them when find and add come, where each would wait.
func (x *index) touch(hashes []btc.Hash) {
	var sum uint32
	for i := range hashes {
		sum += x.slots[x.home(&hashes[i])]
	}
	x.touched = sum
}

// grow makes three quarters more slots: from 5.3 to 9.3 bytes a header.
func (x *index) grow(nodes *arena) {
	x.slots = make([]uint32, len(x.slots)/4*7)
	x.putAll(nodes, x.used)
}

// putAll puts the first count nodes into empty slots.
func (x *index) putAll(nodes *arena, count int) {
	var homes [hashStretch]int
	var sum uint32
	for from := 0; from < count; from += hashStretch {
		stretch := homes[:min(hashStretch, count-from)]
		for i := range stretch { // as touch does
			stretch[i] = x.home(&nodes.at(ref(from + i)).hash)
			sum += x.slots[stretch[i]]
		}
		for i, home := range stretch {
			r := ref(from + i)
			x.put(home, tagOf(&nodes.at(r).hash), r)
		}
	}
	x.touched = sum
}

// rebuild enters all nodes anew.
func (x *index) rebuild(nodes *arena) {
	clear(x.slots)
	x.putAll(nodes, nodes.count)
	x.used = nodes.count
}
