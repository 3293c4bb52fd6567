package headerchain

import (
	"slices"

	"blockgate/internal/btc"
)

// window holds the times of the last headers up to tip, newest last.
type window struct {
	tip   ref
	times [btc.MedianTimeSpan]uint32
	count int
}

// loadWindow fills w with the times of r and its ancestors.
func (c *Chain) loadWindow(w *window, r ref) {
	*w = window{tip: r}
	first := btc.MedianTimeSpan
	for ; r != none && first > 0; r = c.nodes.at(r).parent {
		first--
		w.times[first] = c.nodes.at(r).time
	}
	w.count = copy(w.times[:], w.times[first:])
}

// push moves w to a child of its tip.
func (w *window) push(tip ref, time uint32) {
	if w.count == len(w.times) {
		w.count = copy(w.times[:], w.times[1:])
	}
	w.times[w.count] = time
	w.count++
	w.tip = tip
}

// median returns the middle of the times, the later of the two if their number
// is even.
//
// Source: CBlockIndex::GetMedianTimePast, Bitcoin Core v30.0 src/chain.h.
func (w *window) median() uint32 {
	times := w.times
	slices.Sort(times[:w.count])
	return times[w.count/2]
}

// checkMedianTime holds a header to BIP-0113: its time is after the median of the
// 11 headers before it, fewer near genesis. An anchored chain with fewer cannot
// tell.
func (c *Chain) checkMedianTime(w *window, time uint32) *refusal {
	if w.count < btc.MedianTimeSpan && c.nodes.at(base).height > 0 {
		return nil
	}
	if median := w.median(); time <= median {
		return refuse(ErrTimeTooOld, "time %d, median %d", time, median)
	}
	return nil
}

// MedianTime returns the median time, in Unix seconds, of the header with hash
// and the 10 before it, fewer near the first header (BIP-0113); 0 if it is not
// held.
func (c *Chain) MedianTime(hash btc.Hash) uint32 {
	r := c.find(hash)
	if r == none {
		return 0
	}
	var w window
	c.loadWindow(&w, r)
	return w.median()
}
