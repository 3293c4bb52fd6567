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
	n := c.keepRules(b, headers[:most], hashes)
	if n == 0 {
		return 0
	}
	first := c.nodes.count
	c.nodes.chunks[first/chunkLen].fill(first%chunkLen, up.flags, headers[:n], hashes[:n])
	for r := (first + worksEvery - 1) &^ (worksEvery - 1); r < first+n; r += worksEvery {
		c.nodes.chunks[r/chunkLen].works[r%chunkLen/worksEvery] = up.work.Add(c.allowed.work.Mul(uint64(r - first + 1)))
	}
	up.work = up.work.Add(c.allowed.work.Mul(uint64(n)))
	up.height += btc.Height(n)
	up.realBits = realBits(c.params, up.bits, up.height, up.realBits)
	up.at += ref(n)
	c.nodes.count += n
	c.index.addRun(&c.nodes, ref(first), hashes[:n])
	return n
}

// keepRules returns how many of the headers, which are a stretch at most, keep the
// rules of those that continue b's front, and moves the times of the front to the
// last of them.
func (c *Chain) keepRules(b *batch, headers []btc.Header, hashes []btc.Hash) int {
	up := &b.front
	least := versionFloor(c.params, up.height+1)
	latest := min(b.now+btc.MaxFutureBlockTime, math.MaxUint32)
	prev := &c.nodes.at(up.at).hash
	var times [btc.MedianTimeSpan + hashStretch]uint32
	highest := up.median.line((*[btc.MedianTimeSpan]uint32)(times[:]))
	n := 0
	for ; n < len(headers) && n < hashStretch && n < len(hashes); n++ {
		header, hash := &headers[n], &hashes[n]
		time := header.Time()
		if !follows(header, prev) || header.Bits() != up.bits || !c.allowed.metBy(hash) ||
			int64(time) > latest || header.Version() < least {
			break
		}
		// What is after all of the last times is after their median.
		if time > highest {
			highest = time
		} else if !mostBefore((*[btc.MedianTimeSpan]uint32)(times[n:]), time) {
			break
		}
		times[n+btc.MedianTimeSpan] = time //nolint:gosec // n is below hashStretch
		prev = hash
	}
	up.median.times, up.median.at = [btc.MedianTimeSpan]uint32(times[n:]), 0
	up.time = up.median.times[btc.MedianTimeSpan-1]
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
	differ := le.Uint64(header[4:]) ^ le.Uint64(prev[0:])
	differ |= le.Uint64(header[12:]) ^ le.Uint64(prev[8:])
	differ |= le.Uint64(header[20:]) ^ le.Uint64(prev[16:])
	differ |= le.Uint64(header[28:]) ^ le.Uint64(prev[24:])
	return differ == 0
}

// fill makes nodes of headers, from place at on, where they have room.
func (k *chunk) fill(at int, f flags, headers []btc.Header, hashes []btc.Hash) {
	nodes := k.nodes[at:][:len(headers)]
	hashes = hashes[:len(headers)]
	for i := range headers {
		nodes[i].fill(&headers[i], &hashes[i])
	}
	flags := k.flags[at:][:len(headers)]
	for i := range flags {
		flags[i] = f
	}
}
