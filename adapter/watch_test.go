package adapter

import (
	"encoding/binary"
	"slices"
	"testing"

	"blockgate/internal/btc"
)

// ids is a proven block of so many transactions.
type ids []btc.Hash

// Release does nothing.
func (ids) Release() {}

// TxCount returns how many there are.
func (b ids) TxCount() int { return len(b) }

// Txid returns one of them.
func (b ids) Txid(i int) btc.Hash { return b[i] }

func manyIDs(n int) ids {
	block := make(ids, n)
	for i := range block {
		binary.LittleEndian.PutUint64(block[i][:], uint64(i)*0x9e3779b97f4a7c15)
	}
	return block
}

func TestWatch(t *testing.T) {
	var w watch
	block := manyIDs(100)
	if w.has(block[1]) || w.in(block) != nil {
		t.Error("an empty set has something")
	}
	for _, i := range []int{3, 99, 0, 3} {
		w.add(block[i])
	}
	w.add(btc.Hash{7})
	w.remove(block[0])
	w.remove(btc.Hash{8})
	if got := w.in(block); !slices.Equal(got, []btc.Hash{block[3], block[99]}) {
		t.Errorf("found %v", got)
	}
	if !w.has(btc.Hash{7}) || w.has(block[0]) {
		t.Error("the set is another one")
	}
}

// A block with none of the waiting transactions costs no memory.
func TestWatchAllocations(t *testing.T) {
	var w watch
	var block Proven = manyIDs(5000)
	for i := range 1000 {
		w.add(btc.Hash{1, byte(i), byte(i >> 8)})
	}
	if n := testing.AllocsPerRun(20, func() {
		if w.in(block) != nil {
			t.Error("found something")
		}
	}); n > 0 {
		t.Errorf("%v allocations a block", n)
	}
}

func BenchmarkWatchBlock(b *testing.B) {
	var w watch
	var block Proven = manyIDs(5000)
	for i := range 1000 {
		w.add(btc.Hash{1, byte(i), byte(i >> 8)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if w.in(block) != nil {
			b.Fatal("found something")
		}
	}
}
