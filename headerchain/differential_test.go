package headerchain_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

var (
	differentialHeaders = flag.Int("differential-headers", 25_000, "headers to judge in the differential test, over all networks")
	differentialSeed    = flag.Uint64("differential-seed", 1, "seed of the differential test")
)

// grower makes synthetic chains: mostly valid headers, at times one wrong thing.
type grower struct {
	net  btc.Network
	rand *rand.Rand
	now  time.Time
	// spacing is the mean time between headers, so that targets move.
	spacing int
}

// fields returns a candidate on tip. Its bits are right, as far as the oracle can
// be asked for them: it is tried with each bits that make sense.
func (g *grower) fields(tip *lineage) btc.HeaderFields {
	f := child(&tip.header, byte(g.rand.Uint32()))
	delta := int64(g.rand.IntN(2 * g.spacing))
	switch g.rand.IntN(12) {
	case 0:
		delta = int64(g.rand.IntN(9000)) - 4500
	case 1:
		delta = 1200 + int64(g.rand.IntN(2)) // the edge of the 20-minute rule
	case 2:
		delta = -599 - int64(g.rand.IntN(3)) // the edge of BIP94
	}
	if (tip.height+1)%btc.RetargetInterval == 0 && g.rand.IntN(2) == 0 {
		delta = -599 - int64(g.rand.IntN(3))
	}
	f.Time = uint32(int64(tip.header.Time()) + delta)
	if g.rand.IntN(50) == 0 { // the edge of the future rule
		f.Time = uint32(g.now.Unix() + btc.MaxFutureBlockTime - 1 + int64(g.rand.IntN(3)))
	}
	if g.rand.IntN(40) == 0 {
		f.Version = int32(g.rand.IntN(6)) - 1
	}
	return f
}

// bits returns what the rules may ask for, found by asking the oracle: the
// parent's, the limit's, those of ancestors of the period, a retarget.
func (g *grower) bits(tip *lineage, f btc.HeaderFields) uint32 {
	params := g.net.Params()
	if g.rand.IntN(30) == 0 {
		return f.Bits ^ 1<<g.rand.IntN(32)
	}
	candidates := []uint32{tip.header.Bits(), params.PowLimitBits}
	first := tip
	for l := tip; l != nil && l.height >= tip.height-btc.RetargetInterval+1; l = l.parent {
		if bits := l.header.Bits(); bits != candidates[len(candidates)-1] {
			candidates = append(candidates, bits)
		}
		first = l
		if len(candidates) > 8 && (tip.height+1)%btc.RetargetInterval != 0 {
			break
		}
	}
	for _, from := range []uint32{tip.header.Bits(), first.header.Bits()} {
		if bits, ok := headerchain.Retarget(params, from, int64(tip.header.Time())-int64(first.header.Time())); ok {
			candidates = append(candidates, bits)
		}
	}
	for _, bits := range candidates {
		f.Bits = bits
		if !errors.Is(verdict(g.net, tip, f.Header(), g.now, false), headerchain.ErrBits) {
			return bits
		}
	}
	return f.Bits
}

// Every header is judged by our rules and by btcd's; the kinds must agree.
func TestRulesAgreeWithBtcd(t *testing.T) {
	t.Logf("seed %d, %d headers", *differentialSeed, *differentialHeaders)
	for _, net := range btc.Networks() {
		t.Run(net.String(), func(t *testing.T) {
			kinds := map[string]int{}
			r := rand.New(rand.NewPCG(*differentialSeed, uint64(net)))
			judgeRun(t, net, r, *differentialHeaders/len(btc.Networks()), kinds)
			t.Logf("%v", kinds)
		})
	}
}

func judgeRun(t *testing.T, net btc.Network, r *rand.Rand, count int, kinds map[string]int) {
	t.Helper()
	genesis := net.Params().Genesis
	c := headerchain.New(net)
	tip := &lineage{header: genesis}
	g := &grower{net: net, rand: r, spacing: 150 + r.IntN(450)}
	held := 0 // candidates for the first place of a period that were not kept
	for i := range count {
		g.now = time.Unix(int64(tip.header.Time())+int64(r.IntN(20_000)), int64(r.IntN(1e9)))
		f := g.fields(tip)
		f.Bits, f.Nonce = g.bits(tip, f), uint32(i) // each header once
		header := f.Header()
		want := verdict(net, tip, header, g.now, false)
		got := c.AcceptUnproven(header, g.now)
		if !errors.Is(got, want) || (got == nil) != (want == nil) {
			t.Fatalf("%d: height %d, header %x: %v, btcd says %v", i, tip.height+1, header, got, want)
		}
		if want != nil {
			kinds[want.Error()]++
			continue
		}
		kinds["valid"]++
		if (tip.height+1)%btc.RetargetInterval == 0 && held < 50 {
			held++ // stay, so that the edge is met often
			continue
		}
		held = 0
		tip = &lineage{parent: tip, header: header, height: tip.height + 1}
	}
	mustHold(t, c)
}

// On regtest the whole of Accept can be compared, proof of work too.
func TestAcceptAgreesWithBtcd(t *testing.T) {
	r := rand.New(rand.NewPCG(*differentialSeed, 99))
	c := headerchain.New(btc.Regtest)
	tip := &lineage{header: regtestGenesis()}
	kinds := map[string]int{}
	for i := range *differentialHeaders / 10 {
		now := time.Unix(int64(tip.header.Time())+int64(r.IntN(20_000)), 0)
		g := &grower{net: btc.Regtest, rand: r, now: now, spacing: 600}
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
		if (got == nil) != (want == nil) || !errors.Is(got, want) {
			t.Fatalf("%d: header %x: %v, btcd says %v", i, header, got, want)
		}
		if want != nil {
			kinds[want.Error()]++
			continue
		}
		kinds["valid"]++
		tip = &lineage{parent: tip, header: header, height: tip.height + 1}
	}
	t.Logf("%v", kinds)
	mustHold(t, c)
}
