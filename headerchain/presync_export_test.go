package headerchain

import "reflect"

// CompressedSize is the size in bytes of a header that waits.
var CompressedSize = int(reflect.TypeFor[compressed]().Size())

// SetLimits gives a presync that has read nothing other limits than its network's, so
// that short chains show what long ones do.
func (p *Presync) SetLimits(limits PresyncLimits, maxBits, page int, secret [32]byte) {
	p.limits, p.maxBits, p.page = limits, maxBits, page
	p.setSecret(secret)
}

// MaxBits returns how many bits the presync keeps at most.
func (p *Presync) MaxBits() int { return p.maxBits }

// Bytes returns what the presync holds, by a slow count of all that it refers to.
func (p *Presync) Bytes() int {
	bytes := int(reflect.TypeFor[Presync]().Size()) + cap(p.locator)*32 + cap(p.ready)*80
	bytes += cap(p.bits.chunks)*8 + cap(p.waiting.ring)*CompressedSize
	return bytes + len(p.bits.chunks)*bitChunk*8
}
