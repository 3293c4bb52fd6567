package headerchain_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// THREATS.md H01: a peer shows one chain and gives another. Not one header of the
// other gets out, wherever it begins, and what got out before is the chain that was
// shown.
func TestPresyncSwap(t *testing.T) {
	shown := branch(regtestGenesis(), 14_000, 0)
	for _, at := range []int{0, 1, 2000, 4321} {
		base := regtestGenesis()
		if at > 0 {
			base = shown[at-1]
		}
		given := append(slices.Clone(shown[:at]), branch(base, 9_000, 7)...)
		for seed := range seeds(3) {
			c := headerchain.New(btc.Regtest)
			p := c.NewPresync(c.Base().Hash, blocks(13_000), presyncClock, [32]byte{seed})
			out, err := feed(p, shown, given)
			if !errors.Is(err, headerchain.ErrPresyncMismatch) || !p.Done() || p.Ready() != nil {
				t.Fatalf("other headers from %d on, seed %d: %v", at, seed, err)
			}
			if len(out) > at || !slices.Equal(out, shown[:len(out)]) {
				t.Errorf("other headers from %d on, seed %d: %d are out", at, seed, len(out))
			}
		}
	}
}

// A chain that is longer than there can be by now ends the first pass, at the bit
// after the last: 6 headers for each second, and two hours.
func TestPresyncTooLong(t *testing.T) {
	chain := branch(regtestGenesis(), 44_000, 0) // 2,000 more than the last case reads
	genesis := time.Unix(int64(chain[0].Time()-btc.BlockSpacing), 0)
	for _, tc := range []struct {
		after time.Duration
		bits  int
	}{{-3 * time.Hour, 0}, {-2 * time.Hour, 0}, {-time.Hour, 6 * 3600 / 275}, {0, 6 * 7200 / 275}, {46 * time.Second, 6 * 7246 / 275}} {
		c := headerchain.New(btc.Regtest)
		p := c.NewPresync(c.Base().Hash, blocks(1_000_000), genesis.Add(tc.after), [32]byte{3})
		_, err := feed(p, chain, nil)
		refused, ok := errors.AsType[*headerchain.HeaderError](err)
		if !errors.Is(err, headerchain.ErrPresyncTooLong) || !ok || p.MaxBits() != tc.bits {
			t.Fatalf("%v after genesis: %v, %d bits, want %d", tc.after, err, p.MaxBits(), tc.bits)
		}
		if low, high := tc.bits*275, (tc.bits+1)*275; int(refused.Height) < low || int(refused.Height) > high {
			t.Errorf("%v after genesis: ended at %d, want %d to %d", tc.after, refused.Height, low, high)
		}
	}
}

// Each way in which a message can be wrong, in both passes.
func TestPresyncEnds(t *testing.T) {
	chain := branch(regtestGenesis(), 9_000, 0)
	other := branch(chain[2999], 2_000, 5)
	second := func(change func([]btc.Header) []btc.Header) []btc.Header {
		return change(slices.Clone(chain[2000:4000]))
	}
	for _, tc := range []struct {
		name    string
		message []btc.Header
		kind    error
		index   int
	}{
		{"empty", nil, headerchain.ErrPresyncShort, 0},
		{"one header", chain[2000:2001], headerchain.ErrPresyncShort, 0},
		{"one too few", chain[2000:3999], headerchain.ErrPresyncShort, 0},
		{"not the next", chain[2001:4001], headerchain.ErrPresyncMoved, 0},
		{"the same again", chain[:2000], headerchain.ErrPresyncMoved, 0},
		{"a header left out", append(slices.Clone(chain[2000:3000]), chain[3001:4001]...), headerchain.ErrDiscontinuous, 1000},
		{"a header twice", append(slices.Clone(chain[2000:3000]), chain[2999:3999]...), headerchain.ErrDiscontinuous, 1000},
		{"no work", second(func(h []btc.Header) []btc.Header {
			h[70] = spoil(child(&h[69], 0))
			return h
		}), headerchain.ErrHighHash, 70},
		{"no target", second(func(h []btc.Header) []btc.Header { h[3][75] = 0x24; return h }), headerchain.ErrTarget, 3},
		{"a branch", append(slices.Clone(chain[2000:3000]), other[:1000]...), nil, 0},
	} {
		for pass := headerchain.FirstPass; pass <= headerchain.SecondPass; pass++ {
			c := headerchain.New(btc.Regtest)
			p := c.NewPresync(c.Base().Hash, blocks(8_001), presyncClock, [32]byte{9})
			for p.Pass() != pass || p.Height() != 2000 {
				if err := p.Next(answer(p, chain)); err != nil {
					t.Fatal(err)
				}
			}
			err := p.Next(tc.message)
			kind := tc.kind
			if kind == nil && pass == headerchain.SecondPass {
				kind = headerchain.ErrPresyncMismatch // or nothing, if no bit differs
				if err == nil {
					continue
				}
			}
			if !errors.Is(err, kind) || (err == nil) != (kind == nil) {
				t.Errorf("%s, pass %d: %v, want %v", tc.name, pass, err, kind)
			}
			if refused, ok := errors.AsType[*headerchain.HeaderError](err); ok && errors.Is(tc.kind, kind) && (refused.Index != tc.index || int(refused.Height) != 2001+tc.index) {
				t.Errorf("%s, pass %d: %+v", tc.name, pass, refused)
			}
			if err != nil && (p.Pass() != headerchain.Ended || !p.Done() || p.Ready() != nil) {
				t.Errorf("%s, pass %d: goes on", tc.name, pass)
			}
		}
	}
}

// THREATS.md H02: mainnet's own first headers, at the lowest difficulty, are not kept
// by a node that knows how much work its chain has.
func TestEarlyMainnetIsNotKept(t *testing.T) {
	headers := loadHeaders(t, "mainnet_0-10236.bin.gz")
	c := headerchain.New(btc.Mainnet)
	threshold := c.WorkThreshold(btc.Mainnet.Params().MinimumChainWork)
	claim, err := c.Weigh(headers[1:2001])
	if err != nil || claim.Work.Cmp(threshold) >= 0 {
		t.Fatalf("%+v, %v", claim, err)
	}
	p := c.NewPresync(claim.Parent.Hash, threshold, presyncClock, [32]byte{})
	out, err := feed(p, headers[1:], nil)
	if !errors.Is(err, headerchain.ErrPresyncShort) || len(out) > 0 || p.Height() != 10_236 || c.Len() != 1 {
		t.Errorf("%d came out, %v; height %d, %d kept", len(out), err, p.Height(), c.Len())
	}
	p = c.NewPresync(claim.Parent.Hash, c.Base().Work.Mul(10_237), presyncClock, [32]byte{}) // all of it, to the block
	if out, err = feed(p, headers[1:], headers[1:]); err != nil || len(out) != 10_236 {
		t.Errorf("%d came out, %v", len(out), err)
	}
}
