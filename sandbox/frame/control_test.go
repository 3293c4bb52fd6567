package frame

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestControlRoundTrip(t *testing.T) {
	for _, c := range []Control{
		{Kind: ControlReady, Worker: 0, Text: "127.0.0.1:4222"},
		{Kind: ControlReady, Worker: MaxWorkers - 1, Generation: 1, Text: strings.Repeat("~", MaxStatusText)},
		{Kind: ControlReady, Worker: 3, Generation: math.MaxUint32, Text: strings.Repeat(" ", MaxStatusText-1)},
		{Kind: ControlReady},
		{Kind: ControlDied, Cause: CauseHung, Worker: 1, Generation: 1, Text: strings.Repeat("x", MaxCauseText)},
		{Kind: ControlDied, Cause: CauseStart, Worker: 1, Generation: 1, Text: strings.Repeat("x", MaxCauseText-1)},
		{Kind: ControlDied, Cause: CauseCrash, Worker: 2, Generation: math.MaxUint32},
		{Kind: ControlBraked, Worker: 2, Generation: 256},
		{Kind: ControlSealed},
		{Kind: ControlKill, Cause: CauseHung, Worker: MaxWorkers - 1, Generation: 1},
		{Kind: ControlKill, Cause: CauseUnproven, Generation: 1 << 24},
		{Kind: ControlLayers, Text: strings.Repeat("x", MaxStatusText)},
		{Kind: ControlLayers, Worker: int(ProcessAdapter), Text: "status"},
		{Kind: ControlTally, Text: strings.Repeat("9", MaxTallyText)},
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
		"unknown kind":         {Kind: ControlTally + 1},
		"negative worker":      {Kind: ControlKill, Cause: CauseHung, Generation: 1, Worker: -1},
		"worker past the last": {Kind: ControlKill, Cause: CauseHung, Generation: 1, Worker: MaxWorkers},
		"sealed names one":     {Kind: ControlSealed, Worker: 1},
		"tally names one":      {Kind: ControlTally, Worker: 1},
		"layers of parsers":    {Kind: ControlLayers, Worker: int(ProcessParser)},
		"kill without number":  {Kind: ControlKill, Cause: CauseHung},
		"died without number":  {Kind: ControlDied, Cause: CauseHung},
		"brake without number": {Kind: ControlBraked},
		"sealed with number":   {Kind: ControlSealed, Generation: 1},
		"layers with number":   {Kind: ControlLayers, Generation: 1},
		"tally with number":    {Kind: ControlTally, Generation: 1},
		"kill without cause":   {Kind: ControlKill, Generation: 1},
		"kill for a crash":     {Kind: ControlKill, Cause: CauseSyscall, Generation: 1},
		"died without cause":   {Kind: ControlDied, Generation: 1},
		"died of what":         {Kind: ControlDied, Cause: CauseStart + 1, Generation: 1},
		"ready with cause":     {Kind: ControlReady, Cause: CauseHung},
		"braked with cause":    {Kind: ControlBraked, Cause: CauseHung, Generation: 1},
		"sealed with cause":    {Kind: ControlSealed, Cause: CauseHung},
		"layers with cause":    {Kind: ControlLayers, Cause: CauseHung},
		"tally with cause":     {Kind: ControlTally, Cause: CauseHung},
		"long status":          {Kind: ControlReady, Text: strings.Repeat("x", MaxStatusText+1)},
		"long layers":          {Kind: ControlLayers, Text: strings.Repeat("x", MaxStatusText+1)},
		"long tally":           {Kind: ControlTally, Text: strings.Repeat("9", MaxTallyText+1)},
		"long cause":           {Kind: ControlDied, Cause: CauseHung, Generation: 1, Text: strings.Repeat("x", MaxCauseText+1)},
		"text in braked":       {Kind: ControlBraked, Generation: 1, Text: "x"},
		"text in sealed":       {Kind: ControlSealed, Text: "x"},
		"text in kill":         {Kind: ControlKill, Cause: CauseHung, Generation: 1, Text: "x"},
		"newline":              {Kind: ControlReady, Text: "a\nb"},
		"delete":               {Kind: ControlReady, Text: "\x7f"},
		"not ASCII":            {Kind: ControlDied, Cause: CauseHung, Generation: 1, Text: "\u00e9"},
	} {
		if b, err := AppendControl([]byte("kept"), c); !errors.Is(err, ErrControl) || string(b) != "kept" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestControlRefusesToDecode(t *testing.T) {
	good, err := AppendControl(nil, Control{Kind: ControlDied, Cause: CauseKilled, Worker: 1, Generation: 7, Text: "killed"})
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
		"kind 8":             func(b []byte) { b[0] = 8 },
		"cause 0":            func(b []byte) { b[1] = 0 },
		"cause 10":           func(b []byte) { b[1] = 10 },
		"generation 0":       func(b []byte) { b[8] = 0 },
		"worker 64":          func(b []byte) { b[2] = 64 },
		"worker high byte":   func(b []byte) { b[3] = 1 },
		"text too long":      func(b []byte) { b[4], b[5] = 0xff, 0xff },
		"text over its kind": func(b []byte) { b[4], b[5] = 1, 2 },
		"text cut short":     func(b []byte) { b[4]-- },
		"text padded":        func(b []byte) { b[4]++ },
		"reserved 6":         func(b []byte) { b[6] = 1 },
		"reserved 7":         func(b []byte) { b[7] = 1 },
		"newline in text":    func(b []byte) { b[12] = '\n' },
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
	for k := ControlReady; k <= ControlTally; k++ {
		seen[k.String()] = true
	}
	if len(seen) != 7 || seen["unknown"] || ControlKind(0).String() != "unknown" || (ControlTally+1).String() != "unknown" {
		t.Errorf("kinds print as %v", seen)
	}
}

// FuzzDecodeControl holds decoding to its inverse: what is taken is written back
// to the same bytes.
func FuzzDecodeControl(f *testing.F) {
	for _, c := range []Control{
		{Kind: ControlReady, Worker: 5, Generation: 2, Text: "status"},
		{Kind: ControlDied, Cause: CauseCrash, Generation: 3, Text: "exit 2"},
		{Kind: ControlBraked, Worker: 1, Generation: 3},
		{Kind: ControlSealed},
		{Kind: ControlKill, Cause: CauseNonsense, Worker: 9, Generation: 1},
		{Kind: ControlLayers, Worker: 1, Text: "status"},
		{Kind: ControlTally, Text: Tally{}.String()},
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
