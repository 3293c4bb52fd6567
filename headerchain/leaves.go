package headerchain

import (
	"slices"

	"blockgate/internal/btc"
)

// leaf is a node that is not parked and has no child that is not parked.
type leaf struct {
	at   ref
	work btc.Work // of the chain up to it
}

// The leaves are sorted: more work first, then the first seen. So the branches
// that have more work than some tip stand at the front.

// leafOrder is negative if a stands before b.
func leafOrder(a, b leaf) int {
	if order := b.work.Cmp(a.work); order != 0 {
		return order
	}
	return int(a.at - b.at)
}

func (c *Chain) leafAt(r ref) leaf { return leaf{r, c.nodes.work(r)} }

// isLeaf reports whether r belongs among the leaves.
func (c *Chain) isLeaf(r ref) bool {
	if c.nodes.is(r, parked) {
		return false
	}
	for child := c.nodes.firstChild(r); child != none; child = c.nodes.nextSibling(child) {
		if !c.nodes.is(child, parked) {
			return false
		}
	}
	return true
}

func (c *Chain) addLeaf(l leaf) {
	i, _ := slices.BinarySearchFunc(c.leaves, l, leafOrder)
	c.leaves = slices.Insert(c.leaves, i, l)
}

// dropLeaf takes l out if it is there.
func (c *Chain) dropLeaf(l leaf) {
	if i, ok := slices.BinarySearchFunc(c.leaves, l, leafOrder); ok {
		c.leaves = slices.Delete(c.leaves, i, i+1)
	}
}

// leafGrew follows a batch that put a run of new nodes, tip the last, on parent.
func (c *Chain) leafGrew(parent ref, tip leaf) {
	if c.nodes.is(tip.at, parked) {
		return
	}
	c.dropLeaf(c.leafAt(parent))
	c.addLeaf(tip)
}
