package sha256d

// MerkleRoot folds leaves, overwriting them, and returns the root of their tree.
//
//	level 0    a   b   c            a list of odd length repeats its last node
//	level 1    H(ab)   H(cc)
//	root         H(H(ab)H(cc))
//
// Mutated says that at some level two different nodes of a pair are equal. Then
// a shorter list has the same root (CVE-2012-2459), and the leaves prove nothing.
// The root of one leaf is the leaf; the root of none is zero.
//
// It runs in pure Go. [Hasher.MerkleRoot] is for long lists.
//
// Source: ComputeMerkleRoot, Bitcoin Core v30.0 src/consensus/merkle.cpp.
func MerkleRoot[H ~[Size]byte](leaves []H) (root H, mutated bool) {
	if len(leaves) == 0 {
		return root, false
	}
	var pair [2 * Size]byte
	for len(leaves) > 1 {
		parents := (len(leaves) + 1) / 2
		for i := range parents {
			left, right := leaves[2*i], leaves[2*i]
			if 2*i+1 < len(leaves) {
				right = leaves[2*i+1]
				mutated = mutated || left == right
			}
			copy(pair[:Size], left[:])
			copy(pair[Size:], right[:])
			leaves[i] = H(Sum(pair[:]))
		}
		leaves = leaves[:parents]
	}
	return leaves[0], mutated
}

// MerkleRoot is the function [MerkleRoot] with many nodes hashed at once. It
// overwrites leaves.
func (h *Hasher) MerkleRoot(leaves [][Size]byte) (root [Size]byte, mutated bool) {
	if len(leaves) == 0 {
		return root, false
	}
	for len(leaves) > 1 {
		for i := range len(leaves) / 2 {
			mutated = mutated || leaves[2*i] == leaves[2*i+1]
		}
		parents := leaves[:(len(leaves)+1)/2]
		h.runner.nodes(parents, leaves)
		leaves = parents
	}
	return leaves[0], mutated
}
