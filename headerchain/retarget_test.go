package headerchain_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/blockchain"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// H05: the clamps, both ways, each with its neighbours.
func TestRetargetClamps(t *testing.T) {
	const fortnight = btc.RetargetTimespan
	for _, tc := range []struct {
		name string
		net  btc.Network
		from uint32
		span int64
		want uint32
	}{
		// Mainnet block 32256, the first change: from the real times.
		{"first change", btc.Mainnet, 0x1d00ffff, 1262152739 - 1261130161, 0x1d00d86a},
		{"exactly a fortnight", btc.Mainnet, 0x1c0ffff0, fortnight, 0x1c0ffff0},
		{"a quarter", btc.Mainnet, 0x1c0ffff0, fortnight / 4, 0x1c03fffc},
		{"a second below a quarter", btc.Mainnet, 0x1c0ffff0, fortnight/4 - 1, 0x1c03fffc},
		{"two seconds above a quarter", btc.Mainnet, 0x1c0ffff0, fortnight/4 + 2, 0x1c03fffd},
		{"zero", btc.Mainnet, 0x1c0ffff0, 0, 0x1c03fffc},
		{"backwards", btc.Mainnet, 0x1c0ffff0, -1 << 32, 0x1c03fffc},
		{"four times", btc.Mainnet, 0x1b0ffff0, 4 * fortnight, 0x1b3fffc0},
		{"a second above four times", btc.Mainnet, 0x1b0ffff0, 4*fortnight + 1, 0x1b3fffc0},
		{"a second below four times", btc.Mainnet, 0x1b0ffff0, 4*fortnight - 1, 0x1b3fffbf},
		{"as long as time is", btc.Mainnet, 0x1b0ffff0, 1 << 32, 0x1b3fffc0},
		{"limit stays", btc.Mainnet, 0x1d00ffff, 4 * fortnight, 0x1d00ffff},
		{"to the limit", btc.Mainnet, 0x1c7fffff, 4 * fortnight, 0x1d00ffff},
		{"signet's limit stays", btc.Signet, 0x1e0377ae, 4 * fortnight, 0x1e0377ae},
		{"signet's limit, a second more", btc.Signet, 0x1e0377ae, fortnight + 1, 0x1e0377ae},
		{"smallest target", btc.Mainnet, 0x01010000, fortnight, 0x01010000},
	} {
		got, ok := headerchain.Retarget(tc.net.Params(), tc.from, tc.span)
		if !ok || got != tc.want {
			t.Errorf("%s: %08x, want %08x", tc.name, got, tc.want)
		}
		if big := slowRetarget(tc.net.Params(), tc.from, tc.span); big != tc.want {
			t.Errorf("%s: the oracle says %08x, want %08x", tc.name, big, tc.want)
		}
	}
	for _, from := range []uint32{0, 0x1d800001, 0xff7fffff, 0x207fffff} {
		if got, ok := headerchain.Retarget(btc.Mainnet.Params(), from, fortnight); ok {
			t.Errorf("from %08x: %08x, want none", from, got)
		}
	}
}

// slowRetarget is Core's formula in big numbers.
func slowRetarget(params *btc.Params, from uint32, span int64) uint32 {
	span = max(btc.RetargetTimespan/4, min(btc.RetargetTimespan*4, span))
	target := new(big.Int).Mul(blockchain.CompactToBig(from), big.NewInt(span))
	target.Div(target, big.NewInt(btc.RetargetTimespan))
	if limit := toBig(params.PowLimit.Uint256); target.Cmp(limit) > 0 {
		target = limit
	}
	return blockchain.BigToCompact(target)
}

// period makes an anchored chain that ends with the last header of a whole period:
// count of them have easy bits at the end, the rest hard ones. It returns the tip.
func period(t *testing.T, net btc.Network, hard uint32, easyTail int) (*headerchain.Chain, btc.Header) {
	t.Helper()
	genesis := net.Params().Genesis
	anchor := bits(child(&genesis, 0), hard).Header()
	c := headerchain.NewAnchored(net, anchor, 4*btc.RetargetInterval)
	tip := anchor
	for i := 1; i < btc.RetargetInterval; i++ {
		f := bits(child(&tip, byte(i)), hard)
		if i >= btc.RetargetInterval-easyTail {
			f.Bits = net.Params().PowLimitBits
			f.Time = tip.Time() + 1201
		}
		tip = f.Header()
		if err := c.AcceptUnproven(tip, farFuture); err != nil {
			t.Fatalf("header %d: %v", i, err)
		}
	}
	return c, tip
}

// H05: the bits from which a change starts.
func TestRetargetBase(t *testing.T) {
	const hard = 0x1c0ffff0
	for _, tc := range []struct {
		net  btc.Network
		easy int
		from uint32 // the bits from which the change starts
	}{
		{btc.Mainnet, 0, hard},
		{btc.Signet, 0, hard},
		{btc.Testnet3, 0, hard},
		{btc.Testnet4, 0, hard},
		{btc.Testnet3, 1, 0x1d00ffff}, // an easy last block resets the difficulty,
		{btc.Testnet4, 1, hard},       // but not where BIP94 holds.
		{btc.Testnet3, 9, 0x1d00ffff},
		{btc.Testnet4, 9, hard},
	} {
		c, tip := period(t, tc.net, hard, tc.easy)
		first, _ := c.AtHeight(4 * btc.RetargetInterval)
		want := slowRetarget(tc.net.Params(), tc.from, int64(tip.Time())-int64(first.Header.Time()))
		f := child(&tip, 1)
		judge(t, c, farFuture, []judged{
			{tc.net.String() + " one less", bits(f, want-1), headerchain.ErrBits},
			{tc.net.String() + " one more", bits(f, want+1), headerchain.ErrBits},
			{tc.net.String() + " right", bits(f, want), nil},
			// The 20-minute rule does not reach the boundary.
			{tc.net.String() + " late", at(bits(f, want), tip.Time()+1201), nil},
		})
		if want != tc.net.Params().PowLimitBits {
			judge(t, c, farFuture, []judged{
				{tc.net.String() + " late, easy", at(bits(f, tc.net.Params().PowLimitBits), tip.Time()+1201), headerchain.ErrBits},
			})
		}
		mustHold(t, c)
	}
}

func TestTwentyMinuteRule(t *testing.T) {
	const hard, easy = 0x1c0ffff0, 0x1d00ffff
	for _, net := range []btc.Network{btc.Testnet3, btc.Testnet4} {
		for _, tail := range []int{0, 1, 2, 11, 700} {
			// Away from the boundary: leave out the last of the period.
			c, end := period(t, net, hard, tail+1)
			last, _ := c.Ancestor(end.Hash(), 5*btc.RetargetInterval-2)
			tip := last.Header
			f := child(&tip, 7)
			judge(t, c, farFuture, []judged{
				{"on time, hard", at(bits(f, hard), tip.Time()+600), nil},
				{"on time, easy", at(bits(f, easy), tip.Time()+600), headerchain.ErrBits},
				{"20 minutes, hard", at(bits(f, hard), tip.Time()+1200), nil},
				{"20 minutes, easy", at(bits(f, easy), tip.Time()+1200), headerchain.ErrBits},
				{"a second more, hard", at(bits(f, hard), tip.Time()+1201), headerchain.ErrBits},
				{"a second more, easy", at(bits(f, easy), tip.Time()+1201), nil},
			})
		}
	}
	for _, net := range []btc.Network{btc.Mainnet, btc.Signet} {
		c, end := period(t, net, hard, 0)
		last, _ := c.Ancestor(end.Hash(), 5*btc.RetargetInterval-2)
		f := child(&last.Header, 7)
		judge(t, c, farFuture, []judged{
			{"late, easy", at(bits(f, net.Params().PowLimitBits), last.Header.Time()+1201), headerchain.ErrBits},
			{"late, hard", at(bits(f, hard), last.Header.Time()+1201), nil},
		})
	}
}

// H06: the walk back ends at the first header of the period, even if that one is easy.
func TestWalkBackEndsAtThePeriod(t *testing.T) {
	const hard, easy = 0x1c0ffff0, 0x1d00ffff
	genesis := btc.Testnet3.Params().Genesis
	// A hard anchor just below the boundary, an easy first header: the step from
	// the anchor is not checked on a network with the 20-minute rule.
	anchor := bits(child(&genesis, 0), hard).Header()
	c := headerchain.NewAnchored(btc.Testnet3, anchor, 4*btc.RetargetInterval-1)
	first := bits(child(&anchor, 0), easy).Header()
	if err := c.AcceptUnproven(first, farFuture); err != nil {
		t.Fatal(err)
	}
	f := child(&first, 1)
	judge(t, c, farFuture, []judged{
		{"on time, easy", bits(f, easy), nil},
		{"on time, hard", bits(f, hard), headerchain.ErrBits},
	})
}

// H06: the walk back costs no header of a batch a step: with the bits and times of all
// nodes made wrong, each verdict of a batch stays right, since the rules look at
// what the batch carries along. Only the first header of a batch walks, and not
// further than the period.
func TestWalkBackIsBounded(t *testing.T) {
	const hard, easy = 0x1c0ffff0, 0x1d00ffff
	for _, net := range []btc.Network{btc.Testnet3, btc.Testnet4} {
		for _, tail := range []int{0, 1, 300} { // easy headers before the batch
			c, anchor := anchorAt(net, 4*btc.RetargetInterval, hard)
			tip := anchor
			for range tail {
				tip = at(bits(child(&tip, 0), easy), tip.Time()+1201).Header()
				if err := c.AcceptUnproven(tip, farFuture); err != nil {
					t.Fatal(err)
				}
			}
			var headers []btc.Header
			last := tip
			for i := range 1000 {
				f := at(bits(child(&last, 1), easy), last.Time()+1201)
				if i%300 == 299 { // what a walk would end with
					f = bits(child(&last, 1), hard)
				}
				last = f.Header()
				headers = append(headers, last)
			}
			wrong := append(headers, bits(child(&headers[999], 2), easy).Header())
			if valid, err := c.AcceptBatchUnproven(wrong, farFuture, true); valid != 1000 || !errors.Is(err, headerchain.ErrBits) {
				t.Errorf("%v, %d before: an easy header on time: %d valid, %v", net, tail, valid, err)
			}
			mustHold(t, c)
		}
	}
}

// However long a period of easy headers is, what stands below it is not looked at:
// all of it is wrong here, the header just below the period too.
func TestWalkBackOfOneHeader(t *testing.T) {
	const hard, easy = 0x1c0ffff0, 0x1d00ffff
	for _, below := range []uint32{hard, 0x1b0ffff0, easy} {
		c, tip := anchorAt(btc.Testnet3, 4*btc.RetargetInterval-1, below)
		for range btc.RetargetInterval - 1 {
			tip = at(bits(child(&tip, 0), easy), tip.Time()+1201).Header()
			if err := c.AcceptUnproven(tip, farFuture); err != nil {
				t.Fatal(err)
			}
		}
		f := child(&tip, 1)
		judge(t, c, farFuture, []judged{
			{"the bits from below", bits(f, hard), headerchain.ErrBits},
			{"those of the period's first", bits(f, easy), nil},
		})
	}
}
