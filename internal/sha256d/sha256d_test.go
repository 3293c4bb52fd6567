package sha256d_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"blockgate/internal/sha256d"
)

type node = [sha256d.Size]byte

// naive is the definition, written as plainly as possible.
func naive(message ...byte) node {
	h := sha256.New()
	h.Write(message)
	return sha256.Sum256(h.Sum(nil))
}

func TestSumMatchesDefinition(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	message := make([]byte, 1025)
	rng.Read(message)
	for n := range message {
		if got, want := sha256d.Sum(message[:n]), naive(message[:n]...); got != want {
			t.Fatalf("%d bytes: got %x, want %x", n, got, want)
		}
	}
}

func TestSumKnown(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		{"", "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"},
		{"hello", "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50"},
	} {
		if got := sha256d.Sum([]byte(c.message)); hex.EncodeToString(got[:]) != c.want {
			t.Errorf("%q: got %x, want %s", c.message, got, c.want)
		}
	}
}

func TestSum3JoinsItsPieces(t *testing.T) {
	const seed = 2
	rng := rand.New(rand.NewSource(seed))
	h := sha256d.New()
	message := make([]byte, 700)
	rng.Read(message)
	for i := range 2000 {
		whole := message[:rng.Intn(len(message)+1)]
		first := rng.Intn(len(whole) + 1)
		second := first + rng.Intn(len(whole)-first+1)
		got := h.Sum3(whole[:first], whole[first:second], whole[second:])
		if want := naive(whole...); got != want {
			t.Fatalf("seed %d, round %d, cut at %d and %d of %d: got %x, want %x", seed, i, first, second, len(whole), got, want)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		message, leaves, base := make([]byte, 300), make([]node, 77), make([]byte, 20_000)
		out, messages := make([]node, 90), make([]sha256d.Message, 90)
		for i := range messages {
			messages[i] = sha256d.Message{Offset: uint32(i), Size: uint32(5 * i), Witness: uint32(i / 30)}
		}
		messages[5] = sha256d.Message{Size: 20_000}
		if n := testing.AllocsPerRun(100, func() {
			h.Sum3(message[:4], message[6:200], message[296:])
			h.Messages(out, base, messages)
			h.Headers(out, base[:sha256d.HeaderSize*len(out)])
			h.MerkleRoot(leaves)
			sha256d.Sum(message)
			sha256d.MerkleRoot(leaves)
		}); n != 0 && !raceDetector {
			t.Errorf("%v allocations, want 0", n)
		}
	})
}

// slowRoot follows the recursive definition of the tree and tells, apart from the
// folding under test, whether two real nodes of a pair are equal somewhere.
func slowRoot(leaves []node) (root node, mutated bool) {
	if len(leaves) == 1 {
		return leaves[0], false
	}
	half := 1
	for 2*half < len(leaves) {
		half *= 2
	}
	left, leftMutated := slowRoot(leaves[:half])
	right, rightMutated := slowPadded(leaves[half:], half)
	return naive(slices.Concat(left[:], right[:])...), leftMutated || rightMutated || left == right
}

// slowPadded is the root of leaves padded to width by the rule of odd levels. A node
// that was made by padding is no real one, so it counts as no mutation.
func slowPadded(leaves []node, width int) (root node, mutated bool) {
	if width == 1 {
		return leaves[0], false
	}
	if len(leaves) <= width/2 {
		child, mutated := slowPadded(leaves, width/2)
		return naive(slices.Concat(child[:], child[:])...), mutated
	}
	left, leftMutated := slowPadded(leaves[:width/2], width/2)
	right, rightMutated := slowPadded(leaves[width/2:], width/2)
	return naive(slices.Concat(left[:], right[:])...), leftMutated || rightMutated || left == right
}

func leavesOf(bytes []byte) []node {
	leaves := make([]node, len(bytes))
	for i, b := range bytes {
		leaves[i] = node{b}
	}
	return leaves
}

// checkRoot checks the root by each engine and by the function.
func checkRoot(t *testing.T, leaves []node) {
	t.Helper()
	wantRoot, wantMutated := slowRoot(leaves)
	root, mutated := sha256d.MerkleRoot(slices.Clone(leaves))
	if root != wantRoot || mutated != wantMutated {
		t.Errorf("%d leaves: got %x mutated %v, want %x mutated %v", len(leaves), root, mutated, wantRoot, wantMutated)
	}
	for _, v := range sha256d.Variants() {
		if v.Missing != "" {
			continue
		}
		root, mutated := v.Make().MerkleRoot(slices.Clone(leaves))
		if root != wantRoot || mutated != wantMutated {
			t.Errorf("%s, %d leaves: got %x mutated %v, want %x mutated %v", v.Name, len(leaves), root, mutated, wantRoot, wantMutated)
		}
	}
}

func TestMerkleRootMatchesDefinition(t *testing.T) {
	const seed = 3
	rng := rand.New(rand.NewSource(seed))
	for n := 1; n <= 200; n++ {
		different, alike, repeated := make([]byte, n), make([]byte, n), make([]byte, n)
		for i := range n {
			different[i], alike[i], repeated[i] = byte(i), byte(rng.Intn(2)), byte(i)
		}
		repeated[n-1] = repeated[max(0, n-2)] // one pair alone, the last
		t.Run(fmt.Sprintf("seed %d leaves %d", seed, n), func(t *testing.T) {
			checkRoot(t, leavesOf(different))
			checkRoot(t, leavesOf(alike))
			checkRoot(t, leavesOf(repeated))
		})
	}
}

func TestMerkleRootOfNothing(t *testing.T) {
	if root, mutated := sha256d.MerkleRoot([]node{}); root != (node{}) || mutated {
		t.Errorf("got %x, %v", root, mutated)
	}
}

// Every list that repeats its end so that the root stays (CVE-2012-2459) is told.
func TestMerkleRootTellsRepeatedEnds(t *testing.T) {
	for n := 2; n <= 64; n++ {
		bytes := make([]byte, n)
		for i := range bytes {
			bytes[i] = byte(i)
		}
		want, mutated := sha256d.MerkleRoot(leavesOf(bytes))
		if mutated {
			t.Fatalf("%d different leaves: mutated", n)
		}
		for tail := 1; tail < n; tail++ {
			root, mutated := sha256d.MerkleRoot(leavesOf(append(slices.Clone(bytes), bytes[n-tail:]...)))
			if same := root == want; same != mutated {
				t.Errorf("last %d of %d repeated: same root %v, mutated %v", tail, n, same, mutated)
			}
		}
	}
}

func FuzzMerkleRoot(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte{1, 2, 3, 3})
	f.Add([]byte{1, 2, 3, 4, 5, 6, 5, 6})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) > 0 && len(bytes) <= 1<<10 {
			checkRoot(t, leavesOf(bytes))
		}
	})
}

// TestLongLists compares lists of thousands with the function, which the tests
// above hold to the definition.
func TestLongLists(t *testing.T) {
	const seed = 12
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		rng := rand.New(rand.NewSource(seed))
		for _, n := range []int{511, 512, 513, 2047, 4095, 4097, 8191, 8193, 16_666} {
			leaves := make([]node, n)
			for i := range leaves {
				rng.Read(leaves[i][:])
			}
			if n == 4097 {
				leaves[1000] = leaves[1001]
			}
			wantRoot, wantMutated := sha256d.MerkleRoot(slices.Clone(leaves))
			if root, mutated := h.MerkleRoot(leaves); root != wantRoot || mutated != wantMutated {
				t.Errorf("seed %d, %d leaves: got %x mutated %v, want %x mutated %v", seed, n, root, mutated, wantRoot, wantMutated)
			}
		}
	})
}
