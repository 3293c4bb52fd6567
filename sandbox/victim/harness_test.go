//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/sandbox"
)

// namespaces is how the tables call all the namespaces, which come by one clone.
const namespaces = "namespaces"

// units are the layers that are put on and left out: each that holds by itself.
var units = []string{
	namespaces, sandbox.LayerRoot, sandbox.LayerCapabilities, sandbox.LayerDumpable, sandbox.LayerLandlock,
	sandbox.LayerLimits, sandbox.LayerSeccomp, sandbox.LayerDescriptors,
}

// column is a set of layers to make an attempt under.
type column struct {
	name   string
	layers []string
}

// columnsFor are the columns of an attempt. What needs the capabilities that a
// namespace gives starts from there, or it would prove nothing.
func columnsFor(a order) []column {
	var base []string
	if a.Inside {
		base = []string{namespaces}
	}
	table := []column{{"none", base}, {"all", units}}
	if a.patient() {
		return table
	}
	if a.Alone && !a.Inside {
		table = append(table, column{underRoot, nil})
	}
	for _, unit := range units {
		if unit == sandbox.LayerDescriptors && !a.leaks() {
			continue // it looks for what is not there
		}
		if a.Alone && !slices.Contains(base, unit) {
			table = append(table, column{"only " + unit, append([]string{unit}, base...)})
		}
		rest := slices.DeleteFunc(slices.Clone(units), func(u string) bool { return u == unit })
		table = append(table, column{"all but " + unit, rest})
	}
	return table
}

// underRoot is the column with what an empty root cannot do without and nothing
// else, so that the root is not praised for it.
const underRoot = "user and mount namespace"

// order is what a harness is to try.
type order struct {
	Name   string
	Inside bool // It needs the capabilities of a user namespace.
	Alone  bool // Each layer alone, too.
}

// leaks tells whether the parent leaves a descriptor open for it.
func (o order) leaks() bool { return o.Name == "use-a-leak" }

// patient tells whether it would go on for ever: only its parent can end it.
func (o order) patient() bool {
	return slices.Contains([]string{"spin", "sleep", "flood-errors", "flood-answers"}, o.Name)
}

// job is what a harness gets by its argument.
type job struct {
	Program string
	Dir     string // A folder of its own.
	Orders  []order
	Inner   bool // We are real root in namespaces that the test made.
}

// finding is one cell of the table.
type finding struct {
	Attempt, Column, Outcome string
}

// Limits of the harness.
const (
	patience   = 30 * time.Second       // Source: a start takes 20 ms; a machine may be very busy.
	spinning   = 300 * time.Millisecond // How long an attempt without end may go on.
	floodBytes = 1 << 20                // How much is read of what a victim says.
)

// harness makes every attempt under every column and writes what it finds.
func harness(text string) int {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		panic(err)
	}
	// What a test runner left open would be a leak that nobody meant.
	if err := unix.CloseRange(3, 1<<20, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		panic(err)
	}
	p, err := prepareParent(j)
	if err != nil {
		panic(err)
	}
	defer p.close()
	out := json.NewEncoder(os.Stdout)
	var mu sync.Mutex
	var wg sync.WaitGroup
	work := make(chan order)
	for range 2 * runtime.NumCPU() {
		wg.Go(func() {
			for o := range work {
				for _, c := range columnsFor(o) { // one after the other: some attempts exclude each other
					outcome := p.try(o, c)
					mu.Lock()
					_ = out.Encode(finding{o.Name, c.name, outcome})
					mu.Unlock()
				}
			}
		})
	}
	for _, o := range j.Orders {
		work <- o
	}
	close(work)
	wg.Wait()
	return 0
}

// victims counts the victims, for names that nobody else has.
var victims atomic.Int64

// try makes one attempt and judges it.
func (p *parent) try(o order, c column) string {
	dir := filepath.Join(p.Dir, fmt.Sprint("r", victims.Add(1)))
	if err := furnish(dir); err != nil {
		return "harness: " + err.Error()
	}
	defer func() { _ = os.RemoveAll(dir) }()
	about := p.target
	about.Dir, about.Queue = dir, fmt.Sprintf("victim-%d-%s", os.Getpid(), filepath.Base(dir))
	if o.leaks() {
		about.Leak = 5
	}
	text, err := json.Marshal(about)
	if err != nil {
		return "harness: " + err.Error()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Program, "try", o.Name, strings.Join(c.layers, ","), string(text))
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.SysProcAttr = p.attributes(c)
	return p.run(cmd, o, c)
}

// attributes are those of package supervisor, with the namespaces of the column.
func (p *parent) attributes(c column) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	switch {
	case slices.Contains(c.layers, namespaces):
		sandbox.Isolate(attr)
	case c.name == "only "+sandbox.LayerRoot, c.name == underRoot:
		sandbox.Isolate(attr)
		attr.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS
	case p.Inner:
		attr.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWUTS // what real root may break
	}
	return attr
}

// run starts a victim and judges how it ended.
func (p *parent) run(cmd *exec.Cmd, o order, c column) string {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "harness: " + err.Error()
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	cmd.ExtraFiles = []*os.File{theirs, p.ring}
	if o.leaks() {
		cmd.ExtraFiles = append(cmd.ExtraFiles, p.leak)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return "harness: " + err.Error()
	}
	cried, err := cmd.StderrPipe()
	if err != nil {
		return "harness: " + err.Error()
	}
	p.starting.Lock()
	err = cmd.Start()
	p.starting.Unlock()
	if err != nil {
		return "harness: " + err.Error()
	}
	_ = theirs.Close()
	var flooded atomic.Bool
	stop := func() {
		flooded.Store(true)
		_ = cmd.Process.Kill()
	}
	var readers sync.WaitGroup
	var words []byte
	readers.Go(func() { words = drain(cried, stop) })
	readers.Go(func() { _ = drain(ours, stop) })
	lines := bufio.NewScanner(io.LimitReader(said, floodBytes))
	report, answer := "", ""
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	for lines.Scan() {
		if answer = lines.Text(); report == "" {
			report = answer
			if o.patient() {
				late.Reset(spinning)
			}
		}
	}
	timely := late.Stop()
	_ = cmd.Process.Kill() // the socket of a victim that execs may be held on
	_ = cmd.Wait()
	readers.Wait()
	_ = ours.Close()
	switch {
	case flooded.Load():
		return "flood"
	case !timely:
		return "deadline"
	}
	return judge(cmd.ProcessState, report, answer, string(words), o, c)
}

// drain reads and drops, and stops the victim if there is too much.
func drain(from io.Reader, stop func()) []byte {
	var kept []byte
	total, piece := 0, make([]byte, 64<<10)
	for {
		n, err := from.Read(piece)
		if total += n; total > floodBytes {
			stop()
			return kept
		}
		kept = append(kept, piece[:min(n, max(0, 4096-len(kept)))]...)
		if err != nil || n == 0 {
			return kept
		}
	}
}

// judge says how it went, from what the kernel says of the end and what was said.
func judge(state *os.ProcessState, report, answer, words string, o order, c column) string {
	status, _ := state.Sys().(syscall.WaitStatus)
	if fault := wrongLayers(report, c, o); fault != "" && !(o.leaks() && state.ExitCode() == sandbox.ExitMissingLayer) {
		return fmt.Sprintf("harness: %s; %s: %q", fault, state, words)
	}
	switch {
	case status.Signaled() && status.Signal() == syscall.SIGSYS:
		return "SIGSYS"
	case strings.HasPrefix(answer, "succeeded"):
		return "succeeded"
	case strings.HasPrefix(answer, "refused "):
		return strings.TrimPrefix(answer, "refused ")
	default:
		return strings.ReplaceAll(state.String(), "exit status", "exit")
	}
}

// wrongLayers holds the report of a victim to its column: a layer that is to hold
// and does not would make a table that says nothing.
func wrongLayers(line string, c column, o order) string {
	r, err := sandbox.ParseReport([]byte(line))
	if err != nil {
		return err.Error()
	}
	for _, unit := range c.layers {
		l, ok := r.Layer(unit)
		switch {
		case unit == namespaces, unit == sandbox.LayerDescriptors && o.leaks():
		case unit == sandbox.LayerRoot && c.name == "all but "+namespaces: // there is none without them
		case !ok || !l.Holds():
			return fmt.Sprintf("layer %s is %+v", unit, l)
		}
	}
	return ""
}

// errNoKernel says that a kernel has no such thing.
var errNoKernel = errors.New("not on this kernel")
