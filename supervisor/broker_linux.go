package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"blockgate/sandbox"
	"blockgate/sandbox/frame"
)

// keepBroker starts the broker again and again until ctx is done. It closes ready
// when one is ready for the first time.
func (s *service) keepBroker(ctx context.Context, ready chan<- struct{}) error {
	wait := roleBrake()
	for starts := 0; ctx.Err() == nil; {
		p, ctl, err := s.startRole(s.BrokerArgs, s.BrokerConfig)
		switch {
		case err != nil && !s.brokerReady.Load():
			return ownFailure("broker", "start", err)
		case err != nil:
			s.log.LogAttrs(ctx, slog.LevelError, "broker not started", slog.String("reason", err.Error()))
			pause(ctx, wait.next(0))
			continue
		}
		s.log.LogAttrs(ctx, slog.LevelInfo, "broker started", slog.Int("pid", p.pid()))
		if starts++; starts > 1 {
			s.ledger.restarted(ctx, frame.ProcessBroker)
		}
		wasReady := s.watchBroker(ctx, p, ctl, ready)
		if ctx.Err() != nil { // asked for
			s.log.LogAttrs(ctx, slog.LevelInfo, "broker stopped", slog.Int("pid", p.pid()), slog.String("cause", p.cause(nil)))
			break
		}
		delay := wait.next(p.lived())
		s.log.LogAttrs(ctx, slog.LevelError, "broker died", slog.Int("pid", p.pid()), slog.String("cause", p.cause(nil)), slog.Duration("restart_in", delay))
		// As with the adapter: that it cannot be confined it says before it is ready.
		if p.code() == sandbox.ExitMissingLayer && !wasReady || fatal(p.code()) && !s.brokerReady.Load() {
			return &ExitError{Code: p.code(), Role: "broker", Detail: p.cause(nil) + " before it was ready; its log says why"}
		}
		pause(ctx, delay)
	}
	return nil
}

// watchBroker returns when the broker ended, and whether it had been ready; it
// ends it when ctx is done.
func (s *service) watchBroker(ctx context.Context, p *process, ctl *control, ready chan<- struct{}) bool {
	heard, wasReady := make(chan struct{}), false
	go func() {
		defer close(heard)
		err := s.admitBroker(ctx, p, ctl, ready)
		wasReady = err == nil
		if err != nil && !endOfStream(err) {
			s.log.LogAttrs(ctx, slog.LevelError, "broker misbehaved", slog.Int("pid", p.pid()), slog.String("reason", err.Error()))
			p.kill()
		}
	}()
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.stop(brokerGrace)
	}
	ctl.close()
	<-heard
	return wasReady
}

// admitBroker waits for the broker's READY, before which it may say how it is
// confined.
func (s *service) admitBroker(ctx context.Context, p *process, ctl *control, ready chan<- struct{}) error {
	deadline := time.Now().Add(brokerDeadline)
	record, err := ctl.receive(deadline)
	if err == nil && record.Kind == frame.ControlLayers {
		if err := s.admitLayers(ctx, frame.ProcessBroker, record); err != nil {
			return err
		}
		record, err = ctl.receive(deadline)
	}
	if err != nil {
		return err
	}
	if record.Kind != frame.ControlReady || record.Worker != 0 {
		return fmt.Errorf("said %s before ready", record.Kind)
	}
	if err := s.attestRole(ctx, "broker", p.pid()); err != nil {
		return err
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "broker ready", slog.Int("pid", p.pid()), slog.String("address", record.Text))
	if !s.brokerReady.Swap(true) {
		close(ready)
	}
	return nil
}

// attestRole asks the kernel whether a role that says it is ready is confined, and says
// so in the log.
func (s *service) attestRole(ctx context.Context, role string, pid int) error {
	if !s.AttestRoles {
		return nil
	}
	capabilities, err := sandbox.AttestRole(pid)
	if errors.Is(err, sandbox.ErrNotConfined) {
		return err
	}
	if err != nil { // it ended, or /proc does not tell
		s.log.LogAttrs(ctx, slog.LevelWarn, "role not attested", slog.String("role_of", role), slog.Int("pid", pid), slog.String("reason", err.Error()))
		return nil
	}
	level := slog.LevelInfo
	if !capabilities.Holds() {
		level = slog.LevelWarn
	}
	s.log.LogAttrs(ctx, level, "role attested", slog.String("role_of", role), slog.Int("pid", pid), slog.String("no_new_privs", "ok"),
		slog.String("seccomp", "ok"), slog.String("capabilities", capabilities.State.String()), slog.String("detail", capabilities.Detail))
	return nil
}

// admitLayers takes what a role says of its confinement.
func (s *service) admitLayers(ctx context.Context, speaker frame.Process, record frame.Control) error {
	if record.Worker != int(speaker) {
		return fmt.Errorf("said how %s is confined", frame.Process(record.Worker))
	}
	if _, err := sandbox.ParseReport([]byte(record.Text)); err != nil {
		return err
	}
	s.ledger.confined(ctx, speaker, record.Text)
	return nil
}
