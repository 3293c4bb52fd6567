package sha256d_test

import (
	"slices"
	"strings"
	"testing"

	"blockgate/internal/sha256d"
)

func TestGoIsAlwaysThere(t *testing.T) {
	all := sha256d.Engines()
	if len(all) == 0 || all[0] != sha256d.EngineGo || !slices.IsSorted(all) {
		t.Errorf("engines %v", all)
	}
	if best := sha256d.Best(); best != all[len(all)-1] {
		t.Errorf("best of %v is %v", all, best)
	}
}

func TestParseEngine(t *testing.T) {
	for _, e := range []sha256d.Engine{sha256d.EngineGo, sha256d.EngineSHANI, sha256d.EngineAVX512} {
		got, err := sha256d.ParseEngine(e.String())
		switch ok, missing := e.Available(); {
		case ok && (err != nil || got != e || missing != ""):
			t.Errorf("%v: %v, %v, missing %q", e, got, err, missing)
		case !ok && (err == nil || missing == "" || !strings.Contains(err.Error(), missing)):
			t.Errorf("%v: %v, %v, missing %q", e, got, err, missing)
		}
	}
	if got, err := sha256d.ParseEngine("auto"); got != sha256d.Best() || err != nil {
		t.Errorf("auto: %v, %v", got, err)
	}
	for _, name := range []string{"", "AVX512", "gpu"} {
		if _, err := sha256d.ParseEngine(name); err == nil || !strings.Contains(err.Error(), "auto, go, shani, avx512") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if ok, missing := sha256d.Engine(99).Available(); ok || missing == "" || sha256d.Engine(99).String() != "engine 99" {
		t.Error("engine 99 is there")
	}
}

// onEach runs a test on each engine, and names those that this machine lacks.
func onEach(t *testing.T, test func(*testing.T, *sha256d.Hasher)) {
	t.Helper()
	for _, v := range sha256d.Variants() {
		t.Run(v.Name, func(t *testing.T) {
			if v.Missing != "" {
				t.Skip("missing: " + v.Missing)
			}
			test(t, v.Make())
		})
	}
}
