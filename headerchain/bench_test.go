package headerchain_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

var (
	benchFile   = flag.String("bench-headers", "", "a file of mainnet headers, 80 bytes each, for BenchmarkAccept")
	benchHeight = flag.Int("bench-height", 150_000, "the height of its first header")
)

// contest is a run of headers that both implementations judge.
type contest struct {
	name    string
	net     *btc.Params
	btcd    *chaincfg.Params
	headers []btc.Header
	height  btc.Height // of the first, which is trusted
	rounds  int
}

// BenchmarkAccept lets us and btcd judge the same headers in turns within one run,
// and reports the fastest round of each. btcd has to deserialize a header and
// check its sanity and its context; it builds no tree and no index. We keep what
// we accept.
func BenchmarkAccept(b *testing.B) {
	for _, c := range contests(b) {
		b.Run(c.name, func(b *testing.B) {
			fastest := [2]time.Duration{math.MaxInt64, math.MaxInt64}
			judges := [2]func(testing.TB){c.judgeByUs, c.judgeByBtcd}
			for range c.rounds {
				for i, judge := range judges {
					start := b.Elapsed()
					judge(b)
					fastest[i] = min(fastest[i], b.Elapsed()-start)
				}
			}
			for i, name := range []string{"ours-go", "btcd"} {
				b.Run(name, func(b *testing.B) {
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(float64(fastest[i].Nanoseconds())/float64(len(c.headers)-1), "ns/header")
					b.ReportMetric(float64(fastest[1])/float64(fastest[i]), "x-btcd")
				})
			}
		})
	}
}

func contests(b *testing.B) []contest {
	b.Helper()
	mainnet := loadHeaders(b, "mainnet_221760-282239.bin.gz")
	hard, btcdHard := btc.Mainnet.Params(), &chaincfg.MainNetParams
	all := []contest{{"mainnet-221760-282239", hard, btcdHard, mainnet, 221760, 30}}
	if *benchFile != "" {
		all = append(all, contest{"file", hard, btcdHard, readRaw(b, *benchFile), btc.Height(*benchHeight), 15})
	}
	easy, btcdEasy := *btc.Regtest.Params(), chaincfg.RegressionNetParams
	easy.NoRetargeting, easy.MinDifficultyBlocks = false, false
	btcdEasy.PoWNoRetargeting, btcdEasy.ReduceMinDifficulty = false, false
	return append(all, contest{"synthetic-950000", &easy, &btcdEasy, synthesize(b, &easy, 950_000), 0, 5})
}

func readRaw(b *testing.B, name string) []btc.Header {
	b.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	var headers []btc.Header
	for ; len(raw) >= btc.HeaderSize; raw = raw[btc.HeaderSize:] {
		headers = append(headers, btc.Header(raw))
	}
	return headers
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

func (c *contest) judgeByUs(tb testing.TB) {
	tb.Helper()
	chain := headerchain.NewByParams(c.net, c.headers[0], c.height)
	for at := 1; at < len(c.headers); at += btc.MaxHeaders {
		if _, err := chain.Accept(c.headers[at:min(at+btc.MaxHeaders, len(c.headers))], farFuture); err != nil {
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
