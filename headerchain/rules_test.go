package headerchain_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// extend puts count headers on the best header, ten minutes apart, and returns the
// last.
func extend(t *testing.T, c *headerchain.Chain, count int) btc.Header {
	t.Helper()
	tip := c.Best().Header
	for i := range count {
		tip = child(&tip, byte(i)).Header()
		if err := c.AcceptUnproven(tip, farFuture); err != nil {
			t.Fatalf("header %d: %v", i, err)
		}
	}
	return tip
}

// judged is what AcceptUnproven says of a header: its kind.
type judged struct {
	name   string
	fields btc.HeaderFields
	want   error
}

// judge asks for the verdict on each header, all children of the same tip.
func judge(t *testing.T, c *headerchain.Chain, now time.Time, cases []judged) {
	t.Helper()
	for _, tc := range cases {
		if err := c.AcceptUnproven(tc.fields.Header(), now); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

// with returns fields with one change.
func with(f btc.HeaderFields, change func(*btc.HeaderFields)) btc.HeaderFields {
	change(&f)
	return f
}

func at(f btc.HeaderFields, time uint32) btc.HeaderFields {
	return with(f, func(f *btc.HeaderFields) { f.Time = time })
}

func bits(f btc.HeaderFields, bits uint32) btc.HeaderFields {
	return with(f, func(f *btc.HeaderFields) { f.Bits = bits })
}

func TestVersionFloors(t *testing.T) {
	for _, tc := range []struct {
		net    btc.Network
		height btc.Height
		least  int32 // the floor from height on
		below  int32 // and below it
	}{
		{btc.Mainnet, 227931, 2, math.MinInt32},
		{btc.Mainnet, 363725, 3, 2},
		{btc.Mainnet, 388381, 4, 3},
		{btc.Testnet3, 21111, 2, math.MinInt32},
		{btc.Testnet3, 330776, 3, 2},
		{btc.Testnet3, 581885, 4, 3},
		{btc.Testnet4, 1, 4, math.MinInt32},
		{btc.Signet, 1, 4, math.MinInt32},
		{btc.Regtest, 1, 4, math.MinInt32},
	} {
		for _, place := range []struct {
			height btc.Height
			least  int32
		}{{tc.height - 1, tc.below}, {tc.height, tc.least}, {tc.height + 1, tc.least}} {
			if place.height < 1 {
				continue
			}
			genesis := tc.net.Params().Genesis
			c := headerchain.NewAnchored(tc.net, genesis, place.height-1)
			for _, version := range []int32{math.MinInt32, -1, 0, 1, 2, 3, 4, 5, 0x20000000, math.MaxInt32} {
				var want error
				if version < place.least {
					want = headerchain.ErrVersion
				}
				f := with(child(&genesis, byte(version)), func(f *btc.HeaderFields) { f.Version = version })
				if err := c.AcceptUnproven(f.Header(), farFuture); !errors.Is(err, want) || (err == nil) != (want == nil) {
					t.Errorf("%v height %d version %d: %v, want %v", tc.net, place.height, version, err, want)
				}
			}
		}
	}
}

func TestMedianTime(t *testing.T) {
	for _, net := range btc.Networks() {
		c := headerchain.New(net)
		tip := net.Params().Genesis
		times := []uint32{tip.Time()}
		for i := range 14 {
			// The median of n times is the one at n/2 of the sorted; these rise.
			from := max(0, len(times)-btc.MedianTimeSpan)
			median := times[from+(len(times)-from)/2]
			if got := c.MedianTime(tip.Hash()); got != median {
				t.Fatalf("%v: median after %d is %d, want %d", net, i, got, median)
			}
			f := child(&tip, byte(i))
			judge(t, c, farFuture, []judged{
				{"before the median", at(f, median-1), headerchain.ErrTimeTooOld},
				{"the median", at(f, median), headerchain.ErrTimeTooOld},
				{"zero", at(f, 0), headerchain.ErrTimeTooOld},
				{"after the median", at(f, median+1), nil},
			})
			tip = f.Header()
			if err := c.AcceptUnproven(tip, farFuture); err != nil {
				t.Fatal(err)
			}
			times = append(times, tip.Time())
		}
	}
	if got := headerchain.New(btc.Mainnet).MedianTime(btc.Hash{1}); got != 0 {
		t.Errorf("median of an unknown header: %d", got)
	}
}

// The times need not rise: the median sorts them.
func TestMedianTimeSorts(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	tip := regtestGenesis()
	start := tip.Time()
	for i, delta := range []uint32{10, 30, 20, 60, 25, 70, 40, 35, 90, 38, 50} {
		f := at(child(&tip, byte(i)), start+delta)
		tip = f.Header()
		if err := c.AcceptUnproven(tip, farFuture); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	// 10 20 25 30 35 [38] 40 50 60 70 90
	if got := c.MedianTime(tip.Hash()); got != start+38 {
		t.Errorf("median %d, want %d", got-start, 38)
	}
	f := child(&tip, 0)
	judge(t, c, farFuture, []judged{
		{"the median", at(f, start+38), headerchain.ErrTimeTooOld},
		{"after it", at(f, start+39), nil},
	})
}

func TestFutureTime(t *testing.T) {
	for _, net := range btc.Networks() {
		genesis := net.Params().Genesis
		f := child(&genesis, 0)
		now := time.Unix(int64(f.Time), 0)
		limit := f.Time + btc.MaxFutureBlockTime
		for _, tc := range []struct {
			name string
			now  time.Time
			time uint32
			want error
		}{
			{"two hours", now, limit, nil},
			{"a second more", now, limit + 1, headerchain.ErrTimeTooNew},
			{"two hours, clock within the second", now.Add(time.Second - 1), limit, nil},
			{"a second more, clock within the second", now.Add(time.Second - 1), limit + 1, headerchain.ErrTimeTooNew},
			{"a second more, a second later", now.Add(time.Second), limit + 1, nil},
			{"the last time there is", now, math.MaxUint32, headerchain.ErrTimeTooNew},
			{"clock before 1970", time.Unix(-1<<40, 0), f.Time, headerchain.ErrTimeTooNew},
			{"clock in other zone", now.In(time.FixedZone("east", 50_000)), limit + 1, headerchain.ErrTimeTooNew},
		} {
			// On networks with the 20-minute rule these are so late that the limit's
			// bits, genesis' own, are right.
			c := headerchain.New(net)
			judge(t, c, tc.now, []judged{{net.String() + " " + tc.name, at(f, tc.time), tc.want}})
		}
	}
}

// H04: a header that came too early is not remembered: it is accepted when its time has
// come.
func TestFutureTimeIsTemporary(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	genesis := regtestGenesis()
	header := mine(child(&genesis, 0))
	now := time.Unix(int64(header.Time())-btc.MaxFutureBlockTime-1, 0)
	for range 3 {
		if _, err := c.Accept([]btc.Header{header}, now); !errors.Is(err, headerchain.ErrTimeTooNew) {
			t.Fatal(err)
		}
	}
	if done, err := c.Accept([]btc.Header{header}, now.Add(time.Second)); err != nil || done.New != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
}

// H05: the first header of a period on testnet4.
func TestTimewarp(t *testing.T) {
	for _, net := range btc.Networks() {
		for _, place := range []struct {
			name   string
			height btc.Height
			rule   bool
		}{
			{"before the boundary", 2*btc.RetargetInterval - 1, false},
			{"boundary", 2 * btc.RetargetInterval, net == btc.Testnet4},
			{"after the boundary", 2*btc.RetargetInterval + 1, false},
		} {
			anchor := net.Params().Genesis
			c := headerchain.NewAnchored(net, anchor, place.height-13)
			tip := extend(t, c, 12)
			f := child(&tip, 0)
			var want error
			if place.rule {
				want = headerchain.ErrTimewarp
			}
			name := net.String() + " " + place.name
			judge(t, c, farFuture, []judged{
				{name + " -600", at(f, tip.Time()-600), nil},
				{name + " -601", at(f, tip.Time()-601), want},
				{name + " the median", at(f, c.MedianTime(tip.Hash())), headerchain.ErrTimeTooOld},
			})
		}
	}
}

// Without retargeting the bits never change, at no place of a period.
func TestRegtestBitsNeverChange(t *testing.T) {
	for _, height := range []btc.Height{1, 5, btc.RetargetInterval, btc.RetargetInterval + 1} {
		c := headerchain.New(btc.Regtest)
		tip := extend(t, c, int(height)-1)
		f := child(&tip, 1)
		judge(t, c, farFuture, []judged{
			{"limit", f, nil},
			{"limit, late", at(f, tip.Time()+1201), nil},
			{"harder", bits(f, 0x207ffffe), headerchain.ErrBits},
			{"another form of the limit", bits(f, 0x21007fff), headerchain.ErrBits},
		})
	}
}
