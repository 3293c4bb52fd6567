package main

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// TestImportDamaged feeds damaged files to an import: records moved, doubled, left
// out, cut or flipped.
func TestImportDamaged(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	best, forks := forkedHeaders()
	good := rawOf(best, forks[4], forks[6], forks[5])
	checkImport(t, good)
	checkImport(t, nil)
	checkImport(t, make([]byte, 2*btc.HeaderSize))
	checkImport(t, rawOf(forks[1], best))
	for range 400 {
		raw := bytes.Clone(good)
		for range 1 + random.IntN(3) {
			raw = damage(random, raw)
		}
		checkImport(t, raw)
	}
}

func damage(random *rand.Rand, raw []byte) []byte {
	if len(raw) < btc.HeaderSize {
		return raw
	}
	record := func() int { return random.IntN(len(raw)/btc.HeaderSize+1) * btc.HeaderSize }
	from, to, at := record(), record(), record()
	from, to = min(from, to), max(from, to)
	switch random.IntN(5) {
	case 0:
		raw[random.IntN(len(raw))] ^= 1 << random.IntN(8)
		return raw
	case 1:
		return raw[:random.IntN(len(raw))]
	case 2:
		return slices.Delete(raw, from, to)
	case 3:
		return slices.Insert(raw, at, bytes.Clone(raw[from:to])...)
	default:
		moved := bytes.Clone(raw[from:to])
		raw = slices.Delete(raw, from, to)
		return slices.Insert(raw, min(at, len(raw)/btc.HeaderSize*btc.HeaderSize), moved...)
	}
}

// checkImport wants an import to say and to keep what a chain says that gets one
// record after the other.
func checkImport(t *testing.T, raw []byte) {
	t.Helper()
	chain, count := headerchain.New(btc.Regtest), int64(0)
	refused := len(raw) == 0
	for rest := raw; len(rest) > 0 && !refused; {
		if len(rest) < btc.HeaderSize {
			refused = true
			break
		}
		_, err := chain.Accept([]btc.Header{btc.Header(rest)}, noon)
		if refused = err != nil; !refused {
			count++
		}
		rest = rest[btc.HeaderSize:]
	}
	shelf := &fullShelf{room: 1 << 20}
	i := newTestImport(shelf)
	if err := i.run(t.Context(), bytes.NewReader(raw)); err != nil {
		if codeOf(err) == exitUsage && count == 0 { // another network's genesis
			return
		}
		t.Fatal(err)
	}
	r, want := i.result(), chain.Best()
	if r.Headers != count || (r.Refused != nil) != refused || r.Tip != (headerTip{want.Height, want.Hash}) || r.New != int64(chain.Len()-1) {
		t.Fatalf("%+v, refused %+v; want %d headers, tip %d, refused %v", r, r.Refused, count, want.Height, refused)
	}
	if r.Refused != nil && r.Refused.Offset != count*btc.HeaderSize || r.Kept != int64(len(shelf.got)) || r.Kept > r.New {
		t.Fatalf("%+v, refused %+v, %d kept", r, r.Refused, len(shelf.got))
	}
	again := headerchain.New(btc.Regtest)
	for _, h := range shelf.got {
		if _, err := again.Accept([]btc.Header{h}, noon); err != nil {
			t.Fatalf("kept before its parent: %v", err)
		}
	}
	if again.Best().Work != want.Work {
		t.Fatalf("the best chain is not kept: %v, want %v", again.Best().Work, want.Work)
	}
}
