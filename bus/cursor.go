package bus

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"blockgate/internal/btc"
)

// ErrCursor says that the text of a [Cursor] is none.
var ErrCursor = errors.New("not a cursor")

// ErrCursorVersion says that a cursor was written by a newer blockgate.
var ErrCursorVersion = errors.New("cursor is of a newer version")

const (
	cursorName    = "blockgate-cursor"
	cursorVersion = "1"
	// cursorTime has all nine digits, so that a time has one form. The server
	// gives a stream's creation in nanoseconds.
	cursorTime = "2006-01-02T15:04:05.000000000Z"
)

// Cursor is where a reader stands: the event that it has dealt with, and the
// tip that this event left.
//
// A reader stores it together with its own state, in one transaction. The
// sequence is only an address: a stream that was made anew, or that lost its
// tail, uses it again. So the hash decides, and the creation time of the
// stream says whether the address may be tried at all.
//
// A Cursor with only Height and Hash is valid: it is looked up by them.
type Cursor struct {
	Created time.Time  // of the stream, by its server
	Seq     uint64     // of the event in the stream, 0 if unknown
	Height  btc.Height // of the tip that the event left
	Hash    btc.Hash   // of the tip that the event left
}

// String returns the text form:
//
//	blockgate-cursor 1 2026-01-02T03:04:05.000000006Z 42 599 <hash>
func (c Cursor) String() string {
	return fmt.Sprintf("%s %s %s %d %d %s", cursorName, cursorVersion,
		c.Created.UTC().Format(cursorTime), c.Seq, c.Height, c.Hash)
}

// ParseCursor reads the text form, with or without a line end.
//
// It returns [ErrCursorVersion] for a newer version and [ErrCursor] for
// anything else that [Cursor.String] does not write.
func ParseCursor(text string) (Cursor, error) {
	text = strings.TrimSuffix(text, "\n")
	name, rest, _ := strings.Cut(text, " ")
	version, rest, _ := strings.Cut(rest, " ")
	if name != cursorName {
		return Cursor{}, fmt.Errorf("%w: %.40q does not begin with %q", ErrCursor, text, cursorName)
	}
	if version != cursorVersion {
		if n, err := parseNumber(version, math.MaxUint64); err == nil && n > 1 {
			return Cursor{}, fmt.Errorf("%w: has %d, this build knows %s; run a newer build, or delete the cursor: "+
				"the reader then begins where it is told, and nothing else is lost", ErrCursorVersion, n, cursorVersion)
		}
		return Cursor{}, fmt.Errorf("%w: version %.20q", ErrCursor, version)
	}
	if len(text) > MaxCursorLen {
		return Cursor{}, fmt.Errorf("%w: %d characters, at most %d", ErrCursor, len(text), MaxCursorLen)
	}
	return parseCursorFields(strings.Split(rest, " "))
}

func parseCursorFields(fields []string) (Cursor, error) {
	if len(fields) != 4 {
		return Cursor{}, fmt.Errorf("%w: %d fields after the version, want created, sequence, height, hash", ErrCursor, len(fields))
	}
	var c Cursor
	var err error
	if c.Created, err = time.Parse(cursorTime, fields[0]); err != nil || c.Created.Format(cursorTime) != fields[0] {
		return Cursor{}, fmt.Errorf("%w: created %.40q is not like %s", ErrCursor, fields[0], cursorTime)
	}
	if c.Seq, err = parseNumber(fields[1], math.MaxUint64-1); err != nil {
		return Cursor{}, fmt.Errorf("%w: sequence: %w", ErrCursor, err)
	}
	if c.Height, err = parseHeight(fields[2]); err != nil {
		return Cursor{}, fmt.Errorf("%w: height: %w", ErrCursor, err)
	}
	if c.Hash, err = parseHash(fields[3]); err != nil {
		return Cursor{}, fmt.Errorf("%w: %w", ErrCursor, err)
	}
	return c, nil
}
