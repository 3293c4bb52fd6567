package headerchain

import "slices"

// The leaves are sorted: more work first, then the first seen. So the branches
// that have more work than some tip stand at the front.

// leafOrder is negative if a stands before b.
func (c *Chain) leafOrder(a, b ref) int {
	if order := c.nodes.at(b).work.Cmp(c.nodes.at(a).work); order != 0 {
		return order
	}
	return int(a - b)
}

// isLeaf reports whether r belongs among the leaves.
func (c *Chain) isLeaf(r ref) bool {
	if c.nodes.at(r).is(parked) {
		return false
	}
	for child := c.nodes.at(r).firstChild; child != none; child = c.nodes.at(child).nextSibling {
		if !c.nodes.at(child).is(parked) {
			return false
		}
	}
	return true
}

func (c *Chain) addLeaf(r ref) {
	i, _ := slices.BinarySearchFunc(c.leaves, r, c.leafOrder)
	c.leaves = slices.Insert(c.leaves, i, r)
}

// dropLeaf takes r out if it is there.
func (c *Chain) dropLeaf(r ref) {
	if i, ok := slices.BinarySearchFunc(c.leaves, r, c.leafOrder); ok {
		c.leaves = slices.Delete(c.leaves, i, i+1)
	}
}

// leafGrew follows a batch that put a run of new nodes, tip the last, on parent.
func (c *Chain) leafGrew(parent, tip ref) {
	if c.nodes.at(tip).is(parked) {
		return
	}
	c.dropLeaf(parent)
	c.addLeaf(tip)
}
