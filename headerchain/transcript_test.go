package headerchain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// TestTranscripts runs the stories in testdata/transcripts. Run with -rewrite to
// write what happens, then read the difference.
//
// Commands, headers by name, "g" is genesis:
//
//	mine parent=P A B C     makes headers, each on the one before
//	accept A B C            and what came of it
//	complete|park|unpark A  and how the complete tip moved
//	rebase A
//	missing limit=N
//	clock +SECONDS          moves our clock, which begins at genesis plus a day
//	tips, locator, path from=A to=B
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		t.Helper()
		s := newStory()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			out := s.run(t, d)
			mustHold(t, s.c)
			return out
		})
	})
}

type story struct {
	c       *headerchain.Chain
	headers map[string]btc.Header
	names   map[btc.Hash]string
	now     time.Time
}

func newStory() *story {
	genesis := regtestGenesis()
	return &story{
		c: headerchain.New(btc.Regtest), headers: map[string]btc.Header{"g": genesis},
		names: map[btc.Hash]string{genesis.Hash(): "g"}, now: time.Unix(int64(genesis.Time()), 0).Add(24 * time.Hour),
	}
}

func (s *story) run(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	args := slices.DeleteFunc(slices.Clone(d.CmdArgs), func(a datadriven.CmdArg) bool { return len(a.Vals) > 0 })
	switch d.Cmd {
	case "mine":
		return s.mine(t, d, args)
	case "accept":
		headers := make([]btc.Header, 0, len(args))
		for _, a := range args {
			headers = append(headers, s.header(t, a.Key))
		}
		return s.accepted(s.c.Accept(headers, s.now))
	case "complete", "park", "unpark":
		header := s.header(t, args[0].Key)
		do := map[string]func(btc.Hash) (headerchain.Change, error){"complete": s.c.Complete, "park": s.c.Park, "unpark": s.c.Unpark}
		return s.changed(do[d.Cmd](header.Hash()))
	case "rebase":
		header := s.header(t, args[0].Key)
		if err := s.c.Rebase(header.Hash()); err != nil {
			return err.Error() + "\n"
		}
		return s.tips()
	case "missing":
		var limit int
		d.ScanArgs(t, "limit", &limit)
		return s.list(s.c.Missing(limit))
	case "clock":
		var seconds int
		if _, err := fmt.Sscanf(args[0].Key, "+%d", &seconds); err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(time.Duration(seconds) * time.Second)
		return ""
	case "tips":
		return s.tips()
	case "locator":
		return s.locator()
	case "path":
		return s.path(t, d)
	}
	t.Fatalf("unknown command %s", d.Cmd)
	return ""
}

func (s *story) header(t *testing.T, name string) btc.Header {
	t.Helper()
	header, ok := s.headers[name]
	if !ok {
		t.Fatalf("no header %q", name)
	}
	return header
}

func (s *story) mine(t *testing.T, d *datadriven.TestData, args []datadriven.CmdArg) string {
	t.Helper()
	var parent string
	d.ScanArgs(t, "parent", &parent)
	ahead := 0
	if d.HasArg("ahead") { // seconds later than usual
		d.ScanArgs(t, "ahead", &ahead)
	}
	header := s.header(t, parent)
	for i, a := range args {
		f := child(&header, byte(len(s.headers)))
		if i == 0 {
			f.Time += uint32(ahead)
		}
		header = mine(f)
		s.headers[a.Key], s.names[header.Hash()] = header, a.Key
	}
	return ""
}

func (s *story) accepted(done headerchain.Accepted, err error) string {
	out := fmt.Sprintf("new %d, known %d, last %s", done.New, done.Known, s.names[done.Last])
	if done.TipMoved {
		out += ", tip moved"
	}
	if err != nil {
		text := err.Error()
		for hash, name := range s.names {
			text = strings.ReplaceAll(text, hash.String(), name)
		}
		out += "\n" + text
	}
	return out + "\n"
}

func (s *story) changed(change headerchain.Change, err error) string {
	if err != nil {
		return err.Error() + "\n"
	}
	if !change.Moved() {
		return "nothing moved\n"
	}
	return fmt.Sprintf("reverted: %sconnected: %stip: %s\n", s.list(change.Reverted), s.list(change.Connected), s.names[change.Tip.Hash])
}

func (s *story) tips() string {
	best, complete := s.c.Best(), s.c.BestComplete()
	out := fmt.Sprintf("best %s at %d", s.names[best.Hash], best.Height)
	if best.Parked {
		out += " (parked)"
	}
	return out + fmt.Sprintf(", complete %s at %d\n", s.names[complete.Hash], complete.Height)
}

func (s *story) list(entries []headerchain.Entry) string {
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, s.names[e.Hash])
	}
	if len(names) == 0 {
		return "none\n"
	}
	return strings.Join(names, " ") + "\n"
}

func (s *story) locator() string {
	var names []string
	for _, hash := range s.c.Locator() {
		names = append(names, s.names[hash])
	}
	return strings.Join(names, " ") + "\n"
}

func (s *story) path(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	var from, to string
	d.ScanArgs(t, "from", &from)
	d.ScanArgs(t, "to", &to)
	a, b := s.header(t, from), s.header(t, to)
	down, up, ok := s.c.Path(a.Hash(), b.Hash())
	if !ok {
		return "unknown\n"
	}
	return "down: " + s.list(down) + "up: " + s.list(up)
}
