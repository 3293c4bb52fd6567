package parser_test

import (
	"flag"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/verdict"
)

var (
	differentialBlocks = flag.Uint64("differential-blocks", 10_000/slower, "how many mutated blocks TestDifferentialMutations compares")
	differentialSeed   = flag.Uint64("differential-seed", 4, "what the mutations follow from")
)

func TestDifferentialRealBlocks(t *testing.T) {
	p := parser.New()
	for _, r := range rows(t) {
		if r.Size < 2_000_000/slower {
			checkAgainstModel(t, p, r.place(), block(t, r.File))
		}
	}
}

func TestDifferentialHostileBlocks(t *testing.T) {
	p := parser.New()
	for _, h := range hostiles() {
		if slower > 1 && len(h.body) > 990_000 {
			continue // btcd takes minutes
		}
		checkAgainstModel(t, p, place, h.body)
	}
}

// The number of blocks and the seed are flags; each block follows from the seed and its
// number alone.
func TestDifferentialMutations(t *testing.T) {
	const most = 10_000 // bytes of a block to begin with
	m, p := newMutator(t, *differentialSeed, most), parser.New()
	met := map[verdict.Code]uint64{}
	for n := range *differentialBlocks {
		body, place := m.block(t, n)
		met[checkAgainstModel(t, p, place, body)]++
	}
	t.Logf("seed %d: %d blocks from %d real ones, no disagreement", m.seed, *differentialBlocks, len(m.bases))
	for code := verdict.OK; code.Valid(); code++ {
		t.Logf("%9d %s", met[code], code)
	}
	for code := verdict.Truncated; *differentialBlocks >= 10_000 && code < verdict.Coinbase; code++ {
		// The limits on whole blocks have tests of their own.
		if met[code] == 0 && code != verdict.TooManyTransactions && code != verdict.TransactionTooLarge {
			t.Errorf("seed %d: %q was never met", m.seed, code)
		}
	}
}

// Every bit of the first bytes of a block, and many bits of a larger one.
func TestDifferentialBits(t *testing.T) {
	p := parser.New()
	flip := func(r row, body []byte, bit int) {
		body[bit/8] ^= 1 << (bit % 8)
		checkAgainstModel(t, p, r.place(), body)
		body[bit/8] ^= 1 << (bit % 8)
	}
	const bytesFlipped, bitsFlipped, seed = 2048, 10_000, 4
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, r := range rows(t) {
		switch body := block(t, r.File); r.File {
		case "testnet3_924634.raw": // segwit, 4,319 bytes
			for i := range 8 * bytesFlipped / slower {
				flip(r, body, i*slower)
			}
		case "mainnet_482683.raw", "testnet4_0040000.raw":
			for range bitsFlipped / 2 / slower {
				flip(r, body, rng.IntN(8*len(body)))
			}
		}
	}
}

// A block that is cut anywhere is no block, nor is one that goes on.
func TestDifferentialTruncation(t *testing.T) {
	p := parser.New()
	for _, r := range rows(t) {
		if r.Size > 10_000/slower {
			continue
		}
		body := block(t, r.File)
		for n := range body {
			if code := checkAgainstModel(t, p, r.place(), body[:n]); code.Claimed() {
				t.Fatalf("%s cut at %d: %s", r.File, n, code)
			}
		}
		if code := checkAgainstModel(t, p, r.place(), append(body, 0)); code != verdict.Trailing {
			t.Errorf("%s and a byte: %s", r.File, code)
		}
	}
}

func FuzzBlock(f *testing.F) {
	for _, r := range rows(f) {
		if r.Size < 10_000 {
			f.Add(uint8(r.Network), int32(r.Height), r.Time-1, block(f, r.File))
		}
	}
	f.Add(uint8(btc.Regtest), int32(1), uint32(0), blockOf(coinbase, tx(), segwitTx(vector(1, str(1)))))
	f.Add(uint8(btc.Regtest), int32(1), uint32(0), blockOf(segwitTx(size(0))))
	f.Add(uint8(btc.Mainnet), int32(419_328), uint32(1<<31), blockOf(coinbase, txOf(1<<31, spends(20), output)))
	p := parser.New()
	f.Fuzz(func(t *testing.T, network uint8, height int32, medianTime uint32, body []byte) {
		ctx := parser.Context{Network: btc.Network(network), Height: btc.Height(height), MedianTime: medianTime}
		if ctx.Network.Valid() && height >= 0 && len(body) <= 1<<16 { // btcd's memory is many times that
			checkAgainstModel(t, p, ctx, body)
		}
	})
}

func FuzzTransaction(f *testing.F) {
	for _, r := range rows(f) {
		if r.Size < 10_000 {
			for _, raw := range cut(block(f, r.File)) {
				f.Add(raw)
			}
		}
	}
	p := parser.New()
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<16 {
			return
		}
		got, want := p.Transaction(raw), modelAlone(t, raw)
		if !got.Verdict.Valid() || got.Verdict.Claimed() != want.Verdict.Claimed() || got.Verdict.Claimed() && !reflect.DeepEqual(got, want) {
			t.Fatalf("ours says %+v, the model %+v\n%x", got, want, raw)
		}
	})
}

// cut returns the transactions of a block that is sound in form.
func cut(body []byte) [][]byte {
	said := parse(body)
	at := btc.HeaderSize + len(size(uint64(len(said.Txs))))
	raws := make([][]byte, len(said.Txs))
	for i, tx := range said.Txs {
		raws[i] = slices.Clone(body[at : at+int(tx.Len)])
		at += int(tx.Len)
	}
	return raws
}
