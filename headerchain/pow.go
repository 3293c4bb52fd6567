package headerchain

import "blockgate/internal/btc"

// proof is a target and what it is worth.
type proof struct {
	bits   uint32
	target btc.Target
	work   btc.Work // of one block; 0 if bits stand for no target
}

func newProof(bits uint32) proof {
	target, err := btc.TargetFromCompact(bits)
	if err != nil {
		return proof{bits: bits}
	}
	return proof{bits: bits, target: target, work: target.Work()}
}

// checkProofOfWork holds a header to its own bits: they are a target that is not
// above the network's limit, and the hash is not above the target.
//
// The work takes a long division, so it is kept for the limit and for the bits
// seen last: real chains have no third value in a period.
//
// Source: CheckProofOfWorkImpl and DeriveTarget, Bitcoin Core v30.0 src/pow.cpp.
func (c *Chain) checkProofOfWork(hash *btc.Hash, bits uint32) (*proof, *refusal) {
	p := &c.limit
	if bits != p.bits {
		p = &c.recent
	}
	if bits != p.bits {
		target, err := btc.TargetFromCompact(bits)
		if err != nil {
			return nil, refuse(ErrTarget, "bits %08x: %v", bits, err)
		}
		if target.Cmp(c.params.PowLimit.Uint256) > 0 {
			return nil, refuse(ErrTarget, "bits %08x: above the limit %08x", bits, c.params.PowLimitBits)
		}
		if !target.Meets(hash) {
			return nil, refuse(ErrHighHash, "bits %08x", bits)
		}
		*p = proof{bits: bits, target: target, work: target.Work()}
		return p, nil
	}
	if !p.target.Meets(hash) {
		return nil, refuse(ErrHighHash, "bits %08x", bits)
	}
	return p, nil
}
