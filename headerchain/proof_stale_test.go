package headerchain_test

import (
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// staleFork is a branch of the real main chain that lost.
type staleFork struct {
	height btc.Height // of the parent
	parent btc.Header
	stale  []btc.Header
	main   []btc.Header // on the same parent, one header more than the fork
}

func staleForks(t *testing.T) []staleFork {
	t.Helper()
	var forks []staleFork
	for _, row := range proofRows(t, "stale_forks.csv.gz", 4) {
		f := staleFork{height: proofHeight(t, row[0]), parent: proofHeaders(t, row[1])[0], stale: proofHeaders(t, row[2])}
		f.main = proofChildren(t, f.parent, row[3])
		if len(f.stale) == 0 || len(f.main) != len(f.stale)+1 {
			t.Fatalf("fork at %d: %d stale, %d main", f.height, len(f.stale), len(f.main))
		}
		forks = append(forks, f)
	}
	return forks
}

// mustAttach wants headers in c, the first at height, each the child of the one
// before.
func mustAttach(t *testing.T, c *headerchain.Chain, headers []btc.Header, height btc.Height) {
	t.Helper()
	for i := range headers {
		if e, ok := c.Lookup(headers[i].Hash()); !ok || e.Header != headers[i] || e.Height != height+btc.Height(i) {
			t.Errorf("header %v: %+v, want height %d", headers[i].Hash(), e, height+btc.Height(i))
		}
	}
}

// H11: every stale fork hangs where it belongs and loses, whichever side comes first:
// one that was there first is best until the main chain has more work.
func TestStaleForksLose(t *testing.T) {
	forks := staleForks(t)
	stale := map[btc.Hash]bool{}
	for _, f := range forks {
		for _, staleFirst := range []bool{true, false} {
			c := headerchain.NewAnchored(btc.Mainnet, f.parent, f.height)
			first, second := f.main, f.stale
			if staleFirst {
				first, second = f.stale, f.main
			}
			if done := mustAccept(t, c, first...); !done.TipMoved {
				t.Errorf("fork at %d: %+v", f.height, done)
			}
			if done := mustAccept(t, c, second...); done.TipMoved != staleFirst || done.New != len(second) {
				t.Errorf("fork at %d: %+v", f.height, done)
			}
			mustAttach(t, c, f.stale, f.height+1)
			best, last := c.Best(), f.main[len(f.main)-1]
			if best.Hash != last.Hash() || best.Height != f.height+btc.Height(len(f.main)) {
				t.Errorf("fork at %d: tip %v at %d", f.height, best.Hash, best.Height)
			}
			fork, ok := c.ForkPoint(f.stale[len(f.stale)-1].Hash(), best.Hash)
			if !ok || fork.Header != f.parent {
				t.Errorf("fork at %d: leaves the main chain at %d", f.height, fork.Height)
			}
		}
		for i := range f.stale {
			stale[f.stale[i].Hash()] = true
		}
	}
	if len(forks) != 549 || len(stale) != 554 {
		t.Errorf("%d forks of %d headers", len(forks), len(stale))
	}
}

// In the runs of real headers each fork comes when its parent does, and the run
// goes on to its own tip.
func TestStaleForksInRuns(t *testing.T) {
	after := map[btc.Hash][]staleFork{}
	for _, f := range staleForks(t) {
		after[f.parent.Hash()] = append(after[f.parent.Hash()], f)
	}
	seen := map[btc.Hash]bool{}
	for _, run := range runsHere() {
		if run.net != btc.Mainnet {
			continue
		}
		headers := loadHeaders(t, run.file)
		c := headerchain.NewAnchored(run.net, headers[0], run.height)
		for at := 1; at < len(headers); at++ {
			mustAccept(t, c, headers[at])
			for _, f := range after[headers[at].Hash()] {
				mustAccept(t, c, f.stale...)
				mustAttach(t, c, f.stale, run.height+btc.Height(at)+1)
				for i := range f.stale {
					seen[f.stale[i].Hash()] = true
				}
			}
		}
		if best := c.Best(); best.Hash.String() != run.tip || best.Height != run.height+btc.Height(len(headers)-1) {
			t.Errorf("%s: tip %v at %d", run.file, best.Hash, best.Height)
		}
		mustHold(t, c)
	}
	if len(seen) != 554 && !raceDetector { // all that there are
		t.Errorf("%d stale headers in the runs", len(seen))
	}
}
