package bus

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrSeqSet says that the text of a [SeqSet] is none, or not the one form that
// [SeqSet.String] writes.
var ErrSeqSet = errors.New("not a list of sequences")

// SeqRange is the stream sequences First to Last, both included.
//
// Invariant: 1 <= First <= Last.
type SeqRange struct{ First, Last uint64 }

// SeqSet is the stream sequences of a block's parts, in the order of the parts.
//
// Its text is a list of numbers and ranges: "7", "12-24", "12-14,30-39". A part
// that was sent again lies apart from its neighbours, so ranges need not rise.
// It names at most [MaxParts] sequences, none twice. The zero SeqSet is empty.
type SeqSet struct{ ranges []SeqRange }

// SeqSetOf returns the set of the given sequences, in their order.
//
// It returns [ErrSeqSet] if one is 0 or stands twice, or if there are more than
// [MaxParts].
func SeqSetOf(seqs ...uint64) (SeqSet, error) {
	var s SeqSet
	for _, seq := range seqs {
		if n := len(s.ranges); n > 0 && s.ranges[n-1].Last+1 == seq && seq != 0 {
			s.ranges[n-1].Last = seq
			continue
		}
		s.ranges = append(s.ranges, SeqRange{seq, seq})
	}
	return s, s.check()
}

// Len returns how many sequences the set has.
func (s SeqSet) Len() int {
	total := uint64(0)
	for _, r := range s.ranges {
		total += r.Last - r.First + 1
	}
	return int(total)
}

// All calls yield for each sequence in the order of the parts, until yield
// returns false. It has the form of an iterator.
func (s SeqSet) All(yield func(part int, seq uint64) bool) {
	part := 0
	for _, r := range s.ranges {
		for seq := r.First; seq <= r.Last; seq++ {
			if !yield(part, seq) {
				return
			}
			part++
		}
	}
}

// Min returns the lowest sequence, 0 for the empty set.
func (s SeqSet) Min() uint64 {
	least := uint64(0)
	for _, r := range s.ranges {
		if least == 0 || r.First < least {
			least = r.First
		}
	}
	return least
}

// Max returns the highest sequence, 0 for the empty set.
func (s SeqSet) Max() uint64 {
	most := uint64(0)
	for _, r := range s.ranges {
		most = max(most, r.Last)
	}
	return most
}

// Equal reports whether both sets name the same sequences in the same order.
func (s SeqSet) Equal(other SeqSet) bool { return s.String() == other.String() }

// String returns the text form, "" for the empty set.
func (s SeqSet) String() string {
	var b strings.Builder
	for i, r := range s.ranges {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(r.First, 10))
		if r.Last > r.First {
			b.WriteByte('-')
			b.WriteString(strconv.FormatUint(r.Last, 10))
		}
	}
	return b.String()
}

// ParseSeqSet reads the text form. Only what [SeqSet.String] writes is taken:
// "1,2" is refused, since it is "1-2".
func ParseSeqSet(text string) (SeqSet, error) {
	if len(text) > MaxSeqSetLen {
		return SeqSet{}, fmt.Errorf("%w: %d characters, at most %d", ErrSeqSet, len(text), MaxSeqSetLen)
	}
	var s SeqSet
	for text != "" {
		var one string
		var more bool
		one, text, more = strings.Cut(text, ",")
		if more && text == "" {
			return SeqSet{}, fmt.Errorf("%w: ends with a comma", ErrSeqSet)
		}
		r, err := parseRange(one)
		if err != nil {
			return SeqSet{}, err
		}
		if n := len(s.ranges); n > 0 && s.ranges[n-1].Last+1 == r.First {
			return SeqSet{}, fmt.Errorf("%w: %d should be part of the range before it", ErrSeqSet, r.First)
		}
		s.ranges = append(s.ranges, r)
	}
	return s, s.check()
}

func parseRange(text string) (SeqRange, error) {
	low, high, isRange := strings.Cut(text, "-")
	first, err := parseNumber(low, math.MaxUint64-1)
	if err != nil {
		return SeqRange{}, fmt.Errorf("%w: %w", ErrSeqSet, err)
	}
	if !isRange {
		return SeqRange{first, first}, nil
	}
	last, err := parseNumber(high, math.MaxUint64-1)
	if err != nil {
		return SeqRange{}, fmt.Errorf("%w: %w", ErrSeqSet, err)
	}
	if last <= first {
		return SeqRange{}, fmt.Errorf("%w: %d-%d does not rise", ErrSeqSet, first, last)
	}
	return SeqRange{first, last}, nil
}

// check holds the set to its limits. At most MaxParts ranges of any size come
// in, so comparing each with each is bounded.
func (s SeqSet) check() error {
	total := uint64(0)
	for i, r := range s.ranges {
		if r.First == 0 || r.Last == math.MaxUint64 {
			return fmt.Errorf("%w: %d-%d is outside of every stream", ErrSeqSet, r.First, r.Last)
		}
		if size := r.Last - r.First + 1; size > MaxParts || total+size > MaxParts {
			return fmt.Errorf("%w: more than %d sequences", ErrSeqSet, MaxParts)
		}
		total += r.Last - r.First + 1
		for _, other := range s.ranges[:i] {
			if r.First <= other.Last && other.First <= r.Last {
				return fmt.Errorf("%w: %d-%d and %d-%d overlap", ErrSeqSet, other.First, other.Last, r.First, r.Last)
			}
		}
	}
	return nil
}
