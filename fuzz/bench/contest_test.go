package bench_test

import (
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"blockgate/fuzz"
)

// rounds is how often each variant runs, in turns with the others.
const rounds = 60

// variant is one way to do the work of a contest, and its fastest round.
type variant struct {
	name    string
	absent  string // why it cannot run here, empty if it can
	run     func() error
	fastest time.Duration
	allocs  float64 // of a warm run
}

// contest is some work that all variants do.
type contest struct {
	variants []*variant
	size     int // bytes of the block
}

// play lets the variants run in turns, twice each turn, and keeps the fastest run of each:
// the second one finds its memory in the caches, as another's first one does not. Garbage
// that one leaves is collected before the next runs.
func (c *contest) play(tb testing.TB, rounds int) {
	tb.Helper()
	for _, v := range c.variants {
		v.fastest = math.MaxInt64
		if v.absent == "" {
			v.allocs = testing.AllocsPerRun(1, func() { v.must(tb) }) // runs once before it counts
		}
	}
	for range rounds {
		for _, v := range c.variants {
			if v.absent == "" {
				v.fastest = min(v.fastest, v.must(tb), v.must(tb))
			}
		}
	}
}

// must runs v and returns how long that took.
func (v *variant) must(tb testing.TB) time.Duration {
	tb.Helper()
	begin := time.Now()
	err := v.run()
	took := time.Since(begin)
	if err != nil {
		tb.Fatalf("%s: %v", v.name, err)
	}
	if v.allocs > 0 {
		runtime.GC()
	}
	return took
}

// of returns the variant of that name, nil if there is none or it cannot run here.
func (c *contest) of(name string) *variant {
	at := slices.IndexFunc(c.variants, func(v *variant) bool { return v.name == name })
	if at < 0 || c.variants[at].absent != "" {
		return nil
	}
	return c.variants[at]
}

// ratio returns how many times as long as the second variant the first one takes, 0 if
// one of them cannot run here.
func (c *contest) ratio(first, second string) float64 {
	a, b := c.of(first), c.of(second)
	if a == nil || b == nil {
		return 0
	}
	return float64(a.fastest) / float64(b.fastest)
}

// report makes each variant a benchmark of its own: its fastest round is the time of an
// operation.
func (c *contest) report(b *testing.B) {
	b.Helper()
	for _, v := range c.variants {
		b.Run(v.name, func(b *testing.B) {
			if v.absent != "" {
				b.Skip(v.absent)
			}
			b.ReportAllocs()
			b.ReportMetric(float64(v.fastest), "ns/op")
			b.ReportMetric(float64(c.size)*1e3/float64(v.fastest), "MB/s")
			b.ReportMetric(v.allocs, "allocs/op")
		})
	}
}

func openCorpus(tb testing.TB) *fuzz.Corpus {
	tb.Helper()
	corpus, err := fuzz.Open("../../testdata", "")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = corpus.Close() })
	return corpus
}
