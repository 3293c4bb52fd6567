package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"blockgate/bus"
	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
)

// ErrPartsGone says that the parts of a block are no longer in the stream: the
// reader was too slow for the size of the journal.
var ErrPartsGone = errors.New("the journal dropped the block to make room")

// From is where a reader begins. The zero From is the start.
type From struct {
	kind   fromKind
	height btc.Height
	hash   btc.Hash
	cursor bus.Cursor
}

type fromKind uint8

const (
	fromStart fromKind = iota
	fromHeight
	fromHash
	fromCursor
	fromNew
)

// FromStart begins with the oldest block that the journal still has whole.
func FromStart() From { return From{} }

// FromNew begins with the next event after now.
func FromNew() From { return From{kind: fromNew} }

// FromHeight begins with the block of that height on the journal's chain.
func FromHeight(height btc.Height) From { return From{kind: fromHeight, height: height} }

// FromHash begins with that block, which must be on the journal's chain.
func FromHash(hash btc.Hash) From { return From{kind: fromHash, hash: hash} }

// FromCursor begins behind the event of a cursor. If the stream is another one,
// or the cursor has no sequence, it begins where the cursor's tip was the tip;
// blocks that were taken back since come as disconnects.
func FromCursor(cursor bus.Cursor) From { return From{kind: fromCursor, cursor: cursor} }

// ReaderConfig is what [Follow] needs.
type ReaderConfig struct {
	// URL is where the server is; several are separated by commas.
	URL         string
	Credentials Credentials
	Network     btc.Network
	// ID is that of the adapter whose journal is read.
	ID   string
	From From
	// Anchor is a block that the caller trusts to be on the chain; nil for none.
	// A journal that has block 1 needs none.
	Anchor *bus.Anchor
	// Challenge is what each block of a signet must meet; nil stands for that of the
	// public signet. It has no meaning on other networks.
	Challenge claim.Challenge
	// Log is told when the connection goes and comes; nil drops that.
	Log *slog.Logger
}

// Verified is one event of the journal, proven by the reader itself.
type Verified struct {
	Event bus.Event
	// Body is the raw block of a connect, nil for a disconnect. It is valid until
	// the next call of Next.
	Body []byte
	// Claim has the length of each transaction in Body. The caller owns it.
	Claim []claim.Tx
	// Cursor is where the reader stands after this event. Store it together with
	// what came of the event.
	Cursor bus.Cursor
	// Anchored says that the block hangs on genesis or on the anchor. If not,
	// its work is unanchored: it has proof of work of its own and hangs on the
	// first block of the journal, and that is all.
	Anchored bool
}

// Reader follows the journal of one adapter and proves all that it hands on. It
// belongs to one goroutine; only [Reader.Close] may be called by any.
type Reader struct {
	config   ReaderConfig
	link     *link
	name     string // of the stream
	verifier *bus.Verifier
	feed     *feed
	pending  *pending
	due      *bus.Event // read from the feed, not handed on yet
	body     []byte
	entries  []byte // of the claim
	cursor   *bus.Cursor
	broken   error // what Next returns from now on
}

// Follow connects, reads and proves the headers of all events that the journal
// has, and finds the place to begin at. The caller closes the reader.
//
// Errors: [ErrUnreachable], [ErrDenied], [ErrNoStream], [ErrStart], [ErrLost],
// [ErrRefused], [bus.ErrID].
func Follow(ctx context.Context, config ReaderConfig) (*Reader, error) {
	if !config.Network.Valid() {
		return nil, fmt.Errorf("follow the journal: %v", config.Network)
	}
	if err := bus.CheckID(config.ID); err != nil {
		return nil, fmt.Errorf("follow the journal: %w", err)
	}
	inbox := readerInbox
	if config.Credentials.none() {
		inbox = anonymousInbox
	}
	link, err := dial(config.URL, "blockgate reader", inbox, config.Credentials, config.Log) //nolint:contextcheck // the link outlives the call
	if err != nil {
		return nil, err
	}
	r := &Reader{config: config, link: link, name: bus.StreamName(config.Network, config.ID)}
	if err := r.begin(ctx, config.From); err != nil {
		link.close()
		return nil, fmt.Errorf("follow the journal: %w", err)
	}
	return r, nil
}

// Close ends the connection. A Next that waits returns [ErrClosed].
func (r *Reader) Close() { r.link.close() }

// begin surveys the stream as it is now and starts to read at from.
func (r *Reader) begin(ctx context.Context, from From) error {
	verifier := bus.NewVerifier(r.config.Network, r.config.Anchor, r.config.Challenge)
	blocks := bus.AllOf(r.config.Network, r.config.ID, bus.TopicBlock)
	var want *bus.Cursor
	if from.kind == fromCursor {
		want = &from.cursor
	}
	s, err := takeSurvey(ctx, r.link, r.name, verifier, blocks, want)
	if err != nil {
		return err
	}
	at, err := s.place(from)
	if err != nil {
		return err
	}
	verifier.Stand(at.fold)
	r.verifier, r.pending, r.due = verifier, newPending(bus.MaxPendingBytes), nil
	r.feed, _, err = openFeed(ctx, r.link, r.name, "", s.created, at.after)
	return err
}

// Next waits for the next event and returns it proven. It outlives restarts of the
// server and a stream that was made anew with the reader's tip in it.
//
// When ctx ends, Next may be called again and nothing is lost. After any other
// error the reader is done: it returns the same error for ever, and a new one may
// follow from the last cursor. Errors: [ErrRefused] with the reason, such as
// [bus.ErrGap]; [ErrPartsGone]; [ErrLost]; [ErrNoStream]; [ErrDenied];
// [ErrClosed].
func (r *Reader) Next(ctx context.Context) (Verified, error) {
	if r.broken != nil {
		return Verified{}, r.broken
	}
	v, err := r.next(ctx)
	if err != nil && (ctx.Err() == nil || errors.Is(err, ErrRefused)) {
		r.broken = err
		r.link.close()
	}
	return v, err
}

func (r *Reader) next(ctx context.Context) (Verified, error) {
	for r.due == nil {
		m, err := r.feed.read(ctx)
		if errors.Is(err, errReplaced) {
			err = r.restart(ctx)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return Verified{}, err
		}
		if err := r.take(m); err != nil {
			return Verified{}, err
		}
	}
	v, err := r.verify(ctx, r.due)
	if err == nil {
		r.due = nil
	}
	return v, err
}

// restart finds the reader's tip in a stream that is another now. It tries until
// it is found or cannot be; what a starting server says is neither.
func (r *Reader) restart(ctx context.Context) error {
	r.feed.drop(ctx)
	from := r.config.From
	if r.cursor != nil {
		from = FromCursor(*r.cursor)
	}
	since := time.Now()
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := r.begin(ctx, from)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case r.link.over() != nil:
			return r.link.over()
		case errors.Is(err, ErrLost) || errors.Is(err, ErrStart) || errors.Is(err, ErrRefused):
			return fmt.Errorf("%w: %w", errReplaced, err)
		case time.Since(since) > streamGrace:
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// take keeps a part for later, or makes an event the one that is due.
func (r *Reader) take(m message) error {
	at, err := bus.ParseSubject(m.subject)
	if err != nil {
		return refuse(&bus.Event{}, m.seq, err)
	}
	if at.Topic == bus.TopicData {
		if one, err := newPart(m); err == nil { // an event that names it is refused later
			r.pending.add(m.seq, one)
		}
		return nil
	}
	event, err := bus.DecodeEvent(m.subject, m.header, m.payload, m.seq)
	if err != nil {
		return refuse(&event, m.seq, err)
	}
	r.due = &event
	return nil
}

// verify proves body and event. The event comes last, since it moves the
// verifier.
func (r *Reader) verify(ctx context.Context, e *bus.Event) (Verified, error) {
	v := Verified{Event: *e}
	if e.Kind == bus.Connect {
		if err := r.assemble(ctx, e); err != nil {
			return Verified{}, err
		}
		txs, err := r.verifier.Body(e, r.body, r.entries)
		if err != nil {
			return Verified{}, refuse(e, e.Seq, err)
		}
		v.Body, v.Claim = r.body, txs
	}
	if err := r.verifier.Event(e, time.Now()); err != nil {
		return Verified{}, refuse(e, e.Seq, err)
	}
	v.Anchored = r.verifier.Anchored(e)
	hash, height := e.Tip()
	v.Cursor = bus.Cursor{Created: r.feed.created, Seq: e.Seq, Height: height, Hash: hash}
	r.cursor = &v.Cursor
	return v, nil
}

// assemble puts the parts of an event's body and claim together. A part that is
// not at hand is fetched by its sequence.
func (r *Reader) assemble(ctx context.Context, e *bus.Event) error {
	r.body, r.entries = r.body[:0], r.entries[:0]
	for index, seq := range e.DataSeq.All {
		one, err := r.part(ctx, e, index, seq)
		if err != nil {
			return err
		}
		into, room := &r.body, e.Size
		if index >= e.Parts {
			into, room = &r.entries, e.ClaimSize()
		}
		if len(*into)+len(one.bytes) > room {
			return refuse(e, e.Seq, fmt.Errorf("%w: more than %d bytes", bus.ErrBodySize, room))
		}
		*into = append(*into, one.bytes...)
	}
	return nil
}

func (r *Reader) part(ctx context.Context, e *bus.Event, index int, seq uint64) (part, error) {
	if one, ok := r.pending.take(seq); ok && one.is(e, index) {
		return one, nil
	}
	m, err := r.feed.fetch(ctx, seq)
	if errors.Is(err, ErrNotFound) {
		return part{}, fmt.Errorf("block %d %v: part %d at %w: %w", e.Height, e.Hash, index, err, ErrPartsGone)
	}
	if err != nil {
		return part{}, err
	}
	one, err := newPart(m)
	if err == nil && !one.is(e, index) {
		err = fmt.Errorf("%w: part %d names sequence %d, which is another message", bus.ErrEvent, index, seq)
	}
	if err != nil {
		return part{}, refuse(e, e.Seq, err)
	}
	return one, nil
}
