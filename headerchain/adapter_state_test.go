package headerchain_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// The cases of the Internet Computer's Bitcoin adapter (dfinity/ic, blockchain
// state and header store) and of its header validation (dfinity/bitcoin-canister),
// as far as they are about headers. Where our answer is another one, the row says
// so.

// adapterCase is one of them: what it is there and what it shows here.
type adapterCase struct {
	name string
	show func(*testing.T)
}

func TestAdapterBlockchainState(t *testing.T) {
	runCases(t, []adapterCase{
		{"headers are added", caseAdded},
		{"the first 2500 headers of mainnet", caseFirst("mainnet_0-10236.bin.gz", btc.Mainnet)},
		{"the first 2500 headers of testnet3", caseFirst("testnet3_0-22176.bin.gz", btc.Testnet3)},
		{"forks, the heavier is the tip", caseForks},
		{"an empty batch", caseEmpty},
		{"headers that exist already", caseExisting},
		{"an invalid header in the middle, those before it stay", caseInvalidMiddle},
		{"a body whose header is not known", caseUnknownBody},
		{"the tip among forks, an invalid header and unknown ones", caseSortedTip},
		{"of two tips of one work the first stays: there the last", caseTie},
		{"a branch from far below is judged by its work: there it is refused for its height", caseFarBelow},
		{"a branch that went may come again: there never", caseBranchAgain},
		{"a walk back that leaves what is held: there it panics", caseWalkBelow},
		{"a time at the end of 32 bits: there a sum overflows", caseEndOfTime},
	})
}

func runCases(t *testing.T, cases []adapterCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, tc.show)
	}
}

func wantBest(t *testing.T, c *headerchain.Chain, header btc.Header, height btc.Height) {
	t.Helper()
	if best := c.Best(); best.Header != header || best.Height != height {
		t.Errorf("tip %v at %d, want %v at %d", best.Hash, best.Height, header.Hash(), height)
	}
	mustHold(t, c)
}

func caseAdded(t *testing.T) {
	c, chain := headerchain.New(btc.Regtest), branch(regtestGenesis(), 16, 0)
	if done := mustAccept(t, c, chain...); done.New != 16 || done.Last != chain[15].Hash() {
		t.Errorf("%+v", done)
	}
	wantBest(t, c, chain[15], 16)
}

// caseFirst adds heights 1 to 2499, the first change of the target among them.
func caseFirst(file string, net btc.Network) func(*testing.T) {
	return func(t *testing.T) {
		headers := loadHeaders(t, file)[:2500]
		c := headerchain.New(net)
		if done := mustAccept(t, c, headers...); done.New != 2499 || done.Known != 1 {
			t.Errorf("%+v", done)
		}
		wantBest(t, c, headers[2499], 2499)
	}
}

func caseForks(t *testing.T) {
	c, chain := headerchain.New(btc.Regtest), branch(regtestGenesis(), 16, 'a')
	fork := branch(chain[10], 16, 'b')
	mustAccept(t, c, chain...)
	mustAccept(t, c, fork...)
	wantBest(t, c, fork[15], 27)
	if e, ok := c.ForkPoint(chain[15].Hash(), fork[15].Hash()); !ok || e.Hash != chain[10].Hash() {
		t.Errorf("fork at %d", e.Height)
	}
	// The lighter one, though older, is not the tip again until it is heavier.
	more := branch(chain[15], 12, 'a')
	mustAccept(t, c, more[:11]...) // as much work
	wantBest(t, c, fork[15], 27)
	mustAccept(t, c, more[11])
	wantBest(t, c, more[11], 28)
}

func caseEmpty(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	for _, empty := range [][]btc.Header{nil, {}} {
		if done := mustAccept(t, c, empty...); done != (headerchain.Accepted{}) {
			t.Errorf("%+v", done)
		}
	}
	wantBest(t, c, regtestGenesis(), 0)
}

func caseExisting(t *testing.T) {
	c, chain := headerchain.New(btc.Regtest), branch(regtestGenesis(), 16, 0)
	mustAccept(t, c, chain...)
	for range 3 {
		if done := mustAccept(t, c, chain...); done.New != 0 || done.Known != 16 || done.TipMoved {
			t.Errorf("%+v", done)
		}
	}
	if c.Len() != 17 {
		t.Errorf("%d headers", c.Len())
	}
	wantBest(t, c, chain[15], 16)
}

func caseInvalidMiddle(t *testing.T) {
	c, chain := headerchain.New(btc.Regtest), branch(regtestGenesis(), 16, 0)
	chain[10] = spoil(child(&chain[9], 1))
	done, err := c.Accept(chain, farFuture)
	var refused *headerchain.HeaderError
	if !errors.As(err, &refused) || refused.Index != 10 || refused.Height != 11 || done.New != 10 {
		t.Errorf("%+v, %v", done, err)
	}
	wantBest(t, c, chain[9], 10)
}

func caseUnknownBody(t *testing.T) {
	c, chain := headerchain.New(btc.Regtest), branch(regtestGenesis(), 2, 0)
	mustAccept(t, c, chain[0])
	if change, err := c.Complete(chain[1].Hash()); !errors.Is(err, headerchain.ErrUnknown) || change.Moved() {
		t.Errorf("%+v, %v", change, err)
	}
	if change, err := c.Complete(chain[0].Hash()); err != nil || change.Tip.Hash != chain[0].Hash() {
		t.Errorf("%+v, %v", change, err)
	}
}

func caseSortedTip(t *testing.T) {
	c, genesis := headerchain.New(btc.Regtest), regtestGenesis()
	main, fork := branch(genesis, 3, 'm'), branch(genesis, 2, 'f')
	mustAccept(t, c, main[0])
	wantBest(t, c, main[0], 1)
	invalid := mine(at(child(&fork[1], 0), 0))
	if _, err := c.Accept([]btc.Header{fork[0], fork[1], invalid}, farFuture); !errors.Is(err, headerchain.ErrTimeTooOld) {
		t.Error(err)
	}
	wantBest(t, c, fork[1], 2)
	// A body whose header is not known moves nothing; with its header it does.
	if _, err := c.Complete(main[2].Hash()); !errors.Is(err, headerchain.ErrUnknown) {
		t.Error(err)
	}
	wantBest(t, c, fork[1], 2)
	mustAccept(t, c, main...)
	wantBest(t, c, main[2], 3)
}

func caseTie(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	first, second := branch(regtestGenesis(), 5, 'a'), branch(regtestGenesis(), 5, 'b')
	mustAccept(t, c, first...)
	if done := mustAccept(t, c, second...); done.TipMoved || done.New != 5 {
		t.Errorf("%+v", done)
	}
	wantBest(t, c, first[4], 5)
}

func caseFarBelow(t *testing.T) {
	// The shorter branch has more work, from far below the tip: it is the best.
	net := easyMainnet()
	c := headerchain.NewByParams(net, net.Genesis, 0)
	light, heavy := growPeriods(net, 3, 1200), growPeriods(net, 2, 150)
	mustAccept(t, c, light...)
	wantBest(t, c, light[len(light)-1], btc.Height(len(light)))
	mustAccept(t, c, heavy...)
	wantBest(t, c, heavy[len(heavy)-1], btc.Height(len(heavy)))
}

func caseBranchAgain(t *testing.T) {
	c, trunk := withSides(t, 30, 4)
	side := branch(trunk[3], 4, 'a')
	mustAccept(t, c, side...)
	mustAccept(t, c, branch(trunk[20], 4, 'b')...) // more work, so that the first goes
	if holds(c, side...) != 0 {
		t.Fatalf("%d of the branch are held", holds(c, side...))
	}
	c.SetMaxSide(8)
	if done := mustAccept(t, c, side...); done.New != 4 {
		t.Errorf("%+v", done)
	}
	mustAttach(t, c, side, 5)
	mustHold(t, c)
}

func caseWalkBelow(t *testing.T) {
	for _, net := range []btc.Network{btc.Testnet3, btc.Testnet4} {
		c, anchor := anchorAt(net, 80_000, net.Params().PowLimitBits)
		f := child(&anchor, 0)
		judge(t, c, farFuture, []judged{
			{"some bits, on time", bits(f, 0x1c0ffff0), nil}, // nobody can tell
			{"the limit's, on time", f, nil},
			{"hard, late", at(bits(f, 0x1c0ffff0), anchor.Time()+1201), headerchain.ErrBits},
		})
		mustHold(t, c)
	}
}

func caseEndOfTime(t *testing.T) {
	const hard = 0x1c0ffff0
	for _, net := range []btc.Network{btc.Testnet3, btc.Testnet4, btc.Mainnet} {
		genesis := net.Params().Genesis
		anchor := at(bits(child(&genesis, 0), hard), math.MaxUint32-100).Header()
		c := headerchain.NewAnchored(net, anchor, 80_000)
		f := at(child(&anchor, 0), math.MaxUint32)
		judge(t, c, time.Unix(int64(anchor.Time())-1_000_000, 0), []judged{{"the last second, by today's clock", f, headerchain.ErrTimeTooNew}})
		judge(t, c, farFuture, []judged{ // 100 s later is not 20 minutes later, whatever the sum
			{"the last second, easy", bits(f, net.Params().PowLimitBits), headerchain.ErrBits},
			{"the last second, hard", f, nil},
		})
		mustHold(t, c)
	}
}

// easyMainnet are mainnet's rules at a limit at which a test can mine.
func easyMainnet() *btc.Params {
	net := *btc.Regtest.Params()
	net.NoRetargeting, net.MinDifficultyBlocks = false, false
	return &net
}

// growPeriods mines whole periods on genesis, spacing seconds a header, by the
// rules of net; slow ones get easier, quick ones harder.
func growPeriods(net *btc.Params, periods int, spacing uint32) []btc.Header {
	headers := []btc.Header{net.Genesis}
	for height := 1; height < periods*btc.RetargetInterval; height++ {
		tip := &headers[height-1]
		f := at(child(tip, byte(spacing)), tip.Time()+spacing)
		if height%btc.RetargetInterval == 0 {
			first := &headers[height-btc.RetargetInterval]
			f.Bits = slowRetarget(net, tip.Bits(), int64(tip.Time())-int64(first.Time()))
		}
		headers = append(headers, mine(f))
	}
	return slices.Clone(headers[1:])
}
