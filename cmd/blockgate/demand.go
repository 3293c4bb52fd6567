package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"blockgate/bus/jetstream"
)

const (
	// demandPoll is how often the bus is asked for readers: a quarter of the 2 s within
	// which blocks are to flow again.
	demandPoll = 500 * time.Millisecond
	// minIdleAfter is the shortest --idle-after: two looks at the bus.
	minIdleAfter = 2 * demandPoll
)

// checkIdleAfter wants a time that is not over before the bus was looked at.
func checkIdleAfter(after time.Duration) error {
	if after != 0 && after < minIdleAfter {
		return usagef("--idle-after %s: want 0 for never, or %s or more", after, minIdleAfter)
	}
	return nil
}

// readerCount says how many readers there are: see [jetstream.Journal.Readers].
type readerCount func(context.Context) (int, error)

// demand returns what tells the adapter whether there are readers, nil if it is never
// to be idle. The bus is asked until ctx is done.
func (c *adapterConfig) demand(ctx context.Context, readers readerCount, log *slog.Logger) <-chan bool {
	if c.IdleAfter == 0 {
		return nil
	}
	demand := make(chan bool)
	ticker := time.NewTicker(demandPoll)
	go func() {
		defer ticker.Stop()
		followDemand(ctx, readers, ticker.C, demand, log)
	}()
	return demand
}

// followDemand asks for readers at each look, and says when there are some and when
// there are none any more; at first there are none. While the bus does not answer its
// last word holds. A journal that is gone wants a writer.
func followDemand(ctx context.Context, readers readerCount, looks <-chan time.Time, demand chan<- bool, log *slog.Logger) {
	for wanted := false; ; {
		select {
		case <-looks:
		case <-ctx.Done():
			return
		}
		count, err := readers(ctx)
		now := count > 0
		switch {
		case errors.Is(err, jetstream.ErrNoStream):
			now = true
		case err != nil:
			continue // the journal says so itself
		}
		if now == wanted {
			continue
		}
		select {
		case demand <- now:
		case <-ctx.Done():
			return
		}
		wanted = now
		log.InfoContext(ctx, "demand", slog.Bool("wanted", wanted), slog.Int("readers", count))
	}
}
