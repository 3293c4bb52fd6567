package headerchain

import (
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
)

// Chain is a tree of valid headers with two tips: the best header and the best
// complete tip. It is not safe for use by several goroutines at once.
type Chain struct {
	params *btc.Params
	// prev is the parent hash of the first header, zero for genesis.
	prev  btc.Hash
	nodes arena
	index index
	// best is the header with the most work, the first seen on ties; spine is
	// the chain up to it, by height above the first header.
	best  ref
	spine []ref
	// complete is the node with the most work that is chained and not parked.
	complete ref
	calls    uint32 // of Complete that chained something
	// leaves are the nodes that are not parked and have no child that is not
	// parked, heaviest first. See leaves.go.
	leaves []leaf
	// allowed is the proof of the bits that were met last, so not above the limit.
	allowed proof
	holds   []hold
	hasher  hasher
	hashes  [hashStretch]btc.Hash // of the stretch that Accept looks at
	// maxHeaders and maxSide are MaxChainHeaders and MaxSideHeaders; a test lowers
	// them.
	maxHeaders, maxSide int
}

// Entry is one header of a [Chain], by value.
type Entry struct {
	Hash   btc.Hash
	Header btc.Header
	Height btc.Height
	// Work is that of the chain up to and with this header. In a chain made by
	// [NewAnchored] it counts from the anchor.
	Work btc.Work
	// Complete says that the body is proven and held. Its ancestors' need not be.
	Complete bool
	// Parked says that the header or an ancestor is parked.
	Parked bool
}

// New returns a chain that holds the genesis header of net, which is complete.
// It panics if net is no network.
func New(net btc.Network) *Chain { return NewAnchored(net, net.Params().Genesis, 0) }

// NewAnchored returns a chain that begins with header at height, which the
// operator trusts: it is checked by no rule and is complete. Each rule applies
// to later headers as soon as enough ancestors are there:
//
//   - proof of work, time ahead of the clock, version and timewarp at once;
//   - the target within a period at once, on networks with the 20-minute rule
//     from the first header on whose answer is in the chain;
//   - the median time from the 11th header on;
//   - the retarget from the first period on that begins in the chain; before it,
//     on networks without the 20-minute rule, the factor of 4 at most.
//
// It panics if net is no network or height is negative.
func NewAnchored(net btc.Network, header btc.Header, height btc.Height) *Chain {
	if height < 0 {
		panic("headerchain: anchor at negative height")
	}
	return newChain(net.Params(), header, height)
}

func newChain(params *btc.Params, header btc.Header, height btc.Height) *Chain {
	c := &Chain{
		params: params, prev: header.Prev(), index: newIndex(), hasher: newHasher(sha256d.Best()),
		maxHeaders: MaxChainHeaders, maxSide: MaxSideHeaders,
	}
	hash := header.Hash()
	work := newProof(header.Bits()).work
	c.nodes.push(none, held|chained, height, &work)
	c.nodes.at(base).fill(&header, &hash)
	c.index.add(&c.nodes, base)
	c.spine = append(c.spine, base)
	c.leaves = append(c.leaves, leaf{base, work})
	return c
}

// Network returns the network whose rules the chain checks.
func (c *Chain) Network() btc.Network { return c.params.Network }

// Len returns the number of headers held, forks included.
func (c *Chain) Len() int { return c.nodes.count }

// Base returns the first header: genesis or the anchor.
func (c *Chain) Base() Entry { return c.entry(base) }

// Best returns the best header: the one with the most work, the first seen on
// ties. Parking does not change it.
func (c *Chain) Best() Entry { return c.entry(c.best) }

// BestComplete returns the best complete tip: of the headers that are not parked
// and whose bodies, from the first header up, are all proven and held, the one
// with the most work, the first complete on ties.
func (c *Chain) BestComplete() Entry { return c.entry(c.complete) }

// Lookup returns the header with hash.
func (c *Chain) Lookup(hash btc.Hash) (Entry, bool) { return c.entryOf(c.find(hash)) }

// AtHeight returns the header at height on the chain of the best header.
func (c *Chain) AtHeight(height btc.Height) (Entry, bool) {
	i := int64(height) - int64(c.nodes.height(base))
	if i < 0 || i >= int64(len(c.spine)) {
		return Entry{}, false
	}
	return c.entry(c.spine[i]), true
}

func (c *Chain) find(hash btc.Hash) ref { return c.index.find(&c.nodes, &hash) }

// onSpine reports whether r is on the chain of the best header.
func (c *Chain) onSpine(r ref) bool {
	i := c.depth(r)
	return i < len(c.spine) && c.spine[i] == r
}

// depth returns the number of ancestors of r in this chain.
func (c *Chain) depth(r ref) int { return int(c.nodes.height(r) - c.nodes.height(base)) }

func (c *Chain) entryOf(r ref) (Entry, bool) {
	if r == none {
		return Entry{}, false
	}
	return c.entry(r), true
}

func (c *Chain) entry(r ref) Entry {
	n := c.nodes.at(r)
	prev := c.prev
	if r != base {
		prev = c.nodes.at(c.nodes.parent(r)).hash
	}
	fields := btc.HeaderFields{
		Version: n.version, Prev: prev, MerkleRoot: n.merkleRoot, Time: n.time, Bits: n.bits, Nonce: n.nonce,
	}
	return Entry{
		Hash: n.hash, Header: fields.Header(), Height: c.nodes.height(r), Work: c.nodes.work(r),
		Complete: c.nodes.is(r, held), Parked: c.nodes.is(r, parked),
	}
}
