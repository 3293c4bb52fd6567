package bench_test

import (
	"testing"
	"time"

	"blockgate/fuzz"
	"blockgate/internal/sha256d"
)

// blocks are what BenchmarkBlock measures, by the names of its leaves.
var blocks = []struct{ name, file string }{
	{"413567", "mainnet_413567.raw"},
	{"866342", "mainnet_866342.raw"},
	{"540107", "mainnet_540107.raw"},
	{"367891", "mainnet_367891.raw"},
	{"830000", "mainnet_0830000.raw"},
	{"stale782129", "stale_0782129_8a373193.raw"},
}

// engines are all there are, those among them that cannot run here.
var engines = []sha256d.Engine{sha256d.EngineAVX512, sha256d.EngineSHANI, sha256d.EngineGo}

const (
	btcdName = "btcd"
	scanName = "scan"
)

// BenchmarkBlock measures for each block:
//
//	ours-E     parser, all rules that need no other blocks, and proof, by engine E
//	btcd       NewBlockFromBytes, CheckBlockSanity, ValidateWitnessCommitment
//	scan       the parser and its rules alone
//	hashes-E   the hashes of the block and nothing else, by engine E
//	kernel-E   what the compressions of these hashes take at best: for Go those of
//	           crypto/sha256, message by message; for the others a batch of equal
//	           messages that keeps all lanes full, scaled to as many compressions
func BenchmarkBlock(b *testing.B) {
	corpus := openCorpus(b)
	rows, err := corpus.Rows()
	if err != nil {
		b.Fatal(err)
	}
	places := map[string]fuzz.Place{}
	for _, row := range rows {
		places[row.File] = fuzz.Place{Network: row.Network, Height: row.Height, MedianTime: row.Time - 1}
	}
	for _, block := range blocks {
		body, err := corpus.Block(block.file)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(block.name, func(b *testing.B) {
			c := blockContest(b, places[block.file], body)
			c.play(b, rounds)
			c.scaleKernels()
			c.report(b)
			results.add(block.name, &c.contest)
		})
	}
}

// blockWork is a contest over one block.
type blockWork struct {
	contest
	hashing *hashing
	ideal   map[string]int // compressions of each ideal batch
}

func blockContest(tb testing.TB, at fuzz.Place, body []byte) *blockWork {
	tb.Helper()
	h, err := hashingOf(at, body)
	if err != nil {
		tb.Fatal(err)
	}
	c := &blockWork{contest: contest{size: len(body)}, hashing: h, ideal: map[string]int{}}
	for _, e := range engines {
		ours, hashes, kernel := &variant{name: "ours-" + e.String()}, &variant{name: "hashes-" + e.String()}, &variant{name: "kernel-" + e.String()}
		c.variants = append(c.variants, ours, hashes, kernel)
		if ok, missing := e.Available(); !ok {
			ours.absent, hashes.absent, kernel.absent = missing, missing, missing
			continue
		}
		ours.run, hashes.run = whole(e, at, body), h.by(e)
		if kernel.run, c.ideal[kernel.name] = ideally(e); e == sha256d.EngineGo {
			kernel.run, c.ideal[kernel.name] = h.plainly(), h.compressions
		}
	}
	c.variants = append(c.variants, &variant{name: btcdName, run: byBtcd(body)}, &variant{name: scanName, run: scan(at, body)})
	return c
}

// scaleKernels brings the time of each ideal batch to as many compressions as the block
// has.
func (c *blockWork) scaleKernels() {
	for name, compressions := range c.ideal {
		v := c.of(name)
		share := float64(c.hashing.compressions) / float64(compressions)
		v.fastest = time.Duration(float64(v.fastest) * share)
	}
}
