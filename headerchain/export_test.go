package headerchain

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
)

// Seams for the tests in package headerchain_test.
var (
	Retarget     = retarget
	CheckVersion = func(params *btc.Params, height btc.Height, version int32) bool {
		return checkVersion(params, height, version) == nil
	}
)

// NodeSize is the size in bytes of what is kept of every header, but for flags and
// the order of completion.
var NodeSize = reflect.TypeFor[node]().Size()

// HashBatch hashes headers as Accept does with the engine e.
func HashBatch(headers []btc.Header, e sha256d.Engine) []btc.Hash {
	h := newHasher(e)
	hashes := make([]btc.Hash, len(headers))
	h.hashBatch(hashes, headers)
	return hashes
}

// NewByParams returns what NewAnchored does, by rules that no network has.
func NewByParams(params *btc.Params, header btc.Header, height btc.Height) *Chain {
	return newChain(params, header, height)
}

// SetMaxSide lowers MaxSideHeaders for c.
func (c *Chain) SetMaxSide(count int) { c.maxSide = count }

// Runs returns the number of runs.
func (c *Chain) Runs() int { return len(c.nodes.runs) }

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
	b := batch{first: ref(c.nodes.count), front: c.frontAt(parent)}
	if refused := c.checkContext(&b.front, now.Unix(), &header); refused != nil {
		return refused.kind
	}
	c.add(&b.front, &header, &hash)
	c.settle(&b)
	return nil
}

// CheckInvariants holds every derived field to a slow count of what it should be.
func (c *Chain) CheckInvariants() error {
	works := make([]btc.Work, c.nodes.count)
	kids := make([][]ref, c.nodes.count)
	var leaves []leaf
	foremost := base
	for r := range ref(c.nodes.count) {
		if got := c.find(c.nodes.at(r).hash); got != r {
			return fmt.Errorf("node %d: index says %d", r, got)
		}
		works[r] = newProof(c.nodes.at(r).bits).work
		if r != base {
			if err := c.checkNode(r); err != nil {
				return fmt.Errorf("node %d: %w", r, err)
			}
			up := c.nodes.parent(r)
			works[r] = works[r].Add(works[up])
			kids[up] = append(kids[up], r)
		}
		if works[r] != c.nodes.work(r) {
			return fmt.Errorf("node %d: work %v, want %v", r, c.nodes.work(r), works[r])
		}
		if c.nodes.is(r, chained) && !c.nodes.is(r, parked) && works[r].Cmp(works[foremost]) > 0 {
			foremost = r
		}
	}
	for r := range ref(c.nodes.count) {
		if works[r].Cmp(works[c.best]) > 0 {
			return fmt.Errorf("node %d is heavier than the best header %d", r, c.best)
		}
		if err := c.checkChildren(r, kids[r]); err != nil {
			return err
		}
		parkedKid := func(kid ref) bool { return !c.nodes.is(kid, parked) }
		if !c.nodes.is(r, parked) && !slices.ContainsFunc(kids[r], parkedKid) {
			leaves = append(leaves, leaf{r, works[r]})
		}
	}
	slices.SortFunc(leaves, leafOrder)
	if !slices.Equal(leaves, c.leaves) {
		return fmt.Errorf("leaves %v, want %v", c.leaves, leaves)
	}
	if works[foremost].Cmp(works[c.complete]) > 0 || c.nodes.is(c.complete, parked) || !c.nodes.is(c.complete, chained) {
		return fmt.Errorf("complete tip %d, foremost %d", c.complete, foremost)
	}
	for _, h := range c.holds {
		if h.at < base || int(h.at) >= c.nodes.count {
			return fmt.Errorf("node %d is held, of %d", h.at, c.nodes.count)
		}
	}
	return c.checkSpine()
}

func (c *Chain) checkNode(r ref) error {
	up := c.nodes.parent(r)
	in := &c.nodes.runs[c.nodes.runOf(r)]
	switch {
	case up >= r || up < base || c.nodes.height(r) != c.nodes.height(up)+1:
		return fmt.Errorf("parent %d at height %d", up, c.nodes.height(up))
	case c.nodes.is(r, opens) != (in.start == r) || c.nodes.is(r, opens) != (up != r-1):
		return fmt.Errorf("run begins at %d, parent %d", in.start, up)
	case in.up != 0 && c.nodes.runOf(in.parent) != in.up || in.start > 0 && c.nodes.runs[in.up].depth != in.depth-1:
		return fmt.Errorf("run on run %d", in.up)
	case c.nodes.is(r, chained) != (c.nodes.is(r, held) && c.nodes.is(up, chained)):
		return fmt.Errorf("chained %t", c.nodes.is(r, chained))
	case c.nodes.is(r, parked) != (c.nodes.is(r, parkedHere) || c.nodes.is(up, parked)):
		return fmt.Errorf("parked %t", c.nodes.is(r, parked))
	case !c.nodes.is(r, chained) && *c.nodes.since(r) != 0 || *c.nodes.since(r) > c.calls:
		return fmt.Errorf("chained since %d", *c.nodes.since(r))
	}
	return nil
}

func (c *Chain) checkChildren(r ref, want []ref) error {
	var kids []ref
	for kid := c.nodes.firstChild(r); kid != none; kid = c.nodes.nextSibling(kid) {
		if kids = append(kids, kid); len(kids) > len(want) {
			break
		}
	}
	slices.Sort(kids)
	if !slices.Equal(kids, want) {
		return fmt.Errorf("node %d: children %v, want %v", r, kids, want)
	}
	return nil
}

func (c *Chain) checkSpine() error {
	r := c.best
	for i, at := range slices.Backward(c.spine) {
		if at != r {
			return fmt.Errorf("spine %d: %d, want %d", i, at, r)
		}
		r = c.nodes.parent(r)
	}
	if r != none {
		return fmt.Errorf("spine ends above %d", r)
	}
	return nil
}
