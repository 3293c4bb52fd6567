package main

import (
	"bytes"
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
		{"not known", 0, []step{{time.Second, 2000, ""}, {time.Hour, 4000, ""}}},
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
