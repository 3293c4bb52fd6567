package sha256d

import (
	"cmp"
	"slices"
)

// maxCounted is the longest message, in blocks, that is sorted by counting.
const maxCounted = 128

// order sorts messages by their number of blocks. It holds scratch memory.
type order struct {
	places []uint32
	ids    []uint32
	long   []uint32 // those too long to be counted
	begins [maxCounted + 2]uint32
}

// longestFirst returns the place of each message in a list that begins with the
// longest. The slice is good until the next call.
func (o *order) longestFirst(messages []Message) (places []uint32) {
	if cap(o.places) < len(messages) {
		o.places = make([]uint32, len(messages)+len(messages)/2)
	}
	places = o.places[:len(messages)]
	clear(o.begins[:])
	o.long = o.long[:0]
	for i := range messages {
		n := messages[i].blocks()
		if n > maxCounted {
			o.long = append(o.long, uint32(i))
		}
		at := uint32(maxCounted + 1 - min(n, maxCounted+1))
		places[i] = at
		o.begins[at]++
	}
	var sum uint32
	for at, count := range o.begins {
		o.begins[at] = sum
		sum += count
	}
	for i, at := range places {
		begin := &o.begins[at]
		places[i] = *begin
		*begin++
	}
	slices.SortFunc(o.long, func(a, b uint32) int { return cmp.Compare(messages[b].blocks(), messages[a].blocks()) })
	for place, id := range o.long {
		places[id] = uint32(place)
	}
	return places
}

// longestIDs returns the indexes of messages, longest first. The slice is good until
// the next call.
func (o *order) longestIDs(messages []Message) []uint32 {
	places := o.longestFirst(messages)
	if cap(o.ids) < len(messages) {
		o.ids = make([]uint32, len(messages)+len(messages)/2)
	}
	ids := o.ids[:len(messages)]
	for id, place := range places {
		ids[place] = uint32(id)
	}
	return ids
}
