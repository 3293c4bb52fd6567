package bench_test

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"
	"time"

	"blockgate/fuzz"
	"blockgate/internal/sha256d"
)

const (
	// worstRounds is how often each hostile block is judged, in turns.
	worstRounds = 25
	// searchSeed and searchTries are those of the search over shapes.
	searchSeed  = 11
	searchTries = 60
)

// BenchmarkWorst measures hostile blocks that weigh as much as a block may: named
// shapes, and the worst one of a search over others.
func BenchmarkWorst(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(fuzz.Hostile())) {
		b.Run(name, func(b *testing.B) { judgeHostile(b, name, fuzz.Hostile()[name]) })
	}
	b.Run("search", func(b *testing.B) {
		shape := search(b)
		b.Logf("seed %d, worst of %d: %v", searchSeed, searchTries, shape)
		judgeHostile(b, fmt.Sprintf("worst of %d by chance", searchTries), shape)
	})
}

// judgeHostile measures one shape by each engine, and its scan.
func judgeHostile(b *testing.B, name string, shape fuzz.Shape) {
	b.Helper()
	body := shape.Block()
	c := &contest{size: len(body)}
	for _, e := range engines {
		v := &variant{name: "ours-" + e.String()}
		if ok, missing := e.Available(); ok {
			v.run = whole(e, fuzz.MintedAt(), body)
		} else {
			v.absent = missing
		}
		c.variants = append(c.variants, v)
	}
	c.variants = append(c.variants, &variant{name: scanName, run: scan(fuzz.MintedAt(), body)})
	c.play(b, worstRounds)
	c.report(b)
	results.add(name, c)
}

// search returns the shape that takes longest by the best engine, of some that chance
// makes: in turns a new one, and a neighbour of the worst so far.
func search(tb testing.TB) (worst fuzz.Shape) {
	tb.Helper()
	rng, longest := rand.New(rand.NewSource(searchSeed)), time.Duration(0)
	worst = fuzz.Hostile()["each-eighth-item"]
	for try := range searchTries {
		shape := fuzz.RandomShape(rng.Intn)
		if try%2 == 0 {
			shape = worst.Neighbour(rng.Intn)
		}
		v := &variant{name: shape.String(), run: whole(sha256d.Best(), fuzz.MintedAt(), shape.Block())}
		c := &contest{variants: []*variant{v}}
		c.play(tb, 3)
		if v.fastest > longest {
			worst, longest = shape, v.fastest
		}
	}
	return worst
}
