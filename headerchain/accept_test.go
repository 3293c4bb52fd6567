package headerchain_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

func TestNewHoldsGenesis(t *testing.T) {
	for _, net := range btc.Networks() {
		c := headerchain.New(net)
		genesis := net.Params().Genesis
		e, ok := c.Lookup(genesis.Hash())
		if !ok || e.Header != genesis || e.Height != 0 || !e.Complete || e.Parked || e != c.Best() || e != c.BestComplete() || e != c.Base() {
			t.Errorf("%v: %+v", net, e)
		}
		if c.Len() != 1 || c.Network() != net || len(c.Missing(10)) != 0 {
			t.Errorf("%v: %d headers, network %v", net, c.Len(), c.Network())
		}
		if done := mustAccept(t, c, genesis); done.Known != 1 || done.TipMoved || done.Last != genesis.Hash() {
			t.Errorf("%v: genesis again: %+v", net, done)
		}
		mustHold(t, c)
	}
}

func TestAcceptNothing(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	if done, err := c.Accept(nil, farFuture); err != nil || done != (headerchain.Accepted{}) {
		t.Errorf("%+v, %v", done, err)
	}
}

// H08: batches that repeat, skip, go back or lead nowhere.
func TestAcceptBatches(t *testing.T) {
	genesis := regtestGenesis()
	a := branch(genesis, 5, 'a')
	b := branch(genesis, 2, 'b')
	strange := branch(mine(btc.HeaderFields{Version: 4, Bits: genesis.Bits(), Time: genesis.Time()}), 2, 's')
	noWork := spoil(child(&a[1], 0))
	tooHard := mine(bits(child(&a[1], 0), 0x207ffffe))
	join := func(parts ...[]btc.Header) []btc.Header { return slices.Concat(parts...) }
	for _, tc := range []struct {
		name   string
		have   []btc.Header
		batch  []btc.Header
		want   headerchain.Accepted
		kind   error
		index  int
		height btc.Height
	}{
		{name: "all new", batch: a, want: headerchain.Accepted{New: 5, Last: a[4].Hash(), TipMoved: true}},
		{name: "all known", have: a, batch: a, want: headerchain.Accepted{Known: 5, Last: a[4].Hash()}},
		{name: "known, then new", have: a[:3], batch: a, want: headerchain.Accepted{New: 2, Known: 3, Last: a[4].Hash(), TipMoved: true}},
		{name: "with genesis", batch: join([]btc.Header{genesis}, a), want: headerchain.Accepted{New: 5, Known: 1, Last: a[4].Hash(), TipMoved: true}},
		{name: "known below the tip", have: a, batch: a[:2], want: headerchain.Accepted{Known: 2, Last: a[1].Hash()}},
		{name: "shorter fork", have: a, batch: b, want: headerchain.Accepted{New: 2, Last: b[1].Hash()}},
		{name: "equal fork", have: a[:2], batch: b, want: headerchain.Accepted{New: 2, Last: b[1].Hash()}},
		{name: "longer fork", have: b, batch: a, want: headerchain.Accepted{New: 5, Last: a[4].Hash(), TipMoved: true}},
		{name: "unlinked", batch: a[1:], kind: headerchain.ErrUnlinked, height: -1},
		{name: "stranger", have: a, batch: strange, kind: headerchain.ErrUnlinked, height: -1},
		{name: "twice the same", batch: join(a[:2], a[1:2]), want: headerchain.Accepted{New: 2, Last: a[1].Hash(), TipMoved: true}, kind: headerchain.ErrDiscontinuous, index: 2, height: 2},
		{name: "a gap", batch: join(a[:2], a[3:]), want: headerchain.Accepted{New: 2, Last: a[1].Hash(), TipMoved: true}, kind: headerchain.ErrDiscontinuous, index: 2, height: -1},
		{name: "backwards", batch: []btc.Header{a[0], genesis}, want: headerchain.Accepted{New: 1, Last: a[0].Hash(), TipMoved: true}, kind: headerchain.ErrDiscontinuous, index: 1, height: -1},
		{name: "another branch behind", batch: join(a[:1], b), want: headerchain.Accepted{New: 1, Last: a[0].Hash(), TipMoved: true}, kind: headerchain.ErrDiscontinuous, index: 1, height: 1},
		{name: "no proof of work", batch: join(a[:2], []btc.Header{noWork}, a[2:]), want: headerchain.Accepted{New: 2, Last: a[1].Hash(), TipMoved: true}, kind: headerchain.ErrHighHash, index: 2, height: 3},
		{name: "no proof of work, unlinked", batch: []btc.Header{noWork}, kind: headerchain.ErrHighHash, height: -1},
		{name: "wrong bits", batch: join(a[:2], []btc.Header{tooHard}), want: headerchain.Accepted{New: 2, Last: a[1].Hash(), TipMoved: true}, kind: headerchain.ErrBits, index: 2, height: 3},
	} {
		c := headerchain.New(btc.Regtest)
		mustAccept(t, c, tc.have...)
		before := c.Len()
		done, err := c.Accept(tc.batch, farFuture)
		if done != tc.want || !errors.Is(err, tc.kind) || (err == nil) != (tc.kind == nil) || c.Len() != before+done.New {
			t.Errorf("%s: %+v, %v, %d held", tc.name, done, err, c.Len()-before)
			continue
		}
		mustHold(t, c)
		var refused *headerchain.HeaderError
		if tc.kind == nil || !errors.As(err, &refused) {
			continue
		}
		hash := tc.batch[tc.index].Hash()
		if refused.Index != tc.index || refused.Height != tc.height || refused.Hash != hash || !errors.Is(refused.Kind, tc.kind) {
			t.Errorf("%s: %+v", tc.name, refused)
		}
		if text := err.Error(); !strings.Contains(text, tc.kind.Error()) || !strings.Contains(text, hash.String()) {
			t.Errorf("%s: %q", tc.name, text)
		}
	}
}

// H07: the bits themselves: what is no target, and what is above the limit.
func TestTargets(t *testing.T) {
	for _, net := range btc.Networks() {
		genesis := net.Params().Genesis
		limit := net.Params().PowLimitBits
		for _, tc := range []struct {
			name string
			bits uint32
			want error
		}{
			{"zero", 0, headerchain.ErrTarget},
			{"zero mantissa", 0x1d000000, headerchain.ErrTarget},
			{"shifted to zero", 0x00ffff7f, headerchain.ErrTarget},
			{"negative", limit | 0x00800000, headerchain.ErrTarget},
			{"overflow", 0xff123456, headerchain.ErrTarget},
			{"257 bits", 0x2100ffff, headerchain.ErrTarget},
			{"one above the limit", limit + 1, headerchain.ErrTarget},
			{"limit", limit, headerchain.ErrHighHash},
			{"one below the limit", limit - 1, headerchain.ErrHighHash},
			{"the smallest", 0x01010000, headerchain.ErrHighHash},
		} {
			f := bits(child(&genesis, 0), tc.bits)
			header := f.Header()
			if !errors.Is(tc.want, headerchain.ErrTarget) { // with a hash that is above it
				header = spoil(f)
			}
			_, err := headerchain.New(net).Accept([]btc.Header{header}, farFuture)
			if !errors.Is(err, tc.want) {
				t.Errorf("%v, %s: %v", net, tc.name, err)
			}
		}
	}
}

// The hash may be the target itself.
func TestHashMayEqualTarget(t *testing.T) {
	var hash btc.Hash
	target := btc.Regtest.Params().PowLimit
	for i, word := range target.Uint256 {
		for j := range 8 {
			hash[8*i+j] = byte(word >> (8 * j))
		}
	}
	if !target.Meets(&hash) {
		t.Error("the target does not meet itself")
	}
	hash[0]++
	if target.Meets(&hash) {
		t.Error("one more meets it")
	}
}

func TestAcceptKeepsACopy(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	headers := branch(regtestGenesis(), 3, 0)
	want := slices.Clone(headers)
	mustAccept(t, c, headers...)
	clear(headers)
	for i := range want {
		if e, ok := c.Lookup(want[i].Hash()); !ok || e.Header != want[i] {
			t.Errorf("%d: %+v", i, e)
		}
	}
}

func TestChainFull(t *testing.T) {
	headers := branch(regtestGenesis(), 12, 0)
	for _, limit := range []int{12, 13, 14} { // genesis counts
		c := headerchain.New(btc.Regtest)
		c.SetMaxHeaders(limit)
		done, err := c.Accept(headers, farFuture)
		full := limit < 13
		if full != errors.Is(err, headerchain.ErrChainFull) || full != (err != nil) || done.New != min(12, limit-1) {
			t.Errorf("limit %d: %+v, %v", limit, done, err)
		}
		if done, err := c.Accept(headers[:11], farFuture); err != nil || done.Known != 11 {
			t.Errorf("limit %d: again: %+v, %v", limit, done, err)
		}
		mustHold(t, c)
	}
}

func TestAcceptAllocatesByGrowthOnly(t *testing.T) {
	headers := loadHeaders(t, "mainnet_0-10236.bin.gz")[1:]
	allocs := testing.AllocsPerRun(3, func() { mustAccept(t, headerchain.New(btc.Mainnet), headers...) })
	if perHeader := allocs / float64(len(headers)); perHeader > 0.01 && !raceDetector {
		t.Errorf("%.4f allocations a header", perHeader)
	}
	if headerchain.NodeSize > 144 {
		t.Errorf("a node has %d bytes", headerchain.NodeSize)
	}
}

func TestUnknownHashes(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	headers := branch(regtestGenesis(), 3, 0)
	mustAccept(t, c, headers...)
	known, unknown := headers[1].Hash(), btc.Hash{1, 2, 3}
	if _, err := c.Complete(unknown); !errors.Is(err, headerchain.ErrUnknown) {
		t.Errorf("Complete: %v", err)
	}
	if _, err := c.Park(unknown); !errors.Is(err, headerchain.ErrUnknown) {
		t.Errorf("Park: %v", err)
	}
	if _, err := c.Unpark(unknown); !errors.Is(err, headerchain.ErrUnknown) {
		t.Errorf("Unpark: %v", err)
	}
	if err := c.Rebase(unknown); !errors.Is(err, headerchain.ErrUnknown) {
		t.Errorf("Rebase: %v", err)
	}
	if _, ok := c.Lookup(unknown); ok {
		t.Error("Lookup")
	}
	if _, ok := c.Ancestor(unknown, 0); ok {
		t.Error("Ancestor")
	}
	for _, pair := range [][2]btc.Hash{{known, unknown}, {unknown, known}, {unknown, unknown}} {
		if _, ok := c.ForkPoint(pair[0], pair[1]); ok {
			t.Error("ForkPoint")
		}
		if _, _, ok := c.Path(pair[0], pair[1]); ok {
			t.Error("Path")
		}
	}
	for _, height := range []btc.Height{-1, 4} {
		if _, ok := c.AtHeight(height); ok {
			t.Errorf("AtHeight %d", height)
		}
	}
	mustHold(t, c)
}
