package link

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
)

func newTestBlock(b *Budget, content []byte) RawBlock {
	mem := newBody(b, b.claim(len(content), false))
	mem.append(content)
	return RawBlock{body: mem, generation: mem.generation.Load()}
}

func TestRawBlockCopy(t *testing.T) {
	budget := newTestBudget(t, 16*mib, 8*mib)
	random := rand.New(rand.NewPCG(1, 1))
	for _, size := range []int{1, 80, 81, ChunkSize - 1, ChunkSize, ChunkSize + 1, 3 * ChunkSize, 3*ChunkSize + 7} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(random.Uint32())
		}
		block := newTestBlock(budget, content)
		if block.Size() != size {
			t.Errorf("size %d, want %d", block.Size(), size)
		}
		for _, room := range []int{0, 1, size - 1, size, size + 1} {
			dst := make([]byte, room)
			n := block.CopyTo(dst)
			if n != min(room, size) || !bytes.Equal(dst[:n], content[:n]) {
				t.Errorf("block of %d into %d: copied %d", size, room, n)
			}
		}
		for range 2 { // worked out, then remembered
			if block.Sum() != sha256.Sum256(content) {
				t.Errorf("block of %d: sum %x", size, block.Sum())
			}
		}
		block.Release()
		if block.Sum() != [sha256.Size]byte{} {
			t.Errorf("block of %d has a sum after release", size)
		}
	}
	if budget.InUse() != 0 {
		t.Errorf("%d in use", budget.InUse())
	}
}

func TestRawBlockAfterRelease(t *testing.T) {
	budget := newTestBudget(t, 16*mib, 8*mib)
	other := newTestBlock(budget, []byte("other"))
	block := newTestBlock(budget, []byte("content"))
	again := block // a copy shares the memory
	block.Release()
	again.Release()
	block.Release()
	if budget.InUse() != ChunkSize {
		t.Errorf("%d in use, want the other block's %d", budget.InUse(), ChunkSize)
	}
	if n := again.CopyTo(make([]byte, 10)); n != 0 || again.Size() != 0 {
		t.Errorf("%d bytes copied of %d after release", n, again.Size())
	}
	// Its memory may be another's by now: that one is left alone.
	for range 10 {
		next := newTestBlock(budget, []byte("next"))
		again.Release()
		if next.Size() != 4 || again.Size() != 0 {
			t.Fatalf("sizes %d and %d, want 4 and 0", next.Size(), again.Size())
		}
		next.Release()
	}
	other.Release()
}

func TestZeroRawBlock(t *testing.T) {
	var b RawBlock
	b.Release()
	if b.Size() != 0 || b.CopyTo(make([]byte, 1)) != 0 {
		t.Error("the zero block has bytes")
	}
}
