package main

// stream is one message on the SHA extensions: registers of its state, of its words
// and of what may be lost. X0 holds the words of two rounds, as SHA256RNDS2 wants.
//
// Only instructions of SSE4.1 and the SHA extensions stand here: there are
// processors that have these and no AVX.
type stream struct {
	abef, cdgh xmm
	words      [4]xmm
	spare      xmm
}

// The two streams. X15 turns bytes.
//
//nolint:gochecknoglobals // a table, never written
var streams = [2]stream{
	{1, 2, [4]xmm{3, 4, 5, 6}, 13},
	{7, 8, [4]xmm{9, 10, 11, 12}, 14},
}

// loadState takes the state from where base points into the order of the extension.
func (s stream) loadState(p *printer, base string) {
	p.op("MOVOU", mem{0, base}, s.abef)
	p.op("MOVOU", mem{16, base}, s.cdgh)
	p.op("PSHUFD", "$0xB1", s.abef, s.abef)
	p.op("PSHUFD", "$0x1B", s.cdgh, s.cdgh)
	p.op("MOVO", s.abef, s.spare)
	p.op("PALIGNR", imm(8), s.cdgh, s.abef)
	p.op("PBLENDW", "$0xF0", s.spare, s.cdgh)
}

// plainState makes abef the words a to d and cdgh the words e to h.
func (s stream) plainState(p *printer) {
	p.op("PSHUFD", "$0x1B", s.abef, s.abef)
	p.op("PSHUFD", "$0xB1", s.cdgh, s.cdgh)
	p.op("MOVO", s.abef, s.spare)
	p.op("PBLENDW", "$0xF0", s.cdgh, s.abef)
	p.op("PALIGNR", imm(8), s.spare, s.cdgh)
}

// store writes the two halves of the state.
func (s stream) store(p *printer, at mem) {
	p.op("MOVOU", s.abef, at)
	p.op("MOVOU", s.cdgh, at.plus(16))
}

// loadWords takes a block from memory.
func (s stream) loadWords(p *printer, at mem, count int) {
	for i := range count {
		p.op("MOVOU", at.plus(16*i), s.words[i])
		p.op("PSHUFB", "X15", s.words[i])
	}
}

// save and addSaved keep the state of before a block on the stack.
func (s stream) save(p *printer, offset int) {
	p.op("MOVOU", s.abef, mem{offset, "SP"})
	p.op("MOVOU", s.cdgh, mem{offset + 16, "SP"})
}

func (s stream) addSaved(p *printer, offset int) {
	p.op("MOVOU", mem{offset, "SP"}, s.spare)
	p.op("PADDD", s.spare, s.abef)
	p.op("MOVOU", mem{offset + 16, "SP"}, s.spare)
	p.op("PADDD", s.spare, s.cdgh)
}

// block runs the 64 rounds of a block whose words are loaded, over all streams at
// once. AX is the table of constants.
func block(p *printer, all ...stream) {
	for i := range 16 {
		for _, s := range all {
			p.op("MOVO", s.words[i%4], "X0")
			p.op("PADDD", mem{16 * i, "AX"}, "X0")
			p.op("SHA256RNDS2", "X0", s.abef, s.cdgh)
			p.op("PSHUFD", "$0x0E", "X0", s.spare)
		}
		for _, s := range all {
			p.op("MOVO", s.spare, "X0")
			p.op("SHA256RNDS2", "X0", s.cdgh, s.abef)
		}
		for _, s := range all {
			s.schedule(p, i)
		}
	}
}

// schedule makes the words that the extension's rounds 4i+4 to 4i+7 need.
func (s stream) schedule(p *printer, i int) {
	w := func(j int) xmm { return s.words[(i+j)%4] }
	if i >= 3 && i < 15 {
		p.op("MOVO", w(0), s.spare)
		p.op("PALIGNR", imm(4), w(3), s.spare)
		p.op("PADDD", s.spare, w(1))
		p.op("SHA256MSG2", w(0), w(1))
	}
	if i >= 1 && i < 13 {
		p.op("SHA256MSG1", w(0), w(3))
	}
}

// constantBlock runs 64 rounds whose words are in the constants at base.
func constantBlock(p *printer, base string, all ...stream) {
	for i := range 16 {
		for _, s := range all {
			p.op("MOVOU", mem{16 * i, base}, "X0")
			p.op("SHA256RNDS2", "X0", s.abef, s.cdgh)
			p.op("PSHUFD", "$0x0E", "X0", "X0")
			p.op("SHA256RNDS2", "X0", s.cdgh, s.abef)
		}
	}
}

func loadTables(p *printer) {
	p.op("LEAQ", "roundConstants<>(SB)", "AX")
	p.op("MOVOU", named("turnBytes", 0), "X15")
}

// oneStream prints the function that runs the blocks of one message.
func oneStream(p *printer) {
	s := streams[0]
	p.function("runStream(state *[8]uint32, in *byte, blocks uint64)", "NOSPLIT", 32, 24)
	p.op("MOVQ", "state+0(FP)", "DI")
	p.op("MOVQ", "in+8(FP)", "SI")
	p.op("MOVQ", "blocks+16(FP)", "CX")
	loadTables(p)
	s.loadState(p, "DI")
	p.label("streamLoop")
	s.save(p, 0)
	s.loadWords(p, mem{0, "SI"}, 4)
	block(p, s)
	s.addSaved(p, 0)
	p.op("ADDQ", imm(blockSize), "SI")
	p.op("DECQ", "CX")
	p.op("JNZ", "streamLoop")
	s.plainState(p)
	s.store(p, mem{0, "DI"})
	p.op("RET")
}

// twoStreams prints the function that runs as many blocks of each of two messages:
// the rounds of one fill the time in which the other waits.
func twoStreams(p *printer) {
	p.function("runTwoStreams(stateA, stateB *[8]uint32, inA, inB *byte, blocks uint64)", "NOSPLIT", 64, 40)
	p.op("MOVQ", "stateA+0(FP)", "DI")
	p.op("MOVQ", "stateB+8(FP)", "R8")
	p.op("MOVQ", "inA+16(FP)", "SI")
	p.op("MOVQ", "inB+24(FP)", "DX")
	p.op("MOVQ", "blocks+32(FP)", "CX")
	loadTables(p)
	streams[0].loadState(p, "DI")
	streams[1].loadState(p, "R8")
	p.label("twoStreamsLoop")
	for i, in := range []string{"SI", "DX"} {
		streams[i].save(p, 32*i)
		streams[i].loadWords(p, mem{0, in}, 4)
	}
	block(p, streams[:]...)
	for i, in := range []string{"SI", "DX"} {
		streams[i].addSaved(p, 32*i)
		p.op("ADDQ", imm(blockSize), in)
	}
	p.op("DECQ", "CX")
	p.op("JNZ", "twoStreamsLoop")
	for i, state := range []string{"DI", "R8"} {
		streams[i].plainState(p)
		streams[i].store(p, mem{0, state})
	}
	p.op("RET")
}

// second hashes the states of both streams, which are first hashes, once more and
// stores the bytes of the hashes. It loses the frame from 0 to 63.
func second(p *printer, out [2]mem) {
	for _, s := range streams {
		s.plainState(p)
		p.op("MOVO", s.abef, s.words[0])
		p.op("MOVO", s.cdgh, s.words[1])
		p.op("MOVOU", named("padFirstAlone", 0), s.words[2])
		p.op("MOVOU", named("hashBitsAlone", 0), s.words[3])
	}
	begin(p)
	block(p, streams[:]...)
	for i, s := range streams {
		s.addSaved(p, 32*i)
		s.plainState(p)
		p.op("PSHUFB", "X15", s.abef)
		p.op("PSHUFB", "X15", s.cdgh)
		s.store(p, out[i])
	}
}

// begin gives both streams the state before the first block, and saves it.
func begin(p *printer) {
	p.op("LEAQ", "initial<>(SB)", "R9")
	for i, s := range streams {
		s.loadState(p, "R9")
		s.save(p, 32*i)
	}
}

// pairs prints the function that hashes pairs of messages of a kind, which lie one
// behind the other. It may write the hashes over the messages.
//
// Registers: SI the messages, DI where hashes go, CX the pairs left.
func pairs(p *printer, k kind) {
	p.function(k.pairs+"(out *[32]byte, in *byte, pairs uint64)", "NOSPLIT", 64, 24)
	p.op("MOVQ", "out+0(FP)", "DI")
	p.op("MOVQ", "in+8(FP)", "SI")
	p.op("MOVQ", "pairs+16(FP)", "CX")
	loadTables(p)
	p.op("LEAQ", "nodePadding<>(SB)", "BX")
	p.label(k.pairs + "Loop")
	begin(p)
	for i, s := range streams {
		s.loadWords(p, mem{i * k.size, "SI"}, 4)
	}
	block(p, streams[:]...)
	for i, s := range streams {
		s.addSaved(p, 32*i)
		s.save(p, 32*i)
	}
	if k == node {
		constantBlock(p, "BX", streams[:]...)
	} else {
		for i, s := range streams {
			s.loadWords(p, mem{i*k.size + blockSize, "SI"}, 1)
			p.op("MOVOU", named("padFirstAlone", 0), s.words[1])
			p.op("PXOR", s.words[2], s.words[2])
			p.op("MOVOU", named("headBitsAlone", 0), s.words[3])
		}
		block(p, streams[:]...)
	}
	for i, s := range streams {
		s.addSaved(p, 32*i)
	}
	second(p, [2]mem{{0, "DI"}, {hashSize, "DI"}})
	p.op("ADDQ", imm(2*k.size), "SI")
	p.op("ADDQ", imm(2*hashSize), "DI")
	p.op("DECQ", "CX")
	p.op("JNZ", k.pairs+"Loop")
	p.op("RET")
}

// twoSeconds prints the function that hashes two first hashes once more.
func twoSeconds(p *printer) {
	p.function("hashTwo(outA, outB *[32]byte, stateA, stateB *[8]uint32)", "NOSPLIT", 64, 32)
	p.op("MOVQ", "outA+0(FP)", "DI")
	p.op("MOVQ", "outB+8(FP)", "SI")
	p.op("MOVQ", "stateA+16(FP)", "R8")
	p.op("MOVQ", "stateB+24(FP)", "DX")
	loadTables(p)
	streams[0].loadState(p, "R8")
	streams[1].loadState(p, "DX")
	second(p, [2]mem{{0, "DI"}, {0, "SI"}})
	p.op("RET")
}
