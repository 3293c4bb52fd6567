package headerchain

import "blockgate/internal/btc"

// ref names a node by its place in the arena. A parent has a lower ref than its
// children. The first header of the chain has ref 0.
type ref int32

const (
	base ref = 0
	none ref = -1
)

// node is one header. It has no pointer, so that the collector skips it: 144 bytes.
type node struct {
	hash, merkleRoot btc.Hash
	work             btc.Work // of the chain up to this header
	version          int32
	time, bits       uint32
	nonce            uint32
	// realBits are the bits of the last ancestor, this one included, back to the
	// first of the period, that does not have the limit's bits; 0 if an anchored
	// chain does not know. See mindifficulty.go.
	realBits uint32
	height   btc.Height
	parent   ref // none for base
	skip     ref // an ancestor far below; see ancestor.go
	// firstChild and nextSibling are the tree upwards, none at its ends.
	firstChild, nextSibling ref
	// since orders nodes by the call of Complete that set chained.
	since uint32
	flags flags
}

type flags uint8

const (
	held       flags = 1 << iota // its body is proven and held
	chained                      // held, and so is every ancestor
	parkedHere                   // Park was called for it
	parked                       // parkedHere, or an ancestor is
)

func (n *node) is(f flags) bool { return n.flags&f != 0 }

// chunkLen is the number of nodes that are allocated at once: 147 kB.
const chunkLen = 1024

// arena is a growing array of nodes that never moves one, so growth copies
// nothing and a *node stays good until it is popped.
type arena struct {
	chunks []*[chunkLen]node
	count  int
}

func (a *arena) at(r ref) *node { return &a.chunks[r/chunkLen][r%chunkLen] }

// push adds n and returns its ref. The caller keeps count below MaxChainHeaders.
func (a *arena) push(n *node) ref {
	r := ref(a.count)
	if a.count == len(a.chunks)*chunkLen {
		a.chunks = append(a.chunks, new([chunkLen]node))
	}
	a.count++
	*a.at(r) = *n
	return r
}

// pop drops the node that was added last.
func (a *arena) pop() { a.count-- }
