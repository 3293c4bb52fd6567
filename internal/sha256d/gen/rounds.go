package main

// The frame of a kernel that runs 32 lanes, from R11, which is aligned to 64 bytes:
//
//	   0  schedule of set 0: word i of 16 lanes at 64*i
//	1024  schedule of set 1
//	2048  room for 16 vectors
//
// Registers: R11 the frame, AX the round constants, all through the kernel. The
// states of set 0 are Z0 to Z7, those of set 1 Z8 to Z15.
const (
	sets       = 2
	setLanes   = 16
	allLanes   = sets * setLanes
	vectorSize = 64
	setSize    = 16 * vectorSize
	roomAt     = sets * setSize
	frameSize  = roomAt + setSize + vectorSize // the last to align
)

func word(set, i int) mem { return mem{set*setSize + i*vectorSize, "R11"} }
func room(i int) mem      { return mem{roomAt + i*vectorSize, "R11"} }

// alignFrame makes R11 the frame.
func alignFrame(p *printer) {
	p.op("LEAQ", mem{vectorSize - 1, "SP"}, "R11")
	p.op("ANDQ", "$~63", "R11")
}

// The logical functions of three operands, as VPTERNLOGD takes their truth tables.
const (
	choose   = imm(0xCA) // of bits: first ? second : third
	majority = imm(0xE8)
	parity   = imm(0x96)
)

// A rounds subroutine takes its words from the schedule, or has them in the constants.
type words bool

const (
	scheduled words = true
	constant  words = false
)

func (w words) name() string {
	if w == scheduled {
		return "rounds"
	}
	return "roundsConstant"
}

// rounds prints the subroutine that runs 64 rounds over both sets. R9 is the table
// of constants, and ends behind it. R10 is lost, and the schedule and Z16 to Z31.
//
// A loop of 16 rounds, and not 64 in a row: that would not fit into the cache of
// decoded instructions.
func rounds(p *printer, w words) {
	p.subroutine(w.name(), "64 rounds over the states of 32 lanes.")
	turns := 4
	if w == scheduled {
		turns = 3
	}
	p.op("MOVQ", imm(turns), "R10")
	p.line("\tPCALIGN $64")
	p.label(w.name() + "Loop")
	for t := range 16 {
		p.interleave(round(0, t, w), round(1, t, w))
		if w == scheduled {
			p.interleave(schedule(0, t), schedule(1, t))
		}
	}
	p.op("ADDQ", imm(4*16), "R9")
	p.op("DECQ", "R10")
	p.op("JNZ", w.name()+"Loop")
	if w == scheduled { // the last 16, which need no further words
		for t := range 16 {
			p.interleave(round(0, t, w), round(1, t, w))
		}
	}
	p.op("RET")
}

// callRounds runs the rounds over the schedule.
func callRounds(p *printer) {
	p.op("MOVQ", "AX", "R9")
	p.op("CALL", scheduled.name()+"<>(SB)")
}

// round is round t of a set. The names are those of FIPS 180-4, 6.2.2; a round
// later each variable has the name of its neighbour, so nothing moves.
//
// The way from e to the next e is what the rounds wait for: rotate, parity, two
// additions. All else is added to h before.
func round(set, t int, w words) (s sequence) {
	variable := func(i int) zmm { return zmm(8*set + (i-t%8+8)%8) }
	a, b, c, d := variable(0), variable(1), variable(2), variable(3)
	e, f, g, h := variable(4), variable(5), variable(6), variable(7)
	spare := func(i int) zmm { return zmm(16 + 8*set + i) }
	e6, e11, e25, ch := spare(0), spare(1), spare(2), spare(3)
	a2, a13, a22, maj := spare(4), spare(5), spare(6), spare(7)

	s.op("VPRORD", imm(6), e, e6)
	s.op("VPRORD", imm(11), e, e11)
	s.op("VPRORD", imm(25), e, e25)
	if w == scheduled {
		s.op("VPADDD", word(set, t), h, h)
	}
	s.op("VPADDD.BCST", mem{4 * t, "R9"}, h, h)
	s.op("VMOVDQA32", e, ch)
	s.op("VPTERNLOGD", choose, g, f, ch)
	s.op("VPRORD", imm(2), a, a2)
	s.op("VPRORD", imm(13), a, a13)
	s.op("VPTERNLOGD", parity, e11, e25, e6)
	s.op("VPRORD", imm(22), a, a22)
	s.op("VPADDD", ch, h, h)
	s.op("VMOVDQA32", a, maj)
	s.op("VPADDD", e6, h, h)
	s.op("VPTERNLOGD", majority, c, b, maj)
	s.op("VPTERNLOGD", parity, a13, a22, a2)
	s.op("VPADDD", h, d, d)
	s.op("VPADDD", maj, h, h)
	s.op("VPADDD", a2, h, h)
	return s
}

// schedule is word t+16 of a set, which takes the place of word t.
func schedule(set, t int) (s sequence) {
	at := func(i int) mem { return word(set, (t+i)%16) }
	spare := func(i int) zmm { return zmm(16 + 8*set + i) }
	w1, w14, sum := spare(0), spare(1), spare(2)
	w1r7, w1r18, w14r17, w14r19 := spare(3), spare(4), spare(5), spare(6)

	s.op("VMOVDQA32", at(1), w1)
	s.op("VMOVDQA32", at(14), w14)
	s.op("VMOVDQA32", at(0), sum)
	s.op("VPRORD", imm(7), w1, w1r7)
	s.op("VPRORD", imm(18), w1, w1r18)
	s.op("VPSRLD", imm(3), w1, w1)
	s.op("VPADDD", at(9), sum, sum)
	s.op("VPRORD", imm(17), w14, w14r17)
	s.op("VPRORD", imm(19), w14, w14r19)
	s.op("VPSRLD", imm(10), w14, w14)
	s.op("VPTERNLOGD", parity, w1r7, w1r18, w1)
	s.op("VPTERNLOGD", parity, w14r17, w14r19, w14)
	s.op("VPADDD", w1, sum, sum)
	s.op("VPADDD", w14, sum, sum)
	s.op("VMOVDQA32", sum, at(0))
	return s
}

// startStates gives all lanes the state before the first block.
func startStates(p *printer) {
	for i := range 8 {
		p.op("VPBROADCASTD", named("initial", i), zmm(i))
		p.op("VMOVDQA32", zmm(i), zmm(8+i))
	}
}

// addStart adds the state before the first block.
func addStart(p *printer) {
	for i := range 8 {
		p.op("VPADDD.BCST", named("initial", i), zmm(i), zmm(i))
		p.op("VPADDD.BCST", named("initial", i), zmm(8+i), zmm(8+i))
	}
}

// saveStates puts the states into the room, addSaved adds them again.
func saveStates(p *printer) {
	for i := range 16 {
		p.op("VMOVDQA32", zmm(i), room(i))
	}
}

func addSaved(p *printer) {
	for i := range 16 {
		p.op("VPADDD", room(i), zmm(i), zmm(i))
	}
}

// turnAll makes words of the bytes in the block of each lane, Z16 to Z31, and turns
// rows into columns: lane i of Z16+j is word j of lane i then. Z0 to Z15 are lost.
func turnAll(p *printer) {
	for i := 0; i < 16; i += 2 {
		p.op("VPUNPCKLDQ", zmm(16+i+1), zmm(16+i), zmm(i))
		p.op("VPUNPCKHDQ", zmm(16+i+1), zmm(16+i), zmm(i+1))
	}
	for i := 0; i < 16; i += 4 {
		p.op("VPUNPCKLQDQ", zmm(i+2), zmm(i), zmm(16+i))
		p.op("VPUNPCKHQDQ", zmm(i+2), zmm(i), zmm(16+i+1))
		p.op("VPUNPCKLQDQ", zmm(i+3), zmm(i+1), zmm(16+i+2))
		p.op("VPUNPCKHQDQ", zmm(i+3), zmm(i+1), zmm(16+i+3))
	}
	// Now quarter q of Z16+4r+j has word 4q+j of lanes 4r to 4r+3.
	for j := range 4 {
		p.op("VSHUFI32X4", imm(0x44), zmm(20+j), zmm(16+j), zmm(j))
		p.op("VSHUFI32X4", imm(0x44), zmm(28+j), zmm(24+j), zmm(4+j))
		p.op("VSHUFI32X4", imm(0xEE), zmm(20+j), zmm(16+j), zmm(8+j))
		p.op("VSHUFI32X4", imm(0xEE), zmm(28+j), zmm(24+j), zmm(12+j))
	}
	for j := range 4 {
		p.op("VSHUFI32X4", imm(0x88), zmm(4+j), zmm(j), zmm(16+j))
		p.op("VSHUFI32X4", imm(0xDD), zmm(4+j), zmm(j), zmm(20+j))
		p.op("VSHUFI32X4", imm(0x88), zmm(12+j), zmm(8+j), zmm(24+j))
		p.op("VSHUFI32X4", imm(0xDD), zmm(12+j), zmm(8+j), zmm(28+j))
	}
}

// storeWords puts Z16 to Z31 into the schedule of a set.
func storeWords(p *printer, set int) {
	for i := range 16 {
		p.op("VMOVDQA32", zmm(16+i), word(set, i))
	}
}

// secondHash prints the subroutine that hashes the states, which are first hashes,
// once more: Z0 to Z15 are the words of the second hashes then. It loses what
// rounds loses.
func secondHash(p *printer) {
	p.subroutine("secondHash", "The hashes of 32 hashes.")
	p.op("VPBROADCASTD", named("padFirst", 0), "Z16")
	p.op("VPXORD", "Z17", "Z17", "Z17")
	p.op("VPBROADCASTD", named("lengths", 0), "Z18")
	for set := range sets {
		for i := range 8 {
			p.op("VMOVDQA32", zmm(8*set+i), word(set, i))
		}
		p.op("VMOVDQA32", "Z16", word(set, 8))
		for i := 9; i < 15; i++ {
			p.op("VMOVDQA32", "Z17", word(set, i))
		}
		p.op("VMOVDQA32", "Z18", word(set, 15))
	}
	startStates(p)
	callRounds(p)
	addStart(p)
	p.op("RET")
}

// storeHashes writes the hashes in Z0 to Z15 as bytes, 32 bytes a lane, to where
// base points. It loses all vectors and the schedule.
func storeHashes(p *printer, base string) {
	for i := range 8 {
		p.op("VMOVDQA32", zmm(8+i), word(0, i))
	}
	storeSet(p, base, 0)
	for i := range 8 {
		p.op("VMOVDQA32", word(0, i), zmm(i))
	}
	storeSet(p, base, setLanes*hashSize)
}

const hashSize = 32

// storeSet writes the hashes in Z0 to Z7.
func storeSet(p *printer, base string, offset int) {
	p.op("VMOVDQU32", named("turnBytes", 0), "Z31")
	for i := range 8 {
		p.op("VPSHUFB", "Z31", zmm(i), zmm(i))
	}
	for i := 0; i < 8; i += 2 {
		p.op("VPUNPCKLDQ", zmm(i+1), zmm(i), zmm(8+i))
		p.op("VPUNPCKHDQ", zmm(i+1), zmm(i), zmm(8+i+1))
	}
	for half := range 2 {
		from, to := 8+4*half, 16+4*half
		p.op("VPUNPCKLQDQ", zmm(from+2), zmm(from), zmm(to))
		p.op("VPUNPCKHQDQ", zmm(from+2), zmm(from), zmm(to+1))
		p.op("VPUNPCKLQDQ", zmm(from+3), zmm(from+1), zmm(to+2))
		p.op("VPUNPCKHQDQ", zmm(from+3), zmm(from+1), zmm(to+3))
	}
	// Quarter q of Z16+4h+j is half h of the hash of lane 4q+j. Two hashes make a
	// vector: those of lanes 4q+j and 4q+j+1, of j = 0 and 2.
	for j := 0; j < 4; j += 2 {
		low, high, nextLow, nextHigh := zmm(16+j), zmm(20+j), zmm(17+j), zmm(21+j)
		p.op("VSHUFI32X4", imm(0x88), high, low, "Z0") // quarters 0 and 2 of both
		p.op("VSHUFI32X4", imm(0xDD), high, low, "Z1") // quarters 1 and 3
		p.op("VSHUFI32X4", imm(0x88), nextHigh, nextLow, "Z2")
		p.op("VSHUFI32X4", imm(0xDD), nextHigh, nextLow, "Z3")
		for q := range 4 {
			from, next := zmm(q%2), zmm(2+q%2)
			order := imm(0x88) // quarters 0 and 2 of both
			if q >= 2 {
				order = imm(0xDD)
			}
			p.op("VSHUFI32X4", order, next, from, "Z4")
			p.op("VMOVDQU32", "Z4", mem{offset + (4*q+j)*hashSize, base})
		}
	}
}
