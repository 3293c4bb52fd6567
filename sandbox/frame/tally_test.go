package frame

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

// fullest is the tally with the longest text.
func fullest() Tally {
	var t Tally
	for _, p := range numbersOf(&t) {
		*p = math.MaxUint64
	}
	return t
}

func TestTallyRoundTrip(t *testing.T) {
	var counted Tally
	for i, p := range numbersOf(&counted) {
		*p = uint64(i) * 1_000_003
	}
	for _, want := range []Tally{{}, counted, fullest()} {
		text := want.String()
		got, err := ParseTally(text)
		if err != nil || got != want {
			t.Errorf("%q came back as %v, %v", text, got, err)
		}
		if _, err := AppendControl(nil, Control{Kind: ControlTally, Text: text}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if n := len(fullest().String()); n != MaxTallyText {
		t.Errorf("the longest tally has %d bytes, want %d", n, MaxTallyText)
	}
}

func TestTallyRefuses(t *testing.T) {
	good := Tally{}.String()
	for _, text := range []string{
		"", "0", " " + good, good + " ", good + " 0", good[2:], strings.Replace(good, "0", "00", 1), strings.Replace(good, "0", "-1", 1),
		strings.Replace(good, "0", "+1", 1), strings.Replace(good, "0", "x", 1), strings.Replace(good, "0", "18446744073709551616", 1),
		strings.ReplaceAll(good, " ", "  "), strings.Repeat("0 ", 1000),
	} {
		if got, err := ParseTally(text); !errors.Is(err, ErrTally) || got != (Tally{}) {
			t.Errorf("%.40q: taken as %v, %v", text, got, err)
		}
	}
}

// FuzzParseTally holds reading to its inverse.
func FuzzParseTally(f *testing.F) {
	f.Add(Tally{}.String())
	f.Add(fullest().String())
	f.Add("1 2 3")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseTally(text)
		if err != nil {
			if !errors.Is(err, ErrTally) {
				t.Fatalf("refused as %v", err)
			}
			return
		}
		if again := got.String(); again != text {
			t.Fatalf("%q writes back as %q", text, again)
		}
	})
}

// TestWordsOfClosedSets: they are labels of metrics, so each is there once.
func TestWordsOfClosedSets(t *testing.T) {
	causes, processes := map[string]bool{}, map[string]bool{}
	for i, c := range Causes() {
		causes[fmt.Sprint(c)] = true
		if int(c) != i+1 {
			t.Errorf("cause %d stands at %d", c, i)
		}
	}
	for i, p := range Processes() {
		processes[fmt.Sprint(p)] = true
		if int(p) != i {
			t.Errorf("process %d stands at %d", p, i)
		}
	}
	var counted Tally
	if len(causes) != len(counted.Deaths)-1 || causes["unknown"] || (CauseStart+1).String() != "unknown" || Cause(0).String() != "unknown" {
		t.Errorf("causes print as %v", causes)
	}
	if len(processes) != len(counted.Restarts) || processes["unknown"] || (ProcessParser+1).String() != "unknown" {
		t.Errorf("processes print as %v", processes)
	}
}
