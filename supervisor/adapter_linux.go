package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"blockgate/sandbox/frame"
	"blockgate/sandbox/ring"
)

// keepAdapter starts the adapter and its parsers again and again until ctx is
// done.
func (s *service) keepAdapter(ctx context.Context) error {
	wait := roleBrake()
	for starts := 0; ctx.Err() == nil; {
		l, err := s.startAdapter(ctx)
		switch {
		case err != nil && !s.adapterReady.Load():
			return ownFailure("adapter", "start", err)
		case err != nil:
			s.log.LogAttrs(ctx, slog.LevelError, "adapter not started", slog.String("reason", err.Error()))
			pause(ctx, wait.next(0))
			continue
		}
		if starts++; starts > 1 {
			s.ledger.restarted(ctx, frame.ProcessAdapter)
		}
		err = l.run(ctx)
		p := l.adapter
		if err != nil || ctx.Err() != nil {
			s.log.LogAttrs(ctx, slog.LevelInfo, "adapter stopped", slog.Int("pid", p.pid()), slog.String("cause", p.cause(nil)))
			return err
		}
		delay := wait.next(p.lived())
		s.log.LogAttrs(ctx, slog.LevelError, "adapter died", slog.Int("pid", p.pid()), slog.String("cause", p.cause(nil)), slog.Duration("restart_in", delay))
		if hopeless(p.code(), l.sealed.Load(), s.adapterReady.Load()) {
			return &ExitError{Code: p.code(), Role: "adapter", Detail: p.cause(nil) + "; its log says why"}
		}
		pause(ctx, delay)
	}
	return nil
}

// life is one adapter with what lives as long as it: ring, job sockets, parsers.
type life struct {
	*service
	adapter *process
	ctl     *control
	ring    *os.File // Writable until SEALED, from then on the parsers' read-only one.
	cells   []*cell
	sealed  atomic.Bool // This adapter was ready.
}

// startAdapter makes ring and sockets and starts an adapter with them.
func (s *service) startAdapter(ctx context.Context) (*life, error) {
	l := &life{service: s}
	var err error
	if l.ring, err = emptyRing(); err != nil {
		return nil, err
	}
	given := []*os.File{l.ring}
	for i := range s.Parsers {
		adapterEnd, workerEnd, err := socketPair("jobs")
		if err != nil {
			l.close(given)
			return nil, err
		}
		given = append(given, adapterEnd)
		l.cells = append(l.cells, &cell{life: l, index: i, jobs: workerEnd})
	}
	l.adapter, l.ctl, err = s.startRole(s.AdapterArgs, s.AdapterConfig, given...)
	if err != nil {
		l.close(given)
		return nil, err
	}
	for _, end := range given[1:] {
		_ = end.Close()
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "adapter started", slog.Int("pid", l.adapter.pid()))
	return l, nil
}

// close drops the sockets and the files of more.
func (l *life) close(more []*os.File) {
	for _, c := range l.cells {
		_ = c.jobs.Close()
	}
	for _, f := range more {
		_ = f.Close()
	}
}

// run keeps the parsers alive until the adapter ended, which it is made to when
// ctx is done or a parser fails for good. The parsers outlive it: it may need
// them to finish the block in hand. The error is an [*ExitError].
func (l *life) run(ctx context.Context) error {
	stop, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	parsers, endParsers := context.WithCancel(context.WithoutCancel(ctx))
	defer endParsers()
	var wg sync.WaitGroup
	wg.Go(func() {
		err := l.serve(parsers, &wg, fail)
		if endOfStream(err) {
			l.adapter.stop(adapterGrace) // it ended, or is about to
			return
		}
		l.log.LogAttrs(ctx, slog.LevelError, "adapter misbehaved", slog.Int("pid", l.adapter.pid()), slog.String("reason", err.Error()))
		l.adapter.kill()
	})
	select {
	case <-l.adapter.ended:
	case <-stop.Done():
		l.adapter.stop(adapterGrace)
	}
	endParsers()
	l.ledger.leave(l)
	l.ctl.close() // ends what waits for a record
	wg.Wait()
	l.close([]*os.File{l.ring})
	return exitCause(stop)
}

// tell sends the adapter a record. An adapter that does not take it is killed; one that
// has ended takes none.
func (l *life) tell(ctx context.Context, record frame.Control) {
	if err := l.ctl.send(record); err != nil && !endOfStream(err) && ctx.Err() == nil {
		l.log.LogAttrs(ctx, slog.LevelError, "adapter deaf", slog.String("reason", err.Error()))
		l.adapter.kill()
	}
}

// endOfStream reports whether a socket was closed, by either end.
func endOfStream(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// serve waits for the adapter's SEALED, starts the parsers, which live until ctx
// is done, and kills the ones that the adapter wants killed. Its error is never
// nil: the adapter's fault, or its end.
func (l *life) serve(ctx context.Context, wg *sync.WaitGroup, fail context.CancelCauseFunc) error {
	if err := l.awaitSeal(); err != nil {
		return err
	}
	if err := l.attestRole(ctx, "adapter", l.adapter.pid()); err != nil {
		return err
	}
	l.sealed.Store(true)
	l.adapterReady.Store(true)
	l.ledger.present(ctx, l)
	l.log.LogAttrs(ctx, slog.LevelInfo, "adapter ready", slog.Int("pid", l.adapter.pid()))
	for _, c := range l.cells {
		wg.Go(func() {
			if err := c.keep(ctx); err != nil {
				fail(err)
			}
		})
	}
	return l.obey()
}

// awaitSeal waits for SEALED, asks the kernel whether it is true, and swaps the
// adapter's ring descriptor for one that can only read.
func (l *life) awaitSeal() error {
	record, err := l.ctl.receive(time.Now().Add(sealDeadline))
	if err != nil {
		return err
	}
	if record.Kind != frame.ControlSealed {
		return fmt.Errorf("said %s before sealed", record.Kind)
	}
	if err := ring.CheckSealed(int(l.ring.Fd())); err != nil {
		return err
	}
	readOnly, err := ring.ReopenReadOnly(int(l.ring.Fd()))
	if err != nil {
		return err
	}
	err = l.ring.Close()
	l.ring = readOnly
	return err
}

// obey kills the parsers that the adapter names, at once, unless they were replaced
// meanwhile, until the adapter ends or misbehaves. A kill costs nothing; the starts
// that follow have a bound of their own.
func (l *life) obey() error {
	for {
		record, err := l.ctl.receive(time.Time{})
		if err != nil {
			return err
		}
		if record.Kind != frame.ControlKill || record.Worker >= len(l.cells) {
			return fmt.Errorf("said %s of worker %d, which it may not", record.Kind, record.Worker)
		}
		if !l.cells[record.Worker].condemn(record.Generation, record.Cause) {
			return fmt.Errorf("said kill of worker %d, generation %d, which was never there", record.Worker, record.Generation)
		}
	}
}
