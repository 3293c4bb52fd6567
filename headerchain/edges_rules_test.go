package headerchain_test

import (
	"fmt"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Places in Bitcoin Core v30.0.
const (
	inContext      = "ContextualCheckBlockHeader, src/validation.cpp"
	inPow          = "GetNextWorkRequired and CalculateNextWorkRequired, src/pow.cpp"
	inDeriveTarget = "DeriveTarget, src/pow.cpp, by CheckBlockHeader, src/validation.cpp"
)

// pick returns the value of delta.
func pick[T any](delta int, below, at, above T) T { return [...]T{below, at, above}[delta+1] }

// accepted gives a batch to c and returns the error.
func accepted(c *headerchain.Chain, headers ...btc.Header) error {
	_, err := c.Accept(headers, farFuture)
	return err
}

func linkEdges() []edge {
	line := branch(regtestGenesis(), 8, 7)
	return []edge{
		{
			rule: "link: the parent of the first header is held", kind: headerchain.ErrUnlinked, bad: []int{1},
			source: "AcceptBlockHeader, src/validation.cpp: prev-blk-not-found",
			judge: func(t *testing.T, delta int) error {
				t.Helper()
				c := headerchain.New(btc.Regtest)
				mustAccept(t, c, line[:4]...)
				return accepted(c, line[4+delta])
			},
		},
		{
			rule: "link: each is the child of the one before", kind: headerchain.ErrDiscontinuous, bad: []int{-1, 1},
			source: "CheckHeadersAreContinuous, src/net_processing.cpp",
			judge: func(_ *testing.T, delta int) error {
				return accepted(headerchain.New(btc.Regtest), line[0], line[1], line[2+delta])
			},
		},
	}
}

func targetEdges() []edge {
	var all []edge
	for _, net := range btc.Networks() {
		params := net.Params()
		onGenesis := func(compact uint32) error {
			f := bits(child(&params.Genesis, 0), compact)
			header := f.Header()
			if target, err := btc.TargetFromCompact(compact); err == nil && target.Cmp(params.PowLimit.Uint256) <= 0 {
				header = spoil(f)
			}
			return accepted(headerchain.New(net), header)
		}
		row := func(rule string, bad []int, below, at, above uint32) {
			all = append(all, edge{
				rule: net.String() + ": target: " + rule, kind: headerchain.ErrTarget, bad: bad, fine: headerchain.ErrHighHash,
				source: inDeriveTarget, judge: func(_ *testing.T, delta int) error { return onGenesis(pick(delta, below, at, above)) },
			})
		}
		limit := params.PowLimitBits
		if net == btc.Regtest { // its limit is the largest mantissa there is
			row("above the limit", []int{1}, 0x207ffffe, 0x207fffff, 0x21008000)
		} else {
			row("above the limit", []int{1}, limit-1, limit, limit+1)
		}
		row("negative", []int{0, 1}, 0x1b7fffff, 0x1b800000, 0x1b800001)
		row("zero", []int{-1, 0}, 0x1bffffff, 0x1b000000, 0x1b000001)
		row("zero after the shift", []int{-1}, 0x0100ffff, 0x01010000, 0x01010001)
		row("overflow by the size", []int{-1, 0, 1}, 0x2200ffff, 0x22010000, 0xff000001)
		for _, again := range []bool{false, true} {
			all = append(all, edge{
				rule: fmt.Sprintf("%v: proof of work: the hash is at most the target, bits known %t", net, again), kind: headerchain.ErrHighHash,
				source: "CheckProofOfWorkImpl, src/pow.cpp", bad: []int{1},
				judge: func(_ *testing.T, delta int) error {
					return headerchain.CheckProofOfWork(params, hashBeside(params.PowLimit, delta), limit, again)
				},
			})
		}
	}
	return all
}

// hashBeside returns the hash that is target plus delta as a number.
func hashBeside(target btc.Target, delta int) btc.Hash {
	words := target.Uint256
	for i := range words {
		before := words[i]
		words[i] += uint64(int64(delta))
		if delta == 0 || delta > 0 && words[i] > before || delta < 0 && words[i] < before {
			break // nothing to carry
		}
	}
	var hash btc.Hash
	for i, word := range words {
		for j := range 8 {
			hash[8*i+j] = byte(word >> (8 * j))
		}
	}
	return hash
}

// span makes an anchored chain of one whole period whose last header is seconds
// after its first, and returns the last.
func span(t *testing.T, net btc.Network, compact uint32, seconds int64) (*headerchain.Chain, btc.Header) {
	t.Helper()
	genesis := net.Params().Genesis
	anchor := bits(child(&genesis, 0), compact).Header()
	c := headerchain.NewAnchored(net, anchor, 4*btc.RetargetInterval)
	tip := anchor
	for i := int64(1); i < btc.RetargetInterval; i++ {
		tip = at(child(&tip, 0), anchor.Time()+uint32(seconds*i/(btc.RetargetInterval-1))).Header()
		if err := c.AcceptUnproven(tip, farFuture); err != nil {
			t.Fatalf("header %d: %v", i, err)
		}
	}
	return c, tip
}

func retargetEdges() []edge {
	var all []edge
	add := func(net btc.Network, rule string, bad []int, judge func(t *testing.T, delta int) error) {
		all = append(all, edge{rule: net.String() + ": retarget: " + rule, kind: headerchain.ErrBits, source: inPow, bad: bad, judge: judge})
	}
	const fortnight, from, quarter, limit = btc.RetargetTimespan, 0x1b7ffff8, 0x1b1ffffe, 0x1d00ffff
	for _, net := range []btc.Network{btc.Mainnet, btc.Testnet3, btc.Testnet4, btc.Signet} {
		add(net, "the bits of a fortnight", []int{-1, 1}, func(t *testing.T, delta int) error {
			t.Helper()
			c, tip := span(t, net, from, fortnight)
			return c.AcceptUnproven(bits(child(&tip, 1), uint32(from+delta)).Header(), farFuture)
		})
		add(net, "a quarter at least", []int{1}, func(t *testing.T, delta int) error {
			t.Helper()
			c, tip := span(t, net, from, fortnight/4+int64(delta))
			return c.AcceptUnproven(bits(child(&tip, 1), quarter).Header(), farFuture)
		})
		add(net, "the first block of a period", []int{-1, 1}, func(t *testing.T, delta int) error {
			t.Helper()
			return changedAt(t, net, delta)
		})
	}
	for _, net := range []btc.Network{btc.Mainnet, btc.Signet} { // elsewhere blocks so late have the limit's bits
		add(net, "four times at most", []int{-1}, func(t *testing.T, delta int) error {
			t.Helper()
			c, tip := span(t, net, quarter, 4*fortnight+int64(delta))
			return c.AcceptUnproven(bits(child(&tip, 1), from).Header(), farFuture)
		})
	}
	add(btc.Mainnet, "not above the limit", []int{-1, 1}, func(t *testing.T, delta int) error {
		t.Helper()
		c, tip := span(t, btc.Mainnet, 0x1c7fffff, 4*fortnight)
		return c.AcceptUnproven(bits(child(&tip, 1), uint32(limit+delta)).Header(), farFuture)
	})
	add(btc.Mainnet, "no other form of the same number", []int{0}, func(t *testing.T, delta int) error {
		t.Helper()
		c, anchor := anchorAt(btc.Mainnet, 100, 0x1c0fff00)
		return c.AcceptUnproven(bits(child(&anchor, 0), pick[uint32](delta, 0x1c0fff00, 0x1d000fff, 0x1c0fff00)).Header(), farFuture)
	})
	add(btc.Regtest, "never", []int{-1, 1}, func(t *testing.T, delta int) error {
		t.Helper()
		c := headerchain.New(btc.Regtest)
		tip := extend(t, c, btc.RetargetInterval-1)
		return c.AcceptUnproven(bits(child(&tip, 1), pick[uint32](delta, 0x207ffffe, 0x207fffff, 0x21007fff)).Header(), farFuture)
	})
	all = append(all, edge{
		rule: "testnet4: retarget: from the first block's bits", kind: headerchain.ErrBits, bad: []int{-1, 1},
		source: "BIP-0094; CalculateNextWorkRequired, src/pow.cpp",
		judge: func(t *testing.T, delta int) error {
			t.Helper()
			c, tip := period(t, btc.Testnet4, from, 9) // the last nine have the limit's bits
			first, _ := c.AtHeight(4 * btc.RetargetInterval)
			want := slowRetarget(btc.Testnet4.Params(), from, int64(tip.Time())-int64(first.Header.Time()))
			return c.AcceptUnproven(bits(child(&tip, 1), uint32(int(want)+delta)).Header(), farFuture)
		},
	})
	return all
}

// changedAt gives new bits to the header at the boundary plus delta: those of a
// period of half a fortnight, after which the boundary has them and the header
// after it, too, so that there the old ones are given.
func changedAt(t *testing.T, net btc.Network, delta int) error {
	t.Helper()
	const old, halved = 0x1b7ffff8, 0x1b3ffffc
	c, tip := span(t, net, old, btc.RetargetTimespan/2)
	f := bits(child(&tip, 1), halved)
	switch delta {
	case -1:
		parent, _ := c.Ancestor(tip.Hash(), 5*btc.RetargetInterval-2)
		f = bits(child(&parent.Header, 1), halved)
	case 1:
		boundary := f.Header()
		if err := c.AcceptUnproven(boundary, farFuture); err != nil {
			t.Fatal(err)
		}
		f = bits(child(&boundary, 1), old)
	}
	return c.AcceptUnproven(f.Header(), farFuture)
}

// easyEdges are the rows of the 20-minute rule.
func easyEdges() []edge {
	const hard, easy = 0x1b7ffff8, 0x1d00ffff
	var all []edge
	for _, net := range []btc.Network{btc.Mainnet, btc.Testnet3, btc.Testnet4, btc.Signet} {
		params := net.Params()
		onAnchor := func(t *testing.T, compact uint32, delta int) error {
			t.Helper()
			c, anchor := anchorAt(net, 80_000, hard)
			return c.AcceptUnproven(at(bits(child(&anchor, 0), compact), anchor.Time()+uint32(2*btc.BlockSpacing+delta)).Header(), farFuture)
		}
		easyBad, hardBad, boundaryBad := []int{-1, 0}, []int{1}, []int{0}
		if !params.MinDifficultyBlocks {
			easyBad, hardBad, boundaryBad = []int{-1, 0, 1}, nil, []int{-1, 0, 1}
		}
		for _, e := range []edge{
			{rule: "the limit's bits after 20 minutes", bad: easyBad, judge: func(t *testing.T, delta int) error {
				t.Helper()
				return onAnchor(t, params.PowLimitBits, delta)
			}},
			{rule: "the parent's bits up to 20 minutes", bad: hardBad, judge: func(t *testing.T, delta int) error {
				t.Helper()
				return onAnchor(t, hard, delta)
			}},
			{rule: "not at the boundary", bad: boundaryBad, judge: func(t *testing.T, delta int) error {
				t.Helper()
				return easyAtBoundary(t, net, delta)
			}},
		} {
			e.rule, e.kind, e.source = net.String()+": 20 minutes: "+e.rule, headerchain.ErrBits, inPow
			all = append(all, e)
		}
	}
	for _, net := range []btc.Network{btc.Testnet3, btc.Testnet4} {
		all = append(all, edge{
			rule: net.String() + ": 20 minutes: the walk back ends at the first of the period", kind: headerchain.ErrBits, source: inPow, bad: []int{-1},
			judge: func(t *testing.T, delta int) error {
				t.Helper()
				// The last header with hard bits is the one below the period, the
				// first of it, or the second; easy ones follow.
				c, tip := anchorAt(net, 4*btc.RetargetInterval-1, hard)
				for i := range 4 {
					f := bits(child(&tip, 0), hard)
					if i > delta {
						f = at(bits(f, easy), tip.Time()+2*btc.BlockSpacing+1)
					}
					tip = f.Header()
					if err := c.AcceptUnproven(tip, farFuture); err != nil {
						t.Fatal(err)
					}
				}
				return c.AcceptUnproven(bits(child(&tip, 1), hard).Header(), farFuture)
			},
		})
	}
	return all
}

// easyAtBoundary gives a late header with the limit's bits at the boundary plus
// delta, after a period that lasted a fortnight.
func easyAtBoundary(t *testing.T, net btc.Network, delta int) error {
	t.Helper()
	c, parent := span(t, net, 0x1b7ffff8, btc.RetargetTimespan)
	switch delta {
	case -1:
		below, _ := c.Ancestor(parent.Hash(), 5*btc.RetargetInterval-2)
		parent = below.Header
	case 1:
		parent = child(&parent, 0).Header()
		if err := c.AcceptUnproven(parent, farFuture); err != nil {
			t.Fatal(err)
		}
	}
	f := bits(child(&parent, 1), net.Params().PowLimitBits)
	return c.AcceptUnproven(at(f, parent.Time()+2*btc.BlockSpacing+1).Header(), farFuture)
}

func timeEdges() []edge {
	var all []edge
	for _, net := range btc.Networks() {
		params := net.Params()
		warpAt := func(t *testing.T, height btc.Height, seconds int) error {
			t.Helper()
			c := headerchain.NewAnchored(net, params.Genesis, height-13)
			tip := extend(t, c, 12)
			return c.AcceptUnproven(at(child(&tip, 0), tip.Time()-uint32(seconds)).Header(), farFuture)
		}
		var warpBad, placeBad []int
		if params.EnforceBIP94 {
			warpBad, placeBad = []int{-1}, []int{0}
		}
		for _, e := range []edge{
			{
				rule: "median of 11: after it", kind: headerchain.ErrTimeTooOld, source: "BIP-0113; " + inContext, bad: []int{-1, 0},
				judge: func(t *testing.T, delta int) error {
					t.Helper()
					c := headerchain.New(net)
					tip := extend(t, c, 12)
					return c.AcceptUnproven(at(child(&tip, 0), uint32(int(c.MedianTime(tip.Hash()))+delta)).Header(), farFuture)
				},
			},
			{
				rule: "timewarp: 600 s before its parent at most", kind: headerchain.ErrTimewarp, source: "BIP-0094; " + inContext, bad: warpBad,
				judge: func(t *testing.T, delta int) error {
					t.Helper()
					return warpAt(t, 2*btc.RetargetInterval, 600-delta)
				},
			},
			{
				rule: "timewarp: the first of a period", kind: headerchain.ErrTimewarp, source: "BIP-0094; " + inContext, bad: placeBad,
				judge: func(t *testing.T, delta int) error {
					t.Helper()
					return warpAt(t, 2*btc.RetargetInterval+btc.Height(delta), 601)
				},
			},
			{
				rule: "future: two hours at most", kind: headerchain.ErrTimeTooNew, source: inContext, bad: []int{1},
				judge: func(_ *testing.T, delta int) error {
					f := child(&params.Genesis, 0)
					now := time.Unix(int64(f.Time), 0)
					return headerchain.New(net).AcceptUnproven(at(f, f.Time+uint32(2*60*60+delta)).Header(), now)
				},
			},
		} {
			e.rule = net.String() + ": " + e.rule
			all = append(all, e)
		}
	}
	return all
}

func versionEdges() []edge {
	var all []edge
	for _, row := range []struct {
		net   btc.Network
		from  btc.Height
		least int32
		bip   string
	}{
		{btc.Mainnet, 227931, 2, "BIP-0034"},
		{btc.Mainnet, 363725, 3, "BIP-0066"},
		{btc.Mainnet, 388381, 4, "BIP-0065"},
		{btc.Testnet3, 21111, 2, "BIP-0034"},
		{btc.Testnet3, 330776, 3, "BIP-0066"},
		{btc.Testnet3, 581885, 4, "BIP-0065"},
		{btc.Testnet4, 1, 4, "BIP-0065"},
		{btc.Signet, 1, 4, "BIP-0065"},
		{btc.Regtest, 1, 4, "BIP-0065"},
	} {
		judge := func(height btc.Height, version int32) error {
			anchor := row.net.Params().Genesis
			f := with(child(&anchor, 0), func(f *btc.HeaderFields) { f.Version = version })
			return headerchain.NewAnchored(row.net, anchor, height-1).AcceptUnproven(f.Header(), farFuture)
		}
		name := row.net.String() + ": version: " + row.bip
		source := row.bip + "; " + inContext + ", heights of src/kernel/chainparams.cpp"
		all = append(all, edge{
			rule: name + ", the version", kind: headerchain.ErrVersion, source: source, bad: []int{-1},
			judge: func(_ *testing.T, delta int) error { return judge(row.from, row.least+int32(delta)) },
		})
		if row.from > 1 {
			all = append(all, edge{
				rule: name + ", the height", kind: headerchain.ErrVersion, source: source, bad: []int{0, 1},
				judge: func(_ *testing.T, delta int) error { return judge(row.from+btc.Height(delta), row.least-1) },
			})
		}
	}
	return all
}

// limitEdges are the rows of what is no rule but a limit or a mistake of ours.
func limitEdges() []edge {
	const ours = "our own limit: limits.go"
	line := branch(regtestGenesis(), 8, 7)
	return []edge{
		{
			rule: "headers in all", kind: headerchain.ErrChainFull, source: ours, bad: []int{1},
			judge: func(_ *testing.T, delta int) error {
				c := headerchain.New(btc.Regtest)
				c.SetMaxHeaders(1 + 5)
				return accepted(c, line[:5+delta]...)
			},
		},
		{
			rule: "headers off the best chain", kind: headerchain.ErrSideFull, source: ours, bad: []int{1},
			judge: func(t *testing.T, delta int) error {
				t.Helper()
				c, _ := withSides(t, 40, 5)
				return accepted(c, line[:5+delta]...)
			},
		},
		{
			rule: "a header that is not held", kind: headerchain.ErrUnknown, source: "errors.go", bad: []int{1},
			judge: func(t *testing.T, delta int) error {
				t.Helper()
				c := headerchain.New(btc.Regtest)
				mustAccept(t, c, line[:5]...)
				_, err := c.Complete(line[4+delta].Hash())
				return err
			},
		},
		{
			rule: "the first header is not parked", kind: headerchain.ErrBase, source: "errors.go", bad: []int{-1},
			judge: func(t *testing.T, delta int) error {
				t.Helper()
				c := headerchain.New(btc.Regtest)
				mustAccept(t, c, line...)
				e, _ := c.AtHeight(btc.Height(1 + delta))
				_, err := c.Park(e.Hash)
				return err
			},
		},
	}
}
