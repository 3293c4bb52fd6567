package simnet

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// block is a block of the simulated world.
type block struct {
	name   string
	header btc.Header
	hash   btc.Hash
	height btc.Height
	parent *block // nil for genesis
	onMain bool
	// open says that the honest network has it, so that its body is to be had.
	open bool
	raw  []byte   // its one true body
	sum  [32]byte // SHA-256 of raw
}

// station is a height at which the honest network stands when a run begins, and the
// branches there.
type station struct {
	height btc.Height
	heavy  map[int]*block // tips of branches of so many headers with more work than ours
	detour []*block       // tips of branches that the honest network follows for a while
	twins  []*block       // tips of short rivals
	spam   []*block       // tips of branches with work enough and no more
	rebel  *block         // tip of a heavier branch whose first block breaks a rule
}

// bad returns the block of the rebels' branch that breaks a rule.
func (s *station) bad() *block {
	b := s.rebel
	for !b.parent.onMain {
		b = b.parent
	}
	return b
}

// Library is chains and branches that are mined once and shared by all runs. It is
// safe for concurrent use: nothing in it changes.
type Library struct {
	main     []*block // by height
	low      []*block // a branch from genesis with little work, by height-1
	byHash   map[btc.Hash]*block
	stations []*station
}

// plan is a branch to mine.
type plan struct {
	at   btc.Height
	size int
	name string
	keep func(tip *block)
}

// NewLibrary mines all chains, with real proof of work; it takes some 50 ms. Each call
// gives the same.
func NewLibrary() *Library {
	lib := &Library{byHash: map[btc.Hash]*block{}}
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: librarySeed, FirstTime: firstTime, Spacing: spacing})
	last := stationHeights[len(stationHeights)-1] + growth
	mustMine(chain.Mine(int(last)))
	lib.main = append(lib.main, lib.add(chain, "m", nil, 0))
	lib.main[0].onMain, lib.main[0].open = true, true
	for height := btc.Height(1); height <= last; height++ {
		b := lib.add(chain, "m", lib.main[height-1], height)
		b.onMain, b.open = true, true
		lib.main = append(lib.main, b)
	}
	var plans []plan
	for _, height := range stationHeights {
		s := &station{height: height, heavy: map[int]*block{}}
		lib.stations = append(lib.stations, s)
		plans = append(plans, s.plans()...)
	}
	plans = append(plans, plan{0, lowHeaders, "low", func(tip *block) { lib.low = lib.branch(tip) }})
	// A fork cuts the chain, so the highest comes first.
	slices.SortStableFunc(plans, func(a, b plan) int { return cmp.Compare(b.at, a.at) })
	for _, p := range plans {
		mustMine(chain.Fork(p.at, p.size))
		tip := lib.main[p.at]
		for range p.size {
			tip = lib.add(chain, p.name, tip, tip.height+1)
		}
		p.keep(tip)
	}
	return lib
}

func mustMine(err error) {
	if err != nil {
		panic("simnet: a chain that can be mined cannot: " + err.Error())
	}
}

// plans returns the branches at a station.
func (s *station) plans() []plan {
	h, short := s.height, fmt.Sprintf("s%d.", s.height)
	plans := []plan{
		{h, 1, short + "heavy1-", func(tip *block) { s.heavy[1] = tip }},
		{h - 2, 6, short + "heavy6-", func(tip *block) { s.heavy[6] = tip }},
		{max(0, h-90), 200, short + "heavy200-", func(tip *block) { s.heavy[200] = tip }},
		{h - 3, 9, short + "rebel-", func(tip *block) { s.rebel = tip }},
	}
	if h == longAttack {
		plans = append(plans, plan{h - 5, 1100, short + "heavy1100-", func(tip *block) { s.heavy[1100] = tip }})
	}
	for i := range detours {
		at := h + btc.Height(2*i)
		plans = append(plans, plan{at, 1 + i%4, fmt.Sprintf("%sdetour%d-", short, i), s.addDetour})
	}
	for i := range twins {
		at := max(1, h-btc.Height(1+i%6))
		plans = append(plans, plan{at, 1 + i%3, fmt.Sprintf("%stwin%d-", short, i), func(tip *block) { s.twins = append(s.twins, tip) }})
	}
	for i := range spamBranches {
		at := max(1, h-btc.Height(1+i%15))
		plans = append(plans, plan{at, spamHeaders, fmt.Sprintf("%sspam%d-", short, i), func(tip *block) { s.spam = append(s.spam, tip) }})
	}
	return plans
}

func (s *station) addDetour(tip *block) {
	s.detour = append(s.detour, tip)
	for b := tip; !b.onMain; b = b.parent {
		b.open = true
	}
}

// add takes a block out of the chain.
func (lib *Library) add(chain *fakepeer.Chain, name string, parent *block, height btc.Height) *block {
	hash, _ := chain.At(height)
	raw, _, _ := chain.Block(hash)
	b := &block{
		name: fmt.Sprintf("%s%d", name, height), header: btc.Header(raw), hash: hash, height: height, parent: parent,
		raw: raw, sum: sha256.Sum256(raw),
	}
	lib.byHash[hash] = b
	return b
}

// branch returns the blocks from the main chain to tip, lowest first.
func (lib *Library) branch(tip *block) []*block {
	var blocks []*block
	for b := tip; !b.onMain; b = b.parent {
		blocks = append(blocks, b)
	}
	slices.Reverse(blocks)
	return blocks
}

// ancestor returns the block at a height of the chain that ends in tip, which is at
// least as high.
func (lib *Library) ancestor(tip *block, height btc.Height) *block {
	b := tip
	for ; b.height > height && !b.onMain; b = b.parent {
	}
	if b.height > height {
		return lib.main[height]
	}
	return b
}

// has reports whether b is on the chain that ends in tip.
func (lib *Library) has(tip, b *block) bool {
	return b.height <= tip.height && lib.ancestor(tip, b.height) == b
}

// headersAfter returns at most [btc.MaxHeaders] headers of the chain that ends in tip,
// after the first hash of the locator that is on it.
func (lib *Library) headersAfter(tip *block, locator []btc.Hash) []btc.Header {
	from := btc.Height(0)
	for _, hash := range locator {
		if b := lib.byHash[hash]; b != nil && lib.has(tip, b) {
			from = b.height
			break
		}
	}
	count := min(int(tip.height-from), btc.MaxHeaders)
	headers := make([]btc.Header, count)
	for b, i := lib.ancestor(tip, from+btc.Height(count)), count-1; i >= 0; b, i = b.parent, i-1 {
		headers[i] = b.header
	}
	return headers
}

// name returns the name of the block with hash, or the end of the hash.
func (lib *Library) name(hash btc.Hash) string {
	if b := lib.byHash[hash]; b != nil {
		return b.name
	}
	if hash.IsZero() {
		return "none"
	}
	return "?" + hash.String()[56:]
}
