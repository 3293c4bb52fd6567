package headerchain_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sort"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// model is the tree as one would explain it: a list, walks, and no bookkeeping
// that could go wrong. The rules are btcd's.
type model struct {
	net      btc.Network
	nodes    []*modelNode // in the order in which they were accepted
	complete *modelNode
	maxSide  int
	calls    int
	holds    map[uint64]*modelNode
}

type modelNode struct {
	lineage
	up     *modelNode
	hash   btc.Hash
	work   *big.Int
	order  int
	held   bool
	parked bool // by a call for this very node
	since  int  // the call that made it chained, or never
}

const never = -1

func newModel(net btc.Network) *model {
	genesis := net.Params().Genesis
	n := &modelNode{lineage: lineage{header: genesis}, hash: genesis.Hash(), work: newBigWork(genesis.Bits()), held: true}
	return &model{net: net, nodes: []*modelNode{n}, complete: n, maxSide: headerchain.MaxSideHeaders, holds: map[uint64]*modelNode{}}
}

func (m *model) find(hash btc.Hash) *modelNode {
	for _, n := range m.nodes {
		if n.hash == hash {
			return n
		}
	}
	return nil
}

func (m *model) accept(headers []btc.Header, now time.Time, holder *uint64) (done headerchain.Accepted, kind error) {
	best := m.best()
	for i, h := range headers {
		hash := h.Hash()
		switch parent := m.find(h.Prev()); {
		case i > 0 && h.Prev() != headers[i-1].Hash():
			kind = headerchain.ErrDiscontinuous
		case m.find(hash) != nil:
			done.Known++
		case parent == nil:
			kind = verdict(m.net, &m.nodes[0].lineage, h, now, true)
			if !errors.Is(kind, headerchain.ErrTarget) && !errors.Is(kind, headerchain.ErrHighHash) {
				kind = headerchain.ErrUnlinked
			}
		default:
			if kind = verdict(m.net, &parent.lineage, h, now, true); kind == nil {
				m.add(parent, h)
				done.New++
			}
		}
		if kind != nil {
			break
		}
		done.Last = hash
	}
	done.TipMoved = m.best() != best
	if last := m.find(done.Last); holder != nil && last != nil {
		m.holds[*holder] = last
	}
	if m.makeRoom() {
		valid := done.New + done.Known
		for i := range valid {
			if m.find(headers[i].Hash()) == nil {
				done.Known = min(done.Known, i)
				done.New, done.Last, kind = i-done.Known, btc.Hash{}, headerchain.ErrSideFull
				if i > 0 {
					done.Last = headers[i-1].Hash()
				}
				break
			}
		}
	}
	return done, kind
}

// makeRoom removes leaves off the best chain, one by one, if there are too many.
func (m *model) makeRoom() (removed bool) {
	excess := len(m.nodes) - len(m.best().path()) - m.maxSide
	if excess <= 0 {
		return false
	}
	for range excess + m.maxSide/16 {
		var least *modelNode
		for _, n := range m.nodes {
			inner := slices.ContainsFunc(m.nodes, func(c *modelNode) bool { return c.up == n })
			if inner || n == m.best() || n == m.complete || n.parked || m.isHeld(n) {
				continue
			}
			if least == nil || n.work.Cmp(least.work) <= 0 {
				least = n
			}
		}
		if least == nil {
			return removed
		}
		m.nodes = slices.DeleteFunc(m.nodes, func(n *modelNode) bool { return n == least })
		removed = true
	}
	return removed
}

func (m *model) isHeld(n *modelNode) bool {
	for _, at := range m.holds {
		if at == n {
			return true
		}
	}
	return false
}

func (m *model) add(parent *modelNode, h btc.Header) {
	m.nodes = append(m.nodes, &modelNode{
		lineage: lineage{parent: &parent.lineage, header: h, height: parent.height + 1}, up: parent,
		hash: h.Hash(), work: new(big.Int).Add(parent.work, newBigWork(h.Bits())), order: len(m.nodes), since: never,
	})
}

func (m *model) best() *modelNode {
	best := m.nodes[0]
	for _, n := range m.nodes {
		if n.work.Cmp(best.work) > 0 {
			best = n
		}
	}
	return best
}

// path returns the nodes from n down to the first header.
func (n *modelNode) path() []*modelNode {
	var nodes []*modelNode
	for ; n != nil; n = n.up {
		nodes = append(nodes, n)
	}
	return nodes
}

func (n *modelNode) chained() bool {
	return !slices.ContainsFunc(n.path(), func(a *modelNode) bool { return !a.held })
}

func (n *modelNode) isParked() bool {
	return slices.ContainsFunc(n.path(), func(a *modelNode) bool { return a.parked })
}

// choose moves the complete tip to the foremost node, if that has more work or if
// the tip may not stay.
func (m *model) choose() (change headerchain.Change) {
	var best *modelNode
	for _, n := range m.nodes {
		if !n.chained() {
			continue
		}
		if n.since == never {
			n.since = m.calls
		}
		if n.isParked() {
			continue
		}
		if best == nil || n.work.Cmp(best.work) > 0 || n.work.Cmp(best.work) == 0 && n.since < best.since {
			best = n
		}
	}
	from := m.complete
	if !from.isParked() && best.work.Cmp(from.work) <= 0 {
		return change
	}
	m.complete = best
	for _, n := range from.path() {
		if !slices.Contains(best.path(), n) {
			change.Reverted = append(change.Reverted, n.entry())
		}
	}
	for _, n := range best.path() {
		if !slices.Contains(from.path(), n) {
			change.Connected = append([]headerchain.Entry{n.entry()}, change.Connected...)
		}
	}
	change.Tip = best.entry()
	return change
}

func (m *model) setComplete(n *modelNode) headerchain.Change {
	m.calls++
	n.held = true
	return m.choose()
}

func (m *model) rebase(to *modelNode) {
	for _, n := range m.nodes {
		n.held, n.since = false, never
	}
	for _, n := range to.path() {
		n.held, n.parked, n.since = true, false, 0
	}
	m.complete, m.calls = to, 0
}

func (m *model) missing(limit int) []btc.Hash {
	var leaves []*modelNode
	for _, n := range m.nodes {
		tip := !slices.ContainsFunc(m.nodes, func(c *modelNode) bool { return c.up == n && !c.isParked() })
		if tip && !n.isParked() && n.work.Cmp(m.complete.work) > 0 {
			leaves = append(leaves, n)
		}
	}
	sort.SliceStable(leaves, func(i, j int) bool { return leaves[i].work.Cmp(leaves[j].work) > 0 })
	wanted := []btc.Hash{}
	for _, leaf := range leaves[:min(len(leaves), headerchain.MaxFetchBranches)] {
		path := leaf.path()
		slices.Reverse(path)
		for _, n := range path {
			if !n.held && !slices.Contains(wanted, n.hash) && len(wanted) < limit {
				wanted = append(wanted, n.hash)
			}
		}
	}
	return wanted
}

func (n *modelNode) entry() headerchain.Entry {
	e := headerchain.Entry{Hash: n.hash, Header: n.header, Height: n.height, Complete: n.held, Parked: n.isParked()}
	work, err := btc.ParseWork(fmt.Sprintf("%x", n.work))
	if err != nil {
		panic(err)
	}
	e.Work = work
	return e
}

func (m *model) fork(a, b *modelNode) *modelNode {
	for _, n := range a.path() {
		if slices.Contains(b.path(), n) {
			return n
		}
	}
	return nil
}
