package supervisor

import (
	"os"
	"strings"
	"testing"

	"blockgate/sandbox"
	"blockgate/sandbox/frame"
)

// tallied reads what the adapter is told until the tally is that one.
func (p *peer) tallied(want frame.Tally) {
	p.t.Helper()
	for {
		_, rest, _ := strings.Cut(p.next("tally"), " ")
		_, text, _ := strings.Cut(rest, " ")
		got, err := frame.ParseTally(text)
		if err != nil {
			p.t.Fatal(err)
		}
		if got == want {
			return
		}
	}
}

// TestTally: deaths and restarts are counted by what they are, and the count goes
// on when the adapter that shows it is another one.
func TestTally(t *testing.T) {
	t.Parallel()
	cfg := config(t, "seal")
	cfg.Parsers, cfg.BrokerArgs = 1, []string{"test-broker"}
	b := launch(t, cfg)
	broker := b.log.next("broker ready").number("pid")
	a := b.adapter()
	var want frame.Tally
	a.tallied(want)
	a.next("ready")

	kill9(t, b.parsers(1)[0])
	want.Deaths[frame.CauseKilled]++
	a.tallied(want)
	want.Restarts[frame.ProcessParser]++
	a.tallied(want)

	a.next("ready")
	a.do("kill 0")
	want.Deaths[frame.CauseHung]++
	want.Restarts[frame.ProcessParser]++
	a.tallied(want)

	a.next("ready")
	a.do("send 0") // no job
	want.Deaths[frame.CauseExit]++
	want.Restarts[frame.ProcessParser]++
	a.tallied(want)

	kill9(t, broker)
	want.Restarts[frame.ProcessBroker]++
	a.tallied(want)
	b.log.next("broker ready")

	kill9(t, a.pid)
	want.Restarts[frame.ProcessAdapter]++
	b.adapter().tallied(want) // its parsers went with it and are not counted
}

// TestLayersReachTheAdapter: what is known of other processes goes to each
// adapter.
func TestLayersReachTheAdapter(t *testing.T) {
	t.Parallel()
	cfg := config(t, "seal")
	cfg.BrokerArgs, cfg.BrokerConfig = []string{"test-broker"}, []byte("layers")
	cfg.Own = sandbox.Report{Build: "ours", Layers: []sandbox.Layer{{Name: sandbox.LayerDumpable, State: sandbox.StateMissing}}}
	b := launch(t, cfg)
	for range 2 {
		a := b.adapter()
		for _, want := range []string{`layers 0 blockgate-sandbox 1 build="ours" dumpable=wanted,missing,""`, "layers 1 " + brokerLayers} {
			if got := a.next("layers"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		kill9(t, a.pid)
	}
}

// TestWhy: each end is counted as one of the closed set.
func TestWhy(t *testing.T) {
	t.Parallel()
	starter := newStarter()
	defer starter.close()
	for script, want := range map[string]frame.Cause{
		"kill -SYS $$": frame.CauseSyscall, "kill -KILL $$": frame.CauseKilled, "kill -SEGV $$": frame.CauseCrash,
		"kill -ABRT $$": frame.CauseCrash, "kill -TERM $$": frame.CauseExit, "exit 2": frame.CauseCrash, "exit 0": frame.CauseExit,
		"exit 3": frame.CauseExit,
	} {
		p, err := starter.start(spec{path: "/bin/sh", argv: []string{"sh", "-c", script}, env: []string{}, files: []*os.File{nil, nil, nil}})
		if err != nil {
			t.Fatal(err)
		}
		<-p.ended
		if got := p.why(); got != want {
			t.Errorf("%s counts as %s, want %s", script, got, want)
		}
	}
}
