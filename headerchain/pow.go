package headerchain

import (
	"encoding/binary"
	"math/bits"

	"blockgate/internal/btc"
)

// proof is a target and what it is worth.
type proof struct {
	bits   uint32
	valid  bool
	target btc.Target
	work   btc.Work // of one block; 0 if bits stand for no target
}

func newProof(bits uint32) proof {
	target, err := btc.TargetFromCompact(bits)
	if err != nil {
		return proof{bits: bits}
	}
	return proof{bits: bits, valid: true, target: target, work: target.Work()}
}

// proofs keeps the proofs of bits seen lately, since the work takes a long
// division: a table in which the later of two that share a place stays. Real
// chains have one or two bits in a period.
type proofs struct {
	known [1 << proofsLog]proof
	last  uint32 // place of the proof used last
}

const proofsLog = 4

// of returns the proof of bits. It holds until the next call.
func (p *proofs) of(bits uint32) *proof {
	if at := &p.known[p.last%(1<<proofsLog)]; at.bits == bits {
		return at // bits of 0 are no target, as the empty proof says
	}
	p.last = bits * 0x9e3779b1 >> (32 - proofsLog)
	at := &p.known[p.last%(1<<proofsLog)]
	if at.bits != bits {
		*at = newProof(bits)
	}
	return at
}

// checkProofOfWork holds a header to its own bits: they are a target that is not
// above the network's limit, and the hash is not above the target. What has no
// proof of work does not get into the table.
//
// Source: CheckProofOfWorkImpl and DeriveTarget, Bitcoin Core v30.0 src/pow.cpp.
func (c *Chain) checkProofOfWork(hash *btc.Hash, bits uint32) *refusal {
	return checkProof(c.params, &c.allowed, &c.nodes.proofs, hash, bits)
}

// checkProof is checkProofOfWork. allowed is the proof of the bits that were met
// last, and follows them.
func checkProof(params *btc.Params, allowed *proof, proofs *proofs, hash *btc.Hash, bits uint32) *refusal {
	if allowed.bits == bits && allowed.valid && allowed.metBy(hash) {
		return nil
	}
	target, err := btc.TargetFromCompact(bits)
	if err != nil {
		return refuse(ErrTarget, "bits %08x: %v", bits, err)
	}
	if target.Cmp(params.PowLimit.Uint256) > 0 {
		return refuse(ErrTarget, "bits %08x: above the limit %08x", bits, params.PowLimitBits)
	}
	if !target.Meets(hash) {
		return refuse(ErrHighHash, "bits %08x", bits)
	}
	*allowed = *proofs.of(bits)
	return nil
}

// metBy does what [btc.Target.Meets] does, without a branch: it reports whether the
// target less the hash is not below 0. Nothing can foretell which word of them decides.
func (p *proof) metBy(hash *btc.Hash) bool {
	le, t := binary.LittleEndian, &p.target.Uint256
	_, below := bits.Sub64(t[0], le.Uint64(hash[0:]), 0)
	_, below = bits.Sub64(t[1], le.Uint64(hash[8:]), below)
	_, below = bits.Sub64(t[2], le.Uint64(hash[16:]), below)
	_, below = bits.Sub64(t[3], le.Uint64(hash[24:]), below)
	return below == 0
}
