package headerchain_test

import (
	"errors"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// invalidHeader is a real header of mainnet whose block broke a rule.
type invalidHeader struct {
	height     btc.Height
	header     btc.Header
	reject     string // Bitcoin Core's word
	bits       uint32 // the right ones
	medianTime uint32 // of the parent, 0 if not known
	parent     *btc.Header
}

func invalidHeaders(t *testing.T) []invalidHeader {
	t.Helper()
	var headers []invalidHeader
	for _, row := range proofRows(t, "invalid_headers.csv", 7) {
		h := invalidHeader{height: proofHeight(t, row[0]), header: proofHeaders(t, row[2])[0], reject: row[3], bits: proofNumber(t, row[4], 16)}
		if got := h.header.Hash().String(); got != row[1] {
			t.Fatalf("hash %s, want %s", got, row[1])
		}
		if row[5] != "" {
			h.medianTime = proofNumber(t, row[5], 10)
		}
		if row[6] != "" {
			h.parent = &proofHeaders(t, row[6])[0]
		}
		headers = append(headers, h)
	}
	return headers
}

// Each of the 22 is refused for its own rule, if its header shows it; the others
// broke a rule of the coinbase, and their headers are valid.
func TestInvalidHeaders(t *testing.T) {
	rules := map[string]struct {
		check func(*testing.T, *invalidHeader)
		count int
	}{
		"bad-cb-height": {wantValidHeader, 14}, "bad-cb-length": {wantValidHeader, 1},
		"bad-version": {wantBadVersion, 5}, "time-too-old": {wantTimeTooOld, 1}, "bad-diffbits": {wantBadBits, 1},
	}
	count := map[string]int{}
	for _, h := range invalidHeaders(t) {
		target, err := btc.TargetFromCompact(h.header.Bits())
		if hash := h.header.Hash(); err != nil || !target.Meets(&hash) {
			t.Errorf("%v has no proof of work", hash)
		}
		count[h.reject]++
		if rule, ok := rules[h.reject]; ok {
			rule.check(t, &h)
		} else {
			t.Errorf("%d: rule %s is not looked at", h.height, h.reject)
		}
	}
	for reject, rule := range rules {
		if count[reject] != rule.count {
			t.Errorf("%d headers with %s, want %d", count[reject], reject, rule.count)
		}
	}
}

// wantValidHeader wants a header taken at its height, on its parent if that is
// known.
func wantValidHeader(t *testing.T, h *invalidHeader) {
	t.Helper()
	if h.header.Bits() != h.bits || !headerchain.CheckVersion(btc.Mainnet.Params(), h.height, h.header.Version()) {
		t.Errorf("%d: bits %08x, version %d", h.height, h.header.Bits(), h.header.Version())
	}
	if h.medianTime != 0 && h.header.Time() <= h.medianTime {
		t.Errorf("%d: time %d, median %d", h.height, h.header.Time(), h.medianTime)
	}
	if h.parent == nil {
		return
	}
	c := headerchain.NewAnchored(btc.Mainnet, *h.parent, h.height-1)
	mustAccept(t, c, h.header)
	mustAttach(t, c, []btc.Header{h.header}, h.height)
}

// wantBadVersion holds the row's version to mainnet's floor at its height, and a
// header of that version, mined on a network with all floors from the start, to
// Accept: the real parents are not here.
func wantBadVersion(t *testing.T, h *invalidHeader) {
	t.Helper()
	params, version := btc.Mainnet.Params(), h.header.Version()
	floor := params.BIP65Height
	if h.height < floor {
		floor = params.BIP66Height
	}
	if headerchain.CheckVersion(params, h.height, version) || headerchain.CheckVersion(params, floor, version) {
		t.Errorf("%d: version %d is accepted", h.height, version)
	}
	if wasFine := version >= 2; headerchain.CheckVersion(params, floor-1, version) != wasFine {
		t.Errorf("%d: version %d below the floor's height %d: want %t", h.height, version, floor, wasFine)
	}
	genesis := regtestGenesis()
	fields := child(&genesis, 0)
	wantKind(t, h, mine(fields), nil, headerchain.New(btc.Regtest))
	fields.Version = version
	wantKind(t, h, mine(fields), headerchain.ErrVersion, headerchain.New(btc.Regtest))
}

// wantTimeTooOld gives the row's time to a chain with the median of its parent.
func wantTimeTooOld(t *testing.T, h *invalidHeader) {
	t.Helper()
	c := headerchain.New(btc.Regtest)
	tip := regtestGenesis()
	for i := range uint32(btc.MedianTimeSpan) {
		fields := child(&tip, 0)
		fields.Time = h.medianTime - btc.MedianTimeSpan/2 + i
		tip = mine(fields)
		mustAccept(t, c, tip)
	}
	if got := c.MedianTime(tip.Hash()); got != h.medianTime {
		t.Fatalf("median %d, want %d", got, h.medianTime)
	}
	for _, tc := range []struct {
		time uint32
		want error
	}{{h.header.Time(), headerchain.ErrTimeTooOld}, {h.medianTime, headerchain.ErrTimeTooOld}, {h.medianTime + 1, nil}} {
		fields := child(&tip, 1)
		fields.Time = tc.time
		wantKind(t, h, mine(fields), tc.want, c)
	}
}

// wantBadBits shows that the main chain's header on the same parent has other
// bits, the row those of the period before, and puts both on a chain whose period
// began and lasted as the real one did: the headers in between are not here.
func wantBadBits(t *testing.T, h *invalidHeader) {
	t.Helper()
	points := checkpoints(t, "checkpoints_mainnet.csv.gz")
	at := int(h.height)/btc.RetargetInterval - 1
	first, sibling := points[at-1], points[at]
	if sibling.height != h.height || sibling.header.Prev() != h.header.Prev() || sibling.header.Bits() != h.bits || h.header.Bits() != first.header.Bits() {
		t.Fatalf("%d: bits %08x, sibling %08x, period before %08x", h.height, h.header.Bits(), sibling.header.Bits(), first.header.Bits())
	}
	params := btc.Mainnet.Params()
	lasted := int64(btc.RetargetTimespan)
	for ; ; lasted-- {
		if got, ok := headerchain.Retarget(params, first.header.Bits(), lasted); ok && got == h.bits {
			break
		}
	}
	c := headerchain.NewAnchored(btc.Mainnet, first.header, first.height)
	tip := first.header
	for i := int64(1); i < btc.RetargetInterval; i++ {
		fields := child(&tip, 0)
		fields.Time = first.header.Time() + uint32(lasted*i/(btc.RetargetInterval-1))
		tip = fields.Header()
		if err := c.AcceptUnproven(tip, farFuture); err != nil {
			t.Fatal(err)
		}
	}
	for bits, want := range map[uint32]error{h.header.Bits(): headerchain.ErrBits, h.bits: nil} {
		fields := child(&tip, 0)
		fields.Bits = bits
		if err := c.AcceptUnproven(fields.Header(), farFuture); !errors.Is(err, want) {
			t.Errorf("%d: bits %08x: %v, want %v", h.height, bits, err, want)
		}
	}
}

func wantKind(t *testing.T, h *invalidHeader, header btc.Header, want error, c *headerchain.Chain) {
	t.Helper()
	if _, err := c.Accept([]btc.Header{header}, farFuture); !errors.Is(err, want) {
		t.Errorf("%d: %v, want %v", h.height, err, want)
	}
}

// Without its parent no header is judged, whatever its proof of work, and nothing
// of it is kept.
func TestInvalidHeadersWithoutParent(t *testing.T) {
	for _, h := range invalidHeaders(t) {
		c := headerchain.New(btc.Mainnet)
		_, err := c.Accept([]btc.Header{h.header}, time.Unix(int64(h.header.Time()), 0))
		var refused *headerchain.HeaderError
		if !errors.As(err, &refused) || !errors.Is(err, headerchain.ErrUnlinked) || refused.Height != -1 || c.Len() != 1 {
			t.Errorf("%d: %v", h.height, err)
		}
	}
}
