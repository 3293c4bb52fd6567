package headerchain

import (
	"slices"

	"blockgate/internal/btc"
)

// window holds the times of the last headers, in no order; at is the place of the
// oldest, which goes next.
type window struct {
	times     [btc.MedianTimeSpan]uint32
	at, count int
}

// loadWindow fills w with the times of r and its ancestors.
func (c *Chain) loadWindow(w *window, r ref) {
	var times [btc.MedianTimeSpan]uint32
	first := len(times)
	for ; r != none && first > 0; r = c.nodes.parent(r) {
		first--
		times[first] = c.nodes.at(r).time
	}
	*w = window{}
	for _, time := range times[first:] {
		w.push(time)
	}
}

// push moves w to a child.
func (w *window) push(time uint32) {
	w.times[w.at] = time
	w.at++
	if w.at == len(w.times) {
		w.at = 0
	}
	w.count = min(w.count+1, len(w.times))
}

// line copies the times of a full window into times, the oldest first, and returns
// the highest.
func (w *window) line(times *[btc.MedianTimeSpan]uint32) (highest uint32) {
	n := copy(times[:], w.times[w.at:])
	copy(times[n:], w.times[:w.at])
	return slices.Max(times[:])
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

// isBefore reports whether the median of a full window is before time: so are more
// than half of the times. It counts without a branch, since nothing can foretell
// the times of real headers.
func (w *window) isBefore(time uint32) bool { return mostBefore(&w.times, time) }

// mostBefore reports whether more than half of times are before time.
func mostBefore(times *[btc.MedianTimeSpan]uint32, time uint32) bool {
	var before uint64
	for _, t := range times {
		before += (uint64(t) - uint64(time)) >> 63
	}
	return before > btc.MedianTimeSpan/2
}

// checkMedianTime holds a header to BIP-0113: its time is after the median of the
// 11 headers before it, fewer near genesis. An anchored chain with fewer cannot
// tell.
func (c *Chain) checkMedianTime(w *window, time uint32) *refusal {
	if w.count == btc.MedianTimeSpan && w.isBefore(time) {
		return nil
	}
	if w.count < btc.MedianTimeSpan && c.nodes.height(base) > 0 {
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
