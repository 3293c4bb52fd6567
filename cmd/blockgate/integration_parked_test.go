package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
	"blockgate/sandbox/verdict"
)

// TestParkedBranch runs parsers that all say that block 4 breaks a rule, though its body
// is proven: its branch is parked and the operator told, nobody is blamed and nothing
// above it is published. A branch without that block is followed. With sound parsers
// all is published: the parking was in memory alone.
func TestParkedBranch(t *testing.T) {
	t.Parallel()
	const call = "w.walker.Block(place, body, w.txs)"
	programs := t.TempDir()
	changed := overlay(t, "../../parser/worker/serve.go", "return "+regexp.QuoteMeta(call), `said := `+call+`
	if job.Height == 4 && len(said.Txs) == 1 {
		said.Verdict = `+fmt.Sprintf("%d", verdict.ValueTooLarge)+`
	}
	return said`)
	if err := buildPrograms(programs, "-overlay", changed); err != nil {
		t.Fatal(err)
	}
	dir, chain := t.TempDir(), regtest(t, 46, 12)
	one, other := listen(t, 46, chain, fakepeer.Script{}), listen(t, 47, chain, fakepeer.Script{})
	args := append(connectTo(one, other), "--network", "regtest")
	d := startDaemonWith(t, daemonOptions{binDir: programs}, dir, args...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(3)
	alarm, _ := d.await("alarm of a parked block", 0, func(r record) bool { return r.Msg == "alarm" && r.Code == "parked" })
	if !strings.Contains(alarm.Detail, "block 4 ") {
		t.Errorf("the log says %s", alarm.text)
	}
	d.await("alarm of a lead", 0, func(r record) bool { return r.Msg == "alarm" && r.Code == "parked-leads" })
	for _, what := range []string{"peer banned", "adapter died"} {
		if d.count(what) != 0 {
			t.Errorf("%q for a block that all peers sent as it is", what)
		}
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "adapter", evidenceFolder, "*"))
	if err != nil || len(kept) != 1 {
		t.Errorf("evidence %q, %v, want one body", kept, err)
	}
	sound := startDaemon(t, dir, args...)
	g := follow(sound, 0, genesis(btc.Regtest))
	g.connects(12)
	g.at(chain)
	if g.events != 12 {
		t.Errorf("%d events for 12 blocks", g.events)
	}
}
