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
	// firstSlots and the growth make room for a million headers, which is mainnet,
	// in eight steps, of which the last is not long before that.
	firstSlots = 1344
	fewSlots   = 64 * firstSlots // 344 KB, from where on growth is careful
	refBits    = 24
	refMask    = 1<<refBits - 1
	// sureSteps is how far put looks without a branch. So many slots at the end are
	// no header's own.
	sureSteps = 4
)

// The highest ref + 1 fits.
const _ = uint(refMask - MaxChainHeaders)

// newIndex returns an empty index with a key of its own.
func newIndex() index {
	return index{slots: make([]uint32, firstSlots+sureSteps), key: maphash.Bytes(maphash.MakeSeed(), nil) | 1}
}

func tagOf(hash *btc.Hash) uint32 { return uint32(hash[8]) << refBits }

func (x *index) home(hash *btc.Hash) int {
	high, _ := bits.Mul64(binary.LittleEndian.Uint64(hash[:8])*x.key, uint64(len(x.slots)-sureSteps))
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

// addRun does what add does, for the nodes with hashes, from ref first on.
func (x *index) addRun(nodes *arena, first ref, hashes []btc.Hash) {
	if 4*(x.used+len(hashes)) >= 3*len(x.slots) {
		for i := range hashes {
			x.add(nodes, first+ref(i))
		}
		return
	}
	for i := range hashes {
		x.put(x.home(&hashes[i]), tagOf(&hashes[i]), first+ref(i))
	}
	x.used += len(hashes)
}

// put puts r, with its tag, into the first free slot from its home on.
//
// Nothing can foretell whether a slot is free, so the first steps are no branches:
// the processor works on many headers at once where it would wait for one.
func (x *index) put(home int, tag uint32, r ref) {
	i, slots := home, x.slots
	for range sureSteps {
		taken := slots[i]
		i += int((taken | -taken) >> 31) // 1 unless it is 0
	}
	for slots[i] != 0 {
		i = x.after(i)
	}
	slots[i] = tag | uint32(r+1)
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

// grow makes three times more slots while they are few, then three quarters more:
// from 5.3 to 9.3 bytes a header.
func (x *index) grow(nodes *arena) {
	own := len(x.slots) - sureSteps
	if own < fewSlots {
		own *= 4
	} else {
		own = own / 4 * 7
	}
	x.slots = make([]uint32, own+sureSteps)
	x.putAll(nodes, x.used)
}

// reserve makes slots for count headers in all, unless they are there.
func (x *index) reserve(nodes *arena, count int) {
	if own := count + count/3 + 2; own > len(x.slots)-sureSteps {
		x.slots = make([]uint32, own+sureSteps)
		x.putAll(nodes, x.used)
	}
}

// putAll puts the first count nodes into empty slots.
func (x *index) putAll(nodes *arena, count int) {
	var homes [hashStretch]int
	var sum uint32
	for from := 0; from < count; from += hashStretch { // a stretch lies within a chunk
		stretch := nodes.chunks[from/chunkLen].nodes[from%chunkLen:][:min(hashStretch, count-from)]
		for i := range stretch { // as touch does
			homes[i] = x.home(&stretch[i].hash)
			sum += x.slots[homes[i]]
		}
		for i := range stretch {
			x.put(homes[i], tagOf(&stretch[i].hash), ref(from+i))
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
