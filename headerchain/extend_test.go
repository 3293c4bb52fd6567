package headerchain_test

import (
	"errors"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// straightRules are regtest's without the 20-minute rule, so that headers go the
// short way, and with a floor of the version that rises among them.
func straightRules() *btc.Params {
	params := *btc.Regtest.Params()
	params.MinDifficultyBlocks, params.NoRetargeting = false, false
	params.BIP34Height, params.BIP66Height, params.BIP65Height = 40, 140, 150
	return &params
}

// spoiled are a header's fields after each of the rules is broken, the rest of them
// kept, and whether it is mined.
func spoiled(good btc.HeaderFields, median uint32, now time.Time) []btc.Header {
	change := func(f func(*btc.HeaderFields)) btc.Header {
		fields := good
		f(&fields)
		return mine(fields)
	}
	var all []btc.Header
	for i := range good.Prev { // each byte of the link
		all = append(all, change(func(f *btc.HeaderFields) { f.Prev[i] ^= 1 }))
	}
	return append(
		all,
		spoil(good),
		change(func(f *btc.HeaderFields) { f.Bits = 0x207ffffe }),
		change(func(f *btc.HeaderFields) { f.Time = median }),
		change(func(f *btc.HeaderFields) { f.Time = 0 }),
		change(func(f *btc.HeaderFields) { f.Time = uint32(now.Unix()) + 7201 }),
		change(func(f *btc.HeaderFields) { f.Version = 1 }),
		change(func(f *btc.HeaderFields) { f.Version = 3 }),
		change(func(f *btc.HeaderFields) { f.Version = -1 }),
		change(func(f *btc.HeaderFields) { f.Time = median + 1 }),                // is valid
		change(func(f *btc.HeaderFields) { f.Time = uint32(now.Unix()) + 7200 }), // is valid
	)
}

// TestStraightOn gives headers in one batch, which takes the short way, and one by
// one, which does not: both must decide the same of each, wherever in a stretch a
// rule is broken.
func TestStraightOn(t *testing.T) {
	const count = 300
	params := straightRules()
	headers := append([]btc.Header{params.Genesis}, branch(params.Genesis, count, 0)...)
	now := time.Unix(int64(headers[count].Time())+5000, 0)
	for _, at := range []int{1, 2, 11, 12, 13, 39, 40, 41, 127, 128, 129, 139, 140, 141, 149, 150, 151, 256, 257, 299} {
		median := headers[(at-1)-min(5, (at-1)/2)].Time() // times rise
		fields := child(&headers[at-1], 0)
		for i, bad := range spoiled(fields, median, now) {
			batch := append(append([]btc.Header{}, headers[1:at]...), bad)
			together, single := headerchain.NewByParams(params, params.Genesis, 0), headerchain.NewByParams(params, params.Genesis, 0)
			done, err := together.Accept(batch, now)
			var errSingle error
			taken := 0
			for k := 0; k < len(batch) && errSingle == nil; k++ {
				var one headerchain.Accepted
				one, errSingle = single.Accept(batch[k:k+1], now)
				taken += one.New
			}
			sameRefusal(t, at, i, err, errSingle)
			if done.New != taken || together.Best() != single.Best() || together.Len() != single.Len() {
				t.Errorf("height %d, kind %d: %d new, best %+v; one by one %d, %+v", at, i, done.New, together.Best(), taken, single.Best())
			}
			mustHold(t, together)
		}
	}
}

// sameRefusal wants the same kind and words, but for a parent that one batch calls
// discontinuous and the other unlinked.
func sameRefusal(t *testing.T, height, kind int, together, single error) {
	t.Helper()
	a, okA := errors.AsType[*headerchain.HeaderError](together)
	b, okB := errors.AsType[*headerchain.HeaderError](single)
	switch {
	case okA != okB:
		t.Errorf("height %d, kind %d: %v, one by one %v", height, kind, together, single)
	case okA && errors.Is(together, headerchain.ErrDiscontinuous) && errors.Is(single, headerchain.ErrUnlinked):
	case okA && (!errors.Is(a.Kind, b.Kind) || a.Detail != b.Detail || a.Hash != b.Hash):
		t.Errorf("height %d, kind %d: %v, one by one %v", height, kind, together, single)
	}
}

// TestStraightPeriods crosses the ends of periods, and of the chunks that nodes lie
// in, with both ways.
func TestStraightPeriods(t *testing.T) {
	if raceDetector || testing.Short() {
		t.Skip("thousands of headers, which go the same way with 300")
	}
	params := straightRules()
	headers := branchByRules(params, 5000)
	together, single := headerchain.NewByParams(params, params.Genesis, 0), headerchain.NewByParams(params, params.Genesis, 0)
	mustAccept(t, together, headers...)
	for i := range headers {
		mustAccept(t, single, headers[i])
	}
	if together.Best() != single.Best() {
		t.Errorf("best %+v, one by one %+v", together.Best(), single.Best())
	}
	mustHold(t, together)
}

// TestStraightRetarget gives the first header of a period the bits of the one before.
func TestStraightRetarget(t *testing.T) {
	params := straightRules()
	headers := branchByRules(params, 2*btc.RetargetInterval-1)
	last := headers[len(headers)-1]
	c := headerchain.NewByParams(params, params.Genesis, 0)
	done, err := c.Accept(append(headers, mine(child(&last, 0))), farFuture)
	if !errors.Is(err, headerchain.ErrBits) || done.New != len(headers) {
		t.Errorf("%d new, %v", done.New, err)
	}
}

// TestStraightFull fills a chain in the middle of a batch.
func TestStraightFull(t *testing.T) {
	params := straightRules()
	headers := branch(params.Genesis, 200, 0)
	for _, most := range []int{14, 100, 129, 130, 200} {
		c := headerchain.NewByParams(params, params.Genesis, 0)
		c.SetMaxHeaders(most)
		done, err := c.Accept(headers, farFuture)
		if !errors.Is(err, headerchain.ErrChainFull) || done.New != most-1 || c.Len() != most {
			t.Errorf("most %d: %d new of %d, %v", most, done.New, c.Len(), err)
		}
	}
}

// TestNotStraight: where the 20-minute rule holds, the bits of the parent may be
// wrong within a period.
func TestNotStraight(t *testing.T) {
	params := straightRules()
	params.MinDifficultyBlocks = true
	anchor := mine(btc.HeaderFields{Version: 4, Time: 1_600_000_000, Bits: 0x201fffff})
	headers := branch(anchor, 30, 0)
	late := child(&headers[29], 0)
	late.Time += 2 * btc.BlockSpacing // wants the limit's bits
	c := headerchain.NewByParams(params, anchor, 5000)
	done, err := c.Accept(append(headers, mine(late)), farFuture)
	if !errors.Is(err, headerchain.ErrBits) || done.New != len(headers) {
		t.Errorf("%d new, %v", done.New, err)
	}
}

// branchByRules mines headers on genesis by params, retargets among them.
func branchByRules(params *btc.Params, count int) []btc.Header {
	headers := append(make([]btc.Header, 0, count+1), params.Genesis)
	for height := 1; height <= count; height++ {
		f := child(&headers[height-1], 0)
		f.Time = headers[height-1].Time() + 540
		if height%btc.RetargetInterval == 0 {
			first := &headers[height-btc.RetargetInterval]
			f.Bits, _ = headerchain.Retarget(params, f.Bits, int64(headers[height-1].Time())-int64(first.Time()))
		}
		headers = append(headers, mine(f))
	}
	return headers[1:]
}
