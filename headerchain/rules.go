package headerchain

import "blockgate/internal/btc"

// checkContext holds a header to the rules that need its ancestors or our clock,
// in Bitcoin Core's order, so that the same rule is named.
//
// Source: ContextualCheckBlockHeader, Bitcoin Core v30.0 src/validation.cpp.
func (c *Chain) checkContext(up *front, now int64, header *btc.Header) *refusal {
	height := up.height + 1
	if r := c.checkBits(up, header); r != nil {
		return r
	}
	if r := c.checkMedianTime(&up.median, header.Time()); r != nil {
		return r
	}
	if r := checkTimewarp(c.params, height, up.time, header.Time()); r != nil {
		return r
	}
	if r := checkFutureTime(now, header.Time()); r != nil {
		return r
	}
	return checkVersion(c.params, height, header.Version())
}

// startsPeriod reports whether the target may change at height.
func startsPeriod(height btc.Height) bool { return height%btc.RetargetInterval == 0 }
