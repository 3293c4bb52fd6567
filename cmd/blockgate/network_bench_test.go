package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// BenchmarkMined measures how long it takes from the order to mine a block that a btcd
// node gets to a reader that has checked that block: median and slowest of 50.
func BenchmarkMined(b *testing.B) {
	const blocks = 50
	node := startBtcd(b)
	first := node.generate(10)
	d := startDaemon(b, b.TempDir(), "--network", "regtest", "--connect", node.listen)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connectsTo(first...)
	var took []time.Duration
	for range blocks {
		begin := time.Now()
		f.connectsTo(node.generate(1)...)
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(took[blocks/2].Seconds()*1e3, "ms-median")
	b.ReportMetric(took[blocks-1].Seconds()*1e3, "ms-slowest")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSync measures a first sync from 1, 4 and 8 btcd nodes, from the start of the
// process until all is there: ours until a reader has checked the last block, which is in
// the journal then, and btcd from the same nodes until that block is its tip. Blocks are
// full of small transactions, or of one that is large, for which btcd has next to nothing
// to do. They take turns, and the faster run of each counts.
func BenchmarkSync(b *testing.B) {
	const blocks, large = 150, 300
	recent := uint32(time.Now().Add(-large * 10 * time.Minute).Unix()) // a btcd whose tip is old serves nothing
	one := fakepeer.NewRegtest(fakepeer.Mining{Seed: 5, Witness: true, PadBytes: fakepeer.MaxPad, FirstTime: recent})
	if err := one.Mine(large); err != nil {
		b.Fatal(err)
	}
	b.Run("small transactions", func(b *testing.B) { benchmarkSync(b, denseChain(b, blocks)) })
	b.Run("large ones", func(b *testing.B) { benchmarkSync(b, one) })
}

func benchmarkSync(b *testing.B, chain *fakepeer.Chain) {
	b.Helper()
	const rounds = 2
	height, best := chain.Tip()
	size := 0
	for h := range height + 1 {
		hash, _ := chain.At(h)
		raw, _, _ := chain.Block(hash)
		size += len(raw)
	}
	origin := listen(b, 95, chain, fakepeer.Script{})
	var nodes []*btcd
	for range 8 {
		nodes = append(nodes, startBtcd(b, "--connect="+origin.Addr().String()))
	}
	for _, n := range nodes {
		n.awaitSync(best.String())
	}
	for _, peers := range []int{1, 4, 8} {
		ours, theirs := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
		for range rounds {
			ours = min(ours, syncOurs(b, nodes[:peers], height))
			theirs = min(theirs, syncBtcd(b, nodes[:peers], best.String()))
		}
		b.Run(fmt.Sprintf("from %d", peers), func(b *testing.B) {
			b.ReportMetric(float64(size)/1e6/ours.Seconds(), "MB/s")
			b.ReportMetric(float64(size)/1e6/theirs.Seconds(), "MB/s-btcd")
			b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-btcd")
			b.ReportMetric(0, "ns/op")
		})
	}
	for _, n := range nodes {
		n.kill()
	}
}

func syncOurs(b *testing.B, from []*btcd, blocks btc.Height) time.Duration {
	b.Helper()
	args := []string{"--network", "regtest", "--journal-size", "2GiB"}
	for _, n := range from {
		args = append(args, "--connect", n.listen)
	}
	begin := time.Now()
	d := startDaemonWith(b, daemonOptions{binDir: binDir}, b.TempDir(), args...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(blocks)
	took := time.Since(begin)
	d.stop()
	return took
}

func syncBtcd(b *testing.B, from []*btcd, tip string) time.Duration {
	b.Helper()
	var args []string
	for _, n := range from {
		args = append(args, "--connect="+n.listen)
	}
	begin := time.Now()
	n := startBtcd(b, args...)
	n.awaitSync(tip)
	took := time.Since(begin)
	n.kill()
	return took
}

// awaitSync waits until the node's tip is a block, which may take minutes.
func (n *btcd) awaitSync(tip string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 5*time.Minute)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for n.best() != tip {
		select {
		case <-ctx.Done():
			n.t.Fatalf("btcd at %s is at %s after 5 minutes", n.listen, n.best())
		case <-look.C:
		}
	}
}
