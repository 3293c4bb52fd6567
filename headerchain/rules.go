package headerchain

import "blockgate/internal/btc"

// checkContext holds a header to the rules that need its ancestors or our clock,
// in Bitcoin Core's order, so that the same rule is named.
//
// Source: ContextualCheckBlockHeader, Bitcoin Core v30.0 src/validation.cpp.
func (c *Chain) checkContext(b *batch, parent ref, header *btc.Header) *refusal {
	up := c.nodes.at(parent)
	height := up.height + 1
	if r := c.checkBits(parent, header); r != nil {
		return r
	}
	if r := c.checkMedianTime(&b.median, header.Time()); r != nil {
		return r
	}
	if r := checkTimewarp(c.params, height, up.time, header.Time()); r != nil {
		return r
	}
	if r := checkFutureTime(b.now, header.Time()); r != nil {
		return r
	}
	return checkVersion(c.params, height, header.Version())
}

// startsPeriod reports whether the target may change at height.
func startsPeriod(height btc.Height) bool { return height%btc.RetargetInterval == 0 }
