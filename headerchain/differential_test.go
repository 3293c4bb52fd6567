package headerchain_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

var (
	differentialHeaders = flag.Int("differential-headers", 50_000, "headers to judge in the differential test, over all networks")
	differentialSeed    = flag.Uint64("differential-seed", 1, "seed of the differential test")
)

// differentialCount is how many headers are judged by default: fewer where each
// takes ten times as long.
func differentialCount() int {
	if raceDetector || testing.Short() {
		return min(*differentialHeaders, 10_000)
	}
	return *differentialHeaders
}

// tally counts headers by verdict, and those on which btcd disagrees by the known
// difference that explains it.
type tally struct {
	verdicts, explained map[string]int
}

func newTally() *tally { return &tally{map[string]int{}, map[string]int{}} }

func (c *tally) count(ours error) {
	name := "valid"
	if ours != nil {
		name = ours.Error()
	}
	c.verdicts[name]++
}

func (c *tally) String() string {
	var parts []string
	for _, counts := range []map[string]int{c.verdicts, c.explained} {
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
		}
	}
	return strings.Join(parts, ", ")
}

// compare holds our verdict to btcd's: in Bitcoin Core's order of rules it is the
// same, and where btcd's own order gives another, that is a known difference.
func (c *tally) compare(t *testing.T, what string, ours, inOrder, raw error) {
	t.Helper()
	c.count(inOrder)
	if !errors.Is(ours, inOrder) || (ours == nil) != (inOrder == nil) {
		t.Fatalf("%s: %v, btcd says %v", what, ours, inOrder)
	}
	if errors.Is(ours, raw) && (ours == nil) == (raw == nil) {
		return
	}
	for _, d := range knownDifferences {
		if d.explains != nil && d.explains(inOrder, raw) {
			c.explained["explained by "+d.name]++
			return
		}
	}
	t.Fatalf("%s: %v, btcd says %v in its own order, and nothing explains it", what, ours, raw)
}

// Every header is judged by our rules and by btcd's; the kinds must agree.
func TestDifferentialRules(t *testing.T) {
	total := differentialCount()
	t.Logf("seed %d, %d headers", *differentialSeed, total)
	for _, net := range btc.Networks() {
		t.Run(net.String(), func(t *testing.T) {
			counts := newTally()
			r := rand.New(rand.NewPCG(*differentialSeed, uint64(net)))
			judged := 0
			for count := total / len(btc.Networks()); judged < count; {
				for _, l := range legs(net.Params()) {
					judged += judgeLeg(t, net, r, l, min(l.count, count-judged), counts)
				}
			}
			t.Logf("%d judged: %v", judged, counts)
			wantKinds(t, net, counts)
		})
	}
}

// wantKinds wants each rule of headers met, in a run that is long enough for it.
func wantKinds(t *testing.T, net btc.Network, counts *tally) {
	t.Helper()
	kinds := []error{headerchain.ErrBits, headerchain.ErrTimeTooOld, headerchain.ErrTimeTooNew, headerchain.ErrVersion}
	if net == btc.Testnet4 && differentialCount() >= 50_000 {
		kinds = append(kinds, headerchain.ErrTimewarp)
	}
	for _, kind := range kinds {
		if counts.verdicts[kind.Error()] == 0 {
			t.Errorf("%q was never met: %v", kind, counts)
		}
	}
	if counts.verdicts["valid"] == 0 {
		t.Errorf("nothing was valid: %v", counts)
	}
}

// judgeLeg judges count headers on one chain and returns count.
func judgeLeg(t *testing.T, net btc.Network, r *rand.Rand, l leg, count int, counts *tally) int {
	t.Helper()
	c := headerchain.NewAnchored(net, l.anchor, l.height)
	tip := &lineage{header: l.anchor, height: l.height}
	for l.height > 0 && tip.height < l.height+btc.MedianTimeSpan {
		tip = plain(tip)
		if err := c.AcceptUnproven(tip.header, farFuture); err != nil {
			t.Fatal(err)
		}
	}
	g := &grower{params: net.Params(), rand: r, spacing: 100 + r.IntN(300)}
	held := 0 // candidates for a place at the edge that were not kept
	for i := range count {
		g.now = time.Unix(int64(tip.header.Time())+int64(r.IntN(20_000)), int64(r.IntN(1e9)))
		f := g.fields(tip)
		f.Bits, f.Nonce = g.bits(tip, f), uint32(i) // each header once
		header := f.Header()
		want := verdict(net, tip, header, g.now, false)
		what := fmt.Sprintf("%d: height %d, header %x, clock %v", i, tip.height+1, header, g.now.Unix())
		counts.compare(t, what, c.AcceptUnproven(header, g.now), want, rawVerdict(net, tip, header, g.now, false))
		if want != nil {
			continue
		}
		if g.isEdge(tip.height+1) && held < 50 {
			held++ // stay, so that the edge is met often
			continue
		}
		held = 0
		tip = &lineage{parent: tip, header: header, height: tip.height + 1}
	}
	mustHold(t, c)
	judgeAtOnce(t, net, l, tip)
	return count
}

// judgeAtOnce gives the headers up to tip in batches, where the rules carry along
// what they want to know of ancestors.
func judgeAtOnce(t *testing.T, net btc.Network, l leg, tip *lineage) {
	t.Helper()
	var headers []btc.Header
	for ; tip.parent != nil; tip = tip.parent {
		headers = append(headers, tip.header)
	}
	slices.Reverse(headers)
	c := headerchain.NewAnchored(net, l.anchor, l.height)
	for batch := range slices.Chunk(headers, btc.MaxHeaders) {
		if valid, err := c.AcceptBatchUnproven(batch, farFuture, false); err != nil {
			t.Fatalf("height %d: %v, but nil alone", int(c.Best().Height)+valid+1, err)
		}
	}
}

// On regtest the whole of Accept can be compared, proof of work too.
func TestDifferentialAccept(t *testing.T) {
	r := rand.New(rand.NewPCG(*differentialSeed, 99))
	c := headerchain.New(btc.Regtest)
	tip := &lineage{header: regtestGenesis()}
	counts := newTally()
	for i := range differentialCount() / 10 {
		now := time.Unix(int64(tip.header.Time())+int64(r.IntN(20_000)), 0)
		g := &grower{params: btc.Regtest.Params(), rand: r, now: now, spacing: 600}
		f := g.fields(tip)
		header := mine(f)
		switch r.IntN(10) {
		case 0:
			header = spoil(f)
		case 1:
			f.Bits ^= 1 << r.IntN(32)
			header = f.Header()
		}
		want := verdict(btc.Regtest, tip, header, now, true)
		_, got := c.Accept([]btc.Header{header}, now)
		counts.compare(t, fmt.Sprintf("%d: header %x", i, header), got, want, rawVerdict(btc.Regtest, tip, header, now, true))
		if want != nil {
			continue
		}
		tip = &lineage{parent: tip, header: header, height: tip.height + 1}
	}
	t.Logf("%d judged: %v", differentialCount()/10, counts)
	mustHold(t, c)
}

// Nobody can mine at the limits of the other networks, but bits of any kind must be
// taken for the same: no target, above the limit, or a target that the hash misses.
func TestDifferentialTargets(t *testing.T) {
	r := rand.New(rand.NewPCG(*differentialSeed, 98))
	now := farFuture
	for _, net := range btc.Networks() {
		genesis := net.Params().Genesis
		parent := &lineage{header: genesis}
		c, counts := headerchain.New(net), newTally()
		for range differentialCount() / 50 {
			f := child(&genesis, byte(r.Uint32()))
			f.Bits = r.Uint32()
			if r.IntN(2) == 0 { // near the limit, above and below it
				f.Bits = net.Params().PowLimitBits ^ r.Uint32()>>(8+r.IntN(24))
			}
			header := f.Header()
			_, got := c.Accept([]btc.Header{header}, now)
			want := verdict(net, parent, header, now, true)
			counts.compare(t, fmt.Sprintf("%v: bits %08x", net, f.Bits), got, want, rawVerdict(net, parent, header, now, true))
		}
		t.Logf("%v: %d judged: %v", net, differentialCount()/50, counts)
	}
}
