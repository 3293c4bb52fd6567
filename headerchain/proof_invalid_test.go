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

// H10: each of the 22 is refused for its own rule, if its header shows it; the
// others broke a rule of the coinbase, and their headers are valid.
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

// onStandIn gives the real header to Accept as a child of a header that stands in
// for the real parent: it has the real one's hash and the bits that are right for
// its child. The header's own proof of work is looked at, and all rules but those
// that need more ancestors.
func (h *invalidHeader) onStandIn(change func(*btc.HeaderFields)) (*headerchain.Chain, error) {
	f := btc.HeaderFields{Version: 4, Time: h.header.Time() - btc.BlockSpacing, Bits: h.bits}
	c := headerchain.NewAnchored(btc.Mainnet, f.Header(), h.height-1)
	if change == nil {
		c.CallBest(h.header.Prev())
		_, err := c.Accept([]btc.Header{h.header}, farFuture)
		return c, err
	}
	f = btc.HeaderFields{
		Version: h.header.Version(), Prev: c.Best().Hash, MerkleRoot: h.header.MerkleRoot(),
		Time: h.header.Time(), Bits: h.header.Bits(), Nonce: h.header.Nonce(),
	}
	change(&f)
	return c, c.AcceptUnproven(f.Header(), farFuture)
}

// wantValidHeader wants a header taken at its height, on its parent if that is
// known.
func wantValidHeader(t *testing.T, h *invalidHeader) {
	t.Helper()
	if h.medianTime != 0 && h.header.Time() <= h.medianTime {
		t.Errorf("%d: time %d, median %d", h.height, h.header.Time(), h.medianTime)
	}
	c, err := h.onStandIn(nil)
	if err != nil {
		t.Errorf("%d: %v", h.height, err)
	}
	mustAttach(t, c, []btc.Header{h.header}, h.height)
	if h.parent == nil {
		return
	}
	c = headerchain.NewAnchored(btc.Mainnet, *h.parent, h.height-1)
	mustAccept(t, c, h.header)
	mustAttach(t, c, []btc.Header{h.header}, h.height)
}

// wantBadVersion wants the version refused, and nothing but the version.
func wantBadVersion(t *testing.T, h *invalidHeader) {
	t.Helper()
	c, err := h.onStandIn(nil)
	wantRefusedFor(t, h, c, err, headerchain.ErrVersion)
	floor := int32(4)
	if h.height < btc.Mainnet.Params().BIP65Height {
		floor = 3
	}
	for version, want := range map[int32]error{floor - 1: headerchain.ErrVersion, floor: nil, floor + 1: nil} {
		if _, err := h.onStandIn(func(f *btc.HeaderFields) { f.Version = version }); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%d: with version %d: %v, want %v", h.height, version, err, want)
		}
	}
}

// wantRefusedFor wants the kind named, with the header's height and hash, and
// nothing kept.
func wantRefusedFor(t *testing.T, h *invalidHeader, c *headerchain.Chain, err, kind error) {
	t.Helper()
	var refused *headerchain.HeaderError
	if !errors.Is(err, kind) || !errors.As(err, &refused) || refused.Height != h.height || refused.Hash != h.header.Hash() {
		t.Errorf("%d: %v, want %v", h.height, err, kind)
	}
	if _, ok := c.Lookup(h.header.Hash()); ok {
		t.Errorf("%d: %v is held", h.height, h.header.Hash())
	}
}

// wantTimeTooOld gives the header to a chain with the median of its parent.
func wantTimeTooOld(t *testing.T, h *invalidHeader) {
	t.Helper()
	anchor := btc.HeaderFields{Version: 4, Time: h.medianTime - btc.MedianTimeSpan/2, Bits: h.bits}.Header()
	c := headerchain.NewAnchored(btc.Mainnet, anchor, h.height-btc.MedianTimeSpan)
	tip := anchor
	for range btc.MedianTimeSpan - 1 {
		tip = at(child(&tip, 0), tip.Time()+1).Header()
		if err := c.AcceptUnproven(tip, farFuture); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.MedianTime(tip.Hash()); got != h.medianTime {
		t.Fatalf("median %d, want %d", got, h.medianTime)
	}
	c.CallBest(h.header.Prev())
	_, err := c.Accept([]btc.Header{h.header}, farFuture)
	wantRefusedFor(t, h, c, err, headerchain.ErrTimeTooOld)
	f := child(&tip, 1)
	f.Prev = h.header.Prev()
	judge(t, c, farFuture, []judged{
		{"at the median", at(f, h.medianTime), headerchain.ErrTimeTooOld},
		{"after the median", at(f, h.medianTime+1), nil},
	})
}

// wantBadBits gives the header, and the main chain's on the same parent, to a
// chain whose period began as the real one did and lasted as long, since the
// headers in between are not here: the row has the bits of the period before and
// is refused, its sibling is accepted.
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
	c.CallBest(h.header.Prev())
	_, err := c.Accept([]btc.Header{h.header}, farFuture)
	wantRefusedFor(t, h, c, err, headerchain.ErrBits)
	mustAccept(t, c, sibling.header)
	mustAttach(t, c, []btc.Header{sibling.header}, h.height)
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
