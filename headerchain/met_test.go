package headerchain_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// TestMetBy asks of hashes next to a target in each of its words: the target itself,
// and one bit up or down in each byte.
func TestMetBy(t *testing.T) {
	for exponent := uint32(3); exponent <= 32; exponent++ {
		bits := exponent<<24 | 0x123456
		target, err := btc.TargetFromCompact(bits)
		if err != nil {
			t.Fatal(err)
		}
		var at btc.Hash
		for i := range at {
			at[i] = byte(target.Uint256[i/8] >> (8 * (i % 8)))
		}
		if !headerchain.MetBy(bits, &at) {
			t.Errorf("bits %08x: not met by the target", bits)
		}
		for i := range at {
			for _, change := range []int{-1, 1, 128} {
				hash := at
				hash[i] += byte(change)
				if got, want := headerchain.MetBy(bits, &hash), target.Meets(&hash); got != want {
					t.Errorf("bits %08x, byte %d by %d: met %t, want %t", bits, i, change, got, want)
				}
				higher := hash[i] > at[i] // all bytes above are equal
				if got := headerchain.MetBy(bits, &hash); got == higher {
					t.Errorf("bits %08x, byte %d by %d: met %t, higher %t", bits, i, change, got, higher)
				}
			}
		}
	}
}

// TestStraightEqualTimes makes the median the highest of the times: six of the last 11
// are equal, as many as the rule allows.
func TestStraightEqualTimes(t *testing.T) {
	params := straightRules()
	headers := branch(params.Genesis, 30, 0)
	same := headers[29].Time() + 7
	for range 6 {
		fields := child(&headers[len(headers)-1], 0)
		fields.Time = same
		headers = append(headers, mine(fields))
	}
	for _, add := range []int{-2, -1, 0, 1} {
		fields := child(&headers[len(headers)-1], 0)
		fields.Time = uint32(int(same) + add)
		c := headerchain.NewByParams(params, params.Genesis, 0)
		done, err := c.Accept(append(slices.Clip(headers), mine(fields)), time.Unix(int64(same), 0))
		if valid := add > 0; valid != (err == nil) || !valid && (!errors.Is(err, headerchain.ErrTimeTooOld) || done.New != len(headers)) {
			t.Errorf("time %+d: %d new of %d, %v", add, done.New, len(headers), err)
		}
	}
}
