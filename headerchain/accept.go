package headerchain

import (
	"fmt"
	"math"
	"time"

	"blockgate/internal/btc"
)

// Accepted says what [Chain.Accept] did with a batch.
type Accepted struct {
	// New and Known count the valid headers that were not held and that were.
	New, Known int
	// Last is the hash of the last valid header, zero if there is none.
	Last btc.Hash
	// TipMoved says that the best header is another one now.
	TipMoved bool
}

// batch is where Accept stands.
type batch struct {
	now    int64 // Unix seconds
	at     ref   // the header before, none at the start
	first  ref   // the first header that was not held; all after it are new, too
	median window
}

// Accept checks headers, each the child of the one before, and keeps those up to
// the first that is refused. now is our own clock. The headers are copied.
//
// The error is a [*HeaderError] that names the header and the kind of refusal:
// [ErrTarget], [ErrHighHash], [ErrUnlinked], [ErrDiscontinuous], [ErrBits],
// [ErrTimeTooOld], [ErrTimewarp], [ErrTimeTooNew], [ErrVersion], [ErrSideFull],
// [ErrChainFull]. Nothing is remembered of a refused header. A header that is
// held already is counted, not checked again.
//
// The best header moves to the last valid header if that has more work.
func (c *Chain) Accept(headers []btc.Header, now time.Time) (Accepted, error) {
	var done Accepted
	var failed *HeaderError
	b := batch{now: now.Unix(), at: none, first: ref(c.nodes.count)}
	for i := range headers {
		hash := headers[i].Hash()
		known, refused := c.acceptOne(&b, &headers[i], &hash)
		if refused != nil {
			failed = &HeaderError{Index: i, Height: c.heightAfter(&headers[i]), Hash: hash, Kind: refused.kind, Detail: refused.detail}
			break
		}
		if known {
			done.Known++
		} else {
			done.New++
		}
	}
	if full := c.trimSide(&b, headers, &done); full != nil {
		failed = full
	}
	done.TipMoved = c.settle(&b)
	if b.at != none {
		done.Last = c.nodes.at(b.at).hash
	}
	if failed != nil {
		return done, failed
	}
	return done, nil
}

// acceptOne checks the next header and adds it. It moves b to the header, or
// leaves b alone and says why the header is refused.
func (c *Chain) acceptOne(b *batch, header *btc.Header, hash *btc.Hash) (known bool, refused *refusal) {
	if b.at != none && header.Prev() != c.nodes.at(b.at).hash {
		return false, &refusal{kind: ErrDiscontinuous}
	}
	// A child of a header that is new cannot be held.
	if b.at < b.first {
		if at := c.index.find(&c.nodes, hash); at != none {
			b.at = at
			return true, nil
		}
	}
	proof, refused := c.checkProofOfWork(hash, header.Bits())
	if refused != nil {
		return false, refused
	}
	parent := c.parentOf(b, header)
	if parent == none {
		return false, &refusal{kind: ErrUnlinked}
	}
	if b.median.tip != parent || b.median.count == 0 {
		c.loadWindow(&b.median, parent)
	}
	if refused := c.checkContext(b, parent, header); refused != nil {
		return false, refused
	}
	if c.nodes.count >= c.maxHeaders || c.nodes.at(parent).height == math.MaxInt32 {
		return false, refuse(ErrChainFull, "%d are held", c.nodes.count)
	}
	b.at = c.add(parent, header, hash, proof)
	b.median.push(b.at, header.Time())
	return false, nil
}

// parentOf returns the parent of the next header, none if it is not known.
func (c *Chain) parentOf(b *batch, header *btc.Header) ref {
	if b.at != none {
		return b.at
	}
	return c.find(header.Prev())
}

// heightAfter returns the height that header has by its parent, -1 if the parent is
// not known.
func (c *Chain) heightAfter(header *btc.Header) btc.Height {
	parent := c.find(header.Prev())
	if parent == none || c.nodes.at(parent).height == math.MaxInt32 {
		return -1
	}
	return c.nodes.at(parent).height + 1
}

// add puts a checked header into the tree as a child of parent. Tips and leaves
// follow at the end of the batch.
func (c *Chain) add(parent ref, header *btc.Header, hash *btc.Hash, block *proof) ref {
	up := c.nodes.at(parent)
	n := node{
		hash: *hash, merkleRoot: header.MerkleRoot(), work: up.work.Add(block.work),
		version: header.Version(), time: header.Time(), bits: header.Bits(), nonce: header.Nonce(),
		height: up.height + 1, parent: parent, firstChild: none, nextSibling: up.firstChild,
		flags: up.flags & parked,
	}
	n.realBits = realBits(c.params, &n, up.realBits)
	n.skip = c.ancestorAt(parent, skipDepth(c.depth(parent)+1))
	r := c.nodes.push(&n)
	up.firstChild = r
	c.index.add(&c.nodes, r)
	return r
}

// removeLast takes the youngest node out again.
func (c *Chain) removeLast() {
	r := ref(c.nodes.count - 1)
	n := c.nodes.at(r)
	c.nodes.at(n.parent).firstChild = n.nextSibling
	c.index.removeLast(&c.nodes, r)
	c.nodes.pop()
}

// trimSide takes out of a batch that does not make the best header what goes
// beyond MaxSideHeaders, and says so.
func (c *Chain) trimSide(b *batch, headers []btc.Header, done *Accepted) *HeaderError {
	if done.New == 0 || c.heavier(b.at, c.best) {
		return nil
	}
	side := int(b.first) - len(c.spine)
	keep := max(0, MaxSideHeaders-side)
	if done.New <= keep {
		return nil
	}
	cut := b.first + ref(keep)
	gone, height := c.nodes.at(cut).hash, c.nodes.at(cut).height
	b.at = c.nodes.at(cut).parent
	for ref(c.nodes.count) > cut {
		c.removeLast()
	}
	i := done.Known + keep
	done.New = keep
	if i == 0 {
		b.at = none
	}
	return &HeaderError{
		Index: i, Height: height, Hash: gone, Kind: ErrSideFull,
		Detail: fmt.Sprintf("%d are held, and the %d headers of the batch do not make the best chain", MaxSideHeaders, len(headers)),
	}
}

// settle moves leaves and best header after the new headers of a batch and
// reports whether the best header moved.
func (c *Chain) settle(b *batch) bool {
	if b.first >= ref(c.nodes.count) {
		return false
	}
	c.leafGrew(c.nodes.at(b.first).parent, b.at)
	if !c.heavier(b.at, c.best) {
		return false
	}
	c.best = b.at
	c.layspine()
	return true
}

// layspine makes spine the chain of the best header: it writes from the tip down
// to where the old one is right.
func (c *Chain) layspine() {
	size := c.depth(c.best) + 1
	c.spine = append(c.spine[:min(len(c.spine), size)], make([]ref, max(0, size-len(c.spine)))...)
	for i, r := size-1, c.best; i > 0; i, r = i-1, c.nodes.at(r).parent {
		if c.spine[i] == r {
			return
		}
		c.spine[i] = r
	}
}

// heavier reports whether a has more work than b.
func (c *Chain) heavier(a, b ref) bool { return c.nodes.at(a).work.Cmp(c.nodes.at(b).work) > 0 }
