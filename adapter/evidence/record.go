package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"blockgate/internal/btc"
)

// Record is a body that was not proven, what the parser was told of it, and what came
// of that.
type Record struct {
	Network    btc.Network
	Height     btc.Height
	MedianTime uint32 // of the parent, Unix seconds (BIP-0113)
	// Reason is the outcome's word, such as body-malformed; Detail has more for people,
	// such as the cause of a parser's death.
	Reason, Detail string
	Time           time.Time // to the second, UTC
	Build          string    // of the parser
	// Body is the block as it came: a header at least, btc.MaxBlockSize at most.
	Body []byte
}

// ErrRecord says that bytes are no file of this package.
var ErrRecord = errors.New("not a file of evidence")

const firstLine = "blockgate evidence 1"

// Hash returns the hash of the header that the body begins with.
func (r *Record) Hash() btc.Hash {
	header := btc.Header(r.Body[:btc.HeaderSize])
	return header.Hash()
}

// Encode returns the record as a file. Words that are too long are cut. It returns
// [ErrRecord] for what [Decode] would not take.
func (r *Record) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(r.Body)
	b := make([]byte, 0, maxText+len(r.Body))
	b = fmt.Appendf(b, "%s\nnetwork %s\nheight %d\nmedian_time %d\nhash %s\nreason %s\ndetail %s\ndate %s\nbuild %s\nsha256 %x\nbytes %d\n\n",
		firstLine, r.Network, r.Height, r.MedianTime, r.Hash(), r.Reason, quote(r.Detail, maxDetail), r.Time.UTC().Format(time.RFC3339),
		quote(r.Build, maxBuild), sum, len(r.Body))
	return append(b, r.Body...), nil
}

func quote(s string, most int) string { return strconv.QuoteToASCII(s[:min(len(s), most)]) }

func (r *Record) check() error {
	year := r.Time.UTC().Year()
	switch {
	case !r.Network.Valid() || r.Height < 0:
		return fmt.Errorf("%w: no place in a chain", ErrRecord)
	case len(r.Body) < btc.HeaderSize || len(r.Body) > btc.MaxBlockSize:
		return fmt.Errorf("%w: body of %d bytes", ErrRecord, len(r.Body))
	case r.Reason == "" || len(r.Reason) > maxReason || strings.Trim(r.Reason, "abcdefghijklmnopqrstuvwxyz-0123456789") != "":
		return fmt.Errorf("%w: reason %q", ErrRecord, r.Reason)
	case year < 0 || year > 9999:
		return fmt.Errorf("%w: year %d", ErrRecord, year)
	}
	return nil
}

// Decode reads a file. It takes exactly what [Record.Encode] writes and returns
// [ErrRecord] for anything else. The body aliases file.
func Decode(file []byte) (Record, error) {
	end := bytes.Index(file[:min(len(file), maxText+2)], []byte("\n\n"))
	if end < 0 {
		return Record{}, fmt.Errorf("%w: no end of its text within %d bytes", ErrRecord, maxText)
	}
	lines := strings.Split(string(file[:end]), "\n")
	r := Record{Body: file[end+2:]}
	if len(lines) != len(fields)+1 || lines[0] != firstLine {
		return Record{}, fmt.Errorf("%w: its text is another", ErrRecord)
	}
	for i, field := range fields {
		name, value, _ := strings.Cut(lines[i+1], " ")
		if name != field.name {
			return Record{}, fmt.Errorf("%w: line %d is %q, want %q", ErrRecord, i+2, name, field.name)
		}
		if err := field.read(&r, value); err != nil {
			return Record{}, fmt.Errorf("%w: %s: %w", ErrRecord, field.name, err)
		}
	}
	again, err := r.Encode() // one way to write each record: no sign too many, no word too long
	if err != nil {
		return Record{}, err
	}
	if !bytes.Equal(again, file) {
		return Record{}, fmt.Errorf("%w: its text does not fit its bytes", ErrRecord)
	}
	return r, nil
}

// fields are the lines after the first, in order. What a line says of the bytes is
// compared by writing the record again.
var fields = [...]struct { //nolint:gochecknoglobals // a table, never written
	name string
	read func(r *Record, value string) error
}{
	{"network", func(r *Record, value string) (err error) { r.Network, err = btc.ParseNetwork(value); return err }},
	{"height", func(r *Record, value string) error {
		n, err := strconv.ParseInt(value, 10, 32)
		r.Height = btc.Height(n)
		return err
	}},
	{"median_time", func(r *Record, value string) error {
		n, err := strconv.ParseUint(value, 10, 32)
		r.MedianTime = uint32(n)
		return err
	}},
	{"hash", func(_ *Record, value string) error { _, err := btc.ParseHash(value); return err }},
	{"reason", func(r *Record, value string) error { r.Reason = value; return nil }},
	{"detail", func(r *Record, value string) (err error) { r.Detail, err = strconv.Unquote(value); return err }},
	{"date", func(r *Record, value string) (err error) { r.Time, err = time.Parse(time.RFC3339, value); return err }},
	{"build", func(r *Record, value string) (err error) { r.Build, err = strconv.Unquote(value); return err }},
	{"sha256", func(_ *Record, value string) error { _, err := hex.DecodeString(value); return err }},
	{"bytes", func(_ *Record, value string) error { _, err := strconv.ParseUint(value, 10, 32); return err }},
}
