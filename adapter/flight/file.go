package flight

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// The file. Numbers are uvarints.
//
//	"blockgate-flight\n"    17   what it is
//	version                  1   of the fields of all types
//	start                        see Start
//	lost                         text: why it does not replay, empty if it does
//	chunks                       count
//	    base                     time of the first entry
//	    length, entries
//	checksum                32   SHA-256 of all before
//
//	entry     code 1, fields     the event
//	          since              the entry before, in 1 µs or, if odd, in 1 ns
//	          actions            count; if there are any, a checksum over all that
//	                             they have; then each, code 1 and fields, cut short
//
// Code 0 is that of a type without a code; its name follows.
const (
	fileMagic = "blockgate-flight\n"
	// Version is of the form of the file, and of what each type in it has for fields:
	// it goes up by one when a type gets another field.
	Version  = 1
	sumSize  = sha256.Size
	minEntry = 3 // bytes
	maxBase  = 24
)

var (
	// ErrCorrupt says that bytes are no recording, or not a whole one.
	ErrCorrupt = errors.New("recording is corrupt")
	// ErrVersion says that another version wrote the recording.
	ErrVersion = errors.New("recording has another version")
	// ErrHeaders says that headers that were loaded at the start are not in the
	// recording and were not brought along, or were others.
	ErrHeaders = errors.New("loaded headers are not those of the recording")
	// ErrLost says that the recording tells its story and cannot be replayed.
	ErrLost = errors.New("recording does not reach back to the start")
)

// Entry is one step of a brain.
type Entry struct {
	Now time.Time
	// Event is nil for one of a type that has no code.
	Event node.Event
	// Actions are what the brain said to do; of long lists they have the last few. One
	// of a type that has no code is nil.
	Actions []node.Action

	sum   uint32   // over the actions in full
	names []string // of types without a code, in order
}

// since is the time since the entry before.
func (c *codec) since(v *time.Duration) {
	n := int64(*v)
	odd := n%int64(time.Microsecond) != 0
	if !odd {
		n /= int64(time.Microsecond)
	}
	n <<= 1
	if odd {
		n |= 1
	}
	if signed(c, &n); !c.reading {
		return
	}
	n, odd = n>>1, n&1 == 1
	most, unit := int64(maxSince), int64(1)
	if !odd {
		most, unit = most/int64(time.Microsecond), int64(time.Microsecond)
	}
	if n > most || n < -most || odd && n%int64(time.Microsecond) == 0 {
		c.fail() // too long, or it has a shorter spelling
		return
	}
	*v = time.Duration(n * unit)
}

// entry reads one entry; e.Now is that of the one before.
func (d *decoder) entry(e *Entry) {
	c := &d.codec
	var name string
	var since time.Duration
	*e = Entry{Now: e.Now}
	if e.Event, name = d.events.take(c); e.Event == nil {
		e.names = append(e.names, name)
	}
	c.since(&since)
	e.Now = e.Now.Add(since)
	if n := c.count(1); n > 0 {
		number(c, &e.sum)
		for range n {
			a, name := d.actions.take(c)
			if c.broken {
				return
			}
			if a == nil {
				e.names = append(e.names, name)
			}
			e.Actions = append(e.Actions, a)
		}
	}
}

type decoder struct {
	codec   codec
	events  *kinds[node.Event]
	actions *kinds[node.Action]
}

func newDecoder() *decoder {
	return &decoder{codec: codec{reading: true}, events: newEvents(), actions: newActions()}
}

// File is a recording.
type File struct {
	Start Start
	// Lost says why the recording does not replay, "" if it does.
	Lost   string
	chunks []chunk
}

// File returns the recording as it is now: a copy, which any one goroutine may have.
func (r *Recorder) File() *File {
	f := &File{Start: r.start, Lost: r.lost, chunks: slices.Clone(r.chunks)}
	f.Start.Loads, f.Start.Headers = slices.Clone(r.start.Loads), slices.Clone(r.start.Headers)
	for i := range f.chunks {
		f.chunks[i].bytes = slices.Clone(f.chunks[i].bytes)
	}
	return f
}

// Since returns how far back the recording goes.
func (f *File) Since() time.Time {
	if len(f.chunks) == 0 {
		return f.Start.Began
	}
	return f.chunks[0].base.UTC()
}

// Append appends the recording to b, at most [MaxFile] bytes; [Decode] reads it again.
// It has the brain's secret and peers' addresses: nobody else should read it.
func (f *File) Append(b []byte) []byte {
	begin, size := len(b), 1<<16+len(f.Start.Book)+len(f.Start.Systems)+len(f.Start.Headers)*btc.HeaderSize
	for i := range f.chunks {
		size += len(f.chunks[i].bytes) + maxBase
	}
	b = slices.Grow(b, size)
	c := codec{out: append(append(b, fileMagic...), Version), plain: true}
	c.start(&f.Start)
	text(&c, &f.Lost)
	n := uint64(len(f.chunks))
	number(&c, &n)
	for i := range f.chunks {
		c.moment(&f.chunks[i].base)
		c.blob(&f.chunks[i].bytes)
	}
	sum := sha256.Sum256(c.out[begin:])
	return append(c.out, sum[:]...)
}

// Is reports whether bytes begin as a recording.
func Is(b []byte) bool { return bytes.HasPrefix(b, []byte(fileMagic)) }

// Decode reads a recording, and keeps the slice. It returns [ErrCorrupt] or
// [ErrVersion]. What it needs is some times the length of b at most.
func Decode(b []byte) (*File, error) {
	if len(b) > MaxFile {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrCorrupt, len(b), MaxFile)
	}
	body, ok := bytes.CutPrefix(b, []byte(fileMagic))
	if !ok || len(body) < 1+sumSize {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrCorrupt)
	}
	if body[0] != Version {
		return nil, fmt.Errorf("%w: %d, want %d", ErrVersion, body[0], Version)
	}
	end := len(b) - sumSize
	if sha256.Sum256(b[:end]) != [sumSize]byte(b[end:]) {
		return nil, fmt.Errorf("%w: the checksum is wrong", ErrCorrupt)
	}
	return decodeBody(body[1 : len(body)-sumSize])
}

func decodeBody(body []byte) (*File, error) {
	f, c := &File{}, codec{reading: true, plain: true, in: body}
	c.start(&f.Start)
	text(&c, &f.Lost)
	for range c.count(minEntry) {
		var ch chunk
		c.moment(&ch.base)
		if ch.bytes = c.take(c.count(1)); c.broken {
			break
		}
		f.chunks = append(f.chunks, ch)
	}
	if c.broken || len(c.in) > 0 || f.Start.Count < 0 || len(f.Start.Headers) > maxInline {
		return nil, fmt.Errorf("%w: offset %d", ErrCorrupt, len(fileMagic)+1+len(body)-len(c.in))
	}
	for i := range f.chunks {
		for _, err := range f.chunks[i].entries(newDecoder()) {
			if err != nil {
				return nil, fmt.Errorf("chunk %d: %w", i, err)
			}
		}
	}
	return f, nil
}

// entries yields the entries of a chunk, or an error and no more.
func (ch *chunk) entries(d *decoder) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		d.codec.reset()
		d.codec.in, d.codec.broken = ch.bytes, false
		e := Entry{Now: ch.base}
		for len(d.codec.in) > 0 {
			at := len(ch.bytes) - len(d.codec.in)
			if d.entry(&e); d.codec.broken {
				yield(Entry{}, fmt.Errorf("%w: entry at %d", ErrCorrupt, at))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Entries yields what happened, oldest first.
func (f *File) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		d := newDecoder()
		for i := range f.chunks {
			for e, err := range f.chunks[i].entries(d) {
				if err != nil || !yield(e) { // there is no error: Decode has seen all
					return
				}
			}
		}
	}
}
