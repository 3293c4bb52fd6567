//go:build linux

package sha256d_test

import (
	"math/rand"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"blockgate/internal/sha256d"
)

// guarded returns size random bytes that lie between two pages which cannot be
// read: a kernel that reads one byte before or behind them ends the test. They end
// where memory ends, or begin where it begins.
func guarded(t *testing.T, rng *rand.Rand, size int, atEnd bool) []byte {
	t.Helper()
	page := os.Getpagesize()
	pages := (size + page - 1) / page
	all, err := unix.Mmap(-1, 0, (pages+2)*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(all); err != nil {
			t.Error(err)
		}
	})
	inner := all[page : (pages+1)*page]
	rng.Read(inner)
	for _, guard := range [][]byte{all[:page], all[(pages+1)*page:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	if atEnd {
		return inner[len(inner)-size:]
	}
	return inner[:size]
}

// TestReadsNothingElse hashes messages that end where memory ends, and that begin
// where it begins.
func TestReadsNothingElse(t *testing.T) {
	const seed = 7
	onEach(t, func(t *testing.T, h *sha256d.Hasher) {
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewSource(seed))
		for _, atEnd := range []bool{true, false} {
			for _, size := range []int{1, 10, 55, 63, 64, 65, 119, 127, 128, 129, 700, 4096, 9000} {
				base := guarded(t, rng, size, atEnd)
				for _, count := range []int{1, 2, 20, 33, 70} {
					messages := make([]sha256d.Message, count)
					for i := range messages {
						messages[i] = randomMessage(rng, base, size)
						if i%3 == 0 { // all of it
							messages[i] = sha256d.Message{Size: uint32(size)}
						}
						if i%3 == 1 { // to the end
							messages[i].Offset = uint32(size) - messages[i].Size
						}
					}
					checkMessages(t, h, base, messages)
				}
			}
			for _, count := range []int{1, 2, 3, 11, 12, 31, 32, 33, 64, 100} {
				headers := guarded(t, rng, sha256d.HeaderSize*count, atEnd)
				checkHeaders(t, h, headers)
			}
		}
	})
}
