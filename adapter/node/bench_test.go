package node_test

import (
	"testing"
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// busyNode returns a node that has a window full of blocks on their way.
func busyNode(tb testing.TB) *node.Node {
	tb.Helper()
	w := newTree()
	chain := w.mine("a", w.byName["g"], 600)
	cfg := node.Config{Network: btc.Regtest, PerNewPeer: 16}
	for i := range 4 {
		cfg.Connect = append(cfg.Connect, ipv4(11, byte(i+1), 0, 1, 18444))
	}
	n := node.New(cfg)
	now := start
	step := func(e node.Event) {
		for _, a := range n.Step(now, e) {
			if _, ok := a.(node.LoadJournal); ok {
				defer n.Step(now, node.JournalLoaded{Empty: true})
			}
		}
	}
	step(node.Tick{})
	for id := node.PeerID(1); id <= 4; id++ {
		step(node.PeerUp{Peer: id, Services: 9})
		e := node.HeadersReceived{Peer: id}
		for _, b := range chain {
			e.Headers = append(e.Headers, b.header)
		}
		step(e)
	}
	return n
}

// BenchmarkTick is what the brain costs four times a second and with each event, with 28
// blocks on their way from four peers.
func BenchmarkTick(b *testing.B) {
	n := busyNode(b)
	now := start.Add(time.Second)
	b.ReportAllocs()
	for b.Loop() {
		n.Step(now, node.Tick{})
	}
}

// BenchmarkProgress is what it costs to hear how far a body has come.
func BenchmarkProgress(b *testing.B) {
	n := busyNode(b)
	now := start.Add(time.Second)
	bytes := 0
	b.ReportAllocs()
	for b.Loop() {
		bytes++
		n.Step(now, node.BodyProgress{Peer: 1, Bytes: bytes})
	}
}
