package sha256d_test

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"blockgate/internal/sha256d"
)

func TestScratch2(t *testing.T) {
	if os.Getenv("SCRATCH") == "" {
		t.Skip("no")
	}
	base := make([]byte, 4<<20)
	for _, c := range []struct{ n, size int }{{32, 100000}, {32, 10000}, {320, 10000}, {320, 1000}, {3200, 1000}, {3200, 500}, {3200, 230}, {3200, 55}} {
		for _, e := range sha256d.Engines()[1:] {
			h := sha256d.NewEngine(e)
			ms := make([]sha256d.Message, c.n)
			for i := range ms {
				ms[i] = sha256d.Message{Offset: uint32(i * c.size % (4<<20 - 200000)), Size: uint32(c.size)}
			}
			out := make([][32]byte, c.n)
			best := time.Duration(math.MaxInt64)
			for range 200 {
				s := time.Now()
				h.Messages(out, base, ms)
				best = min(best, time.Since(s))
			}
			fmt.Printf("%v %v %v %.2f ns/c\n", e, c, best, float64(best)/float64(c.n*((c.size+72)/64+1)))
		}
	}
}
