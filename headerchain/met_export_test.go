package headerchain

import "blockgate/internal/btc"

// MetBy says what the short way does of a hash under bits, which stand for a target.
func MetBy(bits uint32, hash *btc.Hash) bool {
	p := newProof(bits)
	return p.metBy(hash)
}
