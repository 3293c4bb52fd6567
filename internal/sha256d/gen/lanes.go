package main

// Registers of the lanes kernel, beside those of rounds: DI the struct lanes, SI
// the base, DX the queue, BX the table keep, CX the blocks that may still be run.
//
// Each lane has a message. While 64 bytes of it are left the lane takes a block
// where it stands in the base. Then the end is put together, without a copy, out
// of a masked load and a part of the lane's window:
//
//	left             what the base has left, from -64 to 64 and more
//	block            bytes of the base: the first left of them, none if left < 0
//	                 or the 64 of the window from 64-left on
//
//	window   0                64    64+n               192
//	         | 00 ... 00      | end | 00 ...  00       |
//	block for left = 20:  |<--- 64 bytes --->|          20 zeros, the end, zeros
//	block for left = -3:        |<--- 64 bytes --->|    the end from byte 3 on
//
// The end is 80, or the lock time and 80. The last block gets its length besides,
// and the first of a cut message its first word.
func lanes(p *printer) {
	p.function("runLanes(l *lanes, base *byte, queue *uint32, out *[32]byte, blocks uint64)", "0", frameSize, 40)
	p.op("MOVQ", "l+0(FP)", "DI")
	p.op("MOVQ", "base+8(FP)", "SI")
	p.op("MOVQ", "queue+16(FP)", "DX")
	p.op("MOVQ", "blocks+32(FP)", "CX")
	p.op("LEAQ", "roundConstants<>(SB)", "AX")
	p.op("LEAQ", "keep<>(SB)", "BX")
	alignFrame(p)

	for set := range sets {
		place(p, set)
	}
	p.label("lanesBlock")
	for set := range sets {
		loadBlocks(p, set)
		move(p, set)
		turnAll(p)
		patchWords(p, set)
		storeWords(p, set)
	}

	// R12: which lanes end with this block. Their next messages are got ready before
	// the rounds, which give the loads time.
	p.op("KMOVW", "K3", "R12")
	p.op("KMOVW", "K4", "R13")
	p.op("SHLL", imm(setLanes), "R13")
	p.op("ORL", "R13", "R12")
	p.op("JZ", "lanesPlace")
	collectIDs(p)
	refill(p)
	p.label("lanesPlace")
	for set := range sets {
		place(p, set)
	}

	for i := range 16 {
		p.op("VMOVDQU32", mem{atState + i*vectorSize, "DI"}, zmm(i))
	}
	callRounds(p)
	for i := range 16 {
		p.op("VPADDD", mem{atState + i*vectorSize, "DI"}, zmm(i), zmm(i))
	}
	p.op("TESTL", "R12", "R12")
	p.op("JZ", "lanesStore")
	collect(p)
	p.label("lanesStore")
	for i := range 16 {
		p.op("VMOVDQU32", zmm(i), mem{atState + i*vectorSize, "DI"})
	}
	p.op("TESTL", "R12", "R12")
	p.op("JZ", "lanesNext")
	p.op("CMPQ", mem{atPendingCount, "DI"}, imm(allLanes))
	p.op("JB", "lanesQueue")
	p.op("MOVQ", "out+24(FP)", "R13")
	p.op("CALL", "hashPending<>(SB)")
	p.label("lanesQueue")
	p.op("MOVQ", mem{atNext, "DI"}, "R8")
	p.op("CMPQ", "R8", mem{atEnd, "DI"})
	p.op("JEQ", "lanesReturn") // the queue is empty: Go decides who finishes
	p.label("lanesNext")
	p.op("DECQ", "CX")
	p.op("JNZ", "lanesBlock")
	p.label("lanesReturn")
	p.op("VZEROUPPER")
	p.op("RET")
}

// place puts where the lanes of a set are, and the begin of what they take of their
// windows, into the rooms set and 2+set.
func place(p *printer, set int) {
	p.op("VPBROADCASTD", named("counts", 1), "Z16") // 64
	p.op("VPBROADCASTD", named("counts", 2), "Z17") // -64
	p.op("VMOVDQU32", laneWords(atWhere, set), "Z2")
	p.op("VMOVDQA32", "Z2", room(set))
	p.op("VPMINSD", laneWords(atLeft, set), "Z16", "Z1")
	p.op("VPMAXSD", "Z17", "Z1", "Z1")
	p.op("VPSUBD", "Z1", "Z16", "Z3") // 64 - left, from 0 to 128
	p.op("VMOVDQA32", "Z3", room(2+set))
}

// move moves the lanes of a set behind the block that they have loaded.
func move(p *printer, set int) {
	left, where := laneWords(atLeft, set), laneWords(atWhere, set)
	p.op("VPBROADCASTD", named("counts", 1), "Z0") // 64
	p.op("VPBROADCASTD", named("counts", 2), "Z1") // -64
	p.op("VMOVDQU32", left, "Z2")
	p.op("VMOVDQU32", where, "Z3")
	p.op("VPCMPD", imm(5), "Z0", "Z2", "K1") // left >= 64
	p.op("VPADDD", "Z0", "Z3", "K1", "Z3")
	p.op("VMOVDQU32", "Z3", where)
	p.op("VPSUBD", "Z0", "Z2", "Z2")
	p.op("VPMAXSD", "Z1", "Z2", "Z2")
	p.op("VMOVDQU32", "Z2", left)
}

// loadBlocks loads the next block of each lane of a set.
func loadBlocks(p *printer, set int) {
	p.op("VMOVDQU32", named("turnBytes", 0), "Z0")
	for lane := range setLanes {
		window := atWindow + (set*setLanes+lane)*windowSize
		p.op("MOVL", room(set).plus(4*lane), "R8")
		p.op("MOVL", room(2+set).plus(4*lane), "R9")
		p.op("KMOVQ", "(BX)(R9*8)", "K1")
		p.op("VMOVDQU8.Z", "(SI)(R8*1)", "K1", zmm(16+lane))
		p.op("VPORQ", mem{window, "DI"}.String()+"(R9*1)", zmm(16+lane), zmm(16+lane))
		p.op("VPSHUFB", "Z0", zmm(16+lane), zmm(16+lane))
	}
}

// patchWords puts the first word of a cut message into its first block and the
// length of a message into its last, counts the block, and sets a bit of K3, or K4,
// for each lane whose message ends with it.
func patchWords(p *printer, set int) {
	p.op("VMOVDQU32", laneWords(atBlock, set), "Z0")
	p.op("VPCMPEQD", laneWords(atFirst, set), "Z0", "K1")
	p.op("VMOVDQU32", laneWords(atHead, set), "K1", "Z16")
	p.op("VPCMPEQD.BCST", named("counts", 0), "Z0", []string{"K3", "K4"}[set])
	p.op("VPORD", laneWords(atBits, set), "Z31", []string{"K3", "K4"}[set], "Z31")
	p.op("VPSUBD.BCST", named("counts", 0), "Z0", "Z0")
	p.op("VMOVDQU32", "Z0", laneWords(atBlock, set))
}

// collectIDs appends the ids of the lanes of R12 to those that are pending.
func collectIDs(p *printer) {
	p.op("MOVL", "R12", "R13")
	p.op("MOVQ", mem{atPendingCount, "DI"}, "R8")
	for set := range sets {
		p.op("KMOVW", "R13", "K1")
		p.op("VMOVDQU32", laneWords(atID, set), "Z16")
		p.op("VPCOMPRESSD.Z", "Z16", "K1", "Z16")
		p.op("VMOVDQU32", "Z16", mem{atPendingID, "DI"}.String()+"(R8*4)")
		nextSet(p, "R13", "R8")
	}
}

// nextSet counts the lanes of the lower set to at and takes them off the mask.
func nextSet(p *printer, mask, at string) {
	p.op("MOVWLZX", mask, "R9")
	p.op("POPCNTL", "R9", "R9")
	p.op("ADDQ", "R9", at)
	p.op("SHRL", imm(setLanes), mask)
}

// collect appends the states of the lanes of R12 to what is pending, and gives these
// lanes the state before the first block.
func collect(p *printer) {
	p.op("MOVL", "R12", "R13")
	p.op("MOVQ", mem{atPendingCount, "DI"}, "R8")
	for set := range sets {
		p.op("LEAQ", "(DI)(R8*4)", "R9")
		p.op("KMOVW", "R13", "K1")
		for i := range 8 {
			p.op("VPCOMPRESSD.Z", zmm(8*set+i), "K1", "Z16")
			p.op("VMOVDQU32", "Z16", mem{atPending + i*pendingRow, "R9"})
			p.op("VPBROADCASTD", named("initial", i), "K1", zmm(8*set+i))
		}
		nextSet(p, "R13", "R8")
	}
	p.op("MOVQ", "R8", mem{atPendingCount, "DI"})
}

// refill gives the lanes of R12 the next messages of the queue, the lowest lanes if
// there are fewer, and says of the others that they are not busy.
func refill(p *printer) {
	p.op("MOVQ", mem{atNext, "DI"}, "R8")
	p.op("MOVQ", mem{atEnd, "DI"}, "R9")
	p.op("SUBQ", "R8", "R9")
	p.op("MOVL", "R12", "R13")
	p.op("POPCNTL", "R12", "R10")
	p.op("CMPQ", "R9", "R10")
	p.op("JAE", "lanesFill")
	p.op("MOVL", "$-1", "R10")
	p.op("BZHIL", "R9", "R10", "R10")
	p.op("PDEPL", "R12", "R10", "R13")
	p.op("MOVL", "R12", "R9")
	p.op("XORL", "R13", "R9")
	p.op("NOTL", "R9")
	p.op("ANDL", "R9", mem{atBusy, "DI"})

	p.label("lanesFill") // lanes R13 from place R8 of the queue on
	for set := range sets {
		p.op("MOVL", "R13", "R9")
		p.op("SHRL", imm(set*setLanes), "R9")
		p.op("KMOVW", "R9", "K1")
		p.op("LEAQ", "(DX)(R8*4)", "R10")
		for field := range queueWords {
			words := laneWords(atWhere+field*laneField, set)
			p.op("VMOVDQU32", "(R10)", "Z16")
			p.op("VMOVDQU32", words, "Z17")
			p.op("VPEXPANDD", "Z16", "K1", "Z17")
			p.op("VMOVDQU32", "Z17", words)
			p.op("ADDQ", mem{atStride, "DI"}, "R10")
		}
		p.op("MOVWLZX", "R9", "R9")
		p.op("POPCNTL", "R9", "R9")
		p.op("ADDQ", "R9", "R8")
	}

	// The ends of the messages into the windows, one lane after the other.
	p.op("MOVQ", mem{atNext, "DI"}, "R9")
	p.op("MOVQ", "R8", mem{atNext, "DI"})
	p.op("MOVQ", mem{atStride, "DI"}, "R10")
	p.op("IMULQ", imm(queueWords), "R10")
	p.op("ADDQ", "DX", "R10")
	p.op("LEAQ", "(R10)(R9*8)", "R10")
	p.op("TESTL", "R13", "R13")
	p.op("JZ", "lanesFilled")
	p.label("lanesEnd")
	p.op("BSFL", "R13", "R8")
	p.op("LEAQ", "(R8)(R8*2)", "R8")
	p.op("SHLQ", imm(6), "R8") // lane * windowSize
	p.op("MOVQ", "(R10)", "R9")
	p.op("MOVQ", "R9", mem{atWindow + blockSize, "DI"}.String()+"(R8*1)")
	p.op("ADDQ", imm(8), "R10")
	p.op("LEAL", mem{-1, "R13"}, "R9")
	p.op("ANDL", "R9", "R13")
	p.op("JNZ", "lanesEnd")
	p.label("lanesFilled")
}

// flush prints the subroutine that hashes the first 32 pending states once more and
// writes the hashes where their ids say, R13 being where id 0 goes, and the function
// that Go calls for the last ones.
func flush(p *printer) {
	p.subroutine("hashPending", "The second hashes of 32 pending states.")
	for i := range 8 {
		row := mem{atPending + i*pendingRow, "DI"}
		p.op("VMOVDQU32", row, zmm(i))
		p.op("VMOVDQU32", row.plus(vectorSize), zmm(8+i))
	}
	p.op("CALL", "secondHash<>(SB)")
	p.op("LEAQ", word(1, 0), "R8")
	storeHashes(p, "R8")
	for i := range allLanes {
		p.op("MOVL", mem{atPendingID + 4*i, "DI"}, "R8")
		p.op("SHLQ", imm(5), "R8") // * hashSize
		p.op("VMOVDQU", word(1, 0).plus(i*hashSize), "Y0")
		p.op("VMOVDQU", "Y0", "(R13)(R8*1)")
	}
	for i := range 9 { // the ids are the row behind the states
		row := mem{atPending + i*pendingRow, "DI"}
		for half := range 2 {
			p.op("VMOVDQU32", row.plus((2+half)*vectorSize), "Z0")
			p.op("VMOVDQU32", "Z0", row.plus(half*vectorSize))
		}
	}
	p.op("SUBQ", imm(allLanes), mem{atPendingCount, "DI"})
	p.op("RET")

	p.function("flushLanes(l *lanes, out *[32]byte)", "0", frameSize, 16)
	p.op("MOVQ", "l+0(FP)", "DI")
	p.op("MOVQ", "out+8(FP)", "R13")
	p.op("LEAQ", "roundConstants<>(SB)", "AX")
	alignFrame(p)
	p.op("CALL", "hashPending<>(SB)")
	p.op("VZEROUPPER")
	p.op("RET")
}

// laneWords returns where a field of the lanes of a set is.
func laneWords(field, set int) mem { return mem{field + set*setLanes*4, "DI"} }
