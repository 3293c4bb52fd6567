package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"blockgate/sandbox"
)

// fakeParser is a parser that is none. The name of its file says what is wrong
// with it; under the name of the test binary it says that it is locked up, and is
// not.
func fakeParser() int {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	switch filepath.Base(self) {
	case "silent":
		select {}
	case "quitter":
		return 0
	case "crasher":
		_, _ = os.Stderr.WriteString("panic: \"\x1b[31m\"\ngoroutine 1\n" + strings.Repeat("x", 1<<20))
		return 7
	case "panics":
		panic("at the start")
	case "talker":
		_, _ = os.Stdout.WriteString("I am fine\n")
		select {}
	}
	r := sandbox.Report{Build: testBuild, Layers: []sandbox.Layer{{Name: sandbox.LayerSeccomp, Required: true, State: sandbox.StateOK}}}
	_, _ = os.Stdout.Write(append(r.AppendText(nil), '\n'))
	select {}
}

// fake returns a path to the test binary under another name.
func fake(t *testing.T, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(self), name) //nolint:usetesting // a hard link must stay on its disk
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, name)
	if err := os.Link(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestParsersThatNeverServe: they are braked and tried again, the service goes on,
// and whatever they say comes quoted and cut.
func TestParsersThatNeverServe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, cause string }{
		{"quitter", "exit status 0"},
		{"crasher", `exit status 7: "panic: \"?[31m\""`},
		{"silent", "read the status line after 0 bytes: read status: i/o timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, "seal")
			cfg.Parsers, cfg.ParserPath = 1, fake(t, c.name)
			b := launch(t, cfg)
			a := b.adapter()
			if got := a.next("died"); got != "died 0 "+c.cause {
				t.Errorf("died as %q", got)
			}
			r := b.log.next("parser died")
			if r["cause"] != c.cause || r["condemned"] != false {
				t.Errorf("logged as %v", r)
			}
			if r.number("restart_in") != int(50*time.Millisecond) {
				t.Errorf("the first pause is %v", r["restart_in"])
			}
			if c.name == "silent" {
				return // the next one takes the whole deadline again
			}
			for i := range 3 {
				a.next("braked")
				a.next("died")
				if got := b.log.next("parser died").number("restart_in"); got != int(100*time.Millisecond)<<i {
					t.Errorf("pause %d is %s", i+2, time.Duration(got))
				}
			}
			b.stop()
			if err := b.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestParserThatPanics: one crash at the start may pass, a program that always
// crashes ends the service.
func TestParserThatPanics(t *testing.T) {
	t.Parallel()
	cfg := config(t, "seal")
	cfg.Parsers, cfg.ParserPath = 1, fake(t, "panics")
	b := launch(t, cfg)
	for range maxStartCrashes - 1 {
		if r := b.log.next("parser died"); !strings.HasPrefix(fmt.Sprint(r["cause"]), `exit status 2: "panic: at the start`) {
			t.Errorf("logged as %v", r)
		}
	}
	if exit, ok := errors.AsType[*ExitError](b.end()); !ok || exit.Role != "parser" || !strings.Contains(exit.Detail, "at the start") {
		t.Errorf("ended with %v", exit)
	}
}

// TestBrokerThatIsNone: one that says the wrong thing is killed and tried again,
// without it no adapter starts, and the service can be stopped meanwhile.
func TestBrokerThatIsNone(t *testing.T) {
	t.Parallel()
	for says, reason := range map[string]string{
		"silent": "", "sealed": "said sealed before ready", "layers twice": "said layers before ready",
		"layers of another": "said how adapter is confined", "layers in other words": "malformed sandbox status line",
	} {
		cfg := config(t, "seal")
		cfg.BrokerArgs, cfg.BrokerConfig = []string{"test-broker"}, []byte(says)
		b := launch(t, cfg)
		pid := b.log.next("broker started").number("pid")
		gone := func() {}
		if says == "silent" {
			gone = watch(t, pid)
		} else {
			if r := b.log.next("broker misbehaved"); !strings.HasPrefix(fmt.Sprint(r["reason"]), reason) {
				t.Errorf("logged as %v", r)
			}
			if r := b.log.next("broker died"); r.number("pid") != pid || r["cause"] != "signal: killed" {
				t.Errorf("logged as %v", r)
			}
			b.log.next("broker started")
		}
		b.stop()
		if err := b.end(); err != nil {
			t.Error(err)
		}
		gone()
		select {
		case <-b.adapters:
			t.Errorf("%s: an adapter was started without a broker", says)
		default:
		}
	}
}

// TestRolesAreAttested: a role that says it is ready and is not confined is killed, by
// the kernel's word.
func TestRolesAreAttested(t *testing.T) {
	t.Parallel()
	cfg := config(t, "seal")
	cfg.AttestRoles = true
	b := launch(t, cfg)
	pid := b.adapter().pid
	if r := b.log.next("adapter misbehaved"); r.number("pid") != pid || !strings.Contains(fmt.Sprint(r["reason"]), "process is not confined") {
		t.Errorf("logged as %v", r)
	}
	if r := b.log.next("adapter died"); r["cause"] != "signal: killed" {
		t.Errorf("logged as %v", r)
	}
	cfg.BrokerArgs, cfg.BrokerConfig = []string{"test-broker"}, []byte("layers")
	cfg.AdapterArgs = config(t, "seal").AdapterArgs
	b = launch(t, cfg)
	if r := b.log.next("broker misbehaved"); !strings.Contains(fmt.Sprint(r["reason"]), "process is not confined") {
		t.Errorf("logged as %v", r)
	}
}

// TestParserFileMayChange: what was opened is what runs.
func TestParserFileMayChange(t *testing.T) {
	t.Parallel()
	path := filepath.Join(filepath.Dir(parserProgram), "changing")
	if err := os.Link(parserProgram, path); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, "seal")
	cfg.Parsers, cfg.ParserPath = 1, path
	b := launch(t, cfg)
	a := b.adapter()
	a.next("ready")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	kill9(t, b.parsers(1)[0])
	a.next("died")
	a.next("ready")
	a.do("job 0")
	if got := a.next("answer"); !strings.HasSuffix(got, " <nil>") {
		t.Error(got)
	}
}

// TestManyParsers: every socket has its own parser, up to the last.
func TestManyParsers(t *testing.T) {
	t.Parallel()
	cfg := config(t, "seal")
	cfg.Parsers = 8
	b := launch(t, cfg)
	a := b.adapter()
	pids := map[int]bool{}
	for _, pid := range b.parsers(cfg.Parsers) {
		pids[pid] = true
	}
	if len(pids) != cfg.Parsers {
		t.Errorf("%d processes for %d workers", len(pids), cfg.Parsers)
	}
	for i := range cfg.Parsers {
		a.do(fmt.Sprintf("job %d", i))
		if got := a.next("answer"); !strings.HasSuffix(got, " <nil>") {
			t.Errorf("worker %d: %s", i, got)
		}
	}
}
