package headerchain_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// BenchmarkAccept is over 65 whole periods of mainnet and half of one more.
func BenchmarkAccept(b *testing.B) {
	headers := loadHeaders(b, longRun)
	if len(headers) != 132_240 {
		b.Fatalf("%d headers", len(headers))
	}
	c := &contest{net: btc.Mainnet.Params(), btcd: &chaincfg.MainNetParams, headers: headers, height: 150_000, rounds: 15}
	c.run(b, c.variants())
}

// BenchmarkAcceptLong is over a chain as long as mainnet's, made here: 950,000
// headers, 471 retargets, all rules but for the 20-minute one. The leaf
// sha256-file is one SHA-256 over the same bytes: 1.25 blocks a header, where the
// proofs of work take three. Only many hashes at once can be near it.
func BenchmarkAcceptLong(b *testing.B) {
	const count = 950_000
	net, btcd := *btc.Regtest.Params(), chaincfg.RegressionNetParams
	net.NoRetargeting, net.MinDifficultyBlocks = false, false
	btcd.PoWNoRetargeting, btcd.ReduceMinDifficulty = false, false
	c := &contest{net: &net, btcd: &btcd, headers: synthesize(b, &net, count-1), rounds: 5}
	file := make([]byte, 0, count*btc.HeaderSize)
	for i := range c.headers {
		file = append(file, c.headers[i][:]...)
	}
	c.run(b, append(c.variants(), &variant{name: fileHash, judge: func(testing.TB) { runtime.KeepAlive(sha256.Sum256(file)) }}))
}

const (
	btcdName = "btcd"
	fileHash = "sha256-file"
)

// contest is a run of headers that all variants judge.
type contest struct {
	net     *btc.Params
	btcd    *chaincfg.Params
	headers []btc.Header
	height  btc.Height // of the first, which is trusted
	rounds  int
}

// variant is one way to judge the headers of a contest, and its fastest round.
type variant struct {
	name    string
	absent  string // why it cannot run here, empty if it can
	judge   func(testing.TB)
	fastest time.Duration
	mallocs uint64 // in the fastest round
	alloced uint64 // bytes, in the fastest round
}

func (c *contest) variants() []*variant {
	var all []*variant
	for _, e := range headerchain.Engines() {
		judge := func(tb testing.TB) { tb.Helper(); c.judgeByUs(tb, e) }
		all = append(all, &variant{name: "ours-" + e.Name, absent: e.Absent, judge: judge})
	}
	return append(all, &variant{name: btcdName, judge: c.judgeByBtcd})
}

// run lets the variants judge the same headers in turns within one run and reports
// the fastest round of each: a machine that is slow for a while is slow for all.
// btcd has to deserialize a header and to check its sanity and its context; it
// builds no tree and no index. We keep what we accept.
//
//	x-btcd    times as fast as btcd
//	x-sha256  times as long as one SHA-256 over the file
func (c *contest) run(b *testing.B, variants []*variant) {
	b.Helper()
	for _, v := range variants {
		v.fastest = math.MaxInt64
	}
	for range c.rounds {
		for _, v := range variants {
			if v.absent == "" {
				v.round(b)
			}
		}
	}
	fastest := func(name string) time.Duration {
		at := slices.IndexFunc(variants, func(v *variant) bool { return v.name == name })
		if at < 0 {
			return 0
		}
		return variants[at].fastest
	}
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			if v.absent != "" {
				b.Skip(v.absent)
			}
			b.ReportMetric(float64(v.fastest), "ns/op")
			b.ReportMetric(float64(v.fastest)/float64(len(c.headers)-1), "ns/header")
			b.ReportMetric(float64(v.mallocs), "allocs/op")
			b.ReportMetric(float64(v.alloced), "B/op")
			b.ReportMetric(float64(fastest(btcdName))/float64(v.fastest), "x-btcd")
			if file := fastest(fileHash); file > 0 {
				b.ReportMetric(float64(v.fastest)/float64(file), "x-sha256")
			}
		})
	}
}

// round runs once, on a heap without the round before.
func (v *variant) round(b *testing.B) {
	b.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := b.Elapsed()
	v.judge(b)
	took := b.Elapsed() - start
	runtime.ReadMemStats(&after)
	if took < v.fastest {
		v.fastest, v.mallocs, v.alloced = took, after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	}
}

// synthesize mines a chain on the genesis of params whose target falls and rises
// from period to period.
func synthesize(b *testing.B, params *btc.Params, count int) []btc.Header {
	b.Helper()
	headers := append(make([]btc.Header, 0, count+1), params.Genesis)
	for height := 1; height <= count; height++ {
		f := child(&headers[height-1], 0)
		f.Time = headers[height-1].Time() + 540
		if height/btc.RetargetInterval%2 == 1 {
			f.Time += 120
		}
		if height%btc.RetargetInterval == 0 {
			first := &headers[height-btc.RetargetInterval]
			span := int64(headers[height-1].Time()) - int64(first.Time())
			bits, ok := headerchain.Retarget(params, f.Bits, span)
			if !ok {
				b.Fatal("no retarget")
			}
			f.Bits = bits
		}
		headers = append(headers, mine(f))
	}
	return headers
}

func (c *contest) judgeByUs(tb testing.TB, e headerchain.Engine) {
	tb.Helper()
	chain := headerchain.NewByParams(c.net, c.headers[0], c.height)
	e.Use(chain)
	chain.Reserve(len(c.headers)) // as btcd's array has its size
	for part := range slices.Chunk(c.headers[1:], btc.MaxHeaders) {
		if _, err := chain.Accept(part, farFuture); err != nil {
			tb.Fatal(err)
		}
	}
}

// judgeByBtcd gives btcd ancestors in an array, so that no walk costs it time.
func (c *contest) judgeByBtcd(tb testing.TB) {
	tb.Helper()
	nodes := make([]flatNode, len(c.headers))
	clock := fixedClock{farFuture}
	var reader bytes.Reader
	for i := range c.headers {
		var h wire.BlockHeader
		reader.Reset(c.headers[i][:])
		if err := h.Deserialize(&reader); err != nil {
			tb.Fatal(err)
		}
		nodes[i] = flatNode{nodes, i, int32(c.height) + int32(i), h.Bits, h.Timestamp.Unix()}
		if i == 0 {
			continue
		}
		if err := blockchain.CheckBlockHeaderSanity(&h, c.btcd.PowLimit, clock, 0); err != nil {
			tb.Fatal(err)
		}
		// Near an anchor btcd asks for ancestors that are not there.
		if c.height > 0 && c.height+btc.Height(i) < max(c.height+btc.MedianTimeSpan, firstWholePeriod(c.height)) {
			continue
		}
		if err := blockchain.CheckBlockHeaderContext(&h, &nodes[i-1], 0, chainCtx{c.btcd}, true); err != nil {
			tb.Fatal(fmt.Errorf("header %d: %w", i, err))
		}
	}
}

// firstWholePeriod returns the first height from which on every retarget has the
// first block of its period at or above base.
func firstWholePeriod(base btc.Height) btc.Height {
	start := (base + btc.RetargetInterval - 1) / btc.RetargetInterval * btc.RetargetInterval
	if start == base {
		return base
	}
	return start + 1
}

// flatNode is a header as btcd wants to see it.
type flatNode struct {
	nodes     []flatNode
	at        int
	height    int32
	bits      uint32
	timestamp int64
}

func (n *flatNode) Height() int32    { return n.height }
func (n *flatNode) Bits() uint32     { return n.bits }
func (n *flatNode) Timestamp() int64 { return n.timestamp }

func (n *flatNode) Parent() blockchain.HeaderCtx { return n.RelativeAncestorCtx(1) }

func (n *flatNode) RelativeAncestorCtx(distance int32) blockchain.HeaderCtx {
	if int(distance) > n.at {
		return nil
	}
	return &n.nodes[n.at-int(distance)]
}
