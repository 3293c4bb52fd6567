package sha256d_test

import (
	"math/rand"
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
	for _, e := range []sha256d.Engine{sha256d.EngineGo, sha256d.EngineSHANI, sha256d.EngineAVX512} {
		t.Run(e.String(), func(t *testing.T) {
			if ok, missing := e.Available(); !ok {
				t.Skip(missing)
			}
			test(t, sha256d.NewEngine(e))
		})
	}
}

// preimage is what a message of a batch hashes, cut out plainly.
func preimage(base []byte, m sha256d.Message) []byte {
	b := base[m.Offset : m.Offset+m.Size]
	if m.Witness == 0 {
		return b
	}
	return slices.Concat(b[:4], b[6:len(b)-4-int(m.Witness)], b[len(b)-4:])
}

func checkMessages(t *testing.T, h *sha256d.Hasher, base []byte, messages []sha256d.Message) {
	t.Helper()
	out := make([]node, len(messages))
	h.Messages(out, base, messages)
	for i, m := range messages {
		if want := naive(preimage(base, m)...); out[i] != want {
			t.Fatalf("message %d of %d, %+v: got %x, want %x", i, len(messages), m, out[i], want)
		}
	}
}

// randomMessage is one within base of at most longest bytes.
func randomMessage(rng *rand.Rand, base []byte, longest int) sha256d.Message {
	size := rng.Intn(longest + 1)
	m := sha256d.Message{Size: uint32(size), Offset: uint32(rng.Intn(len(base) - size + 1))}
	if rng.Intn(10) == 0 {
		m.Offset = uint32(len(base) - size)
	}
	if size > 10 && rng.Intn(2) == 0 {
		m.Witness = 1 + uint32(rng.Intn(size-10))
	}
	return m
}

func TestRandomBatches(t *testing.T) {
	const seed = 4
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		rng := rand.New(rand.NewSource(seed))
		base := make([]byte, 1<<18)
		rng.Read(base)
		for round := range 300 {
			messages := make([]sha256d.Message, rng.Intn(91))
			longest := []int{0, 60, 70, 300, 900, 3000, 9000}[rng.Intn(7)]
			if round%10 == 0 {
				messages, longest = make([]sha256d.Message, rng.Intn(900)), 300
			}
			for i := range messages {
				messages[i] = randomMessage(rng, base, longest)
				if rng.Intn(100) == 0 {
					messages[i] = randomMessage(rng, base, 60_000)
				}
			}
			t.Logf("seed %d, round %d", seed, round)
			checkMessages(t, h, base, messages)
		}
	})
}

func TestHeaders(t *testing.T) {
	const seed = 5
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		rng := rand.New(rand.NewSource(seed))
		base := make([]byte, 1+80*200)
		rng.Read(base)
		for n := range 200 {
			headers := base[n%2:][:80*n]
			out := make([]node, n)
			h.Headers(out, headers)
			for i := range out {
				if want := naive(headers[80*i : 80*i+80]...); out[i] != want {
					t.Fatalf("seed %d, header %d of %d: got %x, want %x", seed, i, n, out[i], want)
				}
			}
		}
	})
}
