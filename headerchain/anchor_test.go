package headerchain_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

func anchorAt(net btc.Network, height btc.Height, compact uint32) (*headerchain.Chain, btc.Header) {
	genesis := net.Params().Genesis
	anchor := bits(child(&genesis, 0), compact).Header()
	return headerchain.NewAnchored(net, anchor, height), anchor
}

func TestAnchorIsCompleteAndTrusted(t *testing.T) {
	c, anchor := anchorAt(btc.Mainnet, 800_000, 0x1c0ffff0) // it has no proof of work
	want := headerchain.Entry{
		Hash: anchor.Hash(), Header: anchor, Height: 800_000, Complete: true,
		Work: btc.Work{Uint256: c.Base().Work.Uint256},
	}
	for name, got := range map[string]headerchain.Entry{"base": c.Base(), "best": c.Best(), "complete": c.BestComplete()} {
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if _, ok := c.AtHeight(799_999); ok {
		t.Error("a header below the anchor")
	}
	if got := c.Network(); got != btc.Mainnet {
		t.Errorf("network %v", got)
	}
	mustHold(t, c)
}

// Within a period the bits are known from the parent at once.
func TestAnchorWithinPeriod(t *testing.T) {
	for _, net := range []btc.Network{btc.Mainnet, btc.Signet} {
		c, anchor := anchorAt(net, 800_000, 0x1c0ffff0)
		f := child(&anchor, 0)
		judge(t, c, farFuture, []judged{
			{"other bits", bits(f, 0x1c0fffef), headerchain.ErrBits},
			{"the same bits", f, nil},
		})
	}
}

// On networks with the 20-minute rule, bits that are not the limit's tell what the
// walk back ends with; those of the limit do not.
func TestAnchorWithTwentyMinuteRule(t *testing.T) {
	const hard, harder, easy = 0x1c0ffff0, 0x1b0ffff0, 0x1d00ffff
	for _, net := range []btc.Network{btc.Testnet3, btc.Testnet4} {
		c, anchor := anchorAt(net, 80_000, hard)
		f := child(&anchor, 0)
		judge(t, c, farFuture, []judged{
			{"other bits", bits(f, harder), headerchain.ErrBits},
			{"late, hard", at(f, anchor.Time()+1201), headerchain.ErrBits},
			{"late, easy", at(bits(f, easy), anchor.Time()+1201), nil},
			{"the same bits", f, nil},
		})
		c, anchor = anchorAt(net, 80_000, easy)
		f = child(&anchor, 0)
		judge(t, c, farFuture, []judged{
			{"unknown, late, hard", at(bits(f, hard), anchor.Time()+1201), headerchain.ErrBits},
			{"unknown, on time, easy", f, nil},
			{"unknown, on time, harder", bits(f, harder), nil},
			{"unknown, on time, hard", bits(f, hard), nil},
		})
		// From the first that is not easy on, it is known again.
		known := bits(f, hard).Header()
		f = child(&known, 0)
		judge(t, c, farFuture, []judged{
			{"known, harder", bits(f, harder), headerchain.ErrBits},
			{"known, easy", bits(f, easy), headerchain.ErrBits},
			{"known, hard", f, nil},
		})
	}
}

// H06: without the first header of the period only the factor of 4 is known, and on
// networks with the 20-minute rule not even that.
func TestAnchorAtBoundary(t *testing.T) {
	const hard = 0x1b0ffff0
	for _, tc := range []struct {
		net    btc.Network
		strict bool
	}{{btc.Mainnet, true}, {btc.Signet, true}, {btc.Testnet3, false}, {btc.Testnet4, false}} {
		want := headerchain.ErrBits
		if !tc.strict {
			want = nil
		}
		c, anchor := anchorAt(tc.net, 397*btc.RetargetInterval-1, hard)
		f := child(&anchor, 0)
		judge(t, c, farFuture, []judged{
			{"the same", f, nil},
			{"four times easier", bits(f, 0x1b3fffc0), nil},
			{"more", bits(f, 0x1b3fffc1), want},
			{"four times harder", bits(f, 0x1b03fffc), nil},
			{"less", bits(f, 0x1b03fffb), want},
		})
		mustHold(t, c)
	}
	// One header more than a period below the boundary is enough for the rule.
	for _, tc := range []struct {
		below int
		want  error
	}{{btc.RetargetInterval - 1, nil}, {btc.RetargetInterval, headerchain.ErrBits}} {
		c, _ := anchorAt(btc.Mainnet, 397*btc.RetargetInterval-btc.Height(tc.below), hard)
		tip := extend(t, c, tc.below-1)
		f := child(&tip, 0)
		judge(t, c, farFuture, []judged{{"within the factor, not the retarget", bits(f, 0x1b100000), tc.want}})
	}
}

// The median needs 11 ancestors, fewer only near genesis.
func TestAnchorMedianTime(t *testing.T) {
	c, anchor := anchorAt(btc.Mainnet, 800_000, 0x1b0ffff0)
	tip := anchor
	for i := range btc.MedianTimeSpan + 1 {
		var want error
		if i+1 >= btc.MedianTimeSpan {
			want = headerchain.ErrTimeTooOld
		}
		f := child(&tip, byte(i))
		judge(t, c, farFuture, []judged{{"old", at(f, anchor.Time()-1), want}, {"next", f, nil}})
		tip = f.Header()
	}
}

// An anchor whose bits stand for no target says nothing about its children's.
func TestAnchorWithoutTarget(t *testing.T) {
	for _, compact := range []uint32{0, 0x1d800001, 0xff7fffff, 0x1e00ffff} {
		for _, height := range []btc.Height{800_000, 397*btc.RetargetInterval - 1} {
			c, anchor := anchorAt(btc.Mainnet, height, compact)
			// With the same bits the rules of the place are kept, but it is no
			// target, as Accept finds first.
			_, err := c.Accept([]btc.Header{child(&anchor, 0).Header()}, farFuture)
			if !errors.Is(err, headerchain.ErrTarget) {
				t.Errorf("bits %08x, height %d: %v", compact, height, err)
			}
			if startsPeriod := (height+1)%btc.RetargetInterval == 0; startsPeriod {
				judge(t, c, farFuture, []judged{{"any bits", bits(child(&anchor, 0), 0x1c0ffff0), nil}})
			}
		}
	}
}

func TestAnchorHeights(t *testing.T) {
	genesis := regtestGenesis()
	c := headerchain.NewAnchored(btc.Regtest, genesis, math.MaxInt32-1)
	headers := branch(genesis, 2, 0)
	done, err := c.Accept(headers, time.Unix(1<<33, 0))
	if !errors.Is(err, headerchain.ErrChainFull) || done.New != 1 {
		t.Errorf("beyond the last height: %+v, %v", done, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an anchor at a negative height")
		}
	}()
	headerchain.NewAnchored(btc.Regtest, genesis, -1)
}
