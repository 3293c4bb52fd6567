package sha256d

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/cpu"
)

// all is a processor and a system that have everything.
var all = features{^uint32(0), ^uint32(0), ^uint32(0)}

func TestNothingIsMissing(t *testing.T) {
	if lacks := missing(all); lacks != [engineCount]string{} {
		t.Errorf("missing %q", lacks)
	}
}

// Each bit that an engine needs is missed, and no other.
func TestEachFeatureIsMissed(t *testing.T) {
	for e, list := range needs {
		for _, need := range list {
			f := all
			switch {
			case need.in(&features{ecx1: 1}) == 1:
				f.ecx1 &^= need.bits
			case need.in(&features{ebx7: 1}) == 1:
				f.ebx7 &^= need.bits
			default:
				f.xcr0 &^= need.bits & -need.bits // one of them is enough
			}
			if lacks := missing(f); lacks[e] != need.name {
				t.Errorf("%v without %s: missing %q", Engine(e), need.name, lacks[e])
			}
		}
	}
}

func TestBareProcessor(t *testing.T) {
	lacks := missing(features{})
	if lacks[EngineGo] != "" {
		t.Errorf("go: missing %q", lacks[EngineGo])
	}
	for _, name := range []string{"SSSE3", "SSE4.1", "SHA"} {
		if !slices.Contains(strings.Split(lacks[EngineSHANI], ", "), name) {
			t.Errorf("shani: missing %q", lacks[EngineSHANI])
		}
	}
}

// TestAgainstAnotherReader compares with what golang.org/x/sys reads.
func TestAgainstAnotherReader(t *testing.T) {
	if runtime.GOARCH != "amd64" || runtime.GOOS != "linux" {
		t.Skip("linux/amd64 only")
	}
	x := cpu.X86
	want := x.HasPOPCNT && x.HasAVX && x.HasBMI2 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL
	if ok, missing := EngineAVX512.Available(); ok != want {
		t.Errorf("avx512 %v, missing %q, another reader says %v", ok, missing, want)
	}
	if ok, missing := EngineSHANI.Available(); ok && !(x.HasSSSE3 && x.HasSSE41) {
		t.Errorf("shani %v, missing %q", ok, missing)
	}
}
