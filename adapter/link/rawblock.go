package link

import (
	"crypto/sha256"
	"sync/atomic"

	"blockgate/internal/btc"
)

// RawBlock is what a peer sent as the block with a header that we asked for.
// Nothing has been checked but that header's hash and the frame's checksum.
//
// Whoever has it owns a part of the [Budget] until [RawBlock.Release].
type RawBlock struct {
	// Hash is the hash of Header.
	Hash btc.Hash
	// Header is the first 80 bytes.
	Header btc.Header

	body       *body
	generation uint32 // of body that this block is
}

// live returns the body, nil after Release.
func (b RawBlock) live() *body {
	if b.body == nil || b.body.generation.Load() != b.generation {
		return nil
	}
	return b.body
}

// Size returns the number of bytes, header included: 81 to [MaxPayload]. It is 0
// after Release and for the zero RawBlock.
func (b RawBlock) Size() int {
	mem := b.live()
	if mem == nil {
		return 0
	}
	return mem.size
}

// Sum returns the SHA-256 of all bytes, header included: two peers that sent the same
// bytes have the same sum. It is 0 after Release. The v1 transport knows it already,
// by v2 it is worked out when it is asked for first: the owner alone may ask.
func (b RawBlock) Sum() [sha256.Size]byte {
	mem := b.live()
	if mem == nil {
		return [sha256.Size]byte{}
	}
	if !mem.summed {
		digest := sha256.New()
		left := mem.size
		for _, chunk := range mem.chunks {
			n := min(left, ChunkSize)
			digest.Write(chunk[:n])
			left -= n
		}
		digest.Sum(mem.sum[:0])
		mem.summed = true
	}
	return mem.sum
}

// CopyTo copies the bytes, header included, to dst and returns how many it
// copied: the lesser of Size and the length of dst.
func (b RawBlock) CopyTo(dst []byte) int {
	mem := b.live()
	if mem == nil {
		return 0
	}
	left := dst[:min(len(dst), mem.size)]
	total := len(left)
	for i := 0; len(left) > 0; i++ {
		left = left[copy(left, mem.chunks[i][:]):]
	}
	return total
}

// Release gives the memory back. The owner calls it once, when nobody uses the
// bytes any more; later calls do nothing.
func (b RawBlock) Release() {
	if b.body != nil && b.body.generation.CompareAndSwap(b.generation, b.generation+1) {
		b.body.release()
	}
}

// body is the memory of a block, in chunks that are taken as the bytes come. It is used
// again for other blocks: the generation tells them apart.
type body struct {
	generation atomic.Uint32
	budget     *Budget
	claim      *claim
	chunks     []*[ChunkSize]byte
	size       int               // bytes in chunks
	sum        [sha256.Size]byte // of them, if summed
	summed     bool
}

// newBody returns a block without bytes that owns a granted claim.
func newBody(budget *Budget, granted *claim) *body {
	mem := budget.takeBody()
	mem.budget, mem.claim = budget, granted
	mem.size, mem.summed = 0, false
	return mem
}

// room returns the free rest of the last chunk, of a new one if that is full.
func (b *body) room() []byte {
	at := b.size % ChunkSize
	if at == 0 {
		b.chunks = append(b.chunks, b.budget.takeChunk())
	}
	return b.chunks[len(b.chunks)-1][at:]
}

// append copies p into the memory.
func (b *body) append(p []byte) {
	for len(p) > 0 {
		n := copy(b.room(), p)
		b.size += n
		p = p[n:]
	}
}

// release gives all memory back, the body's own last.
func (b *body) release() {
	budget, granted := b.budget, b.claim
	for _, chunk := range b.chunks {
		budget.putChunk(chunk)
	}
	clear(b.chunks)
	b.chunks, b.budget, b.claim = b.chunks[:0], nil, nil
	budget.bodies.Put(b)
	budget.release(granted)
}
