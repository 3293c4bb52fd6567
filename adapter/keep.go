package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"blockgate/internal/btc"
)

// loadHeaders gives the brain the headers of runs before. It ends early, without
// an error, when ctx is done.
func (s *shell) loadHeaders(ctx context.Context) error {
	if s.config.Headers == nil {
		return nil
	}
	begin, count := s.now(), 0
	said := begin
	err := s.config.Headers.Load(func(headers []btc.Header) error {
		at := s.clock.at(time.Now())
		if err := s.brain.Preload(headers, at); err != nil {
			return err
		}
		s.recorder.Preloaded(at, headers)
		count += len(headers)
		if now := s.now(); now.Sub(said) >= loadSilence {
			said = now
			s.log.InfoContext(ctx, "loading headers", slog.Int("count", count), slog.Float64("headers_per_second", float64(count)/now.Sub(begin).Seconds()))
		}
		return ctx.Err()
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHeaders, err)
	}
	status := s.brain.Status(s.now())
	s.log.InfoContext(ctx, "headers loaded", slog.Int("count", count), slog.Int("height", int(status.BestHeight)), slog.Duration("took", s.now().Sub(begin)))
	s.keeper = &keeper{headers: s.config.Headers, log: s.log, queue: make(chan []btc.Header, keepQueue)}
	return nil
}

// keeper hands headers to the disk in a goroutine of its own, so that a slow disk
// holds up nothing.
type keeper struct {
	headers Headers
	log     *slog.Logger
	queue   chan []btc.Header
	full    bool   // of the loop: the queue was full once
	trouble string // of run: what was said last
}

// keep queues headers.
func (k *keeper) keep(headers []btc.Header) {
	if k.full {
		return
	}
	select {
	case k.queue <- headers:
	default:
		k.full = true
		k.log.Error("headers not kept", slog.String("error", "the disk is too slow"), slog.String("next", "those from here on are asked of peers again after the next start"))
	}
}

// run writes what is queued, in order, until the queue is closed and empty. An
// error is said when it is another one than before, and what failed is tried again.
// The first call makes the file ready, and there is a last try at the end.
func (k *keeper) run() {
	ticker := time.NewTicker(keepRetry)
	defer ticker.Stop()
	k.write(nil)
	for {
		select {
		case headers, more := <-k.queue:
			if !more {
				k.retry()
				return
			}
			k.write(headers)
		case <-ticker.C:
			k.retry()
		}
	}
}

func (k *keeper) retry() {
	if k.trouble != "" {
		k.write(nil)
	}
}

func (k *keeper) write(headers []btc.Header) {
	err := k.headers.Keep(headers)
	text := ""
	if err != nil {
		text = rootText(err)
	}
	if text == k.trouble {
		return
	}
	k.trouble = text
	if err != nil {
		k.log.Error("headers not written", slog.String("error", err.Error()), slog.String("next", "tried again; the service goes on without"))
		return
	}
	k.log.Info("headers written again")
}

// rootText returns the text of the innermost error, which does not hold counts and
// places that differ from try to try.
func rootText(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
