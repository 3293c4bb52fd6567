package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/node"
	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// journal joins the adapter to the bus: it keeps what the bus said of each
// stored body until the event that names it is written.
type journal struct {
	config jetstream.Config
	log    *slog.Logger
	bus    *jetstream.Journal                // nil until the first Load that got through
	shared atomic.Pointer[jetstream.Journal] // bus, for readers
	stored map[btc.Hash]bus.Stored
}

func newJournal(config jetstream.Config, log *slog.Logger) *journal {
	return &journal{config: config, log: log, stored: map[btc.Hash]bus.Stored{}}
}

func (j *journal) close() {
	if j.bus != nil {
		j.bus.Close()
	}
}

// errNotOpen says that the bus has not been reached yet.
var errNotOpen = errors.New("the bus has not been reached yet")

// Load says where the journal stands. See [adapter.Journal].
func (j *journal) Load(ctx context.Context) (node.JournalLoaded, error) {
	if j.bus == nil {
		opened, err := jetstream.Open(ctx, j.config)
		if errors.Is(err, jetstream.ErrDenied) || errors.Is(err, jetstream.ErrSettings) {
			return node.JournalLoaded{}, fmt.Errorf("%w: %w", adapter.ErrPermanent, err)
		}
		if err != nil {
			j.log.WarnContext(ctx, "bus not reached", slog.String("url", j.config.URL), slog.String("error", err.Error()), slog.String("next", "it is tried again until it is there"))
			return node.JournalLoaded{}, err
		}
		j.bus = opened
		j.shared.Store(opened)
		j.log.InfoContext(ctx, "bus reached", slog.String("url", j.config.URL))
	}
	state, err := j.bus.Load(ctx)
	if err != nil {
		return node.JournalLoaded{}, j.loadFailed(err)
	}
	if state.Empty {
		return node.JournalLoaded{Empty: true}, nil
	}
	return node.JournalLoaded{
		Tip: state.Tip, TipHeight: state.TipHeight, TipHeader: state.TipHeader,
		Final: state.Final, First: state.First, FirstTrims: state.FirstSeq > 1,
	}, nil
}

// loadFailed says what an error of Load means. A connection that was refused once
// never works again; a stream that is gone is made anew by a new connection, and
// nothing that was stored is in it.
func (j *journal) loadFailed(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrDenied):
		return fmt.Errorf("%w: %w", adapter.ErrPermanent, err)
	case errors.Is(err, jetstream.ErrNoStream), errors.Is(err, jetstream.ErrClosed):
		j.bus.Close()
		j.bus = nil
		j.shared.Store(nil)
		clear(j.stored)
	}
	return err
}

// HeaderOf returns the header of a block of the journal. See [adapter.Journal].
func (j *journal) HeaderOf(ctx context.Context, hash btc.Hash, height btc.Height) (btc.Header, error) {
	if j.bus == nil {
		return btc.Header{}, errNotOpen
	}
	return j.bus.HeaderOf(ctx, height, hash)
}

// Store writes the parts of a proven body. See [adapter.Journal].
func (j *journal) Store(ctx context.Context, body adapter.Proven) error {
	if j.bus == nil {
		return errNotOpen
	}
	proven, ok := body.(*provenBody)
	if !ok {
		return fmt.Errorf("store a %T: %w", body, jetstream.ErrUnchecked)
	}
	stored, err := j.bus.Store(ctx, proven.Checked)
	if err != nil {
		return err
	}
	j.stored[stored.Hash] = stored
	return nil
}

// Append writes one event. See [adapter.Journal].
func (j *journal) Append(ctx context.Context, a node.Append) (uint64, error) {
	if j.bus == nil {
		return 0, errNotOpen
	}
	event := bus.Event{Kind: bus.Disconnect, Hash: a.Hash, Prev: a.Prev, Height: a.Height, Header: a.Header}
	if a.Kind == node.Reset {
		event.Kind = bus.Reset
	}
	if a.Kind == node.Connect {
		stored, ok := j.stored[a.Hash]
		if !ok {
			return 0, fmt.Errorf("append %d %s: %w", a.Height, a.Hash, adapter.ErrStale)
		}
		event = stored.Connect()
	}
	event.Work, event.Best, event.BestWork, event.Final, event.Time = a.Work, a.Best, a.BestWork, a.Final, time.Now().UTC()
	seq, err := j.bus.Append(ctx, event)
	if errors.Is(err, jetstream.ErrStale) {
		return 0, fmt.Errorf("%w: %w", adapter.ErrStale, err)
	}
	return seq, err
}

// Forget drops what is known of a stored body. See [adapter.Journal].
func (j *journal) Forget(hash btc.Hash) { delete(j.stored, hash) }

// readers counts those who read the journal. Any goroutine may call it.
func (j *journal) readers(ctx context.Context) (int, error) {
	journal := j.shared.Load()
	if journal == nil {
		return 0, errNotOpen
	}
	return journal.Readers(ctx)
}
