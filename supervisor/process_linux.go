package supervisor

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"blockgate/sandbox/frame"
)

// spec says what to start. Files become the descriptors 0, 1, 2 and so on of the
// new process, which gets no others.
type spec struct {
	path  string
	dir   string // Empty: ours.
	argv  []string
	env   []string // Never nil: nil would be our own.
	files []*os.File

	surroundings
}

// starter starts processes from one thread. They die with that thread, and it
// lives until close.
type starter struct {
	orders chan order
}

type order struct {
	spec
	started chan<- startedProcess
}

type startedProcess struct {
	proc *os.Process
	err  error
}

func newStarter() *starter {
	s := &starter{orders: make(chan order)}
	go s.serve()
	return s
}

// serve runs until close. It never unlocks its thread, so the thread ends with it.
func (s *starter) serve() {
	runtime.LockOSThread()
	for o := range s.orders {
		proc, err := o.start()
		o.started <- startedProcess{proc, err}
	}
}

// starting is held while a process is started. The runtime writes the tables of user
// ids of a new namespace by descriptors without close-on-exec, so what is started by
// another thread at that moment would inherit them, and the census would refuse it.
//
//nolint:gochecknoglobals // descriptors are the process's, whoever starts
var starting sync.Mutex

// start starts the process from this thread.
func (o order) start() (*os.Process, error) {
	starting.Lock()
	defer starting.Unlock()
	if o.namespaces {
		restore, err := beDumpable()
		if err != nil {
			return nil, err
		}
		defer restore()
	}
	return os.StartProcess(o.path, o.argv, &os.ProcAttr{Dir: o.dir, Env: o.env, Files: o.files, Sys: o.attributes()})
}

// close ends the thread. Every process must have ended before.
func (s *starter) close() { close(s.orders) }

// process is a child. Its ended channel is closed when it was waited for; state
// and waitErr stand from then on.
type process struct {
	proc  *os.Process
	birth time.Time
	ended chan struct{}

	death   time.Time
	state   *os.ProcessState
	waitErr error
}

// start starts a process. The caller still owns the files.
func (s *starter) start(what spec) (*process, error) {
	started := make(chan startedProcess)
	s.orders <- order{what, started}
	got := <-started
	if got.err != nil {
		return nil, fmt.Errorf("start %s: %w", what.argv[0], got.err)
	}
	p := &process{proc: got.proc, birth: time.Now(), ended: make(chan struct{})}
	go func() {
		p.state, p.waitErr = p.proc.Wait()
		p.death = time.Now()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) pid() int { return p.proc.Pid }

// kill ends the process without asking. It does nothing to one that ended.
func (p *process) kill() { _ = p.proc.Kill() }

// stop asks the process to end, kills it if it takes longer than grace, and
// returns when it ended.
func (p *process) stop(grace time.Duration) {
	_ = p.proc.Signal(syscall.SIGTERM)
	overrun := time.NewTimer(grace)
	defer overrun.Stop()
	select {
	case <-p.ended:
	case <-overrun.C:
		p.kill()
		<-p.ended
	}
}

// lived returns how long the process lived. It must have ended.
func (p *process) lived() time.Duration { return p.death.Sub(p.birth) }

// code returns the exit code, or -1 if a signal ended the process, which must
// have ended.
func (p *process) code() int {
	if p.waitErr != nil {
		return -1
	}
	return p.state.ExitCode()
}

// why says what the end of the process, which must be behind it, counts as.
func (p *process) why() frame.Cause {
	if p.waitErr != nil {
		return frame.CauseExit
	}
	status, ok := p.state.Sys().(syscall.WaitStatus)
	if !ok {
		return frame.CauseExit
	}
	if !status.Signaled() {
		if status.ExitStatus() == goCrash {
			return frame.CauseCrash
		}
		return frame.CauseExit
	}
	switch signal := status.Signal(); {
	case signal == syscall.SIGSYS:
		return frame.CauseSyscall
	case signal == syscall.SIGKILL:
		return frame.CauseKilled
	case slices.Contains([]syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGABRT, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP}, signal):
		return frame.CauseCrash
	default:
		return frame.CauseExit
	}
}

// cause says how the process came to its end, which must be behind it, and what it
// said, if anything.
func (p *process) cause(said []byte) string {
	how := "unknown"
	if p.waitErr == nil {
		how = p.state.String()
	}
	if line := firstLine(said); line != "" {
		how += ": " + fmt.Sprintf("%q", line)
	}
	return printable(how, frame.MaxCauseText)
}
