package frame

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Tally is what the supervisor counts from its start on. It outlives adapters,
// which show it.
type Tally struct {
	// Restarts counts, by [Process], how often one was started in the place of one
	// that had died. The supervisor's own stays 0: nobody restarts it.
	Restarts [ProcessParser + 1]uint64
	// Deaths counts parsers that died while the service ran, by [Cause]; the first
	// one is no cause and stays 0.
	Deaths [CauseStart + 1]uint64
}

// MaxTallyText is the most bytes of a tally's text.
//
// Source: 14 numbers of at most 20 digits, and a space between two.
const MaxTallyText = 14*20 + 13

// ErrTally says that a text is no tally.
var ErrTally = errors.New("malformed tally")

// String returns the tally as text: the numbers in order, a space between two.
func (t Tally) String() string {
	var b strings.Builder
	for i, p := range numbersOf(&t) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatUint(*p, 10))
	}
	return b.String()
}

// ParseTally reads what [Tally.String] writes and returns [ErrTally] for anything
// else.
func ParseTally(text string) (Tally, error) {
	var t Tally
	numbers := numbersOf(&t)
	words := strings.SplitN(text, " ", len(numbers)+1)
	if len(words) != len(numbers) {
		return Tally{}, fmt.Errorf("%w: %d numbers or more, want %d", ErrTally, len(words), len(numbers))
	}
	for i, word := range words {
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil || strconv.FormatUint(n, 10) != word {
			return Tally{}, fmt.Errorf("%w: number %d", ErrTally, i)
		}
		*numbers[i] = n
	}
	return t, nil
}

func numbersOf(t *Tally) []*uint64 {
	var all []*uint64
	for i := range t.Restarts {
		all = append(all, &t.Restarts[i])
	}
	for i := range t.Deaths {
		all = append(all, &t.Deaths[i])
	}
	return all
}
