package headerchain_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// leg is a chain that the generator grows: from genesis, or from an anchor where
// something changes.
type leg struct {
	anchor btc.Header
	height btc.Height
	// count is the number of headers to judge; a leg that begins within a period
	// ends in it, since btcd wants the period's first header for the retarget.
	count int
}

// Headers judged in one leg.
const (
	shortLeg = 400
	lateLeg  = 800
	longLeg  = 20_000
)

// legs are the chains of one round on a network: around each version floor, at the
// end of time, from genesis.
func legs(params *btc.Params) []leg {
	hard := params.PowLimitBits - 1<<24
	if params.NoRetargeting {
		hard = params.PowLimitBits
	}
	anchor := bits(child(&params.Genesis, 0), hard)
	var all []leg
	for _, floor := range []btc.Height{params.BIP34Height, params.BIP66Height, params.BIP65Height} {
		if floor > 1 {
			all = append(all, leg{anchor.Header(), floor - 2*btc.MedianTimeSpan, shortLeg})
		}
	}
	late := at(anchor, math.MaxUint32-40_000)
	return append(all, leg{late.Header(), 8 * btc.RetargetInterval, lateLeg}, leg{params.Genesis, 0, longLeg})
}

// grower makes synthetic chains: mostly valid headers, at times one wrong thing.
type grower struct {
	params *btc.Params
	rand   *rand.Rand
	now    time.Time
	// spacing is the mean time between headers, so that targets move.
	spacing int
}

// plain returns a header that is valid on tip, ten minutes later.
func plain(tip *lineage) *lineage {
	return &lineage{parent: tip, header: child(&tip.header, 0).Header(), height: tip.height + 1}
}

// nearFloor reports whether a version floor begins about height.
func (g *grower) nearFloor(height btc.Height) bool {
	for _, floor := range []btc.Height{g.params.BIP34Height, g.params.BIP66Height, g.params.BIP65Height} {
		if height >= floor-1 && height <= floor+1 {
			return true
		}
	}
	return false
}

// isEdge reports whether many candidates are tried at height.
func (g *grower) isEdge(height btc.Height) bool {
	return height%btc.RetargetInterval == 0 || g.nearFloor(height)
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
	if (tip.height+1)%btc.RetargetInterval == btc.RetargetInterval-1 && g.rand.IntN(8) != 0 {
		delta = 1201 // easy where it may be, and what the change of the target starts from
	}
	time := int64(tip.header.Time()) + delta
	if g.rand.IntN(50) == 0 { // the edge of the future rule; a valid one slows the chain down
		time = g.now.Unix() + btc.MaxFutureBlockTime + 1
		if g.rand.IntN(5) == 0 {
			time -= 1 + int64(g.rand.IntN(2))
		}
	}
	f.Time = uint32(max(0, min(time, math.MaxUint32)))
	if g.rand.IntN(40) == 0 || g.nearFloor(tip.height+1) {
		f.Version = int32(g.rand.IntN(6)) - 1
	}
	return f
}

// bits returns what the rules may ask for, found by asking the oracle: the
// parent's, the limit's, those of ancestors of the period, a retarget.
func (g *grower) bits(tip *lineage, f btc.HeaderFields) uint32 {
	if g.rand.IntN(30) == 0 {
		return f.Bits ^ 1<<g.rand.IntN(32)
	}
	candidates := []uint32{tip.header.Bits(), g.params.PowLimitBits}
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
		if bits, ok := headerchain.Retarget(g.params, from, int64(tip.header.Time())-int64(first.header.Time())); ok {
			candidates = append(candidates, bits)
		}
	}
	for _, bits := range candidates {
		f.Bits = bits
		if !errors.Is(verdict(g.params.Network, tip, f.Header(), g.now, false), headerchain.ErrBits) {
			return bits
		}
	}
	return f.Bits
}
