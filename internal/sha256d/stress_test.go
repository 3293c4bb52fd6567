package sha256d_test

import (
	"math/rand"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"blockgate/internal/sha256d"
)

// TestUnderPreemption hashes in many goroutines, on stacks that grow, while the
// collector runs all the time: both stop goroutines wherever they can.
func TestUnderPreemption(t *testing.T) {
	const seed, rounds = 13, 30
	rng := rand.New(rand.NewSource(seed))
	base := make([]byte, 1<<17)
	rng.Read(base)
	messages := make([]sha256d.Message, 200)
	for i := range messages {
		messages[i] = randomMessage(rng, base, 700)
	}
	messages[3], messages[70] = randomMessage(rng, base, 1<<17), randomMessage(rng, base, 1<<17)
	want := make([]node, len(messages))
	for i, m := range messages {
		want[i] = naive(preimage(base, m)...)
	}
	var done atomic.Bool
	var collector, hashers sync.WaitGroup
	collector.Go(func() {
		for !done.Load() {
			runtime.GC()
		}
	})
	for _, v := range sha256d.Variants() {
		if v.Missing != "" {
			continue
		}
		for range 4 {
			hashers.Go(func() {
				for range rounds {
					if i := hashDeep(v.Make(), base, messages, want, 40); i >= 0 {
						t.Errorf("%s, seed %d: message %d, %+v", v.Name, seed, i, messages[i])
					}
				}
			})
		}
	}
	hashers.Wait()
	done.Store(true)
	collector.Wait()
}

// hashDeep hashes at many depths of the stack and returns the first message that is
// wrong, or -1.
func hashDeep(h *sha256d.Hasher, base []byte, messages []sha256d.Message, want []node, depth int) int {
	var room [256]byte
	if depth > 0 {
		if i := hashDeep(h, base, messages, want, depth-1); i >= 0 {
			return i
		}
	}
	room[depth] = 1
	if depth%8 != 0 {
		return int(room[depth]) - 2
	}
	out := make([]node, len(messages))
	h.Messages(out, base, messages)
	for i := range out {
		if out[i] != want[i] {
			return i
		}
	}
	return -1
}
