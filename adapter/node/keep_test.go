package node_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"blockgate/adapter/node"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// kept are the headers that the node said to keep, genesis with them.
type kept map[btc.Hash]bool

// add says what is wrong with the order, "" if nothing is: each header comes once,
// after its parent.
func (k kept) add(headers []btc.Header) string {
	if len(headers) == 0 || len(headers) > btc.MaxHeaders {
		return fmt.Sprintf("keep %d headers", len(headers))
	}
	for i := range headers {
		hash := headers[i].Hash()
		if !k[headers[i].Prev()] || k[hash] {
			return fmt.Sprintf("keep %v twice, or before its parent", hash)
		}
		k[hash] = true
	}
	return ""
}

// keep complains of headers that come in a wrong order.
func (s *sim) keep(headers []btc.Header) {
	if wrong := s.kept.add(headers); wrong != "" {
		s.complain("%s", wrong)
	}
}

// preload gives a new node the blocks' headers of the argument stored, as one batch.
func (w *world) preload(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	var headers []btc.Header
	for _, a := range d.CmdArgs {
		if a.Key != "stored" {
			continue
		}
		named := &datadriven.TestData{Pos: d.Pos}
		for _, blocks := range a.Vals {
			named.CmdArgs = append(named.CmdArgs, datadriven.CmdArg{Key: blocks})
		}
		for _, b := range w.blocks(t, named, 0) {
			headers = append(headers, b.header)
		}
	}
	if err := w.node.Preload(headers, w.now); err != nil {
		t.Fatalf("%s: %v", d.Pos, err)
	}
	w.kept.add(headers)
}

func headersOf(blocks []*block) []btc.Header {
	headers := make([]btc.Header, 0, len(blocks))
	for _, b := range blocks {
		headers = append(headers, b.header)
	}
	return headers
}

// bestOf returns the height that a new node has after it was given batches.
func bestOf(now time.Time, batches ...[]btc.Header) (btc.Height, error) {
	n := node.New(node.Config{Network: btc.Regtest})
	for _, headers := range batches {
		if err := n.Preload(headers, now); err != nil {
			return 0, err
		}
	}
	return n.Status(now).BestHeight, nil
}

func TestPreload(t *testing.T) {
	tree := newTree()
	a := headersOf(tree.mine("a", tree.byName["g"], 10))
	b := headersOf(tree.mine("b", tree.byName["a5"], 7))
	spoiled := slices.Clone(a)
	spoiled[3][72]++ // other bits
	for _, test := range []struct {
		name    string
		batches [][]btc.Header
		best    btc.Height
		kind    error
		index   int
	}{
		{"nothing", [][]btc.Header{nil, {}}, 0, nil, 0},
		{"one branch", [][]btc.Header{a}, 10, nil, 0},
		{"one by one", [][]btc.Header{a[:1], a[1:2], a[2:]}, 10, nil, 0},
		{"two branches in a batch", [][]btc.Header{slices.Concat(a, b)}, 12, nil, 0},
		{"branches in turn", [][]btc.Header{slices.Concat(a[:6], b[:1], a[6:7], b[1:3], a[7:], b[3:])}, 12, nil, 0},
		{"a header twice", [][]btc.Header{slices.Concat(a, a[4:6], b, b)}, 12, nil, 0},
		{"without the first", [][]btc.Header{a[1:]}, 0, headerchain.ErrUnlinked, 0},
		{"without one", [][]btc.Header{a[:2], slices.Concat(a[2:6], b[3:])}, 0, headerchain.ErrUnlinked, 4},
		{"a rule broken", [][]btc.Header{slices.Concat(a[:5], b[:2], spoiled[3:])}, 0, headerchain.ErrDiscontinuous, 7},
	} {
		best, err := bestOf(start, test.batches...)
		if errors.Is(test.kind, headerchain.ErrDiscontinuous) { // any rule
			test.kind = nil
			if _, ok := errors.AsType[*headerchain.HeaderError](err); !ok {
				t.Errorf("%s: %v", test.name, err)
			}
		} else if !errors.Is(err, test.kind) || (err == nil) != (test.kind == nil) {
			t.Errorf("%s: %v", test.name, err)
		}
		if refused, ok := errors.AsType[*headerchain.HeaderError](err); ok && refused.Index != test.index {
			t.Errorf("%s: %+v, want index %d", test.name, refused, test.index)
		}
		if err == nil && best != test.best {
			t.Errorf("%s: best height %d, want %d", test.name, best, test.best)
		}
	}
}

// A clock that was set back does not make the file wrong: what is too new for it is
// passed over, with what stands upon it.
func TestPreloadClockBehind(t *testing.T) {
	tree := newTree()
	a := tree.mine("a", tree.byName["g"], 10)
	b := headersOf(tree.mine("b", tree.byName["a2"], 1))
	headers := slices.Concat(headersOf(a), b)
	fifth := a[4].header
	now := time.Unix(int64(fifth.Time()), 0).Add(-2 * time.Hour)
	if best, err := bestOf(now, headers[:7], headers[7:]); err != nil || best != 5 {
		t.Errorf("best height %d, %v", best, err)
	}
}
