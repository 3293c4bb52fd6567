package sha256d

import "strings"

// feature is a bit that a processor or an operating system sets.
type feature struct {
	name string
	in   func(*features) uint32
	bits uint32
}

// features are the registers that name what an amd64 processor can do and what the
// operating system lets it do.
type features struct {
	ecx1 uint32 // CPUID leaf 1
	ebx7 uint32 // CPUID leaf 7
	xcr0 uint32 // XGETBV: the registers that the system saves for each thread
}

func leaf1(f *features) uint32  { return f.ecx1 }
func leaf7(f *features) uint32  { return f.ebx7 }
func system(f *features) uint32 { return f.xcr0 }

// needs are what the kernels use, by engine.
//
// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
// CPUID, and volume 1, 13.3 and 15.2.
//
//nolint:gochecknoglobals // a table, never written
var needs = [engineCount][]feature{
	EngineSHANI: {
		{"SSSE3", leaf1, 1 << 9},
		{"SSE4.1", leaf1, 1 << 19},
		{"SHA", leaf7, 1 << 29},
	},
	EngineAVX512: {
		{"POPCNT", leaf1, 1 << 23},
		{"AVX", leaf1, 1 << 28},
		{"BMI2", leaf7, 1 << 8},
		{"AVX512F", leaf7, 1 << 16},
		{"AVX512BW", leaf7, 1 << 30},
		{"AVX512VL", leaf7, 1 << 31},
		{"an operating system that saves AVX-512 registers", system, 0xE6},
	},
}

// missing returns for each engine what f lacks for it, separated by commas.
func missing(f features) (lacks [engineCount]string) {
	for e, list := range needs {
		var names []string
		for _, need := range list {
			if need.in(&f)&need.bits != need.bits {
				names = append(names, need.name)
			}
		}
		lacks[e] = strings.Join(names, ", ")
	}
	return lacks
}
