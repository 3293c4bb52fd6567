package sha256d

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// blockSize is how many bytes SHA-256 takes in at once.
const blockSize = sha256.BlockSize

// maxPiece is the most bytes that assembly gets in one call, ours or the standard
// library's: a goroutine in assembly cannot be preempted, and the garbage
// collector waits for it. One stream of them takes 0.15 ms.
const maxPiece = 256 << 10

// portable hashes by crypto/sha256.
//
// A digest that was given whole blocks, padding among them, has the hash as its
// state. To take it out there costs less than to ask for the sum: that copies the
// digest and pads. Half of the hashes of a block's transactions are of 32 bytes.
type portable struct {
	digest hash.Hash
	// appender is the digest again, nil if its state is not laid out as expected.
	appender encoding.BinaryAppender
	// tail is the end of a message with its padding, second a hash with its.
	tail   [2 * blockSize]byte
	second [blockSize]byte
	state  [2 * blockSize]byte
	first  [Size]byte
	pair   [2 * Size]byte
}

// stateMagic is how many bytes before the state say what it is.
const stateMagic = 4

// setUp makes p ready.
func (p *portable) setUp() {
	p.digest = sha256.New()
	p.second[Size] = 0x80
	binary.BigEndian.PutUint64(p.second[blockSize-8:], 8*Size)
	p.appender, _ = p.digest.(encoding.BinaryAppender)
	trial := []byte("trial")
	var sum [Size]byte
	if p.sum(&sum, nil, trial, nil); sum != Sum(trial) {
		p.appender = nil
	}
}

// messages puts the hash of each message into its place in out.
func (p *portable) messages(out [][Size]byte, base []byte, messages []Message) {
	for i := range messages {
		version, rest, lockTime := messages[i].pieces(base)
		p.sum(&out[i], version, rest, lockTime)
	}
}

// headers hashes len(out) headers.
func (p *portable) headers(out [][Size]byte, headers []byte) {
	for i := range out {
		p.sum(&out[i], nil, headers[i*HeaderSize:(i+1)*HeaderSize], nil)
	}
}

// nodes puts the hash of each pair of in into its place in out, which may begin
// where in does. If in has an odd length, its last hash is its own partner.
func (p *portable) nodes(out, in [][Size]byte) {
	for i := range out {
		copy(p.pair[:Size], in[2*i][:])
		copy(p.pair[Size:], in[min(2*i+1, len(in)-1)][:])
		p.sum(&out[i], nil, p.pair[:], nil)
	}
}

// sum hashes three pieces as one message. The first and the last have no whole
// block.
func (p *portable) sum(out *[Size]byte, first, rest, last []byte) {
	p.digest.Reset()
	size := len(first) + len(rest) + len(last)
	if len(first) > 0 {
		_, _ = p.digest.Write(first) // the write of a hash never errs: see hash.Hash
	}
	end := len(rest)
	if len(first) == 0 {
		end -= end % blockSize
	}
	p.feed(rest[:end])
	if p.appender == nil {
		_, _ = p.digest.Write(rest[end:])
		_, _ = p.digest.Write(last)
		p.digest.Sum(p.first[:0])
		*out = sha256.Sum256(p.first[:])
		return
	}
	n := copy(p.tail[:], rest[end:])
	n += copy(p.tail[n:], last)
	p.feed(p.tail[:pad(&p.tail, n, size)])
	p.take((*[Size]byte)(p.second[:]))
	p.digest.Reset()
	p.feed(p.second[:])
	p.take(out)
}

// feed writes b to the digest, in pieces.
func (p *portable) feed(b []byte) {
	for len(b) > maxPiece {
		_, _ = p.digest.Write(b[:maxPiece])
		b = b[maxPiece:]
	}
	_, _ = p.digest.Write(b)
}

// take copies the state of the digest to sum, unless it is none: then setUp finds
// that out.
func (p *portable) take(sum *[Size]byte) {
	state, err := p.appender.AppendBinary(p.state[:0])
	if err == nil && len(state) >= stateMagic+Size {
		*sum = [Size]byte(state[stateMagic:])
	}
}

// pad puts the padding of a message of size bytes behind its last n bytes, and
// returns where it ends.
//
//	... message | 80 | 00 ... 00 | length in bits, 8 bytes |   size + padding = 64 k
func pad(tail *[2 * blockSize]byte, n, size int) (end int) {
	const least = 1 + 8
	end = n + least + (2*blockSize-least-size%blockSize)%blockSize
	clear(tail[n:end])
	tail[n] = 0x80
	binary.BigEndian.PutUint64(tail[end-8:], uint64(size)*8)
	return end
}
