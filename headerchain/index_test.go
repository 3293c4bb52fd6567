package headerchain_test

import (
	"encoding/binary"
	"math"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// TestCrowdedIndex gives many hashes one home, so that its line and those after it
// fill up: the last line, which goes on with the first, and one in the middle, where
// others are at home next to it. The index grows at 1008.
func TestCrowdedIndex(t *testing.T) {
	const count = 1100
	homes := map[string]func(i int) uint64{
		"last":    func(int) uint64 { return math.MaxUint64 },
		"first":   func(int) uint64 { return 0 },
		"two":     func(i int) uint64 { return math.MaxUint64 * uint64(i%2) },
		"a half":  func(i int) uint64 { return math.MaxUint64/2 + uint64(i)<<54 },
		"all":     func(i int) uint64 { return uint64(i) * 0x9e3779b97f4a7c15 },
		"in turn": func(i int) uint64 { return math.MaxUint64 - uint64(i)<<53 },
	}
	for name, home := range homes {
		hashes := make([]btc.Hash, count)
		for i := range hashes {
			binary.LittleEndian.PutUint64(hashes[i][:], home(i))
			hashes[i][8] = byte(i / 7) // the tag, which many share
			binary.LittleEndian.PutUint32(hashes[i][20:], uint32(i))
		}
		for _, run := range []int{0, 1, 14, 15, 16, 128} {
			// One line, two, some with a gap, and past the growth.
			for _, most := range []int{14, 15, 16, 30, 31, 200, count} {
				if most == count && run < 128 {
					continue
				}
				if err := headerchain.CrowdIndex(hashes[:most], run); err != nil {
					t.Fatalf("%s, %d in runs of %d: %v", name, most, run, err)
				}
			}
		}
	}
}
