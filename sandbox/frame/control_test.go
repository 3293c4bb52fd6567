package frame

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestControlRoundTrip(t *testing.T) {
	for _, c := range []Control{
		{Kind: ControlReady, Worker: 0, Text: "127.0.0.1:4222"},
		{Kind: ControlReady, Worker: MaxWorkers - 1, Text: strings.Repeat("~", MaxStatusText)},
		{Kind: ControlReady, Worker: 3, Text: strings.Repeat(" ", MaxStatusText-1)},
		{Kind: ControlReady},
		{Kind: ControlDied, Worker: 1, Text: strings.Repeat("x", MaxCauseText)},
		{Kind: ControlDied, Worker: 1, Text: strings.Repeat("x", MaxCauseText-1)},
		{Kind: ControlDied, Worker: 2},
		{Kind: ControlBraked, Worker: 2},
		{Kind: ControlSealed},
		{Kind: ControlKill, Worker: MaxWorkers - 1},
	} {
		b, err := AppendControl([]byte("before"), c)
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		b, ok := bytes.CutPrefix(b, []byte("before"))
		if !ok || len(b) != ControlSize {
			t.Fatalf("%v: %d bytes appended, want %d", c.Kind, len(b), ControlSize)
		}
		got, err := DecodeControl(b)
		if err != nil || got != c {
			t.Errorf("%v came back as %v, %v", c, got, err)
		}
	}
}

func TestControlRefusesToEncode(t *testing.T) {
	for name, c := range map[string]Control{
		"no kind":              {},
		"unknown kind":         {Kind: ControlKill + 1},
		"negative worker":      {Kind: ControlKill, Worker: -1},
		"worker past the last": {Kind: ControlKill, Worker: MaxWorkers},
		"sealed names one":     {Kind: ControlSealed, Worker: 1},
		"long status":          {Kind: ControlReady, Text: strings.Repeat("x", MaxStatusText+1)},
		"long cause":           {Kind: ControlDied, Text: strings.Repeat("x", MaxCauseText+1)},
		"text in braked":       {Kind: ControlBraked, Text: "x"},
		"text in sealed":       {Kind: ControlSealed, Text: "x"},
		"text in kill":         {Kind: ControlKill, Text: "x"},
		"newline":              {Kind: ControlReady, Text: "a\nb"},
		"delete":               {Kind: ControlReady, Text: "\x7f"},
		"not ASCII":            {Kind: ControlDied, Text: "\u00e9"},
	} {
		if b, err := AppendControl([]byte("kept"), c); !errors.Is(err, ErrControl) || string(b) != "kept" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestControlRefusesToDecode(t *testing.T) {
	good, err := AppendControl(nil, Control{Kind: ControlDied, Worker: 1, Text: "killed"})
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := DecodeControl(good[:n]); !errors.Is(err, ErrControl) {
			t.Fatalf("%d of %d bytes: %v", n, len(good), err)
		}
	}
	if _, err := DecodeControl(append(bytes.Clone(good), 0)); !errors.Is(err, ErrControl) {
		t.Errorf("one byte too many: %v", err)
	}
	for name, spoil := range map[string]func(b []byte){
		"kind 0":             func(b []byte) { b[0] = 0 },
		"kind 6":             func(b []byte) { b[0] = 6 },
		"reserved 1":         func(b []byte) { b[1] = 1 },
		"worker 64":          func(b []byte) { b[2] = 64 },
		"worker high byte":   func(b []byte) { b[3] = 1 },
		"text too long":      func(b []byte) { b[4], b[5] = 0xff, 0xff },
		"text over its kind": func(b []byte) { b[4], b[5] = 1, 2 },
		"text cut short":     func(b []byte) { b[4]-- },
		"text padded":        func(b []byte) { b[4]++ },
		"reserved 6":         func(b []byte) { b[6] = 1 },
		"reserved 7":         func(b []byte) { b[7] = 1 },
		"newline in text":    func(b []byte) { b[8] = '\n' },
		"last byte":          func(b []byte) { b[len(b)-1] = 1 },
	} {
		b := bytes.Clone(good)
		spoil(b)
		if c, err := DecodeControl(b); !errors.Is(err, ErrControl) {
			t.Errorf("%s: taken as %v, %v", name, c, err)
		}
	}
}

func TestControlKindString(t *testing.T) {
	seen := map[string]bool{}
	for k := ControlReady; k <= ControlKill; k++ {
		seen[k.String()] = true
	}
	if len(seen) != 5 || seen["unknown"] || ControlKind(0).String() != "unknown" || (ControlKill+1).String() != "unknown" {
		t.Errorf("kinds print as %v", seen)
	}
}

// FuzzDecodeControl holds decoding to its inverse: what is taken is written back
// to the same bytes.
func FuzzDecodeControl(f *testing.F) {
	for _, c := range []Control{
		{Kind: ControlReady, Worker: 5, Text: "status"},
		{Kind: ControlDied, Text: "exit 2"},
		{Kind: ControlBraked, Worker: 1},
		{Kind: ControlSealed},
		{Kind: ControlKill, Worker: 9},
	} {
		b, err := AppendControl(nil, c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeControl(b)
		if err != nil {
			if !errors.Is(err, ErrControl) || c != (Control{}) {
				t.Fatalf("refused as %v, %v", c, err)
			}
			return
		}
		again, err := AppendControl(nil, c)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%v does not write back to its bytes: %v", c, err)
		}
	})
}
