package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"blockgate/bus"
	"blockgate/internal/btc"
)

var (
	// ErrStart says that the journal has no such place to begin at.
	ErrStart = errors.New("the journal does not have the place to begin at")
	// ErrLost says that the reader's tip is not in the journal: it was dropped
	// to make room, or the journal is of another chain.
	ErrLost = errors.New("the reader's tip is not in the journal")
)

// block is a block of the chain that the journal describes.
type block struct {
	hash  btc.Hash
	prev  btc.Hash
	seq   uint64 // of its last connect event
	whole bool   // its parts are still there
}

// survey is the chain of a journal from its first event up to now: every header
// proven, no body read.
type survey struct {
	verifier *bus.Verifier
	created  time.Time
	firstSeq uint64
	lastSeq  uint64 // up to which events were read
	base     block
	height   btc.Height // of the base
	chain    []block    // from height on; the base itself may be gone by a reorg
	// What a cursor is looked for by: where its tip was the tip for the last
	// time, and whether its own event is still there.
	want  *bus.Cursor
	tipAt uint64
	exact bool
}

// takeSurvey reads all events of the stream, each with its header, so that the
// rules that look back at ancestors hold from the first block that is delivered.
func takeSurvey(ctx context.Context, link *link, name string, verifier *bus.Verifier, blocks string, want *bus.Cursor) (*survey, error) {
	info, err := link.stream(ctx, name)
	if err != nil {
		return nil, err
	}
	s := &survey{
		verifier: verifier, created: info.Created, firstSeq: max(info.State.FirstSeq, 1), want: want,
	}
	s.lastSeq = s.firstSeq - 1
	f, pending, err := openFeed(ctx, link, name, blocks, info.Created, s.lastSeq)
	defer func() { f.drop(ctx) }()
	for ; err == nil && pending > 0; pending-- {
		var m message
		if m, err = f.read(ctx); err == nil {
			err = s.add(m)
		}
	}
	if errors.Is(err, natsjs.ErrStreamNotFound) {
		err = fmt.Errorf("stream %s: %w", name, ErrNoStream)
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal's events: %w", err)
	}
	return s, nil
}

func (s *survey) add(m message) error {
	event, err := bus.DecodeEvent(m.subject, m.header, m.payload, m.seq)
	if err != nil {
		return refuse(&event, m.seq, err)
	}
	err = s.verifier.Event(&event, time.Now())
	if errors.Is(err, bus.ErrBelowBase) { // the head of the journal is cut off within a reorg
		s.verifier.Forget()
		s.base, s.chain = block{}, nil
		err = s.verifier.Event(&event, time.Now())
	}
	if err != nil {
		return refuse(&event, m.seq, err)
	}
	s.fold(&event)
	return nil
}

// fold keeps the chain. The verifier has found that the event links.
func (s *survey) fold(e *bus.Event) {
	s.lastSeq = e.Seq
	switch {
	case !s.verifier.HasBase(): // a disconnect or a reset at the head, or a reset below it
		s.base, s.chain = block{}, nil
	case e.Kind == bus.Reset:
		s.chain = s.chain[:max(0, min(len(s.chain), int(e.Height-s.height)+1))]
	case e.Kind == bus.Disconnect && len(s.chain) > 0:
		s.chain = s.chain[:len(s.chain)-1]
	case e.Kind == bus.Connect:
		one := block{hash: e.Hash, prev: e.Prev, seq: e.Seq, whole: e.DataSeq.Min() >= s.firstSeq}
		if s.base.seq == 0 {
			s.base, s.height = one, e.Height
		}
		s.chain = append(s.chain, one)
	}
	s.look(e)
}

// look notes where the tip that is looked for was the tip.
func (s *survey) look(e *bus.Event) {
	if s.want == nil || s.exact {
		return
	}
	hash, height := e.Tip()
	if hash == s.want.Hash && height == s.want.Height {
		s.tipAt = e.Seq
		s.exact = e.Seq == s.want.Seq && s.created.Equal(s.want.Created)
	}
}

// start is where a reader begins: behind a sequence, on a tip if one is known.
type start struct {
	after uint64
	fold  bus.Fold
}

func before(b block, height btc.Height) start {
	return start{after: b.seq - 1, fold: bus.FoldAt(b.prev, height-1, 0)}
}

// place finds where from stands in the journal.
func (s *survey) place(from From) (start, error) {
	switch from.kind {
	case fromNew:
		return s.end(), nil
	case fromHeight:
		if i := int(from.height - s.height); i >= 0 && i < len(s.chain) {
			return before(s.chain[i], from.height), nil
		}
		return start{}, fmt.Errorf("%w: height %d, it has %s", ErrStart, from.height, s.extent())
	case fromHash:
		for i, b := range s.chain {
			if b.hash == from.hash {
				return before(b, s.height+btc.Height(i)), nil
			}
		}
		return start{}, fmt.Errorf("%w: block %v is not on its chain, which has %s", ErrStart, from.hash, s.extent())
	case fromCursor:
		return s.resume(from.cursor)
	case fromStart:
	}
	return s.oldest(), nil
}

func (s *survey) end() start {
	hash, height, known := s.verifier.Tip()
	if !known {
		return start{after: s.lastSeq}
	}
	return start{after: s.lastSeq, fold: bus.FoldAt(hash, height, 0)}
}

// oldest is the first event, or the first block of the chain that is whole.
func (s *survey) oldest() start {
	if s.base.seq != 0 && s.base.whole {
		return before(s.base, s.height)
	}
	for i, b := range s.chain {
		if b.whole {
			return before(b, s.height+btc.Height(i))
		}
	}
	return s.end()
}

// resume goes on behind a cursor: at its own event, else where its tip was the
// tip for the last time, in whatever stream.
func (s *survey) resume(c bus.Cursor) (start, error) {
	fold := bus.FoldAt(c.Hash, c.Height, 0)
	switch {
	case s.tipAt != 0:
		return start{after: s.tipAt, fold: fold}, nil
	case s.base.seq != 0 && s.base.prev == c.Hash && s.height == c.Height+1:
		return start{after: s.base.seq - 1, fold: fold}, nil
	}
	return start{}, fmt.Errorf("%w: %d %v; it has %s", ErrLost, c.Height, c.Hash, s.extent())
}

// extent says in words which heights the journal has.
func (s *survey) extent() string {
	if len(s.chain) == 0 {
		return "no block"
	}
	return fmt.Sprintf("heights %d to %d", s.height, int(s.height)+len(s.chain)-1)
}

// ErrRefused says that the reader does not take what the journal says; the error
// names the event and wraps the reason. The journal's writer is broken or is not
// the adapter.
var ErrRefused = errors.New("refused")

func refuse(e *bus.Event, seq uint64, reason error) error {
	if e.Kind == 0 {
		return fmt.Errorf("event at sequence %d: %w: %w", seq, ErrRefused, reason)
	}
	return fmt.Errorf("%v of block %d %v at sequence %d: %w: %w", e.Kind, e.Height, e.Hash, seq, ErrRefused, reason)
}
