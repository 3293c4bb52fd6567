package parser_test

import (
	"testing"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/claim"
)

// BenchmarkParse is the walk with all rules, over real blocks and over the worst that
// we know.
func BenchmarkParse(b *testing.B) {
	places := map[string]parser.Context{}
	for _, r := range rows(b) {
		places[r.File] = r.place()
	}
	for _, leaf := range []struct{ name, file string }{
		{"413567", "mainnet_413567.raw"},
		{"866342", "mainnet_866342.raw"},
		{"540107", "mainnet_540107.raw"},
		{"367891", "mainnet_367891.raw"},
		{"830000", "mainnet_0830000.raw"},
		{"stale782129", "stale_0782129_8a373193.raw"},
	} {
		b.Run(leaf.name, func(b *testing.B) {
			measure(b, places[leaf.file], block(b, leaf.file))
		})
	}
	for _, h := range hostiles() {
		b.Run("synth_"+h.name, func(b *testing.B) { measure(b, place, h.body) })
	}
}

func measure(b *testing.B, ctx parser.Context, body []byte) {
	b.Helper()
	p, out := parser.New(), make([]claim.Tx, 0, btc.MaxBlockTransactions)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p.Block(ctx, body, out)
	}
}
