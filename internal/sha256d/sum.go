package sha256d

import "crypto/sha256"

// Size is the length of a hash in bytes.
const Size = sha256.Size

// Sum returns the double SHA-256 of message. It does not keep message.
func Sum(message []byte) [Size]byte {
	first := sha256.Sum256(message)
	return sha256.Sum256(first[:])
}

// Sum3 returns the double SHA-256 of a, b and c, one after the other. It keeps
// none of them.
func (h *Hasher) Sum3(a, b, c []byte) [Size]byte {
	p := &h.portable
	p.digest.Reset()
	p.feed(a)
	p.feed(b)
	p.feed(c)
	p.digest.Sum(p.first[:0])
	return sha256.Sum256(p.first[:])
}
