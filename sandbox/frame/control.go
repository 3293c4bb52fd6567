package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ControlSize is the size of every control record in bytes. A record is one
// message of a SEQPACKET socket:
//
//	0      kind
//	1      cause
//	2..3   worker, little endian
//	4..5   length of the text, little endian
//	6..7   zero
//	8..11  generation, little endian
//	12..   text, then zeros to the end
const ControlSize = controlHead + MaxStatusText

const controlHead = 12

// MaxStatusText is the most bytes of text in a READY record.
//
// Source: a parser's status line, MaxStatusBytes in package sandbox.
const MaxStatusText = 2 << 10

// MaxCauseText is the most bytes of text in a DIED record.
//
// Source: an exit code or signal and the first line of standard error, quoted
// and cut.
const MaxCauseText = 512

// MaxWorkers is the most workers that control records can name, from 0 on.
//
// Source: an adapter gets a descriptor for each from 6 on, and the supervisor
// keeps descriptors from 100 on for itself.
const MaxWorkers = 64

// ControlKind says what a control record tells. Its zero value tells nothing.
type ControlKind uint8

// The kinds of control records.
const (
	// ControlReady goes from supervisor to adapter: the worker serves jobs, the
	// text is its status line. From the broker to the supervisor, as worker 0 of
	// generation 0: it takes clients, the text is its address.
	ControlReady ControlKind = iota + 1
	// ControlDied goes from supervisor to adapter: the worker ended, for the cause;
	// the text has more words for people.
	ControlDied
	// ControlBraked goes from supervisor to adapter after ControlDied: the worker
	// died soon after its start, so the next one is delayed. It has no text.
	ControlBraked
	// ControlSealed goes from adapter to supervisor: the ring is mapped and sealed.
	// It names worker 0 and has no text.
	ControlSealed
	// ControlKill goes from adapter to supervisor: kill the worker, for the cause,
	// unless it is of another generation by now. It has no text.
	ControlKill
	// ControlLayers says how a process is confined that is no parser: the worker is
	// its [Process], the text its status line. It goes from the broker to the
	// supervisor before READY, and from the supervisor to the adapter.
	ControlLayers
	// ControlTally goes from supervisor to adapter: the text is a [Tally].
	ControlTally
)

// String returns the word for the kind, or "unknown".
func (k ControlKind) String() string {
	switch k {
	case ControlReady:
		return "ready"
	case ControlDied:
		return "died"
	case ControlBraked:
		return "braked"
	case ControlSealed:
		return "sealed"
	case ControlKill:
		return "kill"
	case ControlLayers:
		return "layers"
	case ControlTally:
		return "tally"
	default:
		return "unknown"
	}
}

// maxText returns the most bytes of text for the kind.
func (k ControlKind) maxText() int {
	switch k {
	case ControlReady, ControlLayers:
		return MaxStatusText
	case ControlTally:
		return MaxTallyText
	case ControlDied:
		return MaxCauseText
	case ControlBraked, ControlSealed, ControlKill:
		return 0
	default:
		return 0
	}
}

// maxWorker returns the highest worker that the kind may name.
func (k ControlKind) maxWorker() int {
	switch k {
	case ControlReady, ControlDied, ControlBraked, ControlKill:
		return MaxWorkers - 1
	case ControlLayers:
		return int(ProcessAdapter)
	case ControlSealed, ControlTally:
		return 0
	default:
		return 0
	}
}

// takes reports whether a record of the kind may have that generation.
func (k ControlKind) takes(generation uint32) bool {
	switch k {
	case ControlReady:
		return true
	case ControlDied, ControlBraked, ControlKill:
		return generation > 0
	case ControlSealed, ControlLayers, ControlTally:
		return generation == 0
	default:
		return false
	}
}

// Control is one record between supervisor, adapter and broker.
type Control struct {
	Kind   ControlKind
	Cause  Cause // Of DIED and KILL, else 0.
	Worker int   // 0 <= Worker < MaxWorkers.
	// Generation numbers the processes that follow each other as a worker, from 1
	// on. A record about one that was replaced meanwhile is told by it from a
	// record about its successor. It is 0 in records that are not about a parser.
	Generation uint32
	Text       string // Printable ASCII; the kind gives the limit.
}

// ErrControl says that a control record is none: a wrong size, an unknown kind,
// a worker or text out of bounds, or bytes that must be zero and are not.
var ErrControl = errors.New("malformed control record")

// AppendControl appends the record, [ControlSize] bytes, to dst. It returns
// [ErrControl] if [DecodeControl] would not take it.
func AppendControl(dst []byte, c Control) ([]byte, error) {
	if err := c.check(); err != nil {
		return dst, err
	}
	start := len(dst)
	dst = append(dst, make([]byte, ControlSize)...)
	b := dst[start:]
	b[0], b[1] = byte(c.Kind), byte(c.Cause)
	binary.LittleEndian.PutUint16(b[2:], uint16(c.Worker))
	binary.LittleEndian.PutUint16(b[4:], uint16(len(c.Text)))
	binary.LittleEndian.PutUint32(b[8:], c.Generation)
	copy(b[controlHead:], c.Text)
	return dst, nil
}

// DecodeControl reads one record. It takes exactly what [AppendControl] writes
// and returns [ErrControl] for anything else. It does not keep the slice.
func DecodeControl(b []byte) (Control, error) {
	if len(b) != ControlSize {
		return Control{}, fmt.Errorf("%w: %d bytes, want %d", ErrControl, len(b), ControlSize)
	}
	size := int(binary.LittleEndian.Uint16(b[4:]))
	if size > MaxStatusText {
		return Control{}, fmt.Errorf("%w: text of %d bytes", ErrControl, size)
	}
	c := Control{
		Kind:       ControlKind(b[0]),
		Cause:      Cause(b[1]),
		Worker:     int(binary.LittleEndian.Uint16(b[2:])),
		Generation: binary.LittleEndian.Uint32(b[8:]),
		Text:       string(b[controlHead : controlHead+size]),
	}
	if err := c.check(); err != nil {
		return Control{}, err
	}
	if b[6] != 0 || b[7] != 0 || !allZero(b[controlHead+size:]) {
		return Control{}, fmt.Errorf("%w: a byte that must be zero is not", ErrControl)
	}
	return c, nil
}

func (c Control) check() error {
	if c.Kind < ControlReady || c.Kind > ControlTally {
		return fmt.Errorf("%w: kind %d", ErrControl, c.Kind)
	}
	switch {
	case c.Worker < 0 || c.Worker > c.Kind.maxWorker():
		return fmt.Errorf("%w: worker %d in %s", ErrControl, c.Worker, c.Kind)
	case !c.Kind.takes(c.Generation):
		return fmt.Errorf("%w: generation %d in %s", ErrControl, c.Generation, c.Kind)
	case !c.Cause.fits(c.Kind):
		return fmt.Errorf("%w: cause %d in %s", ErrControl, c.Cause, c.Kind)
	case len(c.Text) > c.Kind.maxText():
		return fmt.Errorf("%w: text of %d bytes in %s, at most %d", ErrControl, len(c.Text), c.Kind, c.Kind.maxText())
	}
	for i := range len(c.Text) {
		if c.Text[i] < ' ' || c.Text[i] > '~' {
			return fmt.Errorf("%w: byte %#x in the text of %s", ErrControl, c.Text[i], c.Kind)
		}
	}
	return nil
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
