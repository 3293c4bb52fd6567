package main

import (
	"testing"

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
