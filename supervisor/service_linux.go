package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"blockgate/sandbox/frame"
)

// Run runs the service until ctx is done, then stops it within 10 s and returns
// nil. It returns an [*ExitError] if a restart could not mend what happened. No
// process that it started is left when it returns.
//
// It marks all descriptors of this process from 3 on close-on-exec, and must be
// called once, in a process that does little else.
func Run(ctx context.Context, cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	if err := closeOnExec(); err != nil {
		return ownFailure("supervisor", "prepare", err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return ownFailure("supervisor", "prepare", err)
	}
	defer null.Close() //nolint:errcheck // read only
	program, err := openProgram(cfg.ParserPath)
	if err != nil {
		return ownFailure("parser", "prepare", err)
	}
	defer program.Close() //nolint:errcheck // read only
	s := &service{Config: cfg, log: cfg.Log, null: null, program: program, starter: newStarter()}
	defer s.starter.close()
	s.leaves = openLeaves(cfg.Parsers)
	defer closeAll(s.leaves.files)
	if len(cfg.Own.Layers) > 0 {
		s.ledger.confined(ctx, frame.ProcessSupervisor, string(cfg.Own.AppendText(nil)))
	}
	return s.run(ctx)
}

// service is what all parts of a running service share.
type service struct {
	Config
	log     *slog.Logger
	null    *os.File
	program *os.File // The parser's binary.
	starter *starter

	isolation isolation // Of parsers.
	leaves    leaves    // Their cgroups.
	ledger    ledger
	starts    starts // Of parsers in the place of others that were ready.

	// Whether one of its kind was ever ready: from then on no exit code is fatal.
	brokerReady, adapterReady, parserReady atomic.Bool

	warned sync.Map // Names of the wanted layers whose absence was told.
}

// run keeps broker and adapter alive until ctx is done or one fails for good.
func (s *service) run(ctx context.Context) error {
	if s.BrokerArgs == nil {
		return s.keepAdapter(ctx)
	}
	stop, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	brokerLife, endBroker := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the adapter
	ready := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.keepBroker(brokerLife, ready); err != nil {
			fail(err)
		}
	})
	err := s.awaitBroker(stop, ready)
	if err == nil {
		err = s.keepAdapter(stop)
	}
	endBroker()
	wg.Wait()
	if err == nil {
		err = exitCause(stop)
	}
	return err
}

// awaitBroker waits until the broker is ready. It returns nil too when ctx is
// done.
func (s *service) awaitBroker(ctx context.Context, ready <-chan struct{}) error {
	late := time.NewTimer(brokerDeadline)
	defer late.Stop()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return nil
	case <-late.C:
		return &ExitError{Code: exitBus, Role: "broker", Detail: fmt.Sprintf("not ready within %s; its log says why", brokerDeadline)}
	}
}

// exitCause returns the [*ExitError] that ctx was cancelled with, or nil.
func exitCause(ctx context.Context) error {
	if exit, ok := errors.AsType[*ExitError](context.Cause(ctx)); ok {
		return exit
	}
	return nil
}

// pause waits for d or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// startRole starts broker or adapter with the descriptors that both have: nothing
// at 0, the log at 1 and 2, its configuration at 3, its control socket at 4; the
// files of more follow. The caller owns the files and the control.
func (s *service) startRole(args []string, config []byte, more ...*os.File) (*process, *control, error) {
	settings, err := filledPipe("config", config)
	if err != nil {
		return nil, nil, err
	}
	defer settings.Close() //nolint:errcheck // the child has it
	ours, theirs, err := controlPair("control")
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close() //nolint:errcheck // the child has it
	p, err := s.starter.start(spec{
		path:  s.Self,
		argv:  append([]string{"blockgate"}, args...),
		env:   s.Env,
		files: append([]*os.File{s.null, os.Stderr, os.Stderr, settings, theirs}, more...),
	})
	if err != nil {
		return nil, nil, errors.Join(err, ours.Close())
	}
	return p, &control{file: ours}, nil
}
