package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"blockgate/internal/btc"
)

func TestHeaderProgress(t *testing.T) {
	t.Parallel()
	started := time.Unix(1_000_000, 0)
	type step struct {
		after time.Duration
		done  int64
		want  string // "" if nothing is said
	}
	for _, tc := range []struct {
		name  string
		total int64
		steps []step
	}{
		{"quick", 4000, []step{{0, 0, ""}, {999 * time.Millisecond, 2000, ""}, {time.Second, 4000, ""}}},
		{"not known", 0, []step{
			{999 * time.Millisecond, 1999, ""},
			{time.Second, 2000, "blockgate: 2000 headers, 2000 headers/s, more to come\n"},
			{1999 * time.Millisecond, 3000, ""},
			{time.Hour, 7200, "blockgate: 7200 headers, 2 headers/s, more to come\n"},
		}},
		{"slow", 10_000, []step{
			{999 * time.Millisecond, 1999, ""},
			{time.Second, 2000, "blockgate: 2000 of 10000 headers (20%), 2000 headers/s, 4 s left\n"},
			{1999 * time.Millisecond, 3000, ""},
			{2 * time.Second, 3999, "blockgate: 3999 of 10000 headers (39%), 1999 headers/s, 4 s left\n"},
			{9 * time.Second, 9999, "blockgate: 9999 of 10000 headers (99%), 1111 headers/s, 1 s left\n"},
			{11 * time.Second, 10_000, ""},
			{12 * time.Second, 10_001, ""},
		}},
		{"hardly at all", 10_000, []step{{time.Hour, 1, "blockgate: 1 of 10000 headers (0%), 0 headers/s, unknown time left\n"}}},
	} {
		var out bytes.Buffer
		p := newHeaderProgress(&out, tc.total)
		for _, s := range tc.steps {
			out.Reset()
			if p.step(started.Add(s.after), started, s.done); out.String() != s.want {
				t.Errorf("%s, after %v: %q, want %q", tc.name, s.after, out.String(), s.want)
			}
		}
	}
}

// A walk whose clock goes a second for each look says how far it is, chunk by
// chunk, and not at the end.
func TestVerifyProgress(t *testing.T) {
	t.Parallel()
	raw := mustUnpackHeaders(t, "mainnet_0-10236")
	path := filepath.Join(t.TempDir(), "headers.bin")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	clock := noon
	tick := func() time.Time { clock = clock.Add(time.Second); return clock }
	var out bytes.Buffer
	w := newHeaderWalk(anchored(btc.Mainnet, 0), newHeaderProgress(&out, countHeaders(file)), tick)
	if err := w.read(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 5 || lines[0] != "blockgate: 2000 of 10237 headers (19%), 1000 headers/s, 9 s left" {
		t.Errorf("%q", lines)
	}
	if r := w.result(); r.Seconds != 12 || r.Rate != 853 {
		t.Errorf("%v s, %d headers/s", r.Seconds, r.Rate)
	}
}

func TestCountHeaders(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	if got := countHeaders(reader); got != 0 {
		t.Errorf("a pipe: %d", got)
	}
	if got := countHeaders(strings.NewReader("x")); got != 0 {
		t.Errorf("no file: %d", got)
	}
	for size, want := range map[int]int64{0: 0, 79: 0, 80: 1, 81: 1, 160: 2} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if got := countHeaders(file); got != want {
			t.Errorf("%d bytes: %d headers, want %d", size, got, want)
		}
	}
}

// Import and export say the same while they take their time.
func TestTransferProgress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	input := filepath.Join(dir, "headers.bin")
	if err := os.WriteFile(input, mustUnpackHeaders(t, "mainnet_0-10236"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, nil, "headers", "import", "--datadir", filepath.Join(dir, "d"), input)
	clock := noon
	tick := func() time.Time { clock = clock.Add(time.Second); return clock }
	var out bytes.Buffer
	check := func(name string, want ...string) {
		t.Helper()
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != len(want) {
			t.Fatalf("%s: %d lines: %q", name, len(lines), lines)
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, "blockgate: "+want[i]) || !strings.HasSuffix(line, " s left") {
				t.Errorf("%s: %q, want %q", name, line, want[i])
			}
		}
		out.Reset()
	}

	file, err := os.Open(input)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	i := newHeaderImport(&networkFlag{Network: btc.Mainnet}, &fullShelf{room: 1 << 20}, newHeaderProgress(&out, countHeaders(file)), tick)
	if err := i.run(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	check("import", "2000 of 10237", "4000 of 10237", "6000 of 10237", "8000 of 10237", "10000 of 10237")

	e := &headerExport{network: btc.Mainnet, file: filepath.Join(dir, "d", "adapter", headerFileName), progress: newHeaderProgress(&out, 0), now: tick}
	if err := e.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("load", "2000 of 10236", "4000 of 10236", "6000 of 10236", "8000 of 10236", "10000 of 10236")
	if err := e.write(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	check("write", "2000 of 10237", "4000 of 10237", "6000 of 10237", "8000 of 10237", "10000 of 10237")
}

// Whoever interrupts an export or an import gets an error, no file, and what was kept
// stays.
func TestTransferInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	raw := mustUnpackHeaders(t, "mainnet_0-10236")
	mustRun(t, raw, "headers", "import", "--datadir", filepath.Join(dir, "d"), "-")
	ctx, cancel := context.WithCancel(t.Context())
	ticks := 0
	e := &headerExport{
		network: btc.Mainnet, file: filepath.Join(dir, "d", "adapter", headerFileName), progress: newHeaderProgress(io.Discard, 0),
		now: func() time.Time { ticks++; return noon },
	}
	if err := e.load(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	out := filepath.Join(dir, "out.bin")
	if err := e.writeFile(ctx, out); !errors.Is(err, context.Canceled) || codeOf(err) != exitOwn {
		t.Errorf("export: %v, code %d", err, codeOf(err))
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*out.bin*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if err := e.load(ctx); !errors.Is(err, context.Canceled) || codeOf(err) != exitOwn {
		t.Errorf("load: %v", err)
	}
	shelf := &fullShelf{room: 1 << 20}
	i := newHeaderImport(&networkFlag{Network: btc.Mainnet}, shelf, newHeaderProgress(io.Discard, 0), func() time.Time { return noon })
	ctx, cancel = context.WithCancel(t.Context())
	in := io.MultiReader(bytes.NewReader(raw[:btc.MaxHeaders*btc.HeaderSize]), readerFunc(func([]byte) (int, error) { cancel(); return 0, nil }))
	if err := i.run(ctx, in); !errors.Is(err, context.Canceled) || len(shelf.got) != btc.MaxHeaders-1 {
		t.Errorf("import: %v, %d kept", err, len(shelf.got))
	}
}

// readerFunc is a reader that is one function.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
