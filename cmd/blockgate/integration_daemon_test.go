package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that is on its way.
const patience = 25 * time.Second

// record is one line of a service's log.
type record struct {
	Msg, Level, Role    string
	Pid, Worker, Height int
	Peer, Reason        string
	Code, Detail        string
	Cause, Error, Why   string
	Kind, Transport     string
	Condemned           bool
	Capabilities        string
	RoleOf              string `json:"role_of"`
	Layer, State        string
	WaitingFor          string `json:"waiting_for"`
	text                string // the line as it came
}

// daemon is a `blockgate run` under test, followed by its log.
type daemon struct {
	t       testing.TB
	dataDir string
	process *exec.Cmd
	ended   chan struct{} // closed when it ended and the log is read

	mu      sync.Mutex // guards what follows
	log     []record
	changed chan struct{} // closed, and made anew, at each line
}

// daemonOptions say how a daemon is started, beyond its arguments.
type daemonOptions struct {
	binDir  string   // of other programs than those under test
	program string   // not empty: another one than blockgate
	before  []string // arguments before all others
	env     []string
	uid     uint32 // not 0: another user

	defaultHTTP bool // metrics are served where a user gets them
}

// startDaemon starts `blockgate run` with the bundled broker on a free port,
// unless the arguments say where the bus is. It is killed when the test ends.
func startDaemon(t testing.TB, dataDir string, args ...string) *daemon {
	t.Helper()
	return startDaemonWith(t, daemonOptions{}, dataDir, args...)
}

func startDaemonWith(t testing.TB, options daemonOptions, dataDir string, args ...string) *daemon {
	t.Helper()
	if !slices.Contains(args, "--nats") && !slices.Contains(args, "--nats-listen") {
		args = append(args, "--nats-listen", freeAddress(t))
	}
	if !slices.Contains(args, "--journal-size") {
		args = append(args, "--journal-size", "64MiB")
	}
	if !slices.Contains(args, "--http-listen") && !options.defaultHTTP {
		args = append(args, "--http-listen", "")
	}
	args = append([]string{"run", "--log-format", "json", "--datadir", dataDir}, args...)
	d := &daemon{t: t, dataDir: dataDir, ended: make(chan struct{}), changed: make(chan struct{})}
	d.process = options.command(args...)
	stderr, err := d.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.cleanup)
	go d.follow(stderr)
	return d
}

// command returns blockgate with arguments and an environment of its own.
func (o daemonOptions) command(args ...string) *exec.Cmd {
	dir := o.binDir
	if dir == "" {
		dir = binDir
	}
	program := o.program
	if program == "" {
		program = "blockgate"
	}
	cmd := exec.CommandContext(context.Background(), filepath.Join(dir, program), append(slices.Clone(o.before), args...)...)
	cmd.Env = append([]string{"HOME=/nonexistent"}, o.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: 0}
	if o.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: o.uid, Gid: o.uid}
	}
	return cmd
}

// cleanup kills the daemon if it still runs, and shows the log of a failed test.
func (d *daemon) cleanup() {
	_ = d.process.Process.Kill()
	<-d.ended
	if !d.t.Failed() {
		return
	}
	lines := d.lines()
	for _, r := range lines[max(0, len(lines)-100):] {
		d.t.Log(r.text)
	}
}

func (d *daemon) follow(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(make([]byte, 0, 4096), maxLogLine)
	for lines.Scan() {
		r := record{text: lines.Text()}
		_ = json.Unmarshal(lines.Bytes(), &r) // a line that is none has its text alone
		d.mu.Lock()
		d.log = append(d.log, r)
		close(d.changed)
		d.changed = make(chan struct{})
		d.mu.Unlock()
	}
	_ = d.process.Wait()
	close(d.ended)
}

// lines returns the log so far.
func (d *daemon) lines() []record {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

// await returns the first line from index on that matches, and the index behind
// it. It fails the test if the service ends or patience does before.
func (d *daemon) await(what string, from int, match func(record) bool) (record, int) {
	d.t.Helper()
	return d.awaitFor(patience, what, from, match)
}

func (d *daemon) awaitFor(limit time.Duration, what string, from int, match func(record) bool) (record, int) {
	d.t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	for over := false; ; {
		d.mu.Lock()
		log, changed := d.log, d.changed
		d.mu.Unlock()
		for ; from < len(log); from++ {
			if match(log[from]) {
				return log[from], from + 1
			}
		}
		if over {
			d.t.Fatalf("the service ended before %s", what)
		}
		select {
		case <-changed:
		case <-d.ended:
			over = true // look at the last lines, too
		case <-late.C:
			d.t.Fatalf("no %s within %s", what, limit)
		}
	}
}

// message matches lines with that text.
func message(text string) func(record) bool {
	return func(r record) bool { return r.Msg == text }
}

// awaitMessage waits for a line with that text from index on.
func (d *daemon) awaitMessage(text string, from int) (record, int) {
	d.t.Helper()
	return d.await(fmt.Sprintf("line %q", text), from, message(text))
}

// live returns the pid of the newest process of a kind: "broker", "adapter".
func (d *daemon) live(role string) int {
	d.t.Helper()
	pid := 0
	for _, r := range d.lines() {
		if r.Msg == role+" started" {
			pid = r.Pid
		}
	}
	if pid == 0 {
		d.t.Fatalf("no %s has started", role)
	}
	return pid
}

// parsers returns the pids of the parsers that were ready last, by worker.
func (d *daemon) parsers() map[int]int {
	pids := map[int]int{}
	for _, r := range d.lines() {
		switch r.Msg {
		case "parser ready":
			pids[r.Worker] = r.Pid
		case "parser died":
			delete(pids, r.Worker)
		case "adapter died":
			clear(pids)
		}
	}
	return pids
}

// awaitParsers waits until so many parsers are ready at a time.
func (d *daemon) awaitParsers(count int) map[int]int {
	d.t.Helper()
	d.await(fmt.Sprintf("%d parsers", count), 0, func(record) bool { return len(d.parsers()) >= count })
	return d.parsers()
}

// kill sends SIGKILL to a process of the service.
func (d *daemon) kill(pid int) {
	d.t.Helper()
	signalTo(d.t, pid, syscall.SIGKILL)
}

// signalTo sends a signal to one process: 0 would be all of our own group, and what
// is below that more still.
func signalTo(t testing.TB, pid int, s syscall.Signal) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("signal %v to %d, which is no process of the service", s, pid)
	}
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatalf("signal %v to %d: %v", s, pid, err)
	}
}

// stop asks the service to end and returns its exit code, -1 for a signal.
func (d *daemon) stop() int {
	d.t.Helper()
	signalTo(d.t, d.process.Process.Pid, syscall.SIGTERM)
	return d.awaitEnd()
}

// awaitEnd waits until the service has ended and returns its exit code.
func (d *daemon) awaitEnd() int {
	d.t.Helper()
	select {
	case <-d.ended:
		return d.process.ProcessState.ExitCode()
	case <-time.After(patience):
		d.t.Fatalf("the service did not end within %s", patience)
		return 0
	}
}

// descendants returns the pids of all processes below pid.
func descendants(t testing.TB, pid int) []int {
	t.Helper()
	parents := map[int]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		_, after, ok := strings.Cut(string(stat), ") ")
		if err != nil || !ok {
			continue // it ended meanwhile
		}
		fields := strings.Fields(after)
		parents[child], _ = strconv.Atoi(fields[1])
	}
	var below []int
	for child := range parents {
		for up := parents[child]; up > 1; up = parents[up] {
			if up == pid {
				below = append(below, child)
				break
			}
		}
	}
	return below
}

// awaitGone waits until none of the processes is there any more.
func awaitGone(t testing.TB, pids []int) {
	t.Helper()
	eventually(t, fmt.Sprintf("end of processes %v", pids), func() bool {
		return !slices.ContainsFunc(pids, func(pid int) bool { return syscall.Kill(pid, 0) == nil })
	})
}

// eventually looks at a condition every few milliseconds until it holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick, late := time.NewTicker(5*time.Millisecond), time.NewTimer(patience)
	defer tick.Stop()
	defer late.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("no %s within %s", what, patience)
		}
	}
}

// freeAddress returns an address on loopback that nobody listens on just now. Its port is
// none that the kernel gives to connections, so that nobody gets it meanwhile.
func freeAddress(t testing.TB) string {
	t.Helper()
	const lowest, ports = 10_000, 20_000 // Source: ip_local_port_range begins at 32,768.
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(ports)))
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err == nil {
			_ = listener.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// runOnce runs blockgate to its end and returns exit code and output. It fails the
// test if that takes longer than patience.
func runOnce(t testing.TB, options daemonOptions, args ...string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := options.command(args...)
	defer context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })()
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("blockgate %q: %v\n%s", args, err, text)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}
