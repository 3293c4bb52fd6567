package headerchain

import "blockgate/internal/btc"

// bitQueue is a queue of bits, in chunks that are freed when they are read.
type bitQueue struct {
	chunks []*[bitChunk]uint64
	first  int // bit of the first chunk that is read next
	count  int
}

// bitChunk is the number of words in a chunk: 4 KiB.
const bitChunk = 512

func (q *bitQueue) push(bit bool) {
	at := q.first + q.count
	if at == len(q.chunks)*bitChunk*64 {
		q.chunks = append(q.chunks, new([bitChunk]uint64))
	}
	if bit {
		q.chunks[at/(bitChunk*64)][at/64%bitChunk] |= 1 << (at % 64)
	}
	q.count++
}

// pop is false if the queue is empty.
func (q *bitQueue) pop() (bit, ok bool) {
	if q.count == 0 {
		return false, false
	}
	bit = q.chunks[0][q.first/64]>>(q.first%64)&1 != 0
	q.first++
	q.count--
	if q.first == bitChunk*64 {
		q.chunks[0] = nil // else the slice's array keeps it
		q.chunks, q.first = q.chunks[1:], 0
	}
	return bit, true
}

func (q *bitQueue) clear() { *q = bitQueue{} }

// compressed is a header without the hash of its parent, which the header before
// has: 48 bytes.
type compressed struct {
	merkleRoot btc.Hash
	version    int32
	time, bits uint32
	nonce      uint32
}

// compressedQueue is a ring of headers, of which each is the child of the one before.
type compressedQueue struct {
	ring         []compressed
	first, count int
	most         int // size of the ring when it has grown
}

// newCompressedQueue returns a queue with room for expected headers and one message
// more; it grows once, to room for buffer and one message.
func newCompressedQueue(expected, buffer int) compressedQueue {
	most := buffer + btc.MaxHeaders
	return compressedQueue{ring: make([]compressed, min(expected+btc.MaxHeaders, most)), most: most}
}

// push must not be called with more than the buffer and one message in the queue.
func (q *compressedQueue) push(h *btc.Header) {
	if q.count == len(q.ring) {
		grown := make([]compressed, q.most)
		n := copy(grown, q.ring[q.first:])
		copy(grown[n:], q.ring[:q.first])
		q.ring, q.first = grown, 0
	}
	q.ring[(q.first+q.count)%len(q.ring)] = compressed{h.MerkleRoot(), h.Version(), h.Time(), h.Bits(), h.Nonce()}
	q.count++
}

// pop returns the first header, whose parent is prev. The queue is not empty.
func (q *compressedQueue) pop(prev *btc.Hash) btc.Header {
	c := &q.ring[q.first]
	q.first = (q.first + 1) % len(q.ring)
	q.count--
	return btc.HeaderFields{
		Version: c.version, Prev: *prev, MerkleRoot: c.merkleRoot, Time: c.time, Bits: c.bits, Nonce: c.nonce,
	}.Header()
}
