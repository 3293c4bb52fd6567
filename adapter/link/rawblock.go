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
	// Sum is the SHA-256 of all bytes, header included: two peers that sent the
	// same bytes have the same Sum.
	Sum [sha256.Size]byte

	body *body
}

// Size returns the number of bytes, header included: 81 to [MaxPayload]. It is 0
// after Release and for the zero RawBlock.
func (b RawBlock) Size() int {
	if b.body == nil || b.body.released.Load() {
		return 0
	}
	return b.body.size
}

// CopyTo copies the bytes, header included, to dst and returns how many it
// copied: the lesser of Size and the length of dst.
func (b RawBlock) CopyTo(dst []byte) int {
	left := dst[:min(len(dst), b.Size())]
	total := len(left)
	for i := 0; len(left) > 0; i++ {
		left = left[copy(left, b.body.chunks[i][:]):]
	}
	return total
}

// Release gives the memory back. The owner calls it once, when nobody uses the
// bytes any more; later calls do nothing.
func (b RawBlock) Release() {
	if b.body != nil {
		b.body.release()
	}
}

// body is the memory of a block, in chunks that are taken as the bytes come.
type body struct {
	budget   *Budget
	claim    *claim
	chunks   []*[ChunkSize]byte
	size     int // bytes in chunks
	released atomic.Bool
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

func (b *body) release() {
	if b.released.Swap(true) {
		return
	}
	for _, chunk := range b.chunks {
		b.budget.putChunk(chunk)
	}
	b.chunks = nil
	b.budget.release(b.claim)
}
