package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/flight"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// rewriteRecording has TestRecord renew what the tests of package flight read.
var rewriteRecording = flag.Bool("rewrite-recording", false, "write adapter/flight/testdata/regtest.gz anew")

// TestRecord has a running service write down what happened, replays it, and asks for
// the story of a block and of a peer, of the service and of the file.
func TestRecord(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 93, 30)
	one, two := listen(t, 93, chain, fakepeer.Script{}), listen(t, 94, chain, fakepeer.Script{})
	d := startDaemon(t, t.TempDir(), append(connectTo(one), "--network", "regtest", "--connect", two.Addr().String())...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(30)
	if err := chain.Fork(28, 3); err != nil {
		t.Fatal(err)
	}
	f.path(2, 31)
	f.at(chain)

	file := filepath.Join(t.TempDir(), "recording")
	var result recordResult
	if err := json.Unmarshal([]byte(d.must("record", file, "--json")), &result); err != nil || !result.Replays || result.Lost != "" || result.Path != file {
		t.Fatalf("%+v, %v", result, err)
	}
	if *rewriteRecording {
		renewRecording(t, file)
	}
	kept := filepath.Join(d.dataDir, "adapter", flightFolder, recordingName)
	for _, path := range []string{file, kept} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() != int64(result.Size) {
			t.Errorf("%s: %v, %v, want %d bytes", path, info, err, result.Size)
		}
	}
	if text := d.must("record"); !strings.HasPrefix(text, kept+": ") || !strings.Contains(text, "it replays") {
		t.Errorf("%q", text)
	}
	var replayed flightResult
	code, output := runOnce(t, daemonOptions{}, "replay", file, "--json")
	if err := json.Unmarshal([]byte(output), &replayed); code != 0 || err != nil || !replayed.Agrees || replayed.Height < 30 || replayed.Steps < 100 {
		t.Fatalf("exit code %d, %s", code, output)
	}
	if code, output := runOnce(t, daemonOptions{}, "replay", file); code != 0 || !strings.HasPrefix(output, "the same: ") {
		t.Errorf("exit code %d, %s", code, output)
	}
	tip, _ := chain.At(31)
	for _, of := range []string{tip.String(), "31"} {
		for _, text := range []string{d.must("why", of), mustWhy(t, file, of)} {
			for _, want := range []string{" asked of 127.0.0.", "arrived from", "judged: proven", "stored in the journal", "is connected in the journal, sequence "} {
				if !strings.Contains(text, want) {
					t.Errorf("why %s: no word of %q:\n%s", of, want, text)
				}
			}
		}
	}
	var story flight.Story
	if err := json.Unmarshal([]byte(d.must("why", two.Addr().String(), "--json")), &story); err != nil || len(story.Lines) < 3 || !strings.Contains(story.Of, two.Addr().String()) {
		t.Errorf("%v, %v", story.String(), err)
	}
	for of, want := range map[string]string{"nonsense": "neither a block hash", "peer:99": "nothing is recorded"} {
		if code, output := d.command("why", of); code != int(exitNo) || !strings.Contains(output, want) {
			t.Errorf("why %s: exit code %d, %s", of, code, output)
		}
	}
}

func renewRecording(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("../../adapter/flight/testdata/regtest.gz", packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustWhy(t *testing.T, file, of string) string {
	t.Helper()
	code, output := runOnce(t, daemonOptions{}, "why", "--file", file, of)
	if code != 0 {
		t.Fatalf("exit code %d, %s", code, output)
	}
	return output
}

// TestReplayRefuses says where a recording of another brain differs, and refuses what
// is none.
func TestReplayRefuses(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := flight.New("another", start, node.Config{Network: btc.Regtest})
	r.Stepped(start, node.Tick{}, []node.Action{node.Drop{Body: 1}})
	other := r.File().Append(nil)
	more := flight.New("", start, node.Config{Network: btc.Regtest})
	for range 30 {
		more.Preloaded(start, make([]btc.Header, 1000))
	}
	for _, tt := range []struct {
		name string
		file []byte
		code exitCode
		want string
	}{
		{"other", other, exitNo, "not the same: the recording is of build another"},
		{"short", other[:len(other)-1], exitData, "recording is corrupt"},
		{"headers", more.File().Append(nil), exitData, "loaded headers are not those of the recording"},
	} {
		path := filepath.Join(t.TempDir(), tt.name)
		if err := writeSecret(path, tt.file); err != nil {
			t.Fatal(err)
		}
		if code, output := runOnce(t, daemonOptions{}, "replay", path); code != int(tt.code) || !strings.Contains(output, tt.want) {
			t.Errorf("%s: exit code %d, %s", tt.name, code, output)
		}
	}
}

// TestKeepCrash writes a recording of a crash down, and says where.
func TestKeepCrash(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := flight.New("test", start, node.Config{Network: btc.Regtest})
	r.Stepped(start, node.Tick{}, nil)
	var said bytes.Buffer
	folder := t.TempDir()
	keepCrash(folder, slog.New(slog.NewJSONHandler(&said, nil)))(r.File())
	path := filepath.Join(folder, flightFolder, crashName)
	file, err := os.ReadFile(path)
	if err != nil || !flight.Is(file) || !strings.Contains(said.String(), path) {
		t.Errorf("%v; %s", err, said.String())
	}
	said.Reset()
	keepCrash(path, slog.New(slog.NewJSONHandler(&said, nil)))(r.File()) // no folder
	if !strings.Contains(said.String(), "crash not recorded") {
		t.Error(said.String())
	}
}
