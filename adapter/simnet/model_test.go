package simnet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// bareRun is a run whose brain nobody steps.
func bareRun() *run { return newRun(sharedLibrary(), 7, cast()) }

// said returns the one complaint of a run.
func said(t *testing.T, r *run) string {
	t.Helper()
	if len(r.report.Wrong) > 1 {
		t.Fatalf("complaints: %q", r.report.Wrong)
	}
	if len(r.report.Wrong) == 0 {
		return ""
	}
	_, text, _ := strings.Cut(r.report.Wrong[0], "s: ")
	return text
}

// TestTimeline checks the order of what happens, and that the clock follows it.
func TestTimeline(t *testing.T) {
	var line timeline
	line.now = time.Unix(100, 0)
	var order []string
	plan := func(wait time.Duration, name string) {
		line.in(wait, func() { order = append(order, fmt.Sprintf("%s@%d", name, line.now.Unix())) })
	}
	plan(2*time.Second, "c")
	plan(time.Second, "a")
	plan(time.Second, "b") // at the same time, planned later
	plan(-time.Hour, "now")
	line.in(time.Second, func() { plan(0, "inner") })
	for line.next() {
	}
	if got, want := fmt.Sprint(order), "[now@100 a@101 b@101 inner@101 c@102]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestLibrary checks that chains are what they are said to be.
func TestLibrary(t *testing.T) {
	lib := sharedLibrary()
	limit := btc.Regtest.Params().PowLimit
	for _, b := range lib.byHash {
		if b.header.Hash() != b.hash || !limit.Meets(&b.hash) && b.height > 0 {
			t.Fatalf("%s has no work", b.name)
		}
		if b.parent != nil && (b.header.Prev() != b.parent.hash || b.height != b.parent.height+1) {
			t.Fatalf("%s does not stand on %s", b.name, b.parent.name)
		}
	}
	for _, s := range lib.stations {
		for size, tip := range s.heavy {
			if branch := lib.branch(tip); len(branch) != size || tip.height <= s.height || branch[0].open {
				t.Errorf("heavy branch of %d at %d has %d headers and ends at %d", size, s.height, len(branch), tip.height)
			}
		}
		if bad := s.bad(); bad.onMain || !bad.parent.onMain || !lib.has(s.rebel, bad) {
			t.Errorf("rebel branch at %d begins with %s", s.height, bad.name)
		}
		for _, tip := range s.twins {
			if tip.height > s.height {
				t.Errorf("%s is heavier than the honest chain at %d", tip.name, s.height)
			}
		}
		for _, tip := range s.detour {
			if !tip.open || tip.height > s.height+growth {
				t.Errorf("detour %s", tip.name)
			}
		}
	}
	again := NewLibrary()
	if a, b := again.stations[3].spam[5], lib.stations[3].spam[5]; a.hash != b.hash {
		t.Errorf("two libraries differ: %v and %v", a.hash, b.hash)
	}
}

// TestHeadersAfter checks what is answered to a locator.
func TestHeadersAfter(t *testing.T) {
	lib := sharedLibrary()
	s := lib.stations[2]
	tip := s.heavy[6]
	at := func(height btc.Height) btc.Hash { return lib.ancestor(tip, height).hash }
	for name, test := range map[string]struct {
		tip         *block
		locator     []btc.Hash
		first, last *block // nil: no headers
	}{
		"nothing known":    {tip, []btc.Hash{{1}}, lib.main[1], tip},
		"empty locator":    {tip, nil, lib.main[1], tip},
		"on the branch":    {tip, []btc.Hash{at(tip.height - 2)}, lib.ancestor(tip, tip.height-1), tip},
		"below the fork":   {tip, []btc.Hash{at(3)}, lib.main[4], tip},
		"another branch":   {tip, []btc.Hash{s.heavy[1].hash, at(5)}, lib.main[6], tip},
		"the tip":          {tip, []btc.Hash{tip.hash}, nil, nil},
		"more than fit":    {lib.main[2150], nil, lib.main[1], lib.main[2000]},
		"higher than tip":  {lib.main[10], []btc.Hash{lib.main[11].hash, lib.main[9].hash}, lib.main[10], lib.main[10]},
		"first that is on": {lib.main[10], []btc.Hash{lib.main[8].hash, lib.main[9].hash}, lib.main[9], lib.main[10]},
	} {
		headers := lib.headersAfter(test.tip, test.locator)
		if test.first == nil {
			if len(headers) != 0 {
				t.Errorf("%s: %d headers", name, len(headers))
			}
			continue
		}
		if len(headers) == 0 || headers[0] != test.first.header || headers[len(headers)-1] != test.last.header {
			t.Errorf("%s: %d headers, want %s to %s", name, len(headers), test.first.name, test.last.name)
		}
	}
}

// TestJournalJudges tells the journal what no brain may tell it.
func TestJournalJudges(t *testing.T) {
	type step struct {
		kind  node.EventKind
		block *block
		final btc.Height
	}
	lib := sharedLibrary()
	m := lib.main
	for name, test := range map[string]struct {
		stored []*block
		steps  []step
		best   *block
		want   string
	}{
		"in order":         {m[1:4], []step{{node.Connect, m[1], 0}, {node.Connect, m[2], 0}, {node.DisconnectBlock, m[2], 0}}, m[2], ""},
		"not stored":       {m[1:2], []step{{node.Connect, m[1], 0}, {node.Connect, m[2], 0}}, m[2], "connect m2, which is not stored"},
		"a gap":            {m[1:4], []step{{node.Connect, m[1], 0}, {node.Connect, m[3], 0}}, m[3], "connect m3 on m1"},
		"twice":            {m[1:4], []step{{node.Connect, m[1], 0}, {node.Connect, m[1], 0}}, m[1], "connect m1 on m1"},
		"final falls":      {m[1:4], []step{{node.Connect, m[1], 1}, {node.Connect, m[2], 0}}, m[2], "final falls from 1 to 0"},
		"not the tip":      {m[1:4], []step{{node.Connect, m[1], 0}, {node.Connect, m[2], 0}, {node.DisconnectBlock, m[1], 0}}, m[2], "disconnect m1, which is not the tip"},
		"final taken back": {m[1:4], []step{{node.Connect, m[1], 0}, {node.Connect, m[2], 2}, {node.DisconnectBlock, m[2], 2}}, m[2], "disconnect m2, final is 2"},
		"before its replacement": {
			m[1:3],
			[]step{{node.Connect, m[1], 0}, {node.Connect, m[2], 0}, {node.DisconnectBlock, m[2], 0}},
			lib.low[0], "disconnect m2 before low1 is stored",
		},
		"no valid block": {lib.low[:1], []step{{node.Connect, lib.low[0], 0}}, lib.low[0], "connect low1, which is no valid block"},
	} {
		t.Run(name, func(t *testing.T) {
			r := bareRun()
			for _, b := range test.stored {
				r.journal.stored[b.hash] = true
			}
			for _, s := range test.steps {
				r.append(node.Append{
					Kind: s.kind, Hash: s.block.hash, Prev: s.block.header.Prev(), Height: s.block.height, Header: s.block.header,
					Best: test.best.hash, Final: s.final,
				})
			}
			if got := said(t, r); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// TestBudget checks that the budget is kept, that claims are granted in order, and that
// what the reserve is for gets in.
func TestBudget(t *testing.T) {
	r := bareRun()
	c := &conn{peer: r.peers[0]}
	var granted []int
	claimOf := func(mib int) {
		r.budget.claim(r, claim{mib << 20, btc.Hash{byte(mib)}, c, func() { granted = append(granted, mib) }})
	}
	for _, mib := range []int{50, 6, 1, 2} { // 56 MiB are for all
		claimOf(mib)
	}
	if fmt.Sprint(granted) != "[50 6]" {
		t.Errorf("granted %v at first", granted)
	}
	r.budget.release(r, 6<<20)
	if fmt.Sprint(granted) != "[50 6 1 2]" || r.budget.used != 53<<20 {
		t.Errorf("granted %v, %d MiB are used", granted, r.budget.used>>20)
	}
	claimOf(9)
	c.over = true // whoever has left gets nothing
	r.budget.release(r, 50<<20)
	if len(granted) != 4 || len(r.budget.waiting) != 0 {
		t.Errorf("granted %v, %d wait", granted, len(r.budget.waiting))
	}
	r.budget.release(r, 4<<20)
	if got := said(t, r); got != "1048576 bytes more are released than were granted" {
		t.Errorf("%q", got)
	}
}

// TestParsers checks that the model of the parsers tells bytes apart.
func TestParsers(t *testing.T) {
	r := bareRun()
	b := r.lib.main[3]
	if got := r.verdict(r.truth(b)); got != node.OutcomeProven {
		t.Errorf("the truth: %v", got)
	}
	if got := r.verdict(r.truth(r.station.bad())); got != node.OutcomeRule {
		t.Errorf("a block that breaks a rule: %v", got)
	}
	seen := map[node.Outcome]bool{}
	for _, traits := range []trait{mutating, poisonous} {
		p := &peer{traits: traits}
		for range 8 {
			lie := r.lie(p, b)
			outcome := r.verdict(lie)
			if lie.sum == b.sum || outcome == node.OutcomeProven || outcome == node.OutcomeRule {
				t.Errorf("a lie of %s: %v", traits, outcome)
			}
			seen[outcome] = true
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d kinds of lies: %v", len(seen), seen)
	}
}

// TestAudit checks that what a brain may not do is seen.
func TestAudit(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(*run)
		want string
	}{
		"an honest peer is banned": {
			func(r *run) { r.ban(node.Ban{Addr: r.peers[0].addr, Reason: "stall"}) }, "honest peer 0 is banned: stall: ",
		},
		"a banned peer is dialled": {
			func(r *run) {
				r.peers[0].banned = "garbage"
				r.dialled(node.Dial{Peer: 1, Addr: r.peers[0].addr})
			}, "dial of peer 0, which is banned for garbage",
		},
		"a body is released twice": {func(r *run) { r.release(3) }, "body 3 is released and is not held"},
		"too many actions": {
			func(r *run) { r.audit(node.Tick{}, make([]node.Action, maxActions+1)) }, "node.Tick causes 1025 actions",
		},
		"no block to ask for": {func(r *run) { r.asked(node.GetData{Peer: 1}) }, "getdata of 0 hashes"},
		"a fatal end":         {func(r *run) { r.performJournal(node.Fatal{Detail: "why"}) }, "fatal: why"},
		"an alarm of ours":    {func(r *run) { r.alarm(node.Alarm{Code: node.AlarmJournalEmptied, Detail: "why"}) }, "alarm journal-emptied: why"},
		"the most dials": {
			func(r *run) {
				for range maxDials {
					r.pace(&r.peers[0].dials, maxDials, "dials", r.peers[0])
				}
			}, "",
		},
		"one dial more": {
			func(r *run) {
				for range maxDials + 1 {
					r.pace(&r.peers[0].dials, maxDials, "dials", r.peers[0])
				}
			}, "41 dials for peer 0 within a minute",
		},
		"a liar goes free": {
			func(r *run) {
				r.peers[0].lies, r.everProven[r.tip.hash] = []*block{r.tip}, true
				r.judgeLiars()
			}, "peer 0 lied about m",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := bareRun()
			test.do(r)
			if got := said(t, r); got != test.want && (test.want == "" || !strings.HasPrefix(got, test.want)) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
