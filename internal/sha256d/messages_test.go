package sha256d_test

import (
	"math/rand"
	"slices"
	"testing"

	"blockgate/internal/sha256d"
)

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
		t.Logf("seed %d", seed)
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
			checkMessages(t, h, base, messages)
		}
	})
}

func TestHeaders(t *testing.T) {
	const seed = 5
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewSource(seed))
		base := make([]byte, 1+80*200)
		rng.Read(base)
		for n := range 200 {
			checkHeaders(t, h, base[n%2:][:80*n])
		}
	})
}

func checkHeaders(t *testing.T, h *sha256d.Hasher, headers []byte) {
	t.Helper()
	out := make([]node, len(headers)/sha256d.HeaderSize)
	h.Headers(out, headers)
	for i := range out {
		if want := naive(headers[sha256d.HeaderSize*i:][:sha256d.HeaderSize]...); out[i] != want {
			t.Fatalf("header %d of %d: got %x, want %x", i, len(out), out[i], want)
		}
	}
}

// TestAllLengths hashes messages of 0 to 1024 bytes, whole and cut, from begins of
// every alignment.
func TestAllLengths(t *testing.T) {
	const seed = 8
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewSource(seed))
		base := make([]byte, 4096)
		rng.Read(base)
		var messages []sha256d.Message
		for size := range uint32(1025) {
			messages = append(messages, sha256d.Message{Offset: size % 67, Size: size})
			for _, witness := range []uint32{1, 2, 63, 64, 65, size - 11, size - 10} {
				if witness > 0 && size >= 10+witness && witness < size {
					messages = append(messages, sha256d.Message{Offset: size % 71, Size: size, Witness: witness})
				}
			}
		}
		checkMessages(t, h, base, messages)
		for _, m := range messages { // and each alone
			checkMessages(t, h, base, []sha256d.Message{m})
		}
	})
}

// TestMisaligned shifts the base itself.
func TestMisaligned(t *testing.T) {
	const seed = 9
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewSource(seed))
		all := make([]byte, 1<<14)
		rng.Read(all)
		for shift := range 65 {
			messages := make([]sha256d.Message, 50)
			for i := range messages {
				messages[i] = randomMessage(rng, all[shift:], 600)
			}
			checkMessages(t, h, all[shift:], messages)
		}
	})
}

// TestCounts hashes 0 to 70 messages: alike, growing, shrinking and with one that
// is far longer.
func TestCounts(t *testing.T) {
	const seed = 10
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewSource(seed))
		base := make([]byte, 1<<16)
		rng.Read(base)
		for count := range 71 {
			for shape := range 4 {
				messages := make([]sha256d.Message, count)
				for i := range messages {
					size := []int{250, 30 * i, 30 * (count - i), 100}[shape]
					messages[i] = sha256d.Message{Offset: uint32(rng.Intn(1000)), Size: uint32(size)}
				}
				if shape == 3 && count > 0 {
					messages[rng.Intn(count)] = sha256d.Message{Offset: 12, Size: 1<<16 - 20, Witness: 9}
				}
				checkMessages(t, h, base, messages)
			}
		}
	})
}

// TestLongMessages is about the pieces in which assembly gets them, of 256 KiB.
func TestLongMessages(t *testing.T) {
	const seed, piece = 11, 256 << 10
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewSource(seed))
		base := make([]byte, 2*piece+300)
		rng.Read(base)
		var messages []sha256d.Message
		for _, size := range []uint32{piece, 2 * piece} {
			for _, more := range []int{-65, -64, -63, -9, -1, 0, 1, 55, 56, 63, 64, 65} {
				m := sha256d.Message{Offset: uint32(rng.Intn(100)), Size: uint32(int(size) + more)}
				messages = append(messages, m)
				m.Size, m.Witness = m.Size+70, 68 // as long when it is cut
				messages = append(messages, m)
			}
		}
		for _, m := range messages {
			checkMessages(t, h, base, []sha256d.Message{m})
		}
		checkMessages(t, h, base, messages[:7])
		checkMessages(t, h, base, messages)
		for range 40 { // many short ones beside
			messages = append(messages, randomMessage(rng, base, 400))
		}
		checkMessages(t, h, base, messages)
	})
}

// TestBounds wants a panic before anything is hashed, if a message is not within
// the base.
func TestBounds(t *testing.T) {
	const most = 1<<32 - 1
	base := make([]byte, 1000)
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		for _, m := range []sha256d.Message{
			{Offset: 0, Size: 1001},
			{Offset: 1, Size: 1000},
			{Offset: 1001, Size: 0},
			{Offset: most, Size: 1},
			{Offset: 1, Size: most},
			{Offset: most, Size: most},
			{Offset: 0, Size: 10, Witness: 1},
			{Offset: 0, Size: 11, Witness: 2},
			{Offset: 0, Size: 11, Witness: most},
			{Offset: 0, Size: 1000, Witness: 991},
		} {
			out := make([]node, 3)
			mustPanic(t, func() { h.Messages(out, base, []sha256d.Message{{Size: 9}, m, {Size: 9}}) })
			if out[0] != (node{}) {
				t.Errorf("%+v: something was hashed", m)
			}
		}
		mustPanic(t, func() { h.Messages(make([]node, 2), base, make([]sha256d.Message, 1)) })
		mustPanic(t, func() { h.Messages(make([]node, 1), base, make([]sha256d.Message, 2)) })
		mustPanic(t, func() { h.Headers(make([]node, 2), base[:159]) })
		mustPanic(t, func() { h.Headers(make([]node, 2), base[:161]) })
		checkMessages(t, h, base, []sha256d.Message{
			{Offset: 1000},
			{Offset: 0, Size: 1000},
			{Offset: 990, Size: 10},
			{Offset: 989, Size: 11, Witness: 1},
			{Size: 1000, Witness: 990},
		})
		checkMessages(t, h, nil, make([]sha256d.Message, 40))
	})
}

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

// FuzzMessages hands batches to all engines, with crypto/sha256 as the judge. Each
// six bytes of plan are a message: where, how long, how much of it witness.
func FuzzMessages(f *testing.F) {
	var hashers []*sha256d.Hasher
	for _, v := range sha256d.Variants() {
		if v.Missing == "" {
			hashers = append(hashers, v.Make())
		}
	}
	f.Add([]byte("base"), []byte{0, 0, 4, 0, 0, 0})
	f.Add(make([]byte, 300), []byte{3, 0, 200, 0, 9, 0, 7, 0, 64, 0, 0, 0, 1, 0, 44, 1, 255, 0})
	f.Add(make([]byte, 5000), []byte("a plan of some messages, of which none is longer than it may be, and some are cut"))
	f.Fuzz(func(t *testing.T, base, plan []byte) {
		if len(base) > 1<<16 || len(plan) > 6*200 {
			return
		}
		word := func(i int) int { return int(plan[i]) | int(plan[i+1])<<8 }
		var messages []sha256d.Message
		for ; len(plan) >= 6; plan = plan[6:] {
			offset := word(0) % (len(base) + 1)
			size := word(2) % (len(base) - offset + 1)
			m := sha256d.Message{Offset: uint32(offset), Size: uint32(size)}
			if size >= 10 {
				m.Witness = uint32(word(4) % (size - 9))
			}
			messages = append(messages, m)
		}
		for _, h := range hashers {
			checkMessages(t, h, base, messages)
		}
	})
}
