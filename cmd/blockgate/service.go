package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

// logPatience is how long the log of a service may lag behind its journal. The
// adapter says its height at the next tick, 250 ms.
const logPatience = 5 * time.Second

// maxLogLine is the most bytes of one log line of the service.
const maxLogLine = 64 << 10

// stopTime is how long the service may take to stop: the supervisor's 10 s and
// some.
const stopTime = 12 * time.Second

// service is a `blockgate run` that the demo started as a process of its own. It
// is followed by its log, as an operator would.
type service struct {
	process *exec.Cmd
	watch   func(logLine)
	ended   chan struct{} // closed when it ended
	busUp   chan struct{} // closed when the broker takes clients

	mu      sync.Mutex // guards what follows
	banned  map[netip.AddrPort]string
	layered map[string]string
	deaths  int
	height  int
	last    string // the last line that was no JSON, or an error
	stopped bool
	waitErr error
	changed chan struct{} // closed, and made anew, when something of the above changes
}

// logLine has the fields of the service's log that are looked at here.
type logLine struct {
	Level  string            `json:"level"`
	Msg    string            `json:"msg"`
	Peer   netip.AddrPort    `json:"peer"`
	Reason string            `json:"reason"`
	Height int               `json:"height"`
	Layers map[string]string `json:"layers"`
}

// startService starts `blockgate run` with a port of its own for the broker. It
// dies with this process.
func startService(ctx context.Context, args []string, parserPath string, watch func(logLine)) (*service, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	args = append([]string{"run", "--log-format", "json", "--nats-listen", net.JoinHostPort("127.0.0.1", port), "--http-listen="}, args...)
	if parserPath != "" {
		args = append(args, "--parser", parserPath)
	}
	return launchSelf(ctx, args, watch)
}

// launchSelf starts this program again as a service.
func launchSelf(ctx context.Context, args []string, watch func(logLine)) (*service, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return launch(ctx, self, args, watch)
}

// launch starts a service and follows its log. If watch is not nil it is told of
// each line, one after the other.
func launch(ctx context.Context, program string, args []string, watch func(logLine)) (*service, error) {
	s := &service{
		watch: watch,
		ended: make(chan struct{}), busUp: make(chan struct{}), changed: make(chan struct{}),
		banned: map[netip.AddrPort]string{}, layered: map[string]string{},
	}
	s.process = exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // this program again
	s.process.Env = roleEnvironment()
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the terminal's interrupt comes to us alone
	log, err := s.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start the service: %w", err)
	}
	go s.follow(log)
	return s, nil
}

// freePort returns a port that was free just now. If somebody takes it before
// the broker does, the demo says so.
func freePort(ctx context.Context) (string, error) {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer socket.Close() //nolint:errcheck // the port is what we wanted
	_, port, err := net.SplitHostPort(socket.Addr().String())
	return port, err
}

// follow reads the log until it ends, and then how the service ended.
func (s *service) follow(log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(make([]byte, 0, 4096), maxLogLine)
	for lines.Scan() {
		s.line(lines.Bytes())
	}
	_, _ = io.Copy(io.Discard, log) // after a line that is too long
	err := s.process.Wait()
	s.mu.Lock()
	s.waitErr = err
	s.mu.Unlock()
	close(s.ended)
}

func (s *service) line(text []byte) {
	var l logLine
	s.mu.Lock()
	defer s.mu.Unlock()
	if json.Unmarshal(text, &l) != nil {
		s.last = string(text)
		return
	}
	switch l.Msg {
	case "broker ready":
		select {
		case <-s.busUp: // a second broker
		default:
			close(s.busUp)
		}
	case "peer banned":
		s.banned[l.Peer] = l.Reason
	case "parser ready":
		maps.Copy(s.layered, l.Layers)
	case "parser died":
		s.deaths++
	case "synced", "tip":
		s.height = l.Height
	}
	if s.watch != nil {
		s.watch(l)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	if l.Level == "ERROR" {
		s.last = string(text)
	}
}

// context returns ctx, which from now on ends with the service, too.
func (s *service) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// awaitBus waits until the broker takes clients.
func (s *service) awaitBus(ctx context.Context) error {
	select {
	case <-s.busUp:
		return nil
	case <-s.ended:
		return s.failure()
	case <-ctx.Done():
		return fmt.Errorf("the broker did not come up: %w", ctx.Err())
	}
}

// awaitLog waits until the log has said that so many peers are banned and how
// high the journal is, for at most logPatience.
func (s *service) awaitLog(ctx context.Context, bans, height int) {
	limit := time.NewTimer(logPatience)
	defer limit.Stop()
	for {
		s.mu.Lock()
		changed, done := s.changed, len(s.banned) >= bans && s.height >= height
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-s.ended:
			return
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// failure says how the service ended, if it did so by itself.
func (s *service) failure() error {
	select {
	case <-s.ended:
	default:
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	err := fmt.Errorf("the service ended: %w; it said last: %s", s.waitErr, s.last)
	var exit *exec.ExitError
	if errors.As(s.waitErr, &exit) && exit.ExitCode() > 0 {
		return &exitError{exitCode(exit.ExitCode()), err}
	}
	return err
}

// stop ends the service in order and waits for it. A second call does nothing.
func (s *service) stop() error {
	s.mu.Lock()
	again := s.stopped
	s.stopped = true
	s.mu.Unlock()
	if again {
		return nil
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopTime):
		_ = s.process.Process.Kill()
		<-s.ended
	}
	if s.waitErr != nil {
		return fmt.Errorf("the service did not stop in order: %w; it said last: %s", s.waitErr, s.last)
	}
	return nil
}

func (s *service) bans() map[netip.AddrPort]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.banned)
}

func (s *service) parserDeaths() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deaths
}

// published is the journal's height as the service said it last.
func (s *service) published() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.height
}

// layers are the layers of the cells, a line each.
func (s *service) layers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := make([]string, 0, len(s.layered))
	for _, name := range slices.Sorted(maps.Keys(s.layered)) {
		lines = append(lines, fmt.Sprintf("%-16s %s", name, s.layered[name]))
	}
	return lines
}
