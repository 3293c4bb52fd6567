package headerchain

import (
	"container/heap"
	"slices"

	"blockgate/internal/btc"
)

// makeRoom takes headers off the best chain out of the tree if there are too many:
// always that leaf which has the least work, the one seen last on ties, whatever
// its height or age, until a part of the room is free. The best complete tip
// stays, what the caller parked, so that no flood can undo it, what is held (see
// hold.go), and their ancestors. It reports whether any went.
//
// So a branch that, with its last batch, has more work than the best header is there:
// if it came in one batch it is the best chain when room is made, and if it came in
// several the holder's call for each kept it until the next.
//
// It takes time in proportion to all headers held, which is why it makes room for
// many. All that refers to nodes is made anew: no ref is used twice and none is left
// of what went.
func (c *Chain) makeRoom() bool {
	excess := c.nodes.count - len(c.spine) - c.maxSide
	if excess <= 0 {
		return false
	}
	place, gone := c.chooseLosers(excess + c.maxSide/sideSlack)
	if gone == 0 {
		return false
	}
	kept := 0
	for r := range place {
		if place[r] != none {
			place[r] = ref(kept)
			kept++
		}
	}
	c.compact(place)
	return true
}

// chooseLosers returns a list in which count nodes are none, fewer if no more may
// go, and how many are. What stands on a node that goes has gone before.
func (c *Chain) chooseLosers(count int) (place []ref, gone int) {
	place = make([]ref, c.nodes.count) // number of children at first
	for r := base + 1; r < ref(len(place)); r++ {
		place[c.nodes.parent(r)]++
		if c.nodes.is(r, parkedHere) {
			place[r]++
		}
	}
	place[c.best]++ // no leaves, whatever goes
	place[c.complete]++
	for _, h := range c.holds {
		place[h.at]++
	}
	var losers losers
	for r := range place {
		if place[r] == 0 {
			losers = append(losers, c.leafAt(ref(r)))
		}
	}
	heap.Init(&losers)
	for ; gone < count && len(losers) > 0; gone++ {
		last := losers[0]
		place[last.at] = none
		up := c.nodes.parent(last.at)
		place[up]--
		if place[up] > 0 {
			heap.Pop(&losers)
			continue
		}
		losers[0] = leaf{up, last.work.Sub(c.nodes.proofs.of(c.nodes.at(last.at).bits).work)}
		heap.Fix(&losers, 0)
	}
	return place, gone
}

// losers is a heap of leaves, that which goes next on top.
type losers []leaf

func (l *losers) Len() int           { return len(*l) }
func (l *losers) Less(i, j int) bool { return leafOrder((*l)[i], (*l)[j]) > 0 }
func (l *losers) Swap(i, j int)      { (*l)[i], (*l)[j] = (*l)[j], (*l)[i] }

// Push is for [heap.Interface] and never called.
func (l *losers) Push(any) {}

// Pop is for [heap.Interface]; nobody looks at what it returns.
func (l *losers) Pop() any {
	*l = (*l)[:len(*l)-1]
	return nil
}

// compact moves each node to its place, which is not above where it is, and leaves
// out those that have none.
func (c *Chain) compact(place []ref) {
	old := c.nodes
	c.nodes = arena{chunks: old.chunks}
	for r := range ref(len(place)) {
		if place[r] == none {
			continue
		}
		// The new nodes are written over the old ones, none before it is read.
		n, since := *old.at(r), *old.since(r)
		parent, height, work := old.parent(r), old.height(r), btc.Work{}
		f := *old.flagsOf(r) &^ (opens | forked)
		if parent != none {
			parent = place[parent]
			work = c.nodes.work(parent)
		}
		work = work.Add(c.nodes.proofs.of(n.bits).work)
		at := c.nodes.push(parent, f, height, &work)
		*c.nodes.at(at), *c.nodes.since(at) = n, since
	}
	used := (c.nodes.count + chunkLen - 1) / chunkLen
	clear(c.nodes.chunks[used:])
	c.nodes.chunks = c.nodes.chunks[:used]
	clear(c.nodes.chunks[used-1].since[(c.nodes.count-1)%chunkLen+1:])
	c.best, c.complete = place[c.best], place[c.complete]
	for i := range c.holds {
		c.holds[i].at = place[c.holds[i].at]
	}
	for i, r := range c.spine {
		c.spine[i] = place[r]
	}
	c.index.rebuild(&c.nodes)
	c.findLeaves()
}

// findLeaves finds all leaves anew.
func (c *Chain) findLeaves() {
	c.leaves = c.leaves[:0]
	for r := range ref(c.nodes.count) {
		if c.isLeaf(r) {
			c.leaves = append(c.leaves, c.leafAt(r))
		}
	}
	slices.SortFunc(c.leaves, leafOrder)
}

// recount says what is left of a batch when some of its headers, which hang on
// leaves with the least work themselves, went again.
func (c *Chain) recount(headers []btc.Header, done *Accepted) *HeaderError {
	valid := done.New + done.Known
	left := valid
	for left > 0 && c.find(headers[left-1].Hash()) == none {
		left--
	}
	if left == valid {
		return nil
	}
	done.Known = min(done.Known, left)
	done.New = left - done.Known
	done.Last = btc.Hash{}
	if left > 0 {
		done.Last = headers[left-1].Hash()
	}
	return &HeaderError{
		Index: left, Height: c.heightAfter(&headers[left]), Hash: headers[left].Hash(), Kind: ErrSideFull,
		Detail: "others have more work",
	}
}
