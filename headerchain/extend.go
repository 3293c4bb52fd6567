package headerchain

import (
	"encoding/binary"
	"math"

	"blockgate/internal/btc"
)

// extend is the short way through [Chain.Accept] for headers that do nothing but
// continue a chain: the parent is the last header that came, the bits are its bits,
// no period begins, and no floor of the version changes. Millions of headers are of
// that kind, and each costs a few comparisons here.
//
// It accepts the first headers of a stretch that keep all rules, and returns how
// many. It refuses nothing: what it leaves goes the long way, which says why.
func (c *Chain) extend(b *batch, headers []btc.Header, hashes []btc.Hash) int {
	up := &b.front
	most := c.straight(b, len(headers))
	if most == 0 {
		return 0
	}
	first := ref(c.nodes.count)
	in, at := c.nodes.chunks[uint32(first)/chunkLen], uint32(first)%chunkLen
	least := versionFloor(c.params, up.height+1)
	latest := min(b.now+btc.MaxFutureBlockTime, math.MaxUint32)
	prev := &c.nodes.at(up.at).hash
	n := 0
	for ; n < most; n++ {
		header, hash := &headers[n], &hashes[n]
		time := header.Time()
		if !follows(header, prev) || header.Bits() != up.bits || !c.allowed.metBy(hash) ||
			!up.median.isBefore(time) || int64(time) > latest || header.Version() < least {
			break
		}
		up.median.push(time)
		up.time = time
		addWork(&up.work, &c.allowed.work)
		in.nodes[at].fill(header, hash)
		in.flags[at] = up.flags
		if at%worksEvery == 0 {
			in.works[at/worksEvery] = up.work
		}
		at++
		prev = hash
	}
	up.height += btc.Height(n)
	up.realBits = realBits(c.params, up.bits, up.height, up.realBits)
	up.at += ref(n)
	c.nodes.count += n
	c.index.addRun(&c.nodes, first, hashes[:n])
	return n
}

// straight returns for how many headers at most, all within one chunk, the rules
// after b's front are those that extend knows.
func (c *Chain) straight(b *batch, most int) int {
	up := &b.front
	if !up.loaded || up.at < b.first || int(up.at) != c.nodes.count-1 || up.median.count < btc.MedianTimeSpan ||
		c.params.MinDifficultyBlocks || c.allowed.bits != up.bits || !c.allowed.valid {
		return 0
	}
	most = min(most, c.maxHeaders-c.nodes.count, math.MaxInt32-int(up.height))
	most = min(most, len(c.nodes.chunks)*chunkLen-c.nodes.count)
	most = min(most, btc.RetargetInterval-1-int(up.height)%btc.RetargetInterval)
	if most <= 0 || versionFloor(c.params, up.height+1) != versionFloor(c.params, up.height+btc.Height(most)) {
		return 0
	}
	return most
}

// follows reports whether prev is the hash of header's parent, as header says. It
// compares words, where the compiler would call a function that compares bytes.
func follows(header *btc.Header, prev *btc.Hash) bool {
	le := binary.LittleEndian
	return le.Uint64(header[4:]) == le.Uint64(prev[0:]) &&
		le.Uint64(header[12:]) == le.Uint64(prev[8:]) &&
		le.Uint64(header[20:]) == le.Uint64(prev[16:]) &&
		le.Uint64(header[28:]) == le.Uint64(prev[24:])
}
