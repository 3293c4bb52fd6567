package sha256d

import (
	"crypto/sha256"
	"hash"
)

// Size is the length of a hash in bytes.
const Size = sha256.Size

// Sum returns the double SHA-256 of message. It does not keep message.
func Sum(message []byte) [Size]byte {
	first := sha256.Sum256(message)
	return sha256.Sum256(first[:])
}

// Hasher hashes messages that lie in pieces. It must be made by [New], and
// must not be used by several goroutines at once.
type Hasher struct {
	digest hash.Hash
	first  [Size]byte // scratch: on the stack it would escape, one allocation a hash
}

// New returns a hasher.
func New() *Hasher {
	return &Hasher{digest: sha256.New()}
}

// Sum3 returns the double SHA-256 of a, b and c, one after the other, as they
// are when a witness and its marker are cut out of a transaction. It keeps none
// of them.
func (h *Hasher) Sum3(a, b, c []byte) [Size]byte {
	h.digest.Reset()
	_, _ = h.digest.Write(a) // the write of a hash never errs: see hash.Hash
	_, _ = h.digest.Write(b)
	_, _ = h.digest.Write(c)
	h.digest.Sum(h.first[:0])
	return sha256.Sum256(h.first[:])
}
