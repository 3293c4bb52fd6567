package bench_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"blockgate/fuzz"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
)

// A contest over a small block: all variants do their work, those of ours allocate
// nothing, and the table has a line for each.
func TestContest(t *testing.T) {
	body, err := openCorpus(t).Block("mainnet_482683.raw")
	if err != nil {
		t.Fatal(err)
	}
	c := blockContest(t, fuzz.Place{Network: btc.Mainnet, Height: 482_683, MedianTime: 1_504_400_000}, body)
	c.play(t, 2)
	c.scaleKernels()
	ran := 0
	for _, v := range c.variants {
		if v.absent != "" {
			continue
		}
		ran++
		if v.fastest <= 0 || v.fastest > time.Minute {
			t.Errorf("%s: %v", v.name, v.fastest)
		}
		if ours := strings.HasPrefix(v.name, "ours-"); ours && v.allocs != 0 && !raceDetector {
			t.Errorf("%s: %v allocations, want 0", v.name, v.allocs)
		}
	}
	if want := 3*len(sha256d.Engines()) + 2; ran != want {
		t.Errorf("%d variants ran, want %d", ran, want)
	}
	o := outcomes{of: map[string]*contest{}}
	o.add(baseline, &c.contest)
	o.add("hostile", &contest{variants: []*variant{c.of("ours-go"), c.of(scanName)}})
	if table := o.blocks() + o.worst(); strings.Count(table, baseline+" ") < 1+len(engines) || !strings.Contains(table, "hostile ") {
		t.Errorf("table:\n%s", table)
	}
}

// The hashes of a contest are those of the block: the engines agree on the root.
func TestHashesAreTheBlocks(t *testing.T) {
	body, err := openCorpus(t).Block("mainnet_482683.raw")
	if err != nil {
		t.Fatal(err)
	}
	h, err := hashingOf(fuzz.Place{Network: btc.Mainnet, Height: 482_683, MedianTime: 1_504_400_000}, body)
	if err != nil {
		t.Fatal(err)
	}
	// 12 transactions, 2 with a witness: 14 messages; 12, 6, 3 and 2 leaves make 6+3+2+1 nodes, twice.
	if len(h.messages) != 14 || h.count != 12 || !h.segwit {
		t.Errorf("%d messages of %d transactions, segwit %v", len(h.messages), h.count, h.segwit)
	}
	nodes := 2 * (6 + 3 + 2 + 1) * 3
	for i, m := range h.messages {
		size := int(m.Size)
		if m.Witness > 0 {
			size -= int(m.Witness) + 2
		}
		if i == 0 && m.Witness == 0 {
			t.Error("the coinbase has no witness")
		}
		nodes += (size+8)/64 + 2
	}
	if h.compressions != nodes {
		t.Errorf("%d compressions, want %d", h.compressions, nodes)
	}
	if _, err := hashingOf(fuzz.Place{Network: btc.Mainnet, Height: 1}, body); err == nil {
		t.Error("a block that was refused has hashes")
	}
}

func TestBars(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{atLeast(3, 2), "3.00 (>= 2: met)"},
		{atLeast(2, 2), "2.00 (>= 2: met)"},
		{atLeast(1.5, 2), "1.50 (>= 2: MISSED)"},
		{atMost(1.5, 2), "1.50 (<= 2: met)"},
		{atMost(2.5, 2), "2.50 (<= 2: MISSED)"},
		{atMost(2.5, 0), "2.50"},
		{atLeast(0, 2), "not measured"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	o := outcomes{of: map[string]*contest{}}
	if got := o.againstBaseline(nil); got != "cannot run here" {
		t.Error(got)
	}
	if got := o.againstBaseline(&variant{fastest: time.Second}); got != "1s" {
		t.Error(got)
	}
}

// A block that takes 4 times the bytes takes no more than some 4 times as long: what is
// quadratic would take 16 times. Each shape fills a block, and a quarter of one.
func TestNothingIsQuadratic(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("takes time without the race detector")
	}
	const runs, tries, most = 5, 6, 9
	for name, pair := range map[string][2]fuzz.Shape{
		"inputs":        {{Txs: 1, Inputs: 6_000, Outputs: 1}, {Txs: 1, Inputs: 24_000, Outputs: 1}},
		"outputs":       {{Txs: 1, Inputs: 1, Outputs: 27_000}, {Txs: 1, Inputs: 1, Outputs: 108_000}},
		"transactions":  {{Txs: 4_000, Inputs: 1, Outputs: 1}, {Txs: 16_000, Inputs: 1, Outputs: 1}},
		"witness items": {{Txs: 1, Inputs: 1, Outputs: 1, Items: 480_000, ItemSize: 1}, {Txs: 1, Inputs: 1, Outputs: 1, Items: 1_920_000, ItemSize: 1}},
		"script":        {{Txs: 1, Inputs: 1, Outputs: 1, PubKeySize: 240_000, Script: fuzz.ScriptMixed}, {Txs: 1, Inputs: 1, Outputs: 1, PubKeySize: 960_000, Script: fuzz.ScriptMixed}},
		"witnesses":     {{Txs: 4_000, Inputs: 1, Outputs: 1, Items: 1}, {Txs: 16_000, Inputs: 1, Outputs: 1, Items: 1}},
	} {
		small := &variant{name: "quarter", run: whole(sha256d.Best(), fuzz.MintedAt(), pair[0].Block())}
		large := &variant{name: "full", run: whole(sha256d.Best(), fuzz.MintedAt(), pair[1].Block())}
		c, ratio := &contest{variants: []*variant{small, large}}, math.Inf(1)
		for try := 0; try < tries && ratio > most; try++ { // a busy machine is given time
			c.play(t, runs)
			ratio = min(ratio, c.ratio("full", "quarter"))
		}
		if ratio > most {
			t.Errorf("%s: %v for a quarter, %v for all: %.1f times", name, small.fastest, large.fastest, ratio)
		}
	}
}

// A refused block is no work that can be measured.
func TestRefusedWorkIsAnError(t *testing.T) {
	body := fuzz.Shape{Txs: 1, Inputs: 1, Outputs: 1}.Block()
	body[len(body)-1]++ // its lock time: another root
	if err := whole(sha256d.EngineGo, fuzz.MintedAt(), body)(); err == nil || err.Error() != "bad-txnmrklroot" {
		t.Errorf("whole: %v", err)
	}
	if err := scan(fuzz.MintedAt(), body[:len(body)-1])(); err == nil || err.Error() != "end of data" {
		t.Errorf("scan: %v", err)
	}
	if err := byBtcd(body[:len(body)-1])(); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("btcd: %v", err)
	}
}
