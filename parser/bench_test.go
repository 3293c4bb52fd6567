package parser_test

import (
	"os"
	"testing"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/claim"
)

func BenchmarkTmp(b *testing.B) {
	out := make([]claim.Tx, 0, btc.MaxBlockTransactions)
	p := parser.New()
	for _, file := range []string{"mainnet_413567", "mainnet_866342", "mainnet_540107", "mainnet_367891", "mainnet_0830000", "stale_0782129_8a373193", "synth_1byte_opcodes", "synth_24000in_1tx", "synth_tiny_16000tx", "synth_3.9M_empty_witness_items"} {
		body, _ := os.ReadFile("/work/shared/data/blocks/" + file + ".raw")
		b.Run(file, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				p.Block(parser.Context{Network: btc.Mainnet, Height: 413567, MedianTime: 1 << 31}, body, out)
			}
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	out := make([]claim.Tx, 0, btc.MaxBlockTransactions)
	p := parser.New()
	for _, h := range hostiles() {
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			said := p.Block(parser.Context{Network: btc.Regtest, Height: 1}, h.body, out)
			b.Log(len(h.body), said.Verdict, said.Counts)
			for b.Loop() {
				p.Block(parser.Context{Network: btc.Regtest, Height: 1}, h.body, out)
			}
		})
	}
}
