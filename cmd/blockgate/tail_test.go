package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

const someHash = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"

func mustHash(t *testing.T, text string) btc.Hash {
	t.Helper()
	hash, err := btc.ParseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func someCursor(t *testing.T) bus.Cursor {
	t.Helper()
	return bus.Cursor{Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Seq: 42, Height: 7, Hash: mustHash(t, someHash)}
}

func TestParseFrom(t *testing.T) {
	cursor := someCursor(t)
	for _, tt := range []struct {
		text string
		want jetstream.From
	}{
		{"start", jetstream.FromStart()},
		{"0", jetstream.FromHeight(0)},
		{"840000", jetstream.FromHeight(840000)},
		{"2147483647", jetstream.FromHeight(2147483647)},
		{someHash, jetstream.FromHash(cursor.Hash)},
		{"0000000000000000000000000000000000000000000000000000000000000001", jetstream.FromHash(btc.Hash{1})},
		{cursor.String(), jetstream.FromCursor(cursor)},
	} {
		if got, err := parseFrom(tt.text); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: %+v, %v", tt.text, got, err)
		}
	}
	for _, text := range []string{
		"Start", "-1", "2147483648", "1.5", "0x10", someHash[1:], someHash + "0", "cursor", cursor.String() + "x", strings.Repeat("9", 1000),
		"blockgate-cursor 2 x",
	} {
		if got, err := parseFrom(text); err == nil {
			t.Errorf("%q: taken as %+v", text, got)
		}
	}
}

func TestTailStart(t *testing.T) {
	cursor := someCursor(t)
	path := filepath.Join(t.TempDir(), "cursor")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name    string
		content string // of the cursor file, "-" for no file
		from    string
		want    jetstream.From
		code    exitCode
	}{
		{"no file yet", "-", "", jetstream.FromStart(), exitOK},
		{"file", cursor.String() + "\n", "", jetstream.FromCursor(cursor), exitOK},
		{"file without line end", cursor.String(), "", jetstream.FromCursor(cursor), exitOK},
		{"--from goes first", cursor.String() + "\n", "5", jetstream.FromHeight(5), exitOK},
		{"--from goes before garbage", "garbage", "5", jetstream.FromHeight(5), exitOK},
		{"empty", "", "", jetstream.From{}, exitData},
		{"garbage", "garbage", "", jetstream.From{}, exitData},
		{"newer", "blockgate-cursor 2 whatever\n", "", jetstream.From{}, exitData},
		{"cut short", cursor.String()[:60], "", jetstream.From{}, exitData},
		{"too long", strings.Repeat("x", maxSmallFile+1), "", jetstream.From{}, exitData},
		{"bad --from", "-", "yesterday", jetstream.From{}, exitUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_ = os.Remove(path)
			if tt.content != "-" {
				write(tt.content)
			}
			s := tailSettings{cursorFile: path, from: tt.from}
			got, err := s.start()
			if codeOf(err) != tt.code || tt.code == exitOK && !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%+v, %v, code %d", got, err, codeOf(err))
			}
			if tt.name == "newer" && !errors.Is(err, bus.ErrCursorVersion) {
				t.Errorf("not said to be newer: %v", err)
			}
		})
	}
	if got, err := (&tailSettings{}).start(); err != nil || !reflect.DeepEqual(got, jetstream.FromStart()) {
		t.Errorf("nothing said: %+v, %v", got, err)
	}
}

func TestReaderErrors(t *testing.T) {
	for _, tt := range []struct {
		name     string
		settings tailSettings
		err      error
		code     exitCode
		hint     string
	}{
		{"service gone", tailSettings{}, jetstream.ErrUnreachable, exitBus, "still up?"},
		{"server gone", tailSettings{nats: "nats://x"}, jetstream.ErrUnreachable, exitBus, "check --nats"},
		{"no stream", tailSettings{}, jetstream.ErrNoStream, exitBus, "check --network and --id"},
		{"denied", tailSettings{}, jetstream.ErrDenied, exitBus, "check --creds"},
		{"no such place", tailSettings{from: "9"}, jetstream.ErrStart, exitUsage, "--from start"},
		{"cursor lost", tailSettings{cursorFile: "c"}, jetstream.ErrLost, exitData, "delete the cursor file"},
		{"cursor given, lost", tailSettings{cursorFile: "c", from: "blockgate-cursor"}, jetstream.ErrLost, exitBus, ""},
		{"refused", tailSettings{}, jetstream.ErrRefused, exitNo, "refused"},
		{"too slow", tailSettings{}, jetstream.ErrPartsGone, exitBus, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := &jetstream.ReaderConfig{URL: "nats://there", Network: btc.Signet, ID: "main"}
			err := tt.settings.readerError(config, fmt.Errorf("next: %w", tt.err))
			if codeOf(err) != tt.code || !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.hint) ||
				!strings.Contains(err.Error(), "journal main of signet on nats://there: next: ") {
				t.Errorf("%v, code %d", err, codeOf(err))
			}
		})
	}
}

// someEvent is a verified connect of a made-up block.
func someEvent(t *testing.T) *jetstream.Verified {
	t.Helper()
	hash := mustHash(t, someHash)
	return &jetstream.Verified{
		Event: bus.Event{
			Kind: bus.Connect, Hash: hash, Prev: btc.Hash{1}, Height: 7, Best: hash, Final: 3, Size: 5, TxCount: 2, Seq: 42,
			Time: time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.FixedZone("", 3600)),
		},
		Body: []byte("block"), Cursor: someCursor(t), Anchored: true,
	}
}

// tailTo returns an output of tail that writes to two buffers.
func tailTo(s *tailSettings, out, errs io.Writer) *tailOutput {
	cmd := &cobra.Command{}
	cmd.SetOut(out)
	cmd.SetErr(errs)
	return newTailOutput(cmd, s)
}

func TestTailLines(t *testing.T) {
	v := someEvent(t)
	for _, tt := range []struct {
		name   string
		change func(*jetstream.Verified)
		want   string
	}{
		{"connect", func(*jetstream.Verified) {}, "connect 7 " + someHash + " 2 txs 5 bytes final 3\n"},
		{"unanchored", func(v *jetstream.Verified) { v.Anchored = false }, "connect 7 " + someHash + " 2 txs 5 bytes final 3 work: unanchored\n"},
		{"disconnect", func(v *jetstream.Verified) { v.Event.Kind, v.Body = bus.Disconnect, nil }, "disconnect 7 " + someHash + " final 3\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := *v
			tt.change(&v)
			var out, errs bytes.Buffer
			if err := tailTo(&tailSettings{}, &out, &errs).event(&v); err != nil || out.String() != tt.want || errs.Len() > 0 {
				t.Errorf("%q, %q, %v", out.String(), errs.String(), err)
			}
		})
	}
}

func TestTailJSON(t *testing.T) {
	var out bytes.Buffer
	if err := tailTo(&tailSettings{json: true}, &out, io.Discard).event(someEvent(t)); err != nil {
		t.Fatal(err)
	}
	keys, err := jsonKeys(out.String())
	if want := "v event seq cursor height hash prev work best final size txs time"; err != nil || strings.Join(keys, " ") != want {
		t.Errorf("keys %v, %v", keys, err)
	}
	var line tailLine
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || !strings.HasSuffix(out.String(), "}\n") || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%q: %v", out.String(), err)
	}
	if line.V != 1 || line.Event != "connect" || line.Seq != 42 || line.Cursor != someCursor(t).String() || line.Time != "2026-01-02T02:04:05.6Z" {
		t.Errorf("%+v", line)
	}
}

func TestTailBlocks(t *testing.T) {
	var out, errs bytes.Buffer
	to, v := tailTo(&tailSettings{blocks: true}, &out, &errs), someEvent(t)
	gone := *v
	gone.Event.Kind, gone.Body = bus.Disconnect, nil
	for _, event := range []*jetstream.Verified{v, &gone, v} {
		if err := to.event(event); err != nil {
			t.Fatal(err)
		}
	}
	one := append(binary.LittleEndian.AppendUint32(nil, 5), "block"...)
	if want := append(bytes.Clone(one), one...); !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%q, want %q", out.Bytes(), want)
	}
	if got := strings.Count(errs.String(), "\n"); got != 3 {
		t.Errorf("%d lines beside the blocks: %q", got, errs.String())
	}
}

// watchedWriter notes whether a file is there at each write.
type watchedWriter struct {
	path  string
	early *bool
}

func (w watchedWriter) Write(p []byte) (int, error) {
	*w.early = *w.early || exists(w.path)
	return len(p), nil
}

func TestTailCursorFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cursor")
	early, v := false, someEvent(t)
	s := &tailSettings{cursorFile: path}
	if err := tailTo(s, watchedWriter{path, &early}, io.Discard).event(v); err != nil || early {
		t.Errorf("the cursor was written before the line: %t, %v", early, err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != v.Cursor.String()+"\n" {
		t.Errorf("%q, %v", text, err)
	}
	_ = os.Remove(path)
	if err := tailTo(s, brokenWriter{syscall.EPIPE}, io.Discard).event(v); !errors.Is(err, syscall.EPIPE) || exists(path) {
		t.Errorf("a line that nobody got moved the cursor: %v", err)
	}
	s.cursorFile = filepath.Join(path, "no", "folder")
	if err := tailTo(s, io.Discard, io.Discard).event(v); codeOf(err) != exitData {
		t.Errorf("no folder: %v", err)
	}
	blocks := tailTo(&tailSettings{cursorFile: path, blocks: true}, brokenWriter{syscall.EPIPE}, io.Discard)
	if err := blocks.event(v); !errors.Is(err, syscall.EPIPE) || exists(path) {
		t.Errorf("a block that nobody got moved the cursor: %v", err)
	}
}
