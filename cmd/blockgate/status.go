package main

import (
	"context"
	"errors"
	"log/slog"

	"blockgate/adapter"
	"blockgate/ops"
	"blockgate/sandbox"
	"blockgate/sandbox/frame"
)

// status is what the adapter shows of the service to those who ask over HTTP.
type status struct {
	metrics *ops.Metrics
	server  *ops.Server   // nil: nobody can ask
	ended   chan struct{} // closed when the server ended
	log     *slog.Logger
	pulse   *adapter.Pulse
	judged  judgement
}

// openStatus listens, before the process is confined. Where the operator named no
// address, a taken one costs the metrics and not the service.
func openStatus(ctx context.Context, c *adapterConfig, log *slog.Logger) (*status, error) {
	listen := c.HTTPListen
	s := &status{ended: make(chan struct{}), log: log, pulse: &adapter.Pulse{}}
	s.judged = judgement{readiness: c.Readiness, parsers: c.Parsers, cells: map[int]uint32{}}
	words := metricWords()
	words.Numbers = s.numbers
	metrics, err := ops.NewMetrics(words)
	if err != nil {
		return nil, err
	}
	s.metrics = metrics
	if listen == "" {
		return s, nil
	}
	s.server, err = ops.Listen(ctx, listen)
	switch {
	case errors.Is(err, ops.ErrTaken) && !c.HTTPWanted:
		s.server = nil
		log.WarnContext(ctx, "metrics are not served", slog.String("address", listen), slog.String("reason", err.Error()),
			slog.String("next", "name a free address with --http-listen, or none with --http-listen="))
		return s, nil
	case err != nil:
		return nil, usagef("--http-listen %s: %w; name another address, or none with --http-listen=", listen, err)
	}
	s.server.Handle("GET /metrics", metrics.Handler())
	for _, probe := range ops.Probes() {
		s.server.Handle("GET "+probe.Path, probe.Handler(s.facts))
	}
	return s, nil
}

// metricWords are the words that labels may have.
func metricWords() ops.Config {
	words := ops.Config{Build: sandbox.BuildID(), Layers: sandbox.LayerNames()}
	for _, p := range frame.Processes() {
		words.Processes = append(words.Processes, p.String())
		if p != frame.ProcessSupervisor { // nobody restarts it
			words.Restarted = append(words.Restarted, p.String())
		}
	}
	for _, c := range frame.Causes() {
		words.Causes = append(words.Causes, c.String())
	}
	addNumberWords(&words)
	return words
}

// serve answers until ctx is done.
func (s *status) serve(ctx context.Context) {
	defer close(s.ended)
	if s.server == nil {
		return
	}
	s.log.InfoContext(ctx, "serving metrics", slog.String("address", s.server.Addr().String()))
	if err := s.server.Serve(ctx); err != nil {
		s.log.ErrorContext(ctx, "metrics are not served any more", slog.String("reason", err.Error()))
	}
}

// close gives the address back if it was never served.
func (s *status) close() {
	if s.server != nil {
		_ = s.server.Close()
	}
}

// take shows what a record of the supervisor says.
func (s *status) take(record frame.Control) {
	switch record.Kind {
	case frame.ControlReady:
		s.judged.ready(record.Worker, record.Generation)
		s.line(frame.ProcessParser, record.Worker, record.Text)
	case frame.ControlLayers:
		s.line(frame.Process(record.Worker), 0, record.Text)
	case frame.ControlTally:
		s.tally(record.Text)
	case frame.ControlDied:
		s.judged.died(record.Worker, record.Generation)
	case frame.ControlBraked, frame.ControlSealed, frame.ControlKill:
	}
}

// line shows a status line.
func (s *status) line(process frame.Process, instance int, text string) {
	report, err := sandbox.ParseReport([]byte(text))
	if err != nil {
		s.log.Warn("status line not shown", slog.String("process", process.String()), slog.String("reason", err.Error()))
		return
	}
	s.layers(process, instance, report)
}

// layers shows how far the layers of a process hold.
func (s *status) layers(process frame.Process, instance int, report sandbox.Report) {
	holds := map[string]bool{}
	for _, l := range report.Layers {
		holds[l.Name] = l.Holds()
	}
	if err := s.metrics.SetLayers(process.String(), instance, holds); err != nil {
		s.log.Warn("layers not shown", slog.String("process", process.String()), slog.String("reason", err.Error()))
	}
}

// tally shows what the supervisor counted.
func (s *status) tally(text string) {
	tally, err := frame.ParseTally(text)
	if err != nil {
		s.log.Warn("tally not shown", slog.String("reason", err.Error()))
		return
	}
	restarts, deaths := map[string]uint64{}, map[string]uint64{}
	for _, p := range frame.Processes() {
		if p != frame.ProcessSupervisor {
			restarts[p.String()] = tally.Restarts[p]
		}
	}
	for _, c := range frame.Causes() {
		deaths[c.String()] = tally.Deaths[c]
	}
	if err := errors.Join(s.metrics.SetRestarts(restarts), s.metrics.SetDeaths(deaths)); err != nil {
		s.log.Warn("tally not shown", slog.String("reason", err.Error()))
	}
}
