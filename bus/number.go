package bus

import (
	"errors"
	"fmt"
	"strconv"

	"blockgate/internal/btc"
)

var (
	errNumber = errors.New("want a decimal number without sign or leading zero")
	errCase   = errors.New("want lower-case hex digits")
)

// parseNumber reads a decimal number of one form only: no sign, no leading
// zero, at most most.
func parseNumber(s string, most uint64) (uint64, error) {
	if s == "" || len(s) > 20 || s[0] < '0' || s[0] > '9' || s[0] == '0' && len(s) > 1 {
		return 0, fmt.Errorf("%.40q: %w", s, errNumber)
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, errNumber)
	}
	if n > most {
		return 0, fmt.Errorf("%q: at most %d", s, most)
	}
	return n, nil
}

func parseHeight(s string) (btc.Height, error) {
	n, err := parseNumber(s, 1<<31-1)
	return btc.Height(n), err
}

// parseHash reads the printed form of a hash, in lower case only: a subject
// has one form.
func parseHash(s string) (btc.Hash, error) {
	if !isLowerHex(s) {
		return btc.Hash{}, fmt.Errorf("hash %.80q: %w", s, errCase)
	}
	return btc.ParseHash(s)
}

func parseWork(s string) (btc.Work, error) {
	if len(s) != 64 || !isLowerHex(s) {
		return btc.Work{}, fmt.Errorf("work %.80q: %w, 64 of them", s, errCase)
	}
	return btc.ParseWork(s)
}

func isLowerHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
