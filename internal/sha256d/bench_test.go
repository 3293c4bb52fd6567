package sha256d_test

import (
	"math"
	"math/rand"
	"slices"
	"testing"
	"time"

	"blockgate/internal/sha256d"
)

// race lets all engines do the same work in turns, and reports the fastest round of
// each: a machine that is slow for a while is slow for all.
//
//	ns/UNIT  time for each of count units
//	x-go     times as fast as crypto/sha256
func race(b *testing.B, unit string, count int, work func(*sha256d.Hasher)) {
	b.Helper()
	const rounds = 100
	engines := sha256d.Engines()
	hashers := make([]*sha256d.Hasher, len(engines))
	fastest := make([]time.Duration, len(engines))
	for i, e := range engines {
		hashers[i], fastest[i] = sha256d.NewEngine(e), math.MaxInt64
		work(hashers[i])
	}
	for range rounds {
		for i, h := range hashers {
			start := b.Elapsed()
			work(h)
			fastest[i] = min(fastest[i], b.Elapsed()-start)
		}
	}
	for i, e := range slices.Backward(engines) {
		b.Run(e.String(), func(b *testing.B) {
			b.ReportMetric(float64(fastest[i]), "ns/op")
			b.ReportMetric(float64(fastest[i])/float64(count), "ns/"+unit)
			b.ReportMetric(float64(fastest[0])/float64(fastest[i]), "x-go")
		})
	}
}

// BenchmarkMessages hashes messages of one length, those of something like a block,
// and one long one. A block is 64 bytes with padding, second hashes counted.
func BenchmarkMessages(b *testing.B) {
	rng := rand.New(rand.NewSource(14))
	base := make([]byte, 1<<21)
	rng.Read(base)
	alike := func(count, size int) []sha256d.Message {
		messages := make([]sha256d.Message, count)
		for i := range messages {
			messages[i] = sha256d.Message{Offset: uint32(i * size % (len(base) - size)), Size: uint32(size)}
		}
		return messages
	}
	for _, c := range []struct {
		name     string
		messages []sha256d.Message
	}{
		{"4000-of-250-bytes", alike(4000, 250)},
		{"400-of-10000-bytes", alike(400, 10_000)},
		{"transactions", likeBlock(rng, len(base))},
		{"one-of-1-MB", alike(1, 1_000_000)},
	} {
		out := make([]node, len(c.messages))
		blocks := 0
		for _, m := range c.messages {
			blocks += (len(preimage(base, m))+9+63)/64 + 1
		}
		b.Run(c.name, func(b *testing.B) {
			race(b, "block", blocks, func(h *sha256d.Hasher) { h.Messages(out, base, c.messages) })
		})
	}
}

// likeBlock returns the messages of some 3000 transactions with witnesses: most are
// short, a few are long.
func likeBlock(rng *rand.Rand, room int) []sha256d.Message {
	var messages []sha256d.Message
	for at := 0; ; {
		size := 190 + rng.Intn(80)
		switch rng.Intn(100) {
		case 0:
			size = 5000 + rng.Intn(20_000)
		case 1, 2, 3, 4, 5:
			size = 1000 + rng.Intn(2000)
		case 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25:
			size = 350 + rng.Intn(300)
		}
		if at+size > room {
			return messages
		}
		whole := sha256d.Message{Offset: uint32(at), Size: uint32(size)}
		cut := whole
		cut.Witness = uint32(size * 2 / 5)
		messages = append(messages, cut, whole)
		at += size
	}
}

func BenchmarkHeaders(b *testing.B) {
	const count = 4096
	headers, out := make([]byte, count*sha256d.HeaderSize), make([]node, count)
	rand.New(rand.NewSource(15)).Read(headers)
	race(b, "header", count, func(h *sha256d.Hasher) { h.Headers(out, headers) })
}

// BenchmarkMerkleRoot folds 4096 leaves, which takes 4095 nodes.
func BenchmarkMerkleRoot(b *testing.B) {
	const count = 4096
	leaves, scratch := make([]node, count), make([]node, count)
	rng := rand.New(rand.NewSource(16))
	for i := range leaves {
		rng.Read(leaves[i][:])
	}
	race(b, "node", count-1, func(h *sha256d.Hasher) {
		copy(scratch, leaves)
		h.MerkleRoot(scratch)
	})
}
