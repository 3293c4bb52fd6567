package headerchain

import "blockgate/internal/btc"

// ref names a node by its place in the arena. A parent has a lower ref than its
// children, and what was seen first has the lower ref. The first header of the
// chain has ref 0. Refs hold until the next eviction: see evict.go.
type ref int32

const (
	base ref = 0
	none ref = -1
)

// node is what a header does not share with its parent: 80 bytes. What else there
// is to know of it comes from its run: see arena.go.
type node struct {
	hash, merkleRoot btc.Hash
	version          int32
	time, bits       uint32
	nonce            uint32
}

// fill makes n the node of header, whose hash is given.
func (n *node) fill(header *btc.Header, hash *btc.Hash) {
	n.hash, n.merkleRoot = *hash, header.MerkleRoot()
	n.version, n.time, n.bits, n.nonce = header.Version(), header.Time(), header.Bits(), header.Nonce()
}

type flags uint8

const (
	held       flags = 1 << iota // its body is proven and held
	chained                      // held, and so is every ancestor
	parkedHere                   // Park was called for it
	parked                       // parkedHere, or an ancestor is
	opens                        // it is the first of a run
	forked                       // it is the parent of the first of a run
)
