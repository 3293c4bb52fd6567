package supervisor

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/sandbox"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/ring"
)

// TestSolo asks one parser one question, and closes it.
func TestSolo(t *testing.T) {
	t.Parallel()
	cfg := Config{ParserPath: parserProgram, BuildID: testBuild}
	solo, err := StartSolo(cfg, func(fd int) error {
		_, err := ring.Create(fd, 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = solo.Jobs.Close() }()
	if err := sandbox.Attest(solo.PID(), solo.Report); err != nil {
		t.Error(err)
	}
	if l, ok := solo.Report.Layer(sandbox.LayerSeccomp); !ok || l.State != sandbox.StateOK {
		t.Errorf("report: %+v", solo.Report)
	}
	job := frame.Job{Kind: frame.KindBlock, Seq: 1, Len: 100, Network: btc.Regtest, Height: 1}
	if _, err := solo.Jobs.Write(job.Append(nil)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, frame.MaxMessage)
	n, err := solo.Jobs.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := frame.DecodeAnswer(answer[:n]); err != nil {
		t.Error(err)
	}
	gone := watch(t, solo.PID())
	if how := solo.Close(); how != "signal: killed" {
		t.Errorf("it ended as %q", how)
	}
	gone()
	<-solo.Ended()
}

func TestSoloTellsWhyNot(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	seal := func(fd int) error {
		_, err := ring.Create(fd, 1)
		return err
	}
	for _, c := range []struct {
		name   string
		cfg    Config
		create func(int) error
		code   int
		want   string
	}{
		{"no path", Config{}, seal, sandbox.ExitUsage, "no path"},
		{"no file", Config{ParserPath: "/nowhere"}, seal, sandbox.ExitFailure, "/nowhere"},
		{"another build", Config{ParserPath: parserProgram, BuildID: "x"}, seal, sandbox.ExitFailure, "another build"},
		{"a liar", Config{ParserPath: self, BuildID: testBuild}, seal, sandbox.ExitMissingLayer, "not confined"},
		{"no ring", Config{ParserPath: parserProgram}, func(int) error { return unix.ENOMEM }, sandbox.ExitFailure, "cannot allocate"},
		{"a ring that is not sealed", Config{ParserPath: parserProgram}, func(int) error { return nil }, sandbox.ExitFailure, "seal"},
	} {
		_, err := StartSolo(c.cfg, c.create)
		exit, ok := errors.AsType[*ExitError](err)
		if !ok || exit.Code != c.code || !strings.Contains(exit.Detail, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
