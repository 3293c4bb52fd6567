package supervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"blockgate/sandbox"
	"blockgate/sandbox/frame"
)

// cell is a place for a parser. Parsers come and go, the socket stays.
type cell struct {
	*life
	index int
	jobs  *os.File // The worker's end of the job socket.

	mu         sync.Mutex  // guards what follows
	inside     *process    // nil between two parsers
	generation uint32      // of the one inside, or of the last one; the first is 1
	condemned  frame.Cause // why the adapter had the one inside killed; 0: it had not
}

// condemn kills the parser inside if it is of that generation. It does nothing to
// the successor of one that died meanwhile. It reports false for a generation that
// was never there.
func (c *cell) condemn(generation uint32, why frame.Cause) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inside != nil && generation == c.generation {
		c.condemned = why
		c.inside.kill()
	}
	return generation <= c.generation
}

// number gives the next parser its generation.
func (c *cell) number() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	return c.generation
}

func (c *cell) enter(p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inside, c.condemned = p, 0
}

func (c *cell) leave() (condemned frame.Cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inside = nil
	return c.condemned
}

// keep puts one parser after the other into the cell until ctx is done. Its error
// is an [*ExitError].
func (c *cell) keep(ctx context.Context) error {
	wait := parserBrake()
	for last, inRow := 0, 0; ctx.Err() == nil; {
		if err := drain(c.jobs); err != nil {
			return ownFailure("parser", "prepare", err)
		}
		generation := c.number()
		d, err := c.live(ctx, generation)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if d.code == 0 && c.adapterEnds(ctx) {
			return nil
		}
		if inRow++; d.code != last {
			last, inRow = d.code, 1
		}
		if unfit(d.code, inRow) && !c.parserReady.Load() {
			return &ExitError{Code: d.code, Role: "parser", Detail: d.last}
		}
		delay := wait.next(0)
		if d.ready {
			wait.calm()
			delay = c.starts.wait(time.Now())
		}
		c.log.LogAttrs(ctx, slog.LevelWarn, "parser died", slog.Int("worker", c.index), slog.Int("pid", d.pid),
			slog.String("cause", d.cause), slog.String("why", d.why().String()), slog.Bool("condemned", d.condemned != 0), slog.Duration("restart_in", delay))
		c.tell(ctx, frame.Control{Kind: frame.ControlDied, Cause: d.why(), Worker: c.index, Generation: generation, Text: d.cause})
		if delay > 0 {
			c.tell(ctx, frame.Control{Kind: frame.ControlBraked, Worker: c.index, Generation: generation})
		}
		c.ledger.count(ctx, func(t *frame.Tally) { t.Deaths[d.why()]++ })
		pause(ctx, delay)
	}
	return nil
}

// adapterEnds reports whether the adapter ends, too, after a parser ended by
// itself and in order: it does when its job socket is closed.
func (c *cell) adapterEnds(ctx context.Context) bool {
	late := time.NewTimer(adapterFollows)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return true
	case <-c.adapter.ended:
		return true
	case <-late.C:
		return false
	}
}

// death is how a parser ended.
type death struct {
	pid, code int
	ready     bool        // It was admitted.
	cause     string      // For the log and the adapter.
	last      string      // The first line that it said, or the cause.
	kind      frame.Cause // Why, by itself.
	condemned frame.Cause // Why the adapter had it killed; 0: it had not.
}

// why returns what the death counts as.
func (d death) why() frame.Cause {
	if d.condemned != 0 {
		return d.condemned
	}
	return d.kind
}

// live starts a parser, tells the adapter when it is ready, and returns when it
// ended, which it is made to when ctx is done.
func (c *cell) live(ctx context.Context, generation uint32) (death, error) {
	started, err := c.start()
	switch {
	case err != nil && !c.parserReady.Load():
		return death{}, ownFailure("parser", "start", err)
	case err != nil:
		return death{code: -1, kind: frame.CauseStart, cause: printable(err.Error(), frame.MaxCauseText)}, nil
	}
	if generation > 1 {
		c.ledger.restarted(ctx, frame.ProcessParser)
	}
	p := started.process
	c.enter(p)
	defer context.AfterFunc(ctx, p.kill)()
	said := make(chan []byte, 1)
	go func() { said <- listen(started.stderr) }()
	if err := c.admit(ctx, started, generation); err != nil {
		p.kill()
		<-p.ended
		c.leave()
		return c.refused(p, <-said, err)
	}
	<-p.ended
	d := death{pid: p.pid(), code: p.code(), ready: true, kind: p.why(), condemned: c.leave()}
	words := <-said
	d.cause = p.cause(words)
	d.last = d.cause
	return d, nil
}

// refused tells how a parser ended that was not admitted for the reason why. It
// is an [*ExitError] if none was ever admitted and the next one will fare alike.
func (c *cell) refused(p *process, said []byte, why error) (death, error) {
	d := death{pid: p.pid(), code: p.code(), kind: frame.CauseStart, cause: p.cause(said), last: firstLine(said)}
	if !endOfStream(why) && !errors.Is(why, sandbox.ErrGone) { // it did not end by itself: the reason is ours
		d.cause = printable(why.Error(), frame.MaxCauseText)
	}
	if d.last == "" {
		d.last = d.cause
	}
	switch {
	case c.parserReady.Load():
		return d, nil
	case errors.Is(why, sandbox.ErrNotConfined):
		return d, &ExitError{Code: sandbox.ExitMissingLayer, Role: "parser", Detail: why.Error()}
	case errors.Is(why, sandbox.ErrStatus), errors.Is(why, errOtherBuild):
		return d, &ExitError{Code: sandbox.ExitFailure, Role: "parser", Detail: why.Error()}
	default:
		return d, nil
	}
}

// newcomer is a parser that was just started, what it writes to, and what it was
// started in.
type newcomer struct {
	*process
	status, stderr *os.File
	in             surroundings
}

// start starts a parser with an empty environment and five descriptors.
func (c *cell) start() (newcomer, error) {
	status, statusEnd, err := pipeToUs("status")
	if err != nil {
		return newcomer{}, err
	}
	defer statusEnd.Close() //nolint:errcheck // the child has it
	stderr, stderrEnd, err := pipeToUs("stderr")
	if err != nil {
		return newcomer{}, errors.Join(err, status.Close())
	}
	defer stderrEnd.Close() //nolint:errcheck // the child has it
	argv := []string{"blockgate-parser"}
	if c.AllowNoLandlock {
		argv = append(argv, "--allow-no-landlock")
	}
	p, in, err := c.startIsolated(spec{
		path: "/proc/self/fd/" + strconv.Itoa(int(c.program.Fd())),
		dir:  "/", argv: argv, env: []string{},
		files: []*os.File{c.null, statusEnd, stderrEnd, c.jobs, c.ring},
	}, c.leaves.leaf(c.index))
	if err != nil {
		return newcomer{}, errors.Join(err, status.Close(), stderr.Close())
	}
	return newcomer{p, status, stderr, in}, nil
}

// listen reads what a parser says until it ends, and returns the beginning.
func listen(stderr *os.File) []byte {
	defer stderr.Close()                                       //nolint:errcheck // read only
	kept, _ := io.ReadAll(io.LimitReader(stderr, stderrLimit)) // an error ends it as the end does
	_, _ = io.Copy(io.Discard, stderr)
	return kept
}

// errOtherBuild says that parser and supervisor are not of one build.
var errOtherBuild = errors.New("parser of another build; install both programs from one build")

// check reads the status line of a parser and holds it to our build and to what
// the kernel says. The line that it returns has our own layers, too.
func (c *cell) check(n newcomer) (line []byte, report sandbox.Report, err error) {
	if line, err = readStatus(n.status); err != nil {
		return nil, report, err
	}
	if report, err = sandbox.ParseReport(line); err != nil {
		return nil, report, err
	}
	if report.Build != c.BuildID {
		return nil, report, fmt.Errorf("%w: its identity is %q, ours %q", errOtherBuild, report.Build, c.BuildID)
	}
	outer, err := c.outer(n.pid(), n.in)
	if err != nil {
		return nil, report, err
	}
	if report, err = report.With(outer); err != nil {
		return nil, report, err
	}
	return report.AppendText(nil), report, sandbox.Attest(n.pid(), report)
}

// admit checks a parser and tells the adapter that it is ready.
func (c *cell) admit(ctx context.Context, n newcomer, generation uint32) error {
	line, report, err := c.check(n)
	if err != nil {
		return err
	}
	c.parserReady.Store(true)
	c.announce(ctx, n.pid(), report)
	c.tell(ctx, frame.Control{Kind: frame.ControlReady, Worker: c.index, Generation: generation, Text: string(line)})
	return nil
}

// readStatus reads the one line that a parser writes and closes the pipe.
func readStatus(status *os.File) ([]byte, error) {
	defer status.Close() //nolint:errcheck // read only
	if err := status.SetReadDeadline(time.Now().Add(statusDeadline)); err != nil {
		return nil, fmt.Errorf("read the status line: %w", err)
	}
	line := make([]byte, 0, sandbox.MaxStatusBytes+1)
	for len(line) < cap(line) {
		n, err := status.Read(line[len(line):cap(line)])
		line = line[:len(line)+n]
		if whole, _, ok := bytes.Cut(line, []byte{'\n'}); ok {
			return whole, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the status line after %d bytes: %w", len(line), err)
		}
	}
	return nil, fmt.Errorf("status line of more than %d bytes", sandbox.MaxStatusBytes)
}

// announce logs a parser that is ready, loudly what it runs without.
func (c *cell) announce(ctx context.Context, pid int, report sandbox.Report) {
	layers := make([]any, 0, len(report.Layers))
	for _, l := range report.Layers {
		layers = append(layers, slog.String(l.Name, l.State.String()))
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "parser ready", slog.Int("worker", c.index), slog.Int("pid", pid), slog.Group("layers", layers...))
	for _, l := range report.Layers {
		if l.State == sandbox.StateOK {
			continue
		}
		level := slog.LevelWarn
		if l.Required && !l.Holds() {
			level = slog.LevelError // each time: nobody may miss it
		} else if _, told := c.warned.LoadOrStore(l.Name, true); told {
			continue
		}
		c.log.LogAttrs(ctx, level, "sandbox layer not in force", slog.Int("worker", c.index), slog.String("layer", l.Name),
			slog.String("state", l.State.String()), slog.String("detail", l.Detail), slog.String("remedy", sandbox.Remedy(l.Name)))
	}
}
