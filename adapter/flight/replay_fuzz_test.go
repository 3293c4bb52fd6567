package flight_test

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"blockgate/adapter/flight"
)

// FuzzReplay gives a brain whatever a recording has. It is what hostile peers, a confused
// journal and a shell gone wrong could bring together: the brain may do as it likes, and
// must not panic.
func FuzzReplay(f *testing.F) {
	file := stored(f)
	f.Add(file[bodyAt : len(file)-sha256.Size])
	f.Fuzz(func(_ *testing.T, body []byte) { play(file, body) })
}

// bodyAt is where the body of a file begins.
const bodyAt = len("blockgate-flight\n") + 1

// play gives a brain all that a body has, and reports whether it has anything.
func play(file, body []byte) bool {
	changed, err := flight.Decode(seal(append(bytes.Clone(file[:bodyAt]), body...)))
	if err != nil {
		return false
	}
	brain, err := changed.Start.New(nil)
	if err != nil {
		return false
	}
	for e := range changed.Entries() {
		if y := e.Now.Year(); y < 2009 || y > 2105 { // of a clock that no machine with Bitcoin has
			continue
		}
		brain.Step(e.Now, e.Event)
		brain.Status(e.Now)
	}
	return true
}

// TestReplayOfAnything changes some bytes of a recording, again and again.
func TestReplayOfAnything(t *testing.T) {
	file := stored(t)
	body := file[bodyAt : len(file)-sha256.Size]
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	played := 0
	for range 300 {
		changed := bytes.Clone(body)
		for range 1 + rng.IntN(4) {
			changed[rng.IntN(len(changed))] = byte(rng.Uint64())
		}
		if play(file, changed) {
			played++
		}
	}
	if played < 30 {
		t.Errorf("%d of 300 were played", played)
	}
}
