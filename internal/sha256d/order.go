package sha256d

import (
	"cmp"
	"slices"
)

// maxCounted is the longest message, in blocks, that is sorted by counting.
const maxCounted = 128

// order sorts messages by their number of blocks. It holds scratch memory.
type order struct {
	ids    []uint32
	begins [maxCounted + 2]uint32
}

// longestFirst returns the indexes of messages, longest first, and the sum of their
// blocks. The slice is good until the next call.
func (o *order) longestFirst(messages []Message) (ids []uint32, blocks int) {
	if cap(o.ids) < len(messages) {
		o.ids = make([]uint32, len(messages)+len(messages)/2)
	}
	ids = o.ids[:len(messages)]
	clear(o.begins[:])
	for i := range messages {
		n := messages[i].blocks()
		blocks += n
		o.begins[placeOf(n)]++
	}
	long := o.begins[0]
	var sum uint32
	for i, count := range o.begins {
		o.begins[i] = sum
		sum += count
	}
	for i := range messages {
		begin := &o.begins[placeOf(messages[i].blocks())]
		ids[*begin] = uint32(i)
		*begin++
	}
	slices.SortFunc(ids[:long], func(a, b uint32) int { return cmp.Compare(messages[b].blocks(), messages[a].blocks()) })
	return ids, blocks
}

// placeOf returns where messages of so many blocks are counted: the longest at 0.
func placeOf(blocks int) int { return maxCounted + 1 - min(blocks, maxCounted+1) }
