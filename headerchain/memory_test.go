package headerchain_test

import (
	"runtime"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
)

// heap returns the bytes that are in use once what is not is gone.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestHundredBytesAHeader(t *testing.T) {
	const count = 200_000
	headers := branch(regtestGenesis(), count, 0)
	before := heap()
	c := headerchain.New(btc.Regtest)
	for at := 0; at < count; at += btc.MaxHeaders {
		mustAccept(t, c, headers[at:at+btc.MaxHeaders]...)
	}
	per := float64(heap()-before) / count
	t.Logf("%.1f bytes a header", per)
	if per > 100 {
		t.Errorf("%.1f bytes a header, want 100 at most", per)
	}
	runtime.KeepAlive(headers)
	runtime.KeepAlive(c)
}

// H01: headers off the best chain that come one by one cost a run each.
func TestMemoryOfSides(t *testing.T) {
	const count = 20_000
	trunk := branch(regtestGenesis(), 2, 0)
	sides := make([]btc.Header, count)
	for i := range sides {
		f := child(&trunk[0], byte(i))
		f.MerkleRoot[1] = byte(i >> 8)
		sides[i] = mine(f)
	}
	before := heap()
	c := headerchain.New(btc.Regtest)
	mustAccept(t, c, trunk...)
	for i := range sides {
		mustAccept(t, c, sides[i])
	}
	per := float64(heap()-before) / count
	t.Logf("%.1f bytes a side header", per)
	if per > 300 {
		t.Errorf("%.1f bytes a side header", per)
	}
	if got := c.Runs(); got != count { // the first of them stands next to its sibling, too
		t.Logf("%d runs", got)
	}
	runtime.KeepAlive(sides)
	runtime.KeepAlive(c)
}

func TestHashBatch(t *testing.T) {
	headers := loadHeaders(t, "signet_0-2016.bin.gz")
	for _, e := range sha256d.Engines() {
		for i, hash := range headerchain.HashBatch(headers, e) {
			if hash != headers[i].Hash() {
				t.Fatalf("engine %v, header %d: %v", e, i, hash)
			}
		}
	}
}

// A batch may end anywhere in the stretch that is hashed at once.
func TestBatchLengths(t *testing.T) {
	headers := branch(regtestGenesis(), 200, 0)
	for n := range headers {
		c := headerchain.New(btc.Regtest)
		if done := mustAccept(t, c, headers[:n]...); done.New != n {
			t.Fatalf("%d: %+v", n, done)
		}
		bad := append([]btc.Header(nil), headers...)
		bad[n][79] ^= 0x80
		done, err := headerchain.New(btc.Regtest).Accept(bad, farFuture)
		if err == nil && n < len(headers)-1 || done.New != n && done.New != n+1 {
			t.Fatalf("bad at %d: %+v, %v", n, done, err)
		}
	}
	c := headerchain.New(btc.Regtest)
	if allocs := testing.AllocsPerRun(10, func() { mustAccept(t, c, headers[:64]...) }); allocs != 0 && !raceDetector {
		t.Errorf("%v allocations for headers that are known", allocs)
	}
}
