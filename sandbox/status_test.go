package sandbox

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func sample() Report {
	return Report{Build: "v1.2.3 0123456789abcdef go1.26", Layers: []Layer{
		{LayerDescriptors, true, StateOK, "6 held, none leaked"},
		{LayerLandlock, true, StateOff, "ALLOWED BY --allow-no-landlock: function not implemented"},
		{LayerLandlockNet, false, StateMissing, "abi 3, needs 4"},
		{LayerLandlockScope, false, StatePartial, ""},
	}}
}

const sampleLine = `blockgate-sandbox 1 build="v1.2.3 0123456789abcdef go1.26"` +
	` descriptors=required,ok,"6 held, none leaked"` +
	` landlock=required,off,"ALLOWED BY --allow-no-landlock: function not implemented"` +
	` landlock_net=wanted,missing,"abi 3, needs 4" landlock_scope=wanted,partial,""`

func TestStatusRoundTrip(t *testing.T) {
	line := sample().AppendText([]byte("before "))
	if string(line) != "before "+sampleLine {
		t.Fatalf("got  %s\nwant %s", line, sampleLine)
	}
	got, err := ParseReport([]byte(sampleLine))
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Fatalf("read back as %+v, %v", got, err)
	}
	empty, err := ParseReport(Report{}.AppendText(nil))
	if err != nil || !reflect.DeepEqual(empty, Report{}) {
		t.Fatalf("an empty report reads back as %+v, %v", empty, err)
	}
}

// TestStatusLongest fills every field past its limit: the line must fit and read
// back.
func TestStatusLongest(t *testing.T) {
	r := Report{Build: strings.Repeat("b", MaxBuildBytes+1)}
	for i := range MaxLayers + 1 {
		name := strings.Repeat("n", maxNameBytes-1) + string(rune('a'+i))
		r.Layers = append(r.Layers, Layer{name, true, StatePartial, strings.Repeat("\n\"\\é", maxDetailBytes)})
	}
	line := r.AppendText(nil)
	if len(line) > MaxStatusBytes {
		t.Fatalf("line of %d bytes, at most %d", len(line), MaxStatusBytes)
	}
	got, err := ParseReport(line)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Build) != MaxBuildBytes || len(got.Layers) != MaxLayers || len(got.Layers[0].Detail) != maxDetailBytes {
		t.Errorf("cut to %d bytes of build, %d layers, %d bytes of detail", len(got.Build), len(got.Layers), len(got.Layers[0].Detail))
	}
	if strings.Trim(got.Layers[0].Detail, "?") != "" {
		t.Errorf("detail came through as %q", got.Layers[0].Detail)
	}
}

func TestStatusRefuses(t *testing.T) {
	const head = `blockgate-sandbox 1 build="x"`
	layers := strings.Builder{}
	for i := range MaxLayers + 1 {
		layers.WriteString(" l" + string(rune('a'+i)) + `=wanted,ok,""`)
	}
	for name, line := range map[string]string{
		"empty":              "",
		"newer format":       strings.Replace(sampleLine, "sandbox 1", "sandbox 2", 1),
		"no build":           `blockgate-sandbox 1 landlock=required,ok,""`,
		"open quote":         `blockgate-sandbox 1 build="x`,
		"long build":         `blockgate-sandbox 1 build="` + strings.Repeat("x", MaxBuildBytes+1) + `"`,
		"newline":            head + "\n",
		"two spaces":         head + `  a=wanted,ok,""`,
		"trailing space":     head + ` `,
		"no name":            head + ` =wanted,ok,""`,
		"long name":          head + ` ` + strings.Repeat("n", maxNameBytes+1) + `=wanted,ok,""`,
		"capital":            head + ` A=wanted,ok,""`,
		"no state":           head + ` a=wanted,""`,
		"unknown need":       head + ` a=maybe,ok,""`,
		"unknown state":      head + ` a=wanted,fine,""`,
		"state unknown":      head + ` a=wanted,unknown,""`,
		"no detail":          head + ` a=wanted,ok,`,
		"long detail":        head + ` a=wanted,ok,"` + strings.Repeat("d", maxDetailBytes+1) + `"`,
		"backslash":          head + ` a=wanted,ok,"\"`,
		"control character":  head + " a=wanted,ok,\"\x1b\"",
		"not ASCII":          head + ` a=wanted,ok,"é"`,
		"same layer twice":   head + ` a=wanted,ok,"" a=required,off,"x"`,
		"too many layers":    head + layers.String(),
		"too long":           head + strings.Repeat(" ", MaxStatusBytes),
		"garbage at the end": sampleLine + "x",
	} {
		if r, err := ParseReport([]byte(line)); !errors.Is(err, ErrStatus) {
			t.Errorf("%s: taken as %+v, %v", name, r, err)
		}
	}
	for n := range len(sampleLine) {
		r, err := ParseReport([]byte(sampleLine[:n]))
		if err == nil && string(r.AppendText(nil)) != sampleLine[:n] {
			t.Errorf("cut at %d: taken as %+v", n, r)
		}
	}
}

// FuzzParseReport holds reading to its inverse: what is taken is written back to
// the same bytes.
func FuzzParseReport(f *testing.F) {
	f.Add([]byte(sampleLine))
	f.Add(Report{}.AppendText(nil))
	f.Add([]byte(`blockgate-sandbox 1 build="" a=required,ok,""`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := ParseReport(line)
		if err != nil {
			if !errors.Is(err, ErrStatus) {
				t.Fatal(err)
			}
			return
		}
		if again := r.AppendText(nil); !bytes.Equal(again, line) {
			t.Fatalf("%q is written back as %q", line, again)
		}
	})
}
