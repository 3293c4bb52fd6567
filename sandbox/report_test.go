package sandbox

import (
	"errors"
	"runtime/debug"
	"strings"
	"testing"
)

func TestReportMissing(t *testing.T) {
	for _, c := range []struct {
		name   string
		layers []Layer
		want   string // the layer that the error names
	}{
		{"nothing asked", nil, ""},
		{"all hold", []Layer{{LayerSeccomp, true, StateOK, ""}, {LayerLandlock, true, StatePartial, ""}}, ""},
		{"wanted is missing", []Layer{{LayerLandlockNet, false, StateMissing, ""}}, ""},
		{"allowed away", []Layer{{LayerLandlock, true, StateOff, ""}}, ""},
		{"required is missing", []Layer{{LayerDumpable, true, StateOK, ""}, {LayerSeccomp, true, StateMissing, "no"}}, LayerSeccomp},
		{"no state at all", []Layer{{Name: LayerLimits, Required: true}}, LayerLimits},
	} {
		err := Report{Layers: c.layers}.missing()
		missing, ok := errors.AsType[*MissingError](err)
		if ok != (c.want != "") || ok && missing.Layer != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestMissingErrorSaysWhatToDo(t *testing.T) {
	for _, layer := range []string{
		LayerDescriptors, LayerDumpable, LayerLandlock, LayerLandlockNet, LayerLandlockScope, LayerLimits, LayerSeccomp,
	} {
		err := &MissingError{Layer: layer, Detail: "function not implemented"}
		if Remedy(layer) == "" || !strings.Contains(err.Error(), layer) || !strings.Contains(err.Error(), Remedy(layer)) ||
			!strings.Contains(err.Error(), "function not implemented") {
			t.Errorf("%s: %v", layer, err)
		}
	}
	if Remedy("roof") != "" {
		t.Error("there is a remedy for a layer that is none")
	}
}

func TestStateWords(t *testing.T) {
	for s, want := range map[State]string{
		0: "unknown", StateOK: "ok", StatePartial: "partial", StateMissing: "missing", StateOff: "off", StateOff + 1: "unknown",
	} {
		if s.String() != want {
			t.Errorf("state %d is %q, want %q", s, s, want)
		}
		if holds := (Layer{State: s}).Holds(); holds != (want == "ok" || want == "partial") {
			t.Errorf("state %s holds: %v", s, holds)
		}
	}
}

func TestIdentity(t *testing.T) {
	stamped := &debug.BuildInfo{GoVersion: "go1.26.8", Settings: []debug.BuildSetting{
		{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.modified", Value: "true"},
	}}
	stamped.Main.Version = "v1.2.3"
	clean := *stamped
	clean.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.modified", Value: "false"}}
	unstamped := &debug.BuildInfo{GoVersion: "go1.26.8"}
	unstamped.Main.Version = "(devel)"
	for _, c := range []struct {
		override string
		info     *debug.BuildInfo
		want     string
	}{
		{"", stamped, "v1.2.3 0123abc modified go1.26.8"},
		{"", &clean, "v1.2.3 0123abc go1.26.8"},
		{"", unstamped, "devel go1.26.8"},
		{"", &debug.BuildInfo{GoVersion: "go1.26.8"}, "devel go1.26.8"},
		{"packaged 7", stamped, "packaged 7"},
		{"packaged 7", nil, "packaged 7"},
	} {
		if got := identity(c.override, c.info); got != c.want {
			t.Errorf("identity is %q, want %q", got, c.want)
		}
	}
	if got := identity("", nil); !strings.HasPrefix(got, "devel go") {
		t.Errorf("without build information the identity is %q", got)
	}
	if BuildID() == "" || len(BuildID()) > MaxBuildBytes {
		t.Errorf("the identity of this binary is %q", BuildID())
	}
}
