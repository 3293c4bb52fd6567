package headerchain

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"blockgate/internal/btc"
)

// index finds a node by its hash: lines as long as those of the processor's caches,
// each with a count and room for 15 nodes.
//
//	     0       1        2              15
//	+-------+--------+--------+-- ... --+----+
//	| used  | entry  | entry  |         |  0 |       an entry: bit 31  24 23          0
//	+-------+--------+--------+-- ... --+----+                     tag    ref + 1
//
// A node is in the line that its hash says, its home, or in the first after it that
// was not full when it came. The tag is a byte of the hash that the number of the
// line hardly uses, so that a search seldom has to look at a strange node. ref + 1
// fits 24 bits: MaxChainHeaders is 2^24 - 1.
//
// The number of the line comes from eight bytes of the hash times a secret odd number,
// so that nobody can choose headers that collide.
//
// The count is there so that nothing has to be foretold: a new entry goes behind the
// last, and the processor works on many headers at once where it would look for a free
// place in each line, and wait.
type index struct {
	lines []line
	used  int
	key   uint64
}

type line [1 + lineNodes]uint32

const (
	lineNodes = 15
	// firstLines and the growth make room for a million headers, which is mainnet,
	// in eight steps, of which the last is not long before that.
	firstLines = 84
	fewLines   = 64 * firstLines // 344 KB, from where on growth is careful
	// fillLine is how many nodes a line has on average when there have to be more
	// lines.
	fillLine = 12
	refBits  = 24
	refMask  = 1<<refBits - 1
)

// The highest ref + 1 fits.
const _ = uint(refMask - MaxChainHeaders)

// newIndex returns an empty index with a key of its own.
func newIndex() index {
	return index{lines: make([]line, firstLines), key: maphash.Bytes(maphash.MakeSeed(), nil) | 1}
}

func tagOf(hash *btc.Hash) uint32 { return uint32(hash[8]) << refBits }

func (x *index) home(hash *btc.Hash) int {
	high, _ := bits.Mul64(binary.LittleEndian.Uint64(hash[:8])*x.key, uint64(len(x.lines)))
	return int(high)
}

// after returns the line after i.
func (x *index) after(i int) int {
	if i++; i < len(x.lines) {
		return i
	}
	return 0
}

// find returns the node with hash, or none.
func (x *index) find(nodes *arena, hash *btc.Hash) ref {
	tag := tagOf(hash)
	for i := x.home(hash); ; i = x.after(i) {
		in := &x.lines[i]
		for _, entry := range in[1:][:in[0]] {
			if entry&^refMask == tag {
				if r := ref(entry&refMask) - 1; nodes.at(r).hash == *hash {
					return r
				}
			}
		}
		if in[0] < lineNodes {
			return none
		}
	}
}

// add enters node r, which must not be there.
func (x *index) add(nodes *arena, r ref) {
	if x.used >= fillLine*len(x.lines) {
		x.grow(nodes)
	}
	x.put(&nodes.at(r).hash, r)
	x.used++
}

// addRun does what add does, for the nodes with hashes, from ref first on.
func (x *index) addRun(nodes *arena, first ref, hashes []btc.Hash) {
	if x.used+len(hashes) >= fillLine*len(x.lines) {
		for i := range hashes {
			x.add(nodes, first+ref(i))
		}
		return
	}
	for i := range hashes {
		hash := &hashes[i]
		in := &x.lines[x.home(hash)]
		if used := in[0]; used < lineNodes {
			in[0], in[used+1] = used+1, tagOf(hash)|uint32(first+ref(i)+1)
		} else {
			x.put(hash, first+ref(i))
		}
	}
	x.used += len(hashes)
}

// put puts r, which has hash, into the first line from its home on that is not full.
// There is one.
func (x *index) put(hash *btc.Hash, r ref) {
	for i := x.home(hash); ; i = x.after(i) {
		in := &x.lines[i]
		if used := in[0]; used < lineNodes {
			in[0], in[used+1] = used+1, tagOf(hash)|uint32(r+1)
			return
		}
	}
}

// grow makes three times more lines while they are few, then three quarters more:
// from 5.3 to 9.3 bytes a header.
func (x *index) grow(nodes *arena) {
	count := len(x.lines)
	if count < fewLines {
		count *= 4
	} else {
		count = count / 4 * 7
	}
	x.lines = make([]line, count)
	x.putAll(nodes, x.used)
}

// reserve makes lines for count headers in all, unless they are there.
func (x *index) reserve(nodes *arena, count int) {
	if lines := count/fillLine + 1; lines > len(x.lines) {
		x.lines = make([]line, lines)
		x.putAll(nodes, x.used)
	}
}

// putAll puts the first count nodes into empty lines.
func (x *index) putAll(nodes *arena, count int) {
	for r := range ref(count) {
		x.put(&nodes.at(r).hash, r)
	}
}

// rebuild enters all nodes anew.
func (x *index) rebuild(nodes *arena) {
	clear(x.lines)
	x.putAll(nodes, nodes.count)
	x.used = nodes.count
}
