package headerchain_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// H02: what is refused leaves nothing behind, whatever the rule, neither alone nor
// at the end of a batch whose first headers stay.
func TestNothingOfARefusedHeaderStays(t *testing.T) {
	genesis := regtestGenesis()
	good := branch(genesis, 20, 'g')
	f := child(&good[19], 'b')
	now := time.Unix(int64(f.Time), 0)
	for name, tc := range map[string]struct {
		bad  btc.Header
		kind error
	}{
		"target":        {bits(f, 0).Header(), headerchain.ErrTarget},
		"work":          {spoil(f), headerchain.ErrHighHash},
		"discontinuous": {mine(child(&good[3], 'b')), headerchain.ErrDiscontinuous},
		"bits":          {mine(bits(f, 0x207ffffe)), headerchain.ErrBits},
		"too old":       {mine(at(f, 0)), headerchain.ErrTimeTooOld},
		"too new":       {mine(at(f, f.Time+7201)), headerchain.ErrTimeTooNew},
		"version":       {mine(with(f, func(f *btc.HeaderFields) { f.Version = 1 })), headerchain.ErrVersion},
	} {
		c := headerchain.New(btc.Regtest)
		if _, err := c.Accept(append(slices.Clone(good), tc.bad), now); !errors.Is(err, tc.kind) {
			t.Errorf("%s: %v", name, err)
		}
		for range 3 {
			_, err := c.Accept([]btc.Header{tc.bad}, now)
			if alone := errors.Is(tc.kind, headerchain.ErrDiscontinuous); alone != (err == nil) {
				t.Errorf("%s: alone: %v", name, err)
			}
		}
		want := 21
		if errors.Is(tc.kind, headerchain.ErrDiscontinuous) { // a fork, alone
			want++
		}
		if c.Len() != want || c.Best().Hash != good[19].Hash() {
			t.Errorf("%s: %d headers, tip at %d", name, c.Len(), c.Best().Height)
		}
		mustHold(t, c)
	}
}

// H03: time comes from the caller at each call and from nowhere else: no header,
// no clock of a call before shifts it, however wrong that was.
func TestOnlyOurClockCounts(t *testing.T) {
	genesis := regtestGenesis()
	header := mine(child(&genesis, 0))
	right := time.Unix(int64(header.Time()), 0)
	early := right.Add(-2*time.Hour - time.Second)
	c := headerchain.New(btc.Regtest)
	for _, tc := range []struct {
		now  time.Time
		want error
	}{
		{time.Unix(math.MinInt64/4, 0), headerchain.ErrTimeTooNew},
		{time.Time{}, headerchain.ErrTimeTooNew},
		{time.Unix(-1, 0), headerchain.ErrTimeTooNew},
		{early, headerchain.ErrTimeTooNew},
		{right.Add(-2 * time.Hour), nil},
		{early, nil}, // it is held now and not judged again
	} {
		if _, err := c.Accept([]btc.Header{header}, tc.now); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("clock %v: %v, want %v", tc.now.Unix(), err, tc.want)
		}
	}
	for range 11 { // headers far ahead of our clock came when it was wrong
		header = mine(at(child(&header, 0), header.Time()+100_000))
		mustAccept(t, c, header)
	}
	if _, err := c.Accept([]btc.Header{mine(child(&header, 0))}, right); !errors.Is(err, headerchain.ErrTimeTooNew) {
		t.Errorf("by the right clock: %v", err)
	}
	if _, err := c.Accept([]btc.Header{mine(child(&header, 0))}, time.Unix(math.MaxInt64/4, 0)); err != nil {
		t.Errorf("by a clock far ahead: %v", err)
	}
}

// H11: the chain with the most work is best, not the one with the most headers;
// of two with the same the first stays; a reorganization may go as deep as it likes
// and returns whole.
func TestMostWorkNotMostHeaders(t *testing.T) {
	net := easyMainnet()
	long, heavy := growPeriods(net, 4, 1100), growPeriods(net, 2, 150)
	if len(long) <= 2*len(heavy)-2 {
		t.Fatalf("%d and %d headers", len(long), len(heavy))
	}
	for _, longFirst := range []bool{true, false} {
		c := headerchain.NewByParams(net, net.Genesis, 0)
		first, second := heavy, long
		if longFirst {
			first, second = long, heavy
		}
		mustAccept(t, c, first...)
		for _, h := range first {
			if _, err := c.Complete(h.Hash()); err != nil {
				t.Fatal(err)
			}
		}
		if done := mustAccept(t, c, second...); done.TipMoved != longFirst {
			t.Errorf("%+v", done)
		}
		wantBest(t, c, heavy[len(heavy)-1], btc.Height(len(heavy)))
		if !longFirst {
			continue
		}
		var change headerchain.Change
		for _, h := range heavy {
			moved, err := c.Complete(h.Hash())
			if err != nil {
				t.Fatal(err)
			}
			if moved.Moved() && len(moved.Reverted) > 0 {
				change = moved
			}
		}
		if len(change.Reverted) != len(long) || change.Reverted[0].Hash != long[len(long)-1].Hash() {
			t.Errorf("%d reverted of %d", len(change.Reverted), len(long))
		}
		if n := len(change.Connected); n == 0 || change.Connected[0].Hash != heavy[0].Hash() || change.Connected[n-1].Hash != change.Tip.Hash {
			t.Errorf("%d connected", n)
		}
	}
}

// H12: an invalid header that comes again and again, from whomever, is refused for
// the same reason each time and costs no memory: there is nothing that could be
// filled with what is invalid. H08: nor do headers that are held already, and the
// caller sees that a peer got nowhere.
func TestTheSameAgainAndAgain(t *testing.T) {
	genesis := regtestGenesis()
	held := branch(genesis, 50, 0)
	tooHard := mine(bits(child(&held[49], 0), 0x207ffffe))
	unlinked := mine(child(&tooHard, 0))
	c := headerchain.New(btc.Regtest)
	mustAccept(t, c, held...)
	before := c.Best()
	again := func(times int) {
		for range times {
			if _, err := c.Accept([]btc.Header{tooHard}, farFuture); !errors.Is(err, headerchain.ErrBits) {
				t.Fatal(err)
			}
			if _, err := c.Accept([]btc.Header{unlinked}, farFuture); !errors.Is(err, headerchain.ErrUnlinked) {
				t.Fatal(err)
			}
			if done := mustAccept(t, c, held...); done.New != 0 || done.Known != 50 || done.TipMoved {
				t.Fatalf("%+v", done)
			}
		}
	}
	again(10)
	start := heap()
	again(2000)
	if grown := heap() - start; grown > 100_000 {
		t.Errorf("%d bytes more", grown)
	}
	if c.Len() != 51 || c.Best() != before || c.Runs() != 1 {
		t.Errorf("%d headers, %d runs, tip at %d", c.Len(), c.Runs(), c.Best().Height)
	}
	runtime.KeepAlive(c)
}

// H08: a batch is judged as a whole stretch of a chain: each order but the right one
// is refused at the first header that is out of place, and those before it stay.
func TestBatchOutOfOrder(t *testing.T) {
	line := branch(regtestGenesis(), 6, 0)
	for i := range line {
		for j := range line {
			batch := slices.Clone(line)
			batch[i], batch[j] = batch[j], batch[i]
			at := min(i, j)
			c := headerchain.New(btc.Regtest)
			done, err := c.Accept(batch, farFuture)
			want := headerchain.ErrDiscontinuous
			if at == 0 {
				want = headerchain.ErrUnlinked
			}
			if i == j {
				at, want = len(line), nil
			}
			if !errors.Is(err, want) || (err == nil) != (want == nil) || done.New != at || c.Len() != 1+at {
				t.Errorf("%s: %+v, %v", fmt.Sprint(i, " and ", j), done, err)
			}
			mustHold(t, c)
		}
	}
}
