package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"blockgate/adapter/evidence"
	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// poisons are the words for which a parser built with the tag poison falls, and what
// the service says of a body that ends in one.
var poisons = []struct{ word, reason string }{
	{"poison:panic", "body-worker-died"},
	{"poison:nil", "body-worker-died"},
	{"poison:stack", "body-worker-died"},
	{"poison:memory", "body-worker-died"},
	{"poison:call", "body-worker-died"},
	{"poison:loop", "body-worker-hung"},
	{"poison:silence", "body-worker-hung"},
	{"poison:flood", "body-worker-nonsense"},
}

// TestNoPoisonShipped looks into the programs: only those built with the tag fall for
// poison.
func TestNoPoisonShipped(t *testing.T) {
	t.Parallel()
	programs := buildPoisoned(t)
	for _, p := range poisons {
		for _, c := range []struct {
			path string
			want bool
		}{
			{filepath.Join(programs, "blockgate-parser"), true},
			{filepath.Join(binDir, "blockgate-parser"), false},
			{filepath.Join(binDir, "blockgate"), false},
		} {
			program, err := os.ReadFile(c.path)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Contains(program, []byte(p.word)); got != c.want {
				t.Errorf("%s has %q: %v, want %v", c.path, p.word, got, c.want)
			}
		}
	}
}

// What may stand in place of any other reason: once the block is proven by other bytes a
// parser that still dies of these is killed at once.
const (
	hungReason  = "body-worker-hung" // it had them for long
	otherReason = "body-other"       // it had them for a moment, or none had them
)

// buildPoisoned builds both programs with the tag and returns their folder.
func buildPoisoned(t testing.TB) string {
	t.Helper()
	programs := t.TempDir()
	if err := buildPrograms(programs, "-tags", "poison"); err != nil {
		t.Fatal(err)
	}
	return programs
}

// TestPoison has one peer for each poison send bodies on which parsers die, hang or
// babble, each in its own way. The service stays up, every block is published once and
// in order, each poisoner is banned when the block is proven, nobody else is, and the
// bytes are kept and can be judged again.
func TestPoison(t *testing.T) {
	t.Parallel()
	programs := buildPoisoned(t)
	chain := regtest(t, 71, 80)
	var liars []*fakepeer.Peer
	for i, p := range poisons {
		liars = append(liars, listen(t, 110+i, chain, fakepeer.Script{Lie: fakepeer.AppendedBody, Appended: []byte(p.word)}))
	}
	served := make(chan struct{})
	gate := func(ctx context.Context, _ btc.Height, _ btc.Hash) {
		select { // the honest wait until each poisoner was asked
		case <-served:
		case <-ctx.Done():
		}
	}
	honest := []*fakepeer.Peer{listen(t, 118, chain, fakepeer.Script{Gate: gate}), listen(t, 119, chain, fakepeer.Script{Gate: gate})}
	dir := t.TempDir()
	d := startDaemonWith(t, daemonOptions{binDir: programs}, dir, append(connectTo(slices.Concat(liars, honest)...), "--network", "regtest")...)
	eventually(t, "a body of each poisoner", func() bool {
		return !slices.ContainsFunc(liars, func(p *fakepeer.Peer) bool { return p.Stats().Sent == 0 })
	})
	close(served)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(80)
	f.at(chain)
	if f.events != 80 {
		t.Errorf("%d events for 80 blocks", f.events)
	}
	overtaken := 0
	for i, p := range poisons {
		at := liars[i].Addr().String()
		ban, _ := d.await("ban for "+p.word, 0, func(r record) bool { return r.Msg == "peer banned" && r.Peer == at })
		if ban.Reason != p.reason && ban.Reason != hungReason && ban.Reason != otherReason {
			t.Errorf("%s: banned for %s, want %s", p.word, ban.Reason, p.reason)
		}
		if ban.Reason == otherReason { // no parser failed on what it sent, so nothing is kept
			overtaken++
		}
	}
	for _, r := range d.lines() {
		isHonest := slices.ContainsFunc(honest, func(p *fakepeer.Peer) bool { return p.Addr().String() == r.Peer })
		if r.Msg == "adapter died" || r.Msg == "broker died" || isHonest && (r.Msg == "peer banned" || r.Msg == "peer gone" || r.Msg == "body not proven") {
			t.Errorf("the log says %s", r.text)
		}
	}
	f.again(d)
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	checkEvidence(t, filepath.Join(dir, "adapter", evidenceFolder), programs, len(poisons)-overtaken)
}

// checkEvidence wants bodies of so many poisons at least, of each of which a poisoned
// parser gives the same verdict again and a sound one another.
func checkEvidence(t *testing.T, dir, programs string, atLeast int) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.evidence"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := evidence.Decode(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		i := slices.IndexFunc(poisons, func(p struct{ word, reason string }) bool { return strings.HasSuffix(string(r.Body), p.word) })
		if i < 0 || r.Reason != poisons[i].reason && r.Reason != hungReason || r.Network != btc.Regtest || r.Build != testBuild {
			t.Errorf("%s: %+.200v", name, r)
			continue
		}
		if seen[poisons[i].word] {
			continue
		}
		seen[poisons[i].word] = true
		code, said := runOnce(t, daemonOptions{binDir: programs}, "replay", name)
		same := r.Reason == poisons[i].reason
		if poisons[i].word == "poison:memory" { // on a busy machine that takes longer than a parser has
			same = code == 0
		}
		if same != (code == 0) || same != strings.HasPrefix(said, "THE SAME\n") {
			t.Errorf("%s, the poisoned parser: exit code %d\n%s", poisons[i].word, code, said)
		}
		code, said = runOnce(t, daemonOptions{}, "replay", "--json", name)
		if code != int(exitNo) || !strings.Contains(said, `"now":"body-malformed"`) || !strings.Contains(said, `"agrees":false`) {
			t.Errorf("%s, a sound parser: exit code %d\n%s", poisons[i].word, code, said)
		}
	}
	if len(seen) < max(atLeast, len(poisons)/2) {
		t.Errorf("evidence of %v, want %d of %v", seen, atLeast, poisons)
	}
}
