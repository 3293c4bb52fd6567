package bus

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"blockgate/internal/btc"
)

// Header is the header of a NATS message. nats.Header converts to it and back.
type Header = map[string][]string

// Schema is the version of the headers, the value of Btc-V. Headers may be
// added under one version; none changes its meaning.
const Schema = "1"

// The headers of an event; the last is the one of a part. docs and the README
// of the bus give grammar and unit of each.
const (
	hV          = "Btc-V"           // "1"
	hEvent      = "Btc-Event"       // connect, disconnect or reset
	hPrev       = "Btc-Prev"        // hash, printed form
	hWork       = "Btc-Work"        // 64 hex digits
	hBest       = "Btc-Best"        // hash, printed form
	hBestWork   = "Btc-Best-Work"   // 64 hex digits
	hFinal      = "Btc-Final"       // height
	hTime       = "Btc-Time"        // UTC with milliseconds
	hSize       = "Btc-Size"        // bytes
	hParts      = "Btc-Parts"       // count
	hClaimParts = "Btc-Claim-Parts" // count
	hTxCount    = "Btc-Tx-Count"    // count
	hDataSeq    = "Btc-Data-Seq"    // SeqSet
	hSha256     = "Btc-Sha256"      // 64 hex digits, in the order of the bytes
	hPart       = "Btc-Part"        // index from 0, body parts first
)

const eventTime = "2006-01-02T15:04:05.000Z"

// Encode returns the headers and the payload, the 80-byte block header, of the
// event's message. The time is cut to milliseconds.
//
// It returns [ErrEvent] if [Event.Check] does.
func (e *Event) Encode() (Header, []byte, error) {
	if err := e.Check(); err != nil {
		return nil, nil, err
	}
	h := Header{
		hV: {Schema}, hEvent: {e.Kind.String()}, hPrev: {e.Prev.String()}, hWork: {e.Work.String()},
		hBest: {e.Best.String()}, hBestWork: {e.BestWork.String()}, hFinal: {strconv.Itoa(int(e.Final))},
		hTime: {e.Time.UTC().Format(eventTime)},
	}
	if e.Kind == Connect {
		h[hSize], h[hTxCount] = []string{strconv.Itoa(e.Size)}, []string{strconv.Itoa(e.TxCount)}
		h[hParts], h[hClaimParts] = []string{strconv.Itoa(e.Parts)}, []string{strconv.Itoa(e.ClaimParts)}
		h[hDataSeq], h[hSha256] = []string{e.DataSeq.String()}, []string{hex.EncodeToString(e.Sha256[:])}
	}
	return h, e.Header[:], nil
}

// DecodeEvent reads the event that a message on a block or live subject is.
// Seq is the sequence of the message in the stream, 0 if it is not known.
//
// It keeps nothing of header and payload. It ignores headers that it does not
// know, refuses a known one that stands twice, and returns [ErrSubject] or
// [ErrEvent] with the header's name.
func DecodeEvent(subject string, header Header, payload []byte, seq uint64) (Event, error) {
	at, err := ParseSubject(subject)
	if err != nil {
		return Event{}, err
	}
	if at.Topic == TopicData {
		return Event{}, fmt.Errorf("subject %q: %w: a part, not an event", subject, ErrSubject)
	}
	if len(payload) != btc.HeaderSize {
		return Event{}, fmt.Errorf("%w: payload of %d bytes, want the header's %d", ErrEvent, len(payload), btc.HeaderSize)
	}
	r := headerReader{header: header}
	if v := r.text(hV, len(Schema)); r.err == nil && v != Schema {
		return Event{}, fmt.Errorf("%w: %s is %q, this build knows %s", ErrEvent, hV, v, Schema)
	}
	e := Event{Hash: at.Hash, Height: at.Height, Header: btc.Header(payload), Seq: seq}
	switch kind := r.text(hEvent, 16); kind {
	case Connect.String():
		e.Kind = Connect
	case Disconnect.String():
		e.Kind = Disconnect
	case Reset.String():
		e.Kind = Reset
	default:
		r.fail(hEvent, fmt.Errorf("unknown kind %q", kind))
	}
	r.chain(&e)
	if e.Kind == Connect {
		r.body(&e)
	} else {
		r.absent(e.Kind, hSize, hParts, hClaimParts, hTxCount, hDataSeq, hSha256)
	}
	if r.err != nil {
		return Event{}, r.err
	}
	if err := e.Check(); err != nil {
		return Event{}, err
	}
	return e, nil
}

// EncodePart returns the headers of the part with the given index.
func EncodePart(index int) Header {
	return Header{hV: {Schema}, hPart: {strconv.Itoa(index)}}
}

// DecodePart returns the index of the part that a message of size bytes is.
//
// It returns [ErrEvent] if there is none, or if it is over a limit.
func DecodePart(header Header, size int) (index int, err error) {
	r := headerReader{header: header}
	if v := r.text(hV, len(Schema)); r.err == nil && v != Schema {
		return 0, fmt.Errorf("%w: %s is %q, this build knows %s", ErrEvent, hV, v, Schema)
	}
	index = r.number(hPart, MaxParts-1)
	if r.err == nil && (size < 1 || size > PartSize) {
		return 0, fmt.Errorf("%w: part of %d bytes, want 1 to %d", ErrEvent, size, PartSize)
	}
	return index, r.err
}

// headerReader takes values out of a header and keeps the first error.
type headerReader struct {
	header Header
	err    error
}

func (r *headerReader) chain(e *Event) {
	e.Prev, e.Best = r.hash(hPrev), r.hash(hBest)
	e.Work, e.BestWork = r.work(hWork), r.work(hBestWork)
	e.Final = btc.Height(r.number(hFinal, 1<<31-1))
	text := r.text(hTime, len(eventTime))
	at, err := time.Parse(eventTime, text)
	if err != nil || at.Format(eventTime) != text {
		r.fail(hTime, fmt.Errorf("%q is not like %s", text, eventTime))
	}
	e.Time = at
}

func (r *headerReader) body(e *Event) {
	e.Size, e.TxCount = r.number(hSize, btc.MaxBlockSize), r.number(hTxCount, btc.MaxBlockTransactions)
	e.Parts, e.ClaimParts = r.number(hParts, MaxParts), r.number(hClaimParts, MaxParts)
	set, err := ParseSeqSet(r.text(hDataSeq, MaxSeqSetLen))
	if err != nil {
		r.fail(hDataSeq, err)
	}
	e.DataSeq = set
	text := r.text(hSha256, 64)
	if len(text) != 64 || !isLowerHex(text) {
		r.fail(hSha256, errCase)
		return
	}
	if _, err := hex.Decode(e.Sha256[:], []byte(text)); err != nil {
		r.fail(hSha256, err)
	}
}

func (r *headerReader) fail(name string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s: %w", ErrEvent, name, err)
	}
}

func (r *headerReader) text(name string, most int) string {
	values := r.header[name]
	if len(values) != 1 {
		r.fail(name, fmt.Errorf("stands %d times, want once", len(values)))
		return ""
	}
	if len(values[0]) > most {
		r.fail(name, fmt.Errorf("%d characters, at most %d", len(values[0]), most))
		return ""
	}
	return values[0]
}

func (r *headerReader) absent(kind Kind, names ...string) {
	for _, name := range names {
		if len(r.header[name]) != 0 {
			r.fail(name, fmt.Errorf("not in a %v", kind))
		}
	}
}

func (r *headerReader) number(name string, most uint64) int {
	n, err := parseNumber(r.text(name, 20), most)
	if err != nil {
		r.fail(name, err)
	}
	return int(n)
}

func (r *headerReader) hash(name string) btc.Hash {
	hash, err := parseHash(r.text(name, 2*btc.HashSize))
	if err != nil {
		r.fail(name, err)
	}
	return hash
}

func (r *headerReader) work(name string) btc.Work {
	work, err := parseWork(r.text(name, 64))
	if err != nil {
		r.fail(name, err)
	}
	return work
}
