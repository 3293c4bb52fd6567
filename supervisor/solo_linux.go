package supervisor

import (
	"errors"
	"os"

	"blockgate/sandbox"
	"blockgate/sandbox/ring"
)

// Solo is one parser for one question of a person: no adapter, no restart.
type Solo struct {
	// Jobs is the asker's end of the job socket, in non-blocking mode. It is the
	// caller's to close.
	Jobs *os.File
	// Report is what the parser says of its confinement; the kernel agrees.
	Report sandbox.Report

	parser  *process
	starter *starter
	said    chan []byte
	theirs  *os.File // The parser's end of Jobs: its death is told by Ended, not by an end of the stream.
}

// StartSolo starts one parser and returns when it is confined and ready. With
// create the caller maps and seals the ring, whose descriptor is lent for the
// call. Of cfg it uses ParserPath, AllowNoLandlock and BuildID.
//
// The error is an [*ExitError]; no process is left then.
func StartSolo(cfg Config, create func(ringFD int) error) (*Solo, error) {
	cfg.Parsers, cfg.AdapterArgs = 1, []string{}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := closeOnExec(); err != nil {
		return nil, ownFailure("supervisor", "prepare", err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, ownFailure("supervisor", "prepare", err)
	}
	defer null.Close() //nolint:errcheck // the child has it
	program, err := openProgram(cfg.ParserPath)
	if err != nil {
		return nil, ownFailure("parser", "prepare", err)
	}
	defer program.Close() //nolint:errcheck // the child has it
	shared, err := sealedRing(create)
	if err != nil {
		return nil, ownFailure("parser", "prepare", err)
	}
	defer shared.Close() //nolint:errcheck // the child has it
	ours, theirs, err := controlPair("jobs")
	if err != nil {
		return nil, ownFailure("parser", "prepare", err)
	}
	s := &service{Config: cfg, log: cfg.Log, null: null, program: program, starter: newStarter(), leaves: leaves{why: errLeavesNotUsed}}
	solo, err := (&cell{life: &life{service: s, ring: shared}, jobs: theirs}).solo(ours)
	if err != nil {
		s.starter.close()
		return nil, errors.Join(err, ours.Close(), theirs.Close())
	}
	solo.theirs = theirs
	return solo, nil
}

// sealedRing makes a ring, has it mapped and sealed, and returns a descriptor of
// it that can only read.
func sealedRing(create func(ringFD int) error) (*os.File, error) {
	shared, err := emptyRing()
	if err != nil {
		return nil, err
	}
	defer shared.Close() //nolint:errcheck // the mapping stays
	fd := int(shared.Fd())
	if err := create(fd); err != nil {
		return nil, err
	}
	if err := ring.CheckSealed(fd); err != nil {
		return nil, err
	}
	return ring.ReopenReadOnly(fd)
}

// solo puts one parser into the cell.
func (c *cell) solo(jobs *os.File) (*Solo, error) {
	started, err := c.start()
	if err != nil {
		return nil, ownFailure("parser", "start", err)
	}
	s := &Solo{Jobs: jobs, parser: started.process, starter: c.starter, said: make(chan []byte, 1)}
	go func() { s.said <- listen(started.stderr) }()
	_, report, err := c.check(started)
	if err == nil {
		s.Report = report
		return s, nil
	}
	s.parser.kill()
	<-s.parser.ended
	d, refusal := c.refused(s.parser, <-s.said, err)
	if refusal == nil {
		code := d.code
		if !fatal(code) {
			code = sandbox.ExitFailure
		}
		refusal = &ExitError{Code: code, Role: "parser", Detail: d.last}
	}
	return nil, refusal
}

// PID returns the parser's process id.
func (s *Solo) PID() int { return s.parser.pid() }

// Kill ends the parser without asking; it may have ended already.
func (s *Solo) Kill() { s.parser.kill() }

// Ended returns a channel that is closed when the parser has ended.
func (s *Solo) Ended() <-chan struct{} { return s.parser.ended }

// Close kills the parser, waits for its end and returns how it ended and what it
// said, in one line. It is called once.
func (s *Solo) Close() string {
	s.parser.kill()
	<-s.parser.ended
	s.starter.close()
	_ = s.theirs.Close() // it has served
	return s.parser.cause(<-s.said)
}
