package main

import (
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// BenchmarkPath measures the whole path on loopback, from two honest peers' sockets
// to a reader that has checked each block: peers, service and reader share this
// machine's processors. One operation is the chain from its second block on.
func BenchmarkPath(b *testing.B) {
	for _, size := range []struct {
		name          string
		blocks, bytes int
	}{
		{"3000 blocks of 250 B", 3000, 0},
		{"300 blocks of 1 MB", 300, fakepeer.MaxPad},
	} {
		b.Run(size.name, func(b *testing.B) {
			chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 1, Witness: true, PadBytes: size.bytes})
			if err := chain.Mine(size.blocks); err != nil {
				b.Fatal(err)
			}
			one, two := listen(b, 91, chain, fakepeer.Script{}), listen(b, 92, chain, fakepeer.Script{})
			b.SetBytes(int64(size.blocks * size.bytes))
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				options := append(connectTo(one, two), "--network", "regtest", "--journal-size", "2GiB")
				d := startDaemonWith(b, daemonOptions{binDir: binDir}, b.TempDir(), options...)
				f := follow(d, 0, genesis(btc.Regtest))
				f.connects(1)
				b.StartTimer()
				f.connects(btc.Height(size.blocks))
				b.StopTimer()
				d.stop()
				b.StartTimer()
			}
			b.ReportMetric(float64(size.blocks*b.N)/b.Elapsed().Seconds(), "blocks/s")
		})
	}
}

// BenchmarkPoison measures what the path carries while one body in ten is poison, next to
// the same without any: 300 blocks of 1 MB from two honest peers and 15 that send one
// or two each, on which parsers die, hang and babble by turns. The two take turns, and the
// faster run of each counts. One operation is the whole contest.
func BenchmarkPoison(b *testing.B) {
	const blocks, liars, rounds = 300, 15, 2
	programs := buildPoisoned(b)
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 1, Witness: true, PadBytes: fakepeer.MaxPad})
	if err := chain.Mine(blocks); err != nil {
		b.Fatal(err)
	}
	fastest := map[bool]time.Duration{false: time.Hour, true: time.Hour}
	bodies := 0
	for range rounds {
		for _, poison := range []bool{false, true} {
			peers := []*fakepeer.Peer{listen(b, 91, chain, fakepeer.Script{}), listen(b, 92, chain, fakepeer.Script{})}
			for i := range liars {
				script := fakepeer.Script{}
				if poison {
					script = fakepeer.Script{Lie: fakepeer.AppendedBody, At: btc.Height(1 + i*blocks/liars), Appended: []byte(poisons[i%len(poisons)].word)}
				}
				peers = append(peers, listen(b, 130+i, chain, script))
			}
			d := startDaemonWith(b, daemonOptions{binDir: programs}, b.TempDir(), append(connectTo(peers...), "--network", "regtest", "--journal-size", "2GiB")...)
			f := follow(d, 0, genesis(btc.Regtest))
			f.connects(1)
			begin := time.Now()
			f.connects(blocks)
			fastest[poison] = min(fastest[poison], time.Since(begin))
			if poison {
				bodies = d.count("body not proven")
			}
			d.stop()
			for _, p := range peers {
				p.Close()
			}
		}
	}
	b.ReportMetric(float64(bodies), "poisoned-bodies")
	b.ReportMetric(fastest[false].Seconds(), "s-clean")
	b.ReportMetric(fastest[true].Seconds(), "s-poisoned")
	b.ReportMetric(fastest[true].Seconds()/fastest[false].Seconds(), "x-clean")
	b.ReportMetric(0, "ns/op")
}
