package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"blockgate/bus"
	"blockgate/internal/btc"
)

var (
	// ErrMoved says that somebody else wrote an event, or that the journal was
	// not loaded: load it, and decide again.
	ErrMoved = errors.New("the journal moved: load it again")
	// ErrUnknown says that the server did not say what became of a message. It
	// may be there, or come to be there: load the journal, never send blindly.
	ErrUnknown = errors.New("outcome unknown: load the journal again")
	// ErrStale says that a body was stored in a stream that is no more, or whose
	// tail was lost: store it again.
	ErrStale = errors.New("the stored body is not in this stream: store it again")
	// ErrUnchecked says that a body is not proven: the zero claim.Checked.
	ErrUnchecked = errors.New("body is not proven")
	// ErrNetwork says that a body was proven for another network.
	ErrNetwork = errors.New("body is of another network")
)

// Config is what [Open] needs.
type Config struct {
	// URL is where the server is; several are separated by commas.
	URL         string
	Credentials Credentials
	Settings
	// CreateStream makes the stream if it is not there; the credentials must
	// allow it. Otherwise somebody else made it, see [Create].
	CreateStream bool
	// Log is told when the connection goes and comes; nil drops that.
	Log *slog.Logger
}

// Journal writes the journal of one adapter.
//
// [Journal.Store] may be called from many goroutines, also while another calls
// [Journal.Append]; an event waits for the bodies that are on their way. All
// other methods belong to one goroutine.
type Journal struct {
	link     *link
	settings Settings
	name     string // of the stream
	partSize int    // bytes

	// mu is held for reading while parts are on their way, and for writing while
	// the end of the stream must hold still.
	mu      sync.RWMutex
	loaded  bool
	created time.Time // of the stream
	epoch   uint64    // changes when stored bodies may be gone
	at      *position
	fold    bus.Fold
	event   uint64 // sequence of the last event, 0 if there is none
}

// Open connects, and makes or checks the stream. It does not look at what the
// journal holds: [Journal.Load] does. The caller closes the journal.
//
// Errors: [ErrUnreachable], [ErrDenied], [ErrSettings], [ErrNoStream],
// [bus.ErrID].
func Open(ctx context.Context, config Config) (*Journal, error) {
	if err := config.Settings.check(); err != nil {
		return nil, err
	}
	link, err := dial(config.URL, "blockgate "+config.ID, publisherInbox, config.Credentials, config.Log) //nolint:contextcheck // the link outlives the call
	if err != nil {
		return nil, err
	}
	j := &Journal{link: link, settings: config.Settings, name: bus.StreamName(config.Network, config.ID), at: newPosition(0)}
	j.epoch = uint64(time.Now().UnixNano()) // none that an earlier Journal gave out
	if err := j.prepare(ctx, config.CreateStream); err != nil {
		link.close()
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return j, nil
}

func (j *Journal) prepare(ctx context.Context, create bool) error {
	j.partSize = min(bus.PartSize, int(j.link.nc.MaxPayload())-bus.MessageOverhead)
	if j.partSize < bus.MinPartSize {
		return fmt.Errorf("%w: max_payload of the server is %d bytes, want at least %d",
			ErrSettings, j.link.nc.MaxPayload(), bus.MinPartSize+bus.MessageOverhead)
	}
	if create {
		bounded, cancel := j.link.request(ctx)
		defer cancel()
		return j.link.refused(j.settings.create(bounded, j.link.js))
	}
	info, err := j.link.stream(ctx, j.name)
	if err != nil {
		return err
	}
	return j.settings.compareWith(info.Config)
}

// Close ends the connection. Calls that wait return [ErrClosed].
func (j *Journal) Close() { j.link.close() }

// State is where the journal stands.
type State struct {
	// Empty says that there is no event; then only Created and LastSeq count.
	Empty   bool
	Created time.Time // of the stream
	// Tip is where the events lead. TipHeader is zero if the last event is a
	// disconnect and the journal no longer has the block below it.
	Tip       btc.Hash
	TipHeight btc.Height
	TipHeader btc.Header
	// Final, Best and BestWork are those of the last event. They are what some
	// writer said: work counts only when it is computed from headers.
	Final    btc.Height
	Best     btc.Hash
	BestWork btc.Work
	// First is the height of the oldest connect event whose parts are all there,
	// 0 if there is none.
	First btc.Height
	// FirstSeq and LastSeq are the ends of the stream, EventSeq is the last
	// event.
	FirstSeq, LastSeq, EventSeq uint64
}

// Load reads where the journal stands, from the server. [Journal.Append] needs it
// first, and after each [ErrMoved] and [ErrUnknown].
//
// Bodies that were stored before are still good, unless the stream was made
// anew or lost its tail: then Append says [ErrStale].
func (j *Journal) Load(ctx context.Context) (State, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.loaded = false
	tail, err := j.tail(ctx)
	if err != nil {
		return State{}, fmt.Errorf("load journal: %w", err)
	}
	state, err := j.state(ctx, tail)
	if err != nil {
		return State{}, fmt.Errorf("load journal: %w", err)
	}
	j.adopt(tail)
	if !tail.empty {
		j.fold = bus.FoldAt(state.Tip, state.TipHeight, state.Final)
	}
	return state, nil
}

// adopt makes the tail what the next event follows.
func (j *Journal) adopt(t tail) {
	last, lost := j.at.end()
	if lost || t.last < last || !j.created.IsZero() && !j.created.Equal(t.created) {
		j.epoch++
	}
	j.created, j.at, j.loaded = t.created, newPosition(t.last), true
	j.event, j.fold = t.event.Seq, bus.Fold{}
}

func (j *Journal) state(ctx context.Context, t tail) (State, error) {
	s := State{Empty: t.empty, Created: t.created, FirstSeq: t.first, LastSeq: t.last}
	if t.empty {
		return s, nil
	}
	s.Tip, s.TipHeight = t.event.Tip()
	s.Final, s.Best, s.BestWork, s.EventSeq = t.event.Final, t.event.Best, t.event.BestWork, t.event.Seq
	s.TipHeader = t.event.Header
	var err error
	if t.event.Kind == bus.Disconnect {
		s.TipHeader, err = j.HeaderOf(ctx, s.TipHeight, s.Tip)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return s, err
		}
	}
	s.First, err = j.first(ctx, t)
	return s, err
}

// HeaderOf returns the header of a block that the journal has an event about,
// else [ErrNotFound].
func (j *Journal) HeaderOf(ctx context.Context, height btc.Height, hash btc.Hash) (btc.Header, error) {
	subject := bus.BlockSubject(j.settings.Network, j.settings.ID, height, hash)
	message, err := j.link.leaderGet(ctx, j.name, lookup{LastBySubject: subject})
	if err != nil {
		return btc.Header{}, err
	}
	event, err := message.event()
	if err != nil {
		return btc.Header{}, err
	}
	if event.Hash != hash {
		return btc.Header{}, fmt.Errorf("%w: asked for %v, got %v", bus.ErrEvent, hash, event.Hash)
	}
	return event.Header, nil
}

// tail is the end of the stream.
type tail struct {
	created     time.Time
	first, last uint64
	empty       bool      // no event at all
	event       bus.Event // the last one
}

func (j *Journal) tail(ctx context.Context) (tail, error) {
	info, err := j.link.stream(ctx, j.name)
	if err != nil {
		return tail{}, err
	}
	t := tail{created: info.Created, first: info.State.FirstSeq, last: info.State.LastSeq}
	message, err := j.lastEvent(ctx, info)
	if errors.Is(err, ErrNotFound) {
		t.empty = true
		return t, nil
	}
	if err != nil {
		return t, err
	}
	t.last = max(t.last, message.Seq) // it came after the state was taken
	t.event, err = message.event()
	return t, err
}

// lastEvent walks back from the end of the stream, over the parts of one block
// or so, and lets the server search when that was not enough.
func (j *Journal) lastEvent(ctx context.Context, info *natsjs.StreamInfo) (stored, error) {
	if info.State.Msgs == 0 {
		return stored{}, ErrNotFound
	}
	for seq, steps := info.State.LastSeq, 0; seq >= info.State.FirstSeq && seq > 0 && steps < tailWalk; seq, steps = seq-1, steps+1 {
		message, err := j.link.leaderGet(ctx, j.name, lookup{Seq: seq})
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return stored{}, err
		}
		at, err := bus.ParseSubject(message.Subject)
		if err != nil {
			return stored{}, fmt.Errorf("sequence %d: %w", seq, err)
		}
		if at.Topic == bus.TopicBlock {
			return message, nil
		}
	}
	return j.link.leaderGet(ctx, j.name, lookup{LastBySubject: bus.AllOf(j.settings.Network, j.settings.ID, bus.TopicBlock)})
}

// first returns the height of the oldest block that is whole: retention cuts the
// stream anywhere, also within a block.
func (j *Journal) first(ctx context.Context, t tail) (btc.Height, error) {
	blocks := bus.AllOf(j.settings.Network, j.settings.ID, bus.TopicBlock)
	for seq, steps := t.first, 0; steps < firstWalk; steps++ {
		message, err := j.link.leaderGet(ctx, j.name, lookup{Seq: seq, NextBySubject: blocks})
		if errors.Is(err, ErrNotFound) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		event, err := message.event()
		if err != nil {
			return 0, err
		}
		if event.Kind == bus.Connect && event.DataSeq.Min() >= t.first {
			return event.Height, nil
		}
		seq = message.Seq + 1
	}
	return 0, nil
}
