package headerchain

import (
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
	now   int64 // Unix seconds
	first ref   // the first header that was not held; all after it are new, too
	front front
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
// The best header moves to the last valid header if that has more work. If there
// are more than [MaxSideHeaders] off its chain then, some of them go.
func (c *Chain) Accept(headers []btc.Header, now time.Time) (Accepted, error) {
	return c.accept(headers, now, nil)
}

// accept is Accept, for a holder if it is not nil.
func (c *Chain) accept(headers []btc.Header, now time.Time, holder *uint64) (Accepted, error) {
	b := batch{now: now.Unix(), first: ref(c.nodes.count), front: front{at: none}}
	done, failed := c.acceptAll(&b, headers)
	done.TipMoved = c.settle(&b)
	if holder != nil && b.front.at != none {
		c.holdAt(*holder, b.front.at)
	}
	if c.makeRoom() {
		if full := c.recount(headers, &done); full != nil {
			failed = full
		}
	}
	if failed != nil {
		return done, failed
	}
	return done, nil
}

// acceptAll takes the headers up to the first that is refused.
func (c *Chain) acceptAll(b *batch, headers []btc.Header) (done Accepted, failed *HeaderError) {
	for at := 0; at < len(headers); at += hashStretch {
		stretch := headers[at:min(at+hashStretch, len(headers))]
		hashes := c.hashes[:len(stretch)]
		c.hasher.hashBatch(hashes, stretch)
		for i := 0; i < len(stretch); i++ {
			if n := c.extend(b, stretch[i:], hashes[i:]); n > 0 {
				done.New += n
				done.Last = hashes[i+n-1]
				if i += n; i == len(stretch) {
					break
				}
			}
			known, refused := c.acceptOne(b, &stretch[i], &hashes[i])
			if refused != nil {
				return done, &HeaderError{
					Index: at + i, Height: c.heightAfter(&stretch[i]), Hash: hashes[i],
					Kind: refused.kind, Detail: refused.detail,
				}
			}
			if known {
				done.Known++
			} else {
				done.New++
			}
			done.Last = hashes[i]
		}
	}
	return done, nil
}

// acceptOne checks the next header and adds it. It moves b to the header, or
// leaves b alone and says why the header is refused.
func (c *Chain) acceptOne(b *batch, header *btc.Header, hash *btc.Hash) (known bool, refused *refusal) {
	if b.front.at != none && header.Prev() != c.nodes.at(b.front.at).hash {
		return false, &refusal{kind: ErrDiscontinuous}
	}
	// A child of a header that is new cannot be held.
	if b.front.at < b.first {
		if at := c.index.find(&c.nodes, hash); at != none {
			b.front = front{at: at}
			return true, nil
		}
	}
	if refused := c.checkProofOfWork(hash, header.Bits()); refused != nil {
		return false, refused
	}
	if !b.front.loaded {
		parent := b.front.at
		if parent == none {
			parent = c.find(header.Prev())
		}
		if parent == none {
			return false, &refusal{kind: ErrUnlinked}
		}
		up := c.frontAt(parent)
		if refused := c.acceptOn(&up, b, header, hash); refused != nil {
			return false, refused
		}
		b.front = up
		return false, nil
	}
	return false, c.acceptOn(&b.front, b, header, hash)
}

// acceptOn checks a header as the child of up and adds it, and moves up to it.
func (c *Chain) acceptOn(up *front, b *batch, header *btc.Header, hash *btc.Hash) *refusal {
	if refused := c.checkContext(up, b.now, header); refused != nil {
		return refused
	}
	if c.nodes.count >= c.maxHeaders || up.height == math.MaxInt32 {
		return refuse(ErrChainFull, "%d are held", c.nodes.count)
	}
	c.add(up, header, hash)
	return nil
}

// heightAfter returns the height that header has by its parent, -1 if the parent is
// not known.
func (c *Chain) heightAfter(header *btc.Header) btc.Height {
	parent := c.find(header.Prev())
	if parent == none || c.nodes.height(parent) == math.MaxInt32 {
		return -1
	}
	return c.nodes.height(parent) + 1
}

// add puts a checked header into the tree as a child of up, and moves up to it.
// Tips and leaves follow at the end of the batch.
func (c *Chain) add(up *front, header *btc.Header, hash *btc.Hash) {
	parent := up.at
	bits := header.Bits()
	up.move(c.params, header.Time(), bits, &c.nodes.proofs.of(bits).work)
	up.at = c.nodes.push(parent, up.flags, up.height, &up.work)
	c.nodes.at(up.at).fill(header, hash)
	c.index.add(&c.nodes, up.at)
}

// settle moves leaves and best header after the new headers of a batch and
// reports whether the best header moved.
func (c *Chain) settle(b *batch) bool {
	if b.first >= ref(c.nodes.count) {
		return false
	}
	c.leafGrew(c.nodes.parent(b.first), leaf{b.front.at, b.front.work})
	if b.front.work.Cmp(c.nodes.work(c.best)) <= 0 {
		return false
	}
	c.best = b.front.at
	c.laySpine()
	return true
}

// laySpine makes spine the chain of the best header: it writes from the tip down
// to where the old one is right, run by run.
func (c *Chain) laySpine() {
	size := c.depth(c.best) + 1
	if size > cap(c.spine) { // by an eighth, to waste little
		c.spine = append(make([]ref, 0, size+size/8), c.spine...)
	}
	old := min(len(c.spine), size)
	c.spine = c.spine[:size]
	clear(c.spine[old:])
	for r := c.best; r != none; {
		in := &c.nodes.runs[c.nodes.runOf(r)]
		first := size - 1 - int(r-in.start) // depth of the run
		own := c.spine[first:size]
		// A run lies in one piece: what is right at one depth is right below it.
		right := min(max(old-first, 0), len(own))
		for right > 0 && own[right-1] != in.start+ref(right-1) {
			right--
		}
		for i := right; i < len(own); i++ {
			own[i] = in.start + ref(i)
		}
		if right > 0 {
			return
		}
		r, size = in.parent, first
	}
}
