package headerchain

import (
	"sort"

	"blockgate/internal/btc"
)

// arena holds the tree: nodes in the order in which they came, cut into runs.
//
//	refs    0  1  2  3 | 4  5 | 6  7         a run is a stretch of nodes each of
//	        o--o--o--o   o--o   o--o         which is the child of the one before
//	              |      |      |            it; its first node hangs on any node
//	              `------'      |            of an earlier run
//	                    `-------'
//
// So a header that extends the last one needs no parent, no height and no link. No
// node has a pointer, the collector skips them all. It takes 86 bytes a header
// and a run every time that a header is not the child of the one that came before.
type arena struct {
	chunks []*chunk
	count  int
	runs   []run
	// firstFork is the run that hangs on a node and came last; the others follow
	// by their sibling.
	firstFork map[ref]int32
	proofs    proofs
}

// chunkLen is the number of nodes that are allocated at once: 43 pages of 8 KiB,
// so that no byte is lost to the allocator. A power of two.
const chunkLen = 4096

// worksEvery is the number of refs between those whose work is kept.
const worksEvery = 32

type chunk struct {
	nodes [chunkLen]node
	// since orders nodes by the call of Complete that set chained.
	since [chunkLen]uint32
	flags [chunkLen]flags
	// works has the work of the chain up to each node with a round ref.
	works [chunkLen / worksEvery]btc.Work
}

// run is a stretch of nodes, up to the next run. Invariant: but for the first,
// parent < start and up is the run of parent.
type run struct {
	start, parent ref
	height        btc.Height // of start
	depth         int32      // number of runs below
	work          btc.Work   // of the chain up to start
	up, jump      int32      // runs: that of parent, and one far below; see ancestor.go
	sibling       int32      // the run on the same parent that came before, or noRun
}

const noRun int32 = -1

func (a *arena) at(r ref) *node { return &a.chunks[uint32(r)/chunkLen].nodes[uint32(r)%chunkLen] }

func (a *arena) flagsOf(r ref) *flags {
	return &a.chunks[uint32(r)/chunkLen].flags[uint32(r)%chunkLen]
}

func (a *arena) since(r ref) *uint32 {
	return &a.chunks[uint32(r)/chunkLen].since[uint32(r)%chunkLen]
}

func (a *arena) is(r ref, f flags) bool { return *a.flagsOf(r)&f != 0 }
func (a *arena) set(r ref, f flags)     { *a.flagsOf(r) |= f }
func (a *arena) unset(r ref, f flags)   { *a.flagsOf(r) &^= f }

// push adds a child of parent, with its height and the work of the chain up to it,
// and returns its ref. The caller fills the node. f are the flags of the tree's users. The caller
// keeps count below MaxChainHeaders.
func (a *arena) push(parent ref, f flags, height btc.Height, work *btc.Work) ref {
	r := ref(a.count)
	if a.count == len(a.chunks)*chunkLen {
		a.chunks = append(a.chunks, new(chunk))
	}
	if parent != r-1 || r == base {
		a.open(r, parent, height, work)
		f |= opens
	}
	c, i := a.chunks[uint32(r)/chunkLen], uint32(r)%chunkLen
	c.flags[i] = f // since is 0 above count
	if i%worksEvery == 0 {
		c.works[i/worksEvery] = *work
	}
	a.count++
	return r
}

// open begins a run.
func (a *arena) open(r, parent ref, height btc.Height, work *btc.Work) {
	next := run{start: r, parent: parent, height: height, work: *work, sibling: noRun}
	if parent != none {
		at := int32(len(a.runs))
		next.up = a.runOf(parent)
		next.depth = a.runs[next.up].depth + 1
		next.jump = a.jumpOver(next.up)
		if a.is(parent, forked) {
			next.sibling = a.firstFork[parent]
		}
		if a.firstFork == nil {
			a.firstFork = map[ref]int32{}
		}
		a.firstFork[parent] = at
		a.set(parent, forked)
	}
	a.runs = append(a.runs, next)
}

// runOf returns the run of r.
func (a *arena) runOf(r ref) int32 {
	last := len(a.runs) - 1
	if a.runs[last].start <= r {
		return int32(last)
	}
	return int32(sort.Search(last, func(i int) bool { return a.runs[i].start > r })) - 1
}

// parent returns the parent of r, none for the first header.
func (a *arena) parent(r ref) ref {
	if a.is(r, opens) {
		return a.runs[a.runOf(r)].parent
	}
	return r - 1
}

func (a *arena) height(r ref) btc.Height {
	in := &a.runs[a.runOf(r)]
	return in.height + btc.Height(r-in.start)
}

// work returns the work of the chain up to r: that of the last node of the run
// whose work is kept, and those of the blocks after it.
func (a *arena) work(r ref) btc.Work {
	in := &a.runs[a.runOf(r)]
	from, sum := in.start, in.work
	if round := r &^ (worksEvery - 1); round > from {
		from, sum = round, a.chunks[uint32(round)/chunkLen].works[uint32(round)%chunkLen/worksEvery]
	}
	for from++; from <= r; from++ {
		addWork(&sum, &a.proofs.of(a.at(from).bits).work)
	}
	return sum
}

// heavier reports whether a has more work than b.
func (a *arena) heavier(x, y ref) bool { return a.work(x).Cmp(a.work(y)) > 0 }

// follows reports whether the node after r is its child.
func (a *arena) follows(r ref) bool { return int(r)+1 < a.count && !a.is(r+1, opens) }

// firstChild returns a child of r, or none.
func (a *arena) firstChild(r ref) ref {
	if a.follows(r) {
		return r + 1
	}
	return a.fork(r)
}

// nextSibling returns the child of r's parent after r, or none.
func (a *arena) nextSibling(r ref) ref {
	switch {
	case r == base:
		return none
	case !a.is(r, opens):
		return a.fork(r - 1)
	}
	if next := a.runs[a.runOf(r)].sibling; next != noRun {
		return a.runs[next].start
	}
	return none
}

// fork returns the first node of the youngest run on r, or none.
func (a *arena) fork(r ref) ref {
	if !a.is(r, forked) {
		return none
	}
	return a.runs[a.firstFork[r]].start
}
