package main

// kind is a message of one length whose double hashes are run in groups.
type kind struct {
	name  string
	group string // the function that hashes groups of 32
	pairs string // the function that hashes pairs
	size  int    // bytes
}

// The two kinds: two hashes that make a node of a merkle tree, and a block header.
//
//nolint:gochecknoglobals // a table, never written
var (
	node   = kind{"node", "nodeGroups", "nodePairs", 64}
	header = kind{"header", "headerGroups", "headerPairs", 80}
)

// group prints the function that hashes groups of 32 messages which lie one behind
// the other. It may write the hashes over the messages: it has read those of a group
// before.
//
// Registers: SI the messages, DI where hashes go, CX the groups left.
func group(p *printer, k kind) {
	p.function(k.group+"(out *[32]byte, in *byte, groups uint64)", "0", frameSize, 24)
	p.op("MOVQ", "out+0(FP)", "DI")
	p.op("MOVQ", "in+8(FP)", "SI")
	p.op("MOVQ", "groups+16(FP)", "CX")
	p.op("LEAQ", "roundConstants<>(SB)", "AX")
	alignFrame(p)
	p.label(k.group + "Loop")
	for set := range sets {
		p.op("VMOVDQU32", named("turnBytes", 0), "Z0")
		for lane := range setLanes {
			p.op("VMOVDQU32", mem{(set*setLanes + lane) * k.size, "SI"}, zmm(16+lane))
			p.op("VPSHUFB", "Z0", zmm(16+lane), zmm(16+lane))
		}
		turnAll(p)
		storeWords(p, set)
	}
	fetchNext(p, k, 0)
	startStates(p)
	callRounds(p)
	fetchNext(p, k, 1)
	addStart(p)
	saveStates(p)
	if k == node {
		p.op("LEAQ", "nodePadding<>(SB)", "R9")
		p.op("CALL", constant.name()+"<>(SB)")
	} else {
		for set := range sets {
			headerEnds(p, set)
			storeWords(p, set)
		}
		for i := range 16 {
			p.op("VMOVDQA32", room(i), zmm(i))
		}
		callRounds(p)
	}
	addSaved(p)
	p.op("CALL", "secondHash<>(SB)")
	storeHashes(p, "DI")
	p.op("ADDQ", imm(allLanes*k.size), "SI")
	p.op("ADDQ", imm(allLanes*hashSize), "DI")
	p.op("DECQ", "CX")
	p.op("JNZ", k.group+"Loop")
	p.op("VZEROUPPER")
	p.op("RET")
}

// fetchNext asks for one half of the next group, while the rounds run: as many lines
// at once as the whole has would be more than the processor waits for.
func fetchNext(p *printer, k kind, half int) {
	lines := allLanes * k.size / vectorSize / 2
	for line := range lines {
		p.op("PREFETCHT0", mem{allLanes*k.size + (half*lines+line)*vectorSize, "SI"})
	}
}

// headerEnds makes Z16 to Z31 the words of the second blocks of a set of headers:
// their last 16 bytes and padding.
func headerEnds(p *printer, set int) {
	const end = 80 - blockSize
	for j := range 4 { // quarter q of Z8+j is the end of header 4q+j
		at := func(quarter int) mem { return mem{(set*setLanes+4*quarter+j)*80 + blockSize, "SI"} }
		p.op("VMOVDQU32", at(0), xmm(8+j))
		for quarter := 1; quarter < 4; quarter++ {
			p.op("VINSERTI32X4", imm(quarter), at(quarter), zmm(8+j), zmm(8+j))
		}
	}
	p.op("VMOVDQU32", named("turnBytes", 0), "Z15")
	for j := range 4 {
		p.op("VPSHUFB", "Z15", zmm(8+j), zmm(8+j))
	}
	p.op("VPUNPCKLDQ", "Z9", "Z8", "Z12")
	p.op("VPUNPCKHDQ", "Z9", "Z8", "Z13")
	p.op("VPUNPCKLDQ", "Z11", "Z10", "Z14")
	p.op("VPUNPCKHDQ", "Z11", "Z10", "Z15")
	p.op("VPUNPCKLQDQ", "Z14", "Z12", "Z16")
	p.op("VPUNPCKHQDQ", "Z14", "Z12", "Z17")
	p.op("VPUNPCKLQDQ", "Z15", "Z13", "Z18")
	p.op("VPUNPCKHQDQ", "Z15", "Z13", "Z19")
	p.op("VPBROADCASTD", named("padFirst", 0), "Z20")
	for i := end/4 + 1; i < 15; i++ {
		p.op("VPXORD", zmm(16+i), zmm(16+i), zmm(16+i))
	}
	p.op("VPBROADCASTD", named("lengths", 2), "Z31")
}
