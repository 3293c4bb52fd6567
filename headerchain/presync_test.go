package headerchain_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// answer returns the message of a peer that has headers on genesis to the presync's
// locator.
func answer(p *headerchain.Presync, headers []btc.Header) []btc.Header {
	at := min(int(p.Height()), len(headers))
	if at > 0 && headers[at-1].Hash() != p.Locator()[0] {
		at = 0 // the peer does not know it: all it has on genesis
	}
	return headers[at:min(len(headers), at+btc.MaxHeaders)]
}

// seeds returns how many secrets a test tries: all of them, or one if each is slow.
func seeds(all byte) byte {
	if raceDetector || testing.Short() {
		return 1
	}
	return all
}

// presyncClock is a clock that any test header fits.
var presyncClock = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// blocks returns the work of regtest blocks.
func blocks(count int) btc.Work { return btc.Regtest.Params().PowLimit.Work().Mul(uint64(count)) }

// feed lets a presync read what a peer with first, and in the second pass with
// second, answers, and returns what came out and the error, if any.
func feed(p *headerchain.Presync, first, second []btc.Header) (out []btc.Header, err error) {
	for !p.Done() {
		chain := first
		if p.Pass() == headerchain.SecondPass {
			chain = second
		}
		if err := p.Next(answer(p, chain)); err != nil {
			return out, err
		}
		for ready := p.Ready(); len(ready) > 0; ready = p.Ready() {
			out = append(out, ready...)
		}
	}
	return out, nil
}

func TestThreshold(t *testing.T) {
	trunk := branch(regtestGenesis(), 200, 0)
	for _, tc := range []struct{ complete, minimum, want int }{
		{0, 0, 0},           // of 1 block
		{142, 0, 0},         // 143 blocks with genesis: below 0 is 0
		{143, 0, 0},         // 144
		{144, 0, 1},         // 145
		{200, 0, 57},        // 201
		{200, 56, 57},       // the tip counts
		{200, 57, 57},       // a tie
		{200, 58, 58},       // the minimum counts
		{0, 1000, 1000},     // and so it does before anything is complete
		{144, 1000, 1000},   //
		{144, 0, 145 - 144}, // once more, as it is said
	} {
		c := headerchain.New(btc.Regtest)
		mustAccept(t, c, trunk...)
		for i := range tc.complete {
			if _, err := c.Complete(trunk[i].Hash()); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.WorkThreshold(blocks(tc.minimum)); got != blocks(tc.want) {
			t.Errorf("%d complete, minimum %d: %v, want %d blocks", tc.complete, tc.minimum, got, tc.want)
		}
	}
}

// THREATS.md H01: what has no work enough goes through a presync, what has goes
// straight into the tree, to the block.
func TestWeighAtTheEdge(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	trunk := branch(regtestGenesis(), 200, 0)
	mustAccept(t, c, trunk...)
	for i := range trunk {
		if _, err := c.Complete(trunk[i].Hash()); err != nil {
			t.Fatal(err)
		}
	}
	threshold := c.WorkThreshold(btc.Work{})
	for _, tc := range []struct{ count, want int }{{35, -1}, {36, 0}, {37, 1}} { // on height 20: 21 blocks are below
		claim, err := c.Weigh(branch(trunk[19], tc.count, 9))
		if err != nil || claim.Work.Cmp(threshold) != tc.want || claim.Known || claim.Parent.Height != 20 {
			t.Errorf("%d on height 20: %+v, %v, want %d", tc.count, claim, err, tc.want)
		}
	}
}

func TestWeigh(t *testing.T) {
	c := headerchain.New(btc.Regtest)
	trunk := branch(regtestGenesis(), 130, 0)
	mustAccept(t, c, trunk...)
	side := branch(trunk[9], 70, 1)
	broken := branch(trunk[9], 70, 1)
	broken[66] = spoil(child(&broken[65], 0))
	wild := branch(trunk[9], 70, 1)
	wild[1][75] = 0x21 // a target above 2^256
	gap := append(branch(trunk[9], 3, 1), trunk[5:]...)
	for _, tc := range []struct {
		name    string
		headers []btc.Header
		kind    error
		index   int
		height  btc.Height
		known   bool
		blocks  int
	}{
		{"none", nil, nil, 0, 0, true, 0},
		{"known", trunk, nil, 0, 0, true, 131},
		{"a side", side, nil, 0, 0, false, 81},
		{"beyond the tip", branch(trunk[129], 2, 0), nil, 0, 0, false, 133},
		{"no work", broken, headerchain.ErrHighHash, 66, 77, false, 0},
		{"no target", wild, headerchain.ErrTarget, 1, 12, false, 0},
		{"a gap before known ones", gap, headerchain.ErrDiscontinuous, 3, 14, false, 0},
		{"no parent", side[1:], headerchain.ErrUnlinked, 0, -1, false, 0},
		{"no parent and no work", broken[1:], headerchain.ErrHighHash, 65, -1, false, 0},
	} {
		before := c.Len()
		claim, err := c.Weigh(tc.headers)
		if !errors.Is(err, tc.kind) || (err == nil) != (tc.kind == nil) || claim.Known != tc.known || claim.Work != blocks(tc.blocks) {
			t.Errorf("%s: %+v, %v", tc.name, claim, err)
		}
		if refused, ok := errors.AsType[*headerchain.HeaderError](err); ok && (refused.Index != tc.index || refused.Height != tc.height) {
			t.Errorf("%s: %+v", tc.name, refused)
		}
		if c.Len() != before {
			t.Errorf("%s: something was kept", tc.name)
		}
	}
	if allocs := testing.AllocsPerRun(10, func() { _, _ = c.Weigh(side) }); allocs != 0 && !raceDetector {
		t.Errorf("%v allocations", allocs)
	}
}

// An honest chain that is low at first and high at last comes out whole, and no
// header before the work is there.
func TestPresyncHonest(t *testing.T) {
	chain := branch(regtestGenesis(), 10_500, 0)
	for _, tc := range []struct {
		name     string
		required int
		second   int // length of the chain at the second pass
		want     int // headers that come out
	}{
		{"at a full message", 4001, 10_500, 4000},
		{"one less", 4000, 10_500, 4000},
		{"one more", 4002, 10_500, 6000},
		{"more than the buffer", 10_001, 10_500, 10_000},
		{"at the last header", 10_501, 10_500, 10_500},
		{"grown meanwhile", 9_001, 10_500, 10_000},
		{"ends behind the work", 9_001, 9_100, 9_100},
	} {
		c := headerchain.New(btc.Regtest)
		p := c.NewPresync(c.Base().Hash, blocks(tc.required), presyncClock, [32]byte{1})
		out, err := feed(p, chain, chain[:tc.second])
		if err != nil || len(out) != tc.want || !p.Done() || p.Pass() != headerchain.Ended {
			t.Fatalf("%s: %d came out, %v", tc.name, len(out), err)
		}
		for len(out) > 0 {
			n := min(len(out), btc.MaxHeaders)
			mustAccept(t, c, out[:n]...)
			out = out[n:]
		}
		if c.Best().Hash != chain[tc.want-1].Hash() {
			t.Errorf("%s: best %d", tc.name, c.Best().Height)
		}
	}
}

// strictRegtest returns rules without the 20-minute rule, so that the target can be wrong.
func strictRegtest() *btc.Params {
	params := *btc.Regtest.Params()
	params.MinDifficultyBlocks, params.NoRetargeting = false, false
	return &params
}

// chainWithBits mines a chain on regtest's genesis in which the header at a height has
// other bits.
func chainWithBits(count, height int, bits uint32) []btc.Header {
	headers := branch(regtestGenesis(), min(count, height-1), 0)
	last := headers[len(headers)-1]
	f := child(&last, 0)
	f.Bits = bits
	headers = append(headers, mine(f))
	for len(headers) < count {
		last = headers[len(headers)-1]
		headers = append(headers, mine(child(&last, 0)))
	}
	return headers
}

// THREATS.md H01: work pressed into few blocks. The target changes at the start of a
// period alone and by no more than four times.
func TestPresyncDifficulty(t *testing.T) {
	for _, tc := range []struct {
		name   string
		height int
		bits   uint32
		ok     bool
	}{
		{"the same within a period", 100, 0x207fffff, true},
		{"harder within a period", 100, 0x207ffffe, false},
		{"before the period", 2015, 0x205fffff, false},
		{"after its start", 2017, 0x205fffff, false},
		{"four times as hard", 2016, 0x201fffff, true},
		{"a little more", 2016, 0x201ffffe, false},
		{"a little less", 2016, 0x20200000, true},
		{"easier than the limit", 2016, 0x21008000, false},
	} {
		chain := chainWithBits(2100, tc.height, tc.bits)
		c := headerchain.NewByParams(strictRegtest(), regtestGenesis(), 0)
		p := c.NewPresync(c.Base().Hash, blocks(1_000_000), presyncClock, [32]byte{})
		err := p.Next(chain[:2000])
		if err == nil {
			err = p.Next(chain[2000:])
		}
		want := headerchain.ErrPresyncDifficulty
		if tc.ok {
			want = headerchain.ErrPresyncShort
		}
		if tc.bits == 0x21008000 {
			want = headerchain.ErrTarget
		}
		if !errors.Is(err, want) || !p.Done() {
			t.Errorf("%s: %v, want %v", tc.name, err, want)
		}
	}
}

// The worked numbers of PresyncLimits.
func TestPresyncMemoryBound(t *testing.T) {
	if headerchain.CompressedSize != 48 {
		t.Errorf("a header that waits takes %d bytes", headerchain.CompressedSize)
	}
	for _, tc := range []struct {
		net  btc.Network
		bits int
		kB   int
	}{{btc.Mainnet, 5_090_755, 1_620}, {btc.Testnet3, 0, 1_500}, {btc.Testnet4, 0, 750}, {btc.Signet, 0, 1_100}, {btc.Regtest, 0, 1_900}} {
		c := headerchain.New(tc.net)
		p := c.NewPresync(c.Base().Hash, btc.Work{}, presyncClock, [32]byte{})
		if tc.bits > 0 && p.MaxBits() != tc.bits {
			t.Errorf("%v: %d bits, want %d", tc.net, p.MaxBits(), tc.bits)
		}
		buffer := headerchain.PresyncLimitsOf(tc.net).Buffer
		most := p.MaxBits()/8 + (buffer+btc.MaxHeaders)*headerchain.CompressedSize + btc.MaxHeaders*btc.HeaderSize + p.Bytes()
		if most > 1000*tc.kB || most < 900*tc.kB {
			t.Errorf("%v: %d bytes at most, said %d kB", tc.net, most, tc.kB)
		}
	}
}

// Memory is bounded all the time, and nothing is allocated for a header.
func TestPresyncMemory(t *testing.T) {
	chain := branch(regtestGenesis(), 40_000, 0)
	c := headerchain.New(btc.Regtest)
	p := c.NewPresync(c.Base().Hash, blocks(38_001), presyncClock, [32]byte{})
	limits := headerchain.PresyncLimits{Period: 275, Buffer: 7017}
	fixed := p.Bytes()
	bound := fixed + 2*4096 + 64 + (limits.Buffer+btc.MaxHeaders)*headerchain.CompressedSize + btc.MaxHeaders*btc.HeaderSize
	next := 0
	step := func() {
		if err := p.Next(chain[next : next+btc.MaxHeaders]); err != nil {
			t.Fatal(err)
		}
		for ready := p.Ready(); len(ready) > 0; ready = p.Ready() { // all are looked at
			if ready[0].Prev() != chain[0].Prev() && ready[0].Bits() == 0 {
				t.Fatal("no header")
			}
		}
		next += btc.MaxHeaders
		if got := p.Bytes(); got > bound {
			t.Fatalf("%d bytes at height %d of pass %d, at most %d may be", got, p.Height(), p.Pass(), bound)
		}
	}
	step() // the first bit takes a chunk
	first := testing.AllocsPerRun(15, step)
	for p.Pass() == headerchain.FirstPass {
		step()
	}
	next = 0
	step()
	second := testing.AllocsPerRun(15, step)
	for p.Pass() == headerchain.SecondPass {
		step()
	}
	if (first != 0 || second != 0) && !raceDetector {
		t.Errorf("%v allocations a message in the first pass, %v in the second", first, second)
	}
	if got := p.Bytes(); got > bound || !p.Done() {
		t.Errorf("%d bytes at the end", got)
	}
}

// The bits and the heights that have one follow from the secret alone; another one
// gives others.
func TestPresyncSecret(t *testing.T) {
	chain := branch(regtestGenesis(), 6_000, 0)
	given := append(slices.Clone(chain[:2000]), branch(chain[1999], 4_000, 3)...)
	ends := map[btc.Height]bool{}
	for seed := range seeds(16) {
		var at [2]btc.Height
		for i := range at {
			c := headerchain.New(btc.Regtest)
			p := c.NewPresync(c.Base().Hash, blocks(6_001), presyncClock, [32]byte{seed})
			_, err := feed(p, chain, given)
			if refused, ok := errors.AsType[*headerchain.HeaderError](err); ok {
				at[i] = refused.Height
			}
		}
		if at[0] != at[1] || at[0] <= 2000 {
			t.Errorf("seed %d: ends at %v", seed, at)
		}
		ends[at[0]] = true
	}
	if len(ends) < int(seeds(16))/2 {
		t.Errorf("16 secrets end at %d heights", len(ends))
	}
	if c := headerchain.New(btc.Regtest); c.NewPresync(btc.Hash{1}, btc.Work{}, presyncClock, [32]byte{}) != nil {
		t.Error("a presync on a header that is not held")
	}
}

// Who goes on after the end, or does not take what is ready, has a bug.
func TestPresyncMisuse(t *testing.T) {
	chain := branch(regtestGenesis(), 10_000, 0)
	c := headerchain.New(btc.Regtest)
	mustPanic := func(name string, p *headerchain.Presync) {
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		_ = p.Next(chain[:1])
	}
	p := c.NewPresync(c.Base().Hash, blocks(2), presyncClock, [32]byte{})
	if err := p.Next(chain[:1]); err != nil || p.Pass() != headerchain.SecondPass {
		t.Fatal(err)
	}
	if err := p.Next(chain[:1]); err != nil || p.Done() {
		t.Fatal(err)
	}
	mustPanic("not taken", p)
	if ready := p.Ready(); len(ready) != 1 || ready[0] != chain[0] || !p.Done() {
		t.Fatal("the header is not ready")
	}
	mustPanic("over", p)
}

// What a header costs that is read twice, proof of work and all, without the chain.
func BenchmarkPresync(b *testing.B) {
	const count = 20_000
	chain := branch(regtestGenesis(), count, 0)
	c := headerchain.New(btc.Regtest)
	b.ReportAllocs()
	for b.Loop() {
		p := c.NewPresync(c.Base().Hash, blocks(count+1), presyncClock, [32]byte{})
		if out, err := feed(p, chain, chain); err != nil || len(out) != count {
			b.Fatal(len(out), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/header")
}
