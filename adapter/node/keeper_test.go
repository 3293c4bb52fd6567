package node_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// disk is a chain and all that its keeper said to keep.
type disk struct {
	t      rapid.TB
	chain  *headerchain.Chain
	keeper *node.Keeper
	kept   []btc.Header
	seen   map[btc.Hash]bool
}

func newDisk(t rapid.TB) *disk {
	chain := headerchain.New(btc.Regtest)
	return &disk{t: t, chain: chain, keeper: node.NewKeeper(chain), seen: map[btc.Hash]bool{chain.Base().Hash: true}}
}

// accept gives headers to the keeper and wants what is kept to be in order: each
// once, after its parent. It returns how many are.
func (d *disk) accept(headers []btc.Header) int {
	d.t.Helper()
	_, keep, err := d.keeper.Accept(headers, start)
	if err != nil {
		d.t.Fatal(err)
	}
	for i := range keep {
		hash := keep[i].Hash()
		if d.seen[hash] || !d.seen[keep[i].Prev()] {
			d.t.Fatalf("%v is kept twice, or before its parent", hash)
		}
		d.seen[hash] = true
	}
	d.kept = append(d.kept, keep...)
	if best := d.chain.Best(); !d.seen[best.Hash] {
		d.t.Fatalf("the best header %d is not kept", best.Height)
	}
	return len(keep)
}

// restart returns a disk that was loaded with what this one kept.
func (d *disk) restart() *disk {
	d.t.Helper()
	next := newDisk(d.t)
	for batch := range slices.Chunk(d.kept, btc.MaxHeaders) {
		if err := next.keeper.Preload(batch, start); err != nil {
			d.t.Fatal(err)
		}
	}
	next.kept, next.seen = d.kept, d.seen
	if got, want := next.chain.Best(), d.chain.Best(); got != want {
		d.t.Fatalf("best after a restart is %d %v, was %d %v", got.Height, got.Hash, want.Height, want.Hash)
	}
	return next
}

// A branch is kept from six blocks' work behind the tip on, whole, however it came.
func TestKeepReach(t *testing.T) {
	tree := newTree()
	a := headersOf(tree.mine("a", tree.byName["g"], 20))
	b := headersOf(tree.mine("b", tree.byName["g"], 22))
	edge := len(a) - node.KeepBlocks
	for _, test := range []struct {
		count, want int
	}{{1, 0}, {edge - 1, 0}, {edge, edge}, {edge + 1, edge + 1}, {len(a), len(a)}, {len(b), len(b)}} {
		d := newDisk(t)
		d.accept(a)
		if got := d.accept(b[:test.count]); got != test.want || d.keeper.HeldBack() != test.count-test.want {
			t.Errorf("%d at once: %d kept, %d held back", test.count, got, d.keeper.HeldBack())
		}
		d.restart()
	}
	d := newDisk(t)
	d.accept(a)
	for i := range b {
		want := map[bool]int{true: edge, false: 1}[i == edge-1]
		if i < edge-1 {
			want = 0
		}
		if got := d.accept(b[i : i+1]); got != want {
			t.Errorf("height %d: %d kept, want %d", i+1, got, want)
		}
	}
	if best := d.chain.Best(); best.Height != 22 || len(d.kept) != 42 || d.keeper.HeldBack() != 0 {
		t.Errorf("best %d, %d kept, %d held back", best.Height, len(d.kept), d.keeper.HeldBack())
	}
	d.restart()
}

// What is known already is no reason to keep it, and what was held back comes with
// the first header within reach: the whole way down, not the other branches on it.
func TestKeepWhatIsKnown(t *testing.T) {
	tree := newTree()
	a := headersOf(tree.mine("a", tree.byName["g"], 20))
	b := headersOf(tree.mine("b", tree.byName["a2"], 15)) // b3 to b17
	c := headersOf(tree.mine("c", tree.byName["b8"], 9))  // c9 to c17
	d := newDisk(t)
	for i, step := range []struct {
		headers []btc.Header
		want    int
	}{
		{nil, 0},
		{a, 20},
		{a, 0},
		{b[:6], 0},
		{b[:6], 0},
		{b[2:10], 0}, // to b12
		{c[:5], 0},   // to c13
		{c, 6 + 9},   // b3 to b8, and c
		{b[:11], 0},  // b13
		{b[9:], 9},   // b9 to b13, which were held back, and up to b17
		{b, 0},
	} {
		if got := d.accept(step.headers); got != step.want {
			t.Errorf("step %d: %d kept, want %d", i, got, step.want)
		}
	}
	d.restart()
}

func TestKeepFloor(t *testing.T) {
	header := btc.Regtest.Params().Genesis
	header[72], header[73], header[74], header[75] = 0xff, 0xff, 0x00, 0x1d
	target, err := btc.TargetFromCompact(header.Bits())
	if err != nil {
		t.Fatal(err)
	}
	one, six := mustWork(t, "1"), target.Work().Mul(node.KeepBlocks)
	for _, test := range []struct{ work, want btc.Work }{
		{btc.Work{}, btc.Work{}},
		{six.Sub(one), btc.Work{}},
		{six, btc.Work{}},
		{six.Add(one), one},
		{six.Mul(1000), six.Mul(999)},
		{six.Mul(1000).Add(one), six.Mul(999).Add(one)},
	} {
		if got := node.KeepFloor(headerchain.Entry{Header: header, Work: test.work}); got != test.want {
			t.Errorf("work %v: %v, want %v", test.work, got, test.want)
		}
	}
}

func mustWork(t *testing.T, hex string) btc.Work {
	t.Helper()
	w, err := btc.ParseWork(hex)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// The floor falls, as it does when a tip of little work gets a child of much: what
// is within reach then is kept, branch by branch, and nothing else.
func TestKeepFloorFalls(t *testing.T) {
	tree := newTree()
	d := newDisk(t)
	d.accept(headersOf(tree.mine("a", tree.byName["g"], 30)))
	for i, height := range []int{4, 9, 10, 11, 15, 20} {
		branch := headersOf(tree.mine(fmt.Sprintf("b%d-", i), tree.byName["a3"], height-3))
		if d.accept(branch) != 0 {
			t.Fatalf("kept at %d", height)
		}
	}
	block := btc.Regtest.Params().PowLimit.Work()
	total := d.keeper.HeldBack()
	for _, step := range []struct {
		height uint64 // of the floor
		want   int
	}{{22, 0}, {21, 0}, {20, 17}, {20, 0}, {16, 0}, {15, 12}, {10, 8 + 7}, {9, 6}, {0, 1}} {
		keep := d.keeper.TakeFrom(block.Mul(step.height + 1))
		total -= len(keep)
		if len(keep) != step.want || d.keeper.HeldBack() != total {
			t.Errorf("floor at %d: %d kept, %d held back", step.height, len(keep), d.keeper.HeldBack())
		}
		for i := range keep {
			if !d.seen[keep[i].Prev()] {
				t.Fatalf("floor at %d: a header before its parent", step.height)
			}
			d.seen[keep[i].Hash()] = true
		}
	}
}

// Whoever sends cheap branches from far below the tip fills neither disk nor memory.
func TestKeepFlood(t *testing.T) {
	tree := newTree()
	d := newDisk(t)
	d.accept(headersOf(tree.mine("a", tree.byName["g"], 100)))
	flood := headerchain.MaxSideHeaders + 8_000
	if testing.Short() {
		flood = 10_000
	}
	parent, sent := d.chain.Base().Header, 0
	for salt := uint32(1 << 20); sent < flood; salt++ {
		branch := make([]btc.Header, 90)
		for i, up := 0, parent; i < len(branch); i++ {
			up = mineOn(up, salt)
			branch[i] = up
		}
		_, keep, err := d.keeper.Accept(branch, start)
		if len(keep) > 0 || err != nil && !node.OurLimit(err) {
			t.Fatalf("after %d: %d kept, %v", sent, len(keep), err)
		}
		sent += len(branch)
		if held := d.keeper.HeldBack(); held > node.HeldBackLimit+len(branch) || held < d.chain.Len()-101 {
			t.Fatalf("after %d: %d held back, %d in the chain", sent, held, d.chain.Len())
		}
	}
	if len(d.kept) != 100 {
		t.Errorf("%d kept", len(d.kept))
	}
	d.restart()
}

// A header that was held back, went and came again is what any new header is.
func TestKeepComesAgain(t *testing.T) {
	tree := newTree()
	b := headersOf(tree.mine("b", tree.byName["g"], 16))
	d := newDisk(t)
	d.accept(headersOf(tree.mine("a", tree.byName["g"], 20)))
	d.keeper.HoldBack(b[2].Hash())
	d.keeper.HoldBack(b[15].Hash())
	if got := d.accept(b); got != 16 || d.keeper.HeldBack() != 0 {
		t.Errorf("%d kept, %d held back", got, d.keeper.HeldBack())
	}
}

// slowDisk says by walks over all headers what is to be kept.
type slowDisk struct {
	all  []*block
	kept map[btc.Hash]bool
}

// update keeps whatever leads to a header within reach of the best one.
func (m *slowDisk) update(tree *tree) {
	best := btc.Height(0)
	for _, b := range m.all {
		best = max(best, b.height)
	}
	for _, b := range m.all {
		if b.height+node.KeepBlocks < best {
			continue
		}
		for up := b; up.height > 0; up = tree.byHash[up.header.Prev()] {
			m.kept[up.hash] = true
		}
	}
}

// forget leaves what was kept, as a restart does.
func (m *slowDisk) forget() {
	m.all = slices.DeleteFunc(m.all, func(b *block) bool { return b.height > 0 && !m.kept[b.hash] })
}

// Random trees that come in any order of batches, with restarts: what is kept is
// what the slow model says, always.
func TestKeepModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, d := newTree(), newDisk(t)
		m := &slowDisk{all: []*block{tree.byName["g"]}, kept: map[btc.Hash]bool{}}
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
				d = d.restart()
				m.forget()
			}
			on := m.all[rapid.IntRange(0, len(m.all)-1).Draw(t, "on")]
			if rapid.Bool().Draw(t, "at the end") {
				on = m.all[len(m.all)-1]
			}
			mined := tree.mine(fmt.Sprintf("s%d-", step), on, rapid.IntRange(1, 12).Draw(t, "count"))
			m.all = append(m.all, mined...)
			m.update(tree)
			batch := headersOf(mined)
			if on.height > 0 && rapid.Bool().Draw(t, "with the parent") {
				batch = append([]btc.Header{on.header}, batch...)
			}
			d.accept(batch)
			if len(d.seen)-1 != len(m.kept) || d.keeper.HeldBack() != len(m.all)-1-len(m.kept) {
				t.Fatalf("%d kept, %d held back; want %d of %d", len(d.seen)-1, d.keeper.HeldBack(), len(m.kept), len(m.all)-1)
			}
			for hash := range m.kept {
				if !d.seen[hash] {
					t.Fatalf("%s is not kept", tree.name(hash))
				}
			}
		}
		d.restart()
	})
}

// A node says to keep what its keeper says, in batches that fit into one message.
func TestKeepHeadersOfNode(t *testing.T) {
	tree := newTree()
	count := btc.MaxHeaders + node.KeepBlocks + 50
	a := headersOf(tree.mine("a", tree.byName["g"], count))
	b := headersOf(tree.mine("b", tree.byName["g"], count+1))
	w := newKeepWorld(t)
	for _, step := range []struct {
		headers []btc.Header
		want    []int
	}{
		{a[:btc.MaxHeaders], []int{btc.MaxHeaders}},
		{a[btc.MaxHeaders:], []int{56}},
		{b[:btc.MaxHeaders], nil},
		{b[btc.MaxHeaders : count-node.KeepBlocks-1], nil},
		{b[count-node.KeepBlocks-1 : count-node.KeepBlocks], []int{btc.MaxHeaders, 50}},
		{b[count-node.KeepBlocks:], []int{7}},
	} {
		if got := w.receive(step.headers); !slices.Equal(got, step.want) {
			t.Errorf("%v kept, want %v", got, step.want)
		}
	}
	if height := w.node.Status(start).BestHeight; height != btc.Height(count+1) {
		t.Errorf("best height %d", height)
	}
}

// keepWorld is a node with one peer.
type keepWorld struct {
	t    *testing.T
	node *node.Node
	kept kept
}

func newKeepWorld(t *testing.T) *keepWorld {
	t.Helper()
	w := &keepWorld{t, node.New(node.Config{Network: btc.Regtest, Connect: []addrbook.Addr{addr("127.0.0.1:18444")}}), kept{btc.Regtest.Params().Genesis.Hash(): true}}
	w.node.Step(start, node.Tick{})
	w.node.Step(start, node.PeerUp{Peer: 1, Services: math.MaxUint64})
	return w
}

// receive returns the sizes of the batches that are to be kept.
func (w *keepWorld) receive(headers []btc.Header) []int {
	w.t.Helper()
	var sizes []int
	for _, a := range w.node.Step(start, node.HeadersReceived{Peer: 1, Headers: headers}) {
		switch a := a.(type) {
		case node.KeepHeaders:
			if wrong := w.kept.add(a.Headers); wrong != "" {
				w.t.Fatal(wrong)
			}
			sizes = append(sizes, len(a.Headers))
		case node.Ban:
			w.t.Fatalf("banned: %s %s", a.Reason, a.Detail)
		}
	}
	return sizes
}
