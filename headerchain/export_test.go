package headerchain

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"blockgate/internal/btc"
)

// Seams for the tests in package headerchain_test.
var (
	SkipDepth    = skipDepth
	Retarget     = retarget
	CheckVersion = func(params *btc.Params, height btc.Height, version int32) bool {
		return checkVersion(params, height, version) == nil
	}
)

// NodeSize is the size in bytes of what is kept of a header, but for the index.
var NodeSize = reflect.TypeFor[node]().Size()

// NewByParams returns what NewAnchored does, by rules that no network has.
func NewByParams(params *btc.Params, header btc.Header, height btc.Height) *Chain {
	return newChain(params, header, height)
}

// SetMaxHeaders lowers MaxChainHeaders for c.
func (c *Chain) SetMaxHeaders(count int) { c.maxHeaders = count }

// AcceptUnproven does with one header what Accept does, but for its proof of
// work: nobody can mine a test chain at mainnet's limit.
func (c *Chain) AcceptUnproven(header btc.Header, now time.Time) error {
	hash := header.Hash()
	if c.find(hash) != none {
		return nil
	}
	parent := c.find(header.Prev())
	if parent == none {
		return ErrUnlinked
	}
	b := batch{now: now.Unix(), first: ref(c.nodes.count)}
	c.loadWindow(&b.median, parent)
	if refused := c.checkContext(&b, parent, &header); refused != nil {
		return refused.kind
	}
	block := newProof(header.Bits())
	b.at = c.add(parent, &header, &hash, &block)
	c.settle(&b)
	return nil
}

// CheckInvariants holds every derived field to a slow count of what it should be.
func (c *Chain) CheckInvariants() error {
	var leaves []ref
	foremost := none
	for r := range ref(c.nodes.count) {
		n := c.nodes.at(r)
		if got := c.find(n.hash); got != r {
			return fmt.Errorf("node %d: index says %d", r, got)
		}
		if r != base {
			if err := c.checkNode(r); err != nil {
				return fmt.Errorf("node %d: %w", r, err)
			}
		}
		if c.isLeaf(r) {
			leaves = append(leaves, r)
		}
		foremost = c.foremost(foremost, r)
		if c.heavier(r, c.best) {
			return fmt.Errorf("node %d is heavier than the best header %d", r, c.best)
		}
	}
	slices.SortFunc(leaves, c.leafOrder)
	if !slices.Equal(leaves, c.leaves) {
		return fmt.Errorf("leaves %v, want %v", c.leaves, leaves)
	}
	if c.heavier(foremost, c.complete) || c.nodes.at(c.complete).is(parked) || !c.nodes.at(c.complete).is(chained) {
		return fmt.Errorf("complete tip %d, foremost %d", c.complete, foremost)
	}
	return c.checkSpine()
}

func (c *Chain) checkNode(r ref) error {
	n, up := c.nodes.at(r), c.nodes.at(c.nodes.at(r).parent)
	at := n.skip
	if c.nodes.count < 2000 || r%97 == 0 { // a walk for each would take too long
		for at = n.parent; c.depth(at) > skipDepth(c.depth(r)); {
			at = c.nodes.at(at).parent
		}
	}
	switch {
	case n.parent >= r || n.height != up.height+1:
		return fmt.Errorf("parent %d at height %d", n.parent, up.height)
	case n.skip != at:
		return fmt.Errorf("skip %d, want %d", n.skip, at)
	case n.is(chained) != (n.is(held) && up.is(chained)):
		return fmt.Errorf("chained %t", n.is(chained))
	case n.is(parked) != (n.is(parkedHere) || up.is(parked)):
		return fmt.Errorf("parked %t", n.is(parked))
	}
	for child := up.firstChild; child != r; child = c.nodes.at(child).nextSibling {
		if child == none {
			return fmt.Errorf("not among the children of %d", n.parent)
		}
	}
	return nil
}

func (c *Chain) checkSpine() error {
	r := c.best
	for i, at := range slices.Backward(c.spine) {
		if at != r {
			return fmt.Errorf("spine %d: %d, want %d", i, at, r)
		}
		r = c.nodes.at(r).parent
	}
	if r != none {
		return fmt.Errorf("spine ends above %d", r)
	}
	return nil
}
