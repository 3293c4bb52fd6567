package evidence_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/evidence"
	"blockgate/internal/btc"
)

// record returns one whose body ends with that text.
func record(text string) evidence.Record {
	return evidence.Record{
		Network: btc.Regtest, Height: 7, MedianTime: 1_700_000_000, Reason: "body-worker-died", Detail: "parser died: signal: \"31\"\n\xff",
		Time: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), Build: "v1.2.3 dirty", Body: append(make([]byte, btc.HeaderSize), text...),
	}
}

func encode(t testing.TB, r evidence.Record) []byte {
	t.Helper()
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	first, last, largest := record(""), record("\n\nbytes 3\n\n\x00"), record("")
	first.Network, first.Height, first.MedianTime, first.Detail, first.Build, first.Reason = btc.Mainnet, 0, 0, "", "", "x"
	last.Height, last.MedianTime, last.Reason = math.MaxInt32, math.MaxUint32, strings.Repeat("z", 40)
	largest.Body = make([]byte, btc.MaxBlockSize)
	largest.Detail, largest.Build = strings.Repeat("\xff", 512), strings.Repeat("\x01", 64)
	for _, r := range []evidence.Record{record("hello"), first, last, largest} {
		file := encode(t, r)
		got, err := evidence.Decode(file)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("got %+.300v, %v, want %+.300v", got, err, r)
		}
		if len(file) > evidence.MaxFile {
			t.Errorf("%d bytes, at most %d should be", len(file), evidence.MaxFile)
		}
	}
}

// Words that are too long, and parts of seconds, are cut.
func TestCut(t *testing.T) {
	for n, want := range map[int]int{511: 511, 512: 512, 513: 512} {
		r := record("")
		r.Detail, r.Time = strings.Repeat("d", n), r.Time.Add(time.Second-1)
		got, err := evidence.Decode(encode(t, r))
		if err != nil || len(got.Detail) != want || !got.Time.Equal(record("").Time) {
			t.Errorf("detail of %d bytes: %d, %s, %v", n, len(got.Detail), got.Time, err)
		}
	}
}

func TestRefusesToEncode(t *testing.T) {
	for name, spoil := range map[string]func(*evidence.Record){
		"no network":           func(r *evidence.Record) { r.Network = 0 },
		"unknown network":      func(r *evidence.Record) { r.Network = 99 },
		"negative height":      func(r *evidence.Record) { r.Height = -1 },
		"a header less a byte": func(r *evidence.Record) { r.Body = r.Body[:btc.HeaderSize-1] },
		"a byte too many":      func(r *evidence.Record) { r.Body = make([]byte, btc.MaxBlockSize+1) },
		"no reason":            func(r *evidence.Record) { r.Reason = "" },
		"long reason":          func(r *evidence.Record) { r.Reason = strings.Repeat("z", 41) },
		"reason of two lines":  func(r *evidence.Record) { r.Reason = "a\nb" },
		"year 10000":           func(r *evidence.Record) { r.Time = r.Time.AddDate(8000, 0, 0) },
	} {
		r := record("")
		spoil(&r)
		if _, err := r.Encode(); !errors.Is(err, evidence.ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A hostile file is refused: each cut, each line changed, and text without an end.
func TestRefusesToDecode(t *testing.T) {
	file := encode(t, record("hello"))
	for n := range file {
		if _, err := evidence.Decode(file[:n]); !errors.Is(err, evidence.ErrRecord) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	text, _, _ := bytes.Cut(file, []byte("\n\n"))
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		for _, changed := range []string{"", line + " ", " " + line, name, strings.ToUpper(line), name + " +" + value, name + " 0" + value, "x" + line, name + " -1", name + " 99999999999999999999"} {
			if name == "reason" && strings.HasPrefix(changed, "reason ") && !strings.Contains(changed, "+") {
				continue // any word will do
			}
			spoiled := append(append([]string{}, lines[:i]...), changed)
			spoiled = append(spoiled, lines[i+1:]...)
			if _, err := evidence.Decode(append([]byte(strings.Join(spoiled, "\n")), file[len(text):]...)); !errors.Is(err, evidence.ErrRecord) {
				t.Errorf("line %q as %q: %v", line, changed, err)
			}
		}
	}
	for name, hostile := range map[string][]byte{
		"a byte more":     append(bytes.Clone(file), 0),
		"a bit of body":   append(bytes.Clone(file[:len(file)-1]), file[len(file)-1]^1),
		"text for ever":   bytes.Repeat([]byte("detail "), 1<<18),
		"lines for ever":  append([]byte("blockgate evidence 1"), bytes.Repeat([]byte("\nx"), 1<<20)...),
		"carriage return": bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n")),
	} {
		if _, err := evidence.Decode(hostile); !errors.Is(err, evidence.ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: what is taken is written again as the same bytes.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, record("hello")))
	f.Add(encode(f, record("")))
	f.Add([]byte("blockgate evidence 1\nnetwork mainnet\n\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := evidence.Decode(file)
		if err != nil {
			if !errors.Is(err, evidence.ErrRecord) {
				t.Fatal(err)
			}
			return
		}
		if again := encode(t, r); !bytes.Equal(again, file) {
			t.Fatalf("%q is written again as %q", file, again)
		}
	})
}
