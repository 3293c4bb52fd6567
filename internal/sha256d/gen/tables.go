package main

import (
	"math"
	"math/big"
	"math/bits"
)

// roundConstants are the first 32 bits behind the point of the cube roots of the
// first 64 primes, initial those of the square roots of the first 8 (FIPS 180-4,
// 4.2.2 and 5.3.3). They are computed, so that no digit has to be read.
var roundConstants, initial = rootBits(64, 3), rootBits(8, 2) //nolint:gochecknoglobals // tables, never written

// rootBits takes the root of each of the first count primes.
func rootBits(count, degree int) []uint32 {
	var found []uint32
	for n := int64(2); len(found) < count; n++ {
		if !big.NewInt(n).ProbablyPrime(1) {
			continue
		}
		// The greatest r with r^degree <= n * 2^(32*degree) is the root times 2^32.
		scaled := new(big.Int).Lsh(big.NewInt(n), uint(32*degree))
		r := new(big.Int).SetUint64(uint64(math.Pow(float64(n), 1/float64(degree)) * (1 << 32)))
		power := func() *big.Int { return new(big.Int).Exp(r, big.NewInt(int64(degree)), nil) }
		for power().Cmp(scaled) > 0 {
			r.Sub(r, big.NewInt(1))
		}
		for power().Cmp(scaled) <= 0 {
			r.Add(r, big.NewInt(1))
		}
		found = append(found, uint32(r.Uint64()-1))
	}
	return found
}

// What padding puts into the words of a block: the first bit behind the message,
// and the length in bits in the last word.
const (
	padFirst  = 0x80000000
	hashBits  = 256
	nodeBits  = 512
	headBits  = 640
	blockSize = 64
)

// windowSize is how many bytes of zeros, the end of a message and zeros again each
// lane has. See lanes.go.
const windowSize = 3 * blockSize

// tables prints the constants of all kernels.
func tables(p *printer) {
	p.table("roundConstants", roundConstants...)
	p.table("initial", initial...)

	// The second block of a node is padding alone, so its schedule is known.
	block := make([]uint32, 16)
	block[0], block[15] = padFirst, nodeBits
	p.table("nodePadding", constantSchedule(block)...)

	p.table("padFirst", padFirst)
	p.table("lengths", hashBits, nodeBits, headBits)
	p.table("padFirstAlone", padFirst, 0, 0, 0)
	p.table("hashBitsAlone", 0, 0, 0, hashBits)
	p.table("headBitsAlone", 0, 0, 0, headBits)
	p.table("counts", 1, blockSize, 1<<32-blockSize)

	// VPSHUFB by this turns the bytes of each word around.
	var turn []uint32
	for range 4 {
		turn = append(turn, 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f)
	}
	p.table("turnBytes", turn...)

	// keep[w] has a bit for each of the first 64-w bytes of a block.
	var keep []uint32
	for w := range 2*blockSize + 1 {
		mask := uint64(math.MaxUint64)
		mask >>= min(w, 63)
		if w >= blockSize {
			mask = 0
		}
		keep = append(keep, uint32(mask), uint32(mask>>32))
	}
	p.table("keep", keep...)
}

// constantSchedule returns the sum of schedule and constant for each round over a
// block that is known.
func constantSchedule(block []uint32) []uint32 {
	w := append(make([]uint32, 0, 64), block...)
	for t := 16; t < 64; t++ {
		s0 := bits.RotateLeft32(w[t-15], -7) ^ bits.RotateLeft32(w[t-15], -18) ^ w[t-15]>>3
		s1 := bits.RotateLeft32(w[t-2], -17) ^ bits.RotateLeft32(w[t-2], -19) ^ w[t-2]>>10
		w = append(w, s1+w[t-7]+s0+w[t-16])
	}
	for t := range w {
		w[t] += roundConstants[t]
	}
	return w
}
