//go:build linux

package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/ring"
)

// What TestMain built: the parser as it is shipped, but for its identity, and the
// program that takes features away.
var parserProgram, nerf string

const testBuild = "test-build"

// TestMain runs the tests, or one of the roles if a supervisor started this
// binary as that.
func TestMain(m *testing.M) {
	switch {
	case os.Args[0] == "blockgate-parser":
		os.Exit(fakeParser())
	case len(os.Args) > 1 && os.Args[1] == "test-adapter":
		testAdapter(os.Args[2])
	case len(os.Args) > 1 && os.Args[1] == "test-broker":
		os.Exit(testBroker())
	case len(os.Args) > 1 && os.Args[1] == "test-supervisor":
		os.Exit(testSupervisor(os.Args[2]))
	case len(os.Args) > 1 && os.Args[1] == "test-solo":
		os.Exit(testSolo(os.Args[2]))
	}
	dir, err := os.MkdirTemp("", "supervisor")
	if err != nil {
		panic(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // other users start these programs, too
		panic(err)
	}
	parserProgram, nerf = filepath.Join(dir, "blockgate-parser"), filepath.Join(dir, "nerf")
	for target, pkg := range map[string]string{parserProgram: "../cmd/blockgate-parser", nerf: "../sandbox/testdata/nerf"} {
		build := exec.CommandContext(context.Background(), "go", "build", "-ldflags", "-X blockgate/sandbox.buildID="+testBuild, "-o", target, pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// brokerLayers is a status line.
const brokerLayers = `blockgate-sandbox 1 build="test-build" seccomp=wanted,ok,"of the broker"`

// testBroker says that it is ready, and ends when it is asked to.
func testBroker() int {
	config, _ := io.ReadAll(os.NewFile(3, "config"))
	if code, err := strconv.Atoi(string(config)); err == nil {
		return code
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	says := []frame.Control{{Kind: frame.ControlReady, Text: string(config)}}
	layers := frame.Control{Kind: frame.ControlLayers, Worker: int(frame.ProcessBroker), Text: brokerLayers}
	switch string(config) {
	case "silent":
		<-term
		return 0
	case "sealed":
		says = []frame.Control{{Kind: frame.ControlSealed}}
	case "layers":
		says = []frame.Control{layers, says[0]}
	case "layers twice":
		says = []frame.Control{layers, layers}
	case "layers of another":
		layers.Worker = int(frame.ProcessAdapter)
		says = []frame.Control{layers}
	case "layers in other words":
		layers.Text = "I am fine"
		says = []frame.Control{layers}
	}
	for _, c := range says {
		record, err := frame.AppendControl(nil, c)
		if err == nil {
			_, err = unix.Write(4, record)
		}
		if err != nil {
			return 3
		}
	}
	<-term
	return 0
}

// testSupervisor runs a service for a test that must not run it itself.
func testSupervisor(config string) int {
	var cfg Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		panic(err)
	}
	cfg.Log = slog.New(slog.NewJSONHandler(os.Stdout, nil))
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	err := Run(ctx, cfg)
	if exit, ok := errors.AsType[*ExitError](err); ok {
		fmt.Fprintln(os.Stderr, err)
		return exit.Code
	}
	return 0
}

// adapterRole is an adapter that tells a test what happens to it, and does what
// the test says: first the lines of its configuration, then those of its socket.
type adapterRole struct {
	mu    sync.Mutex
	test  net.Conn
	ring  *ring.Ring
	ready map[int]uint32 // the generation that was ready last, by worker
}

func testAdapter(address string) {
	config, err := io.ReadAll(os.NewFile(3, "config"))
	if err != nil {
		panic(err)
	}
	held := descriptors("self") // before there is a socket to the test
	a := &adapterRole{ready: map[int]uint32{}}
	if a.test, err = new(net.Dialer).DialContext(context.Background(), "unix", address); err != nil {
		panic(err)
	}
	a.tell("hello %d env=%v fds=%v", os.Getpid(), os.Environ(), held)
	go a.heed()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		a.tell("term")
		if strings.Contains(string(config), "farewell") {
			a.job(0) // parsers must outlive us
		}
		if !strings.Contains(string(config), "stubborn") {
			os.Exit(0)
		}
	}()
	lines := bufio.NewScanner(io.MultiReader(strings.NewReader(string(config)), a.test))
	for lines.Scan() {
		a.do(lines.Text())
	}
	select {}
}

func (a *adapterRole) tell(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _ = fmt.Fprintf(a.test, format+"\n", args...)
}

// heed tells the test of every control record.
func (a *adapterRole) heed() {
	buf := make([]byte, frame.ControlSize+1)
	for {
		n, err := unix.Read(4, buf)
		if n == 0 || err != nil {
			return
		}
		c, err := frame.DecodeControl(buf[:n])
		if err != nil {
			a.tell("bad %v", err)
			continue
		}
		if c.Kind == frame.ControlReady {
			a.mu.Lock()
			a.ready[c.Worker] = c.Generation
			a.mu.Unlock()
		}
		a.tell("%s %d %s", c.Kind, c.Worker, c.Text)
	}
}

func (a *adapterRole) do(line string) {
	word, rest, _ := strings.Cut(line, " ")
	n, _ := strconv.Atoi(rest)
	switch word {
	case "seal":
		var err error
		if a.ring, err = ring.Create(5, 2); err != nil {
			a.tell("bad %v", err)
			return
		}
		a.say(frame.Control{Kind: frame.ControlSealed})
	case "pretend":
		a.say(frame.Control{Kind: frame.ControlSealed})
	case "junk":
		_, _ = unix.Write(4, []byte("junk"))
	case "kill":
		a.kill(n, 0)
	case "kill-predecessor":
		a.kill(n, -1)
	case "kill-successor":
		a.kill(n, 1)
	case "layers":
		a.say(frame.Control{Kind: frame.ControlLayers, Worker: n})
	case "job":
		a.job(n)
	case "send":
		_, _ = unix.Write(6+n, []byte("nobody may read this"))
		a.tell("sent")
	case "exit":
		os.Exit(n)
	}
}

// kill wants a worker killed, of the generation that was ready last or of one
// beside it; of the first if none was ready.
func (a *adapterRole) kill(worker, beside int) {
	a.mu.Lock()
	generation := max(a.ready[worker], 1)
	a.mu.Unlock()
	a.say(frame.Control{Kind: frame.ControlKill, Cause: frame.CauseHung, Worker: worker, Generation: uint32(int(generation) + beside)})
}

func (a *adapterRole) say(c frame.Control) {
	record, err := frame.AppendControl(nil, c)
	if err == nil {
		_, err = unix.Write(4, record)
	}
	if err != nil {
		a.tell("bad %v", err)
	}
}

// job has the worker look at an empty slot.
func (a *adapterRole) job(worker int) {
	job := frame.Job{Kind: frame.KindBlock, Seq: 7, Len: 100, Network: btc.Regtest, Height: 1}
	answer := make([]byte, frame.MaxMessage)
	if _, err := unix.Write(6+worker, job.Append(nil)); err != nil {
		a.tell("bad %v", err)
		return
	}
	n, err := unix.Read(6+worker, answer)
	if err != nil {
		a.tell("bad %v", err)
		return
	}
	got, err := frame.DecodeAnswer(answer[:n])
	a.tell("answer %s %v", got.Verdict, err)
}

// descriptors lists what a process holds, without what its own runtime opens: the
// poller and the limits of its cgroup.
func descriptors(pid string) []string {
	dir := "/proc/" + pid + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []string{err.Error()}
	}
	var held []string
	for _, e := range entries {
		kind, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err == nil && !strings.HasPrefix(kind, "anon_inode:") && !strings.HasPrefix(kind, "/sys/fs/cgroup/") {
			kind, _, _ = strings.Cut(kind, ":[")
			held = append(held, e.Name()+"="+kind)
		}
	}
	slices.Sort(held)
	return held
}

// record is one line of the log.
type record map[string]any

func (r record) number(key string) int {
	n, _ := r[key].(float64)
	return int(n)
}

// bench is a service under test.
type bench struct {
	t        *testing.T
	log      queues[record]
	adapters <-chan *peer
	stop     func()
	ended    <-chan error
}

// peer is a test adapter as the test sees it.
type peer struct {
	queues[string]
	conn net.Conn
	pid  int
	said string // its hello
}

func (p *peer) do(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.conn, line); err != nil {
		p.t.Fatal(err)
	}
}

func config(t *testing.T, orders string) Config {
	t.Helper()
	return Config{
		ParserPath: parserProgram, Parsers: 2, BuildID: testBuild,
		AdapterArgs:   []string{"test-adapter", filepath.Join(t.TempDir(), "test.sock")},
		AdapterConfig: []byte(orders + "\n"),
	}
}

// launch runs the service in this process.
func launch(t *testing.T, cfg Config) *bench {
	t.Helper()
	b := &bench{t: t, adapters: welcome(t, cfg)}
	read, write := io.Pipe()
	cfg.Log = slog.New(slog.NewJSONHandler(write, nil))
	b.log = logOf(t, read)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		err := Run(ctx, cfg)
		_ = write.Close()
		ended <- err
		close(ended)
	}()
	b.stop, b.ended = cancel, ended
	t.Cleanup(func() {
		cancel()
		for range ended { // a test may have taken the value
			continue
		}
	})
	return b
}

// launchChild runs the service in a child, started by the words before.
func launchChild(t *testing.T, cfg Config, before ...string) (*bench, *exec.Cmd, *strings.Builder) {
	t.Helper()
	b := &bench{t: t, adapters: welcome(t, cfg)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	argv := append(before, self, "test-supervisor", string(text))
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := &strings.Builder{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.log = logOf(t, out)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return b, cmd, said
}

// logOf turns lines of JSON into records.
func logOf(t *testing.T, from io.Reader) queues[record] {
	t.Helper()
	records := make(chan record, 1000)
	go func() {
		defer close(records)
		lines := bufio.NewScanner(from)
		for lines.Scan() {
			var r record
			if err := json.Unmarshal(lines.Bytes(), &r); err == nil {
				records <- r
			}
		}
	}()
	return queues[record]{t, "the log", records, func(r record) string { return fmt.Sprint(r["msg"]) }, map[string][]record{}}
}

// welcome listens for the adapters of the service.
func welcome(t *testing.T, cfg Config) <-chan *peer {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", cfg.AdapterArgs[len(cfg.AdapterArgs)-1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	peers := make(chan *peer, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			lines := make(chan string, 1000)
			p := &peer{conn: conn}
			p.queues = queues[string]{t, "the adapter", lines, func(s string) string { w, _, _ := strings.Cut(s, " "); return w }, map[string][]string{}}
			scanner := bufio.NewScanner(conn)
			if scanner.Scan() {
				p.said = scanner.Text()
				_, _ = fmt.Sscanf(p.said, "hello %d", &p.pid)
				peers <- p
			}
			go func() {
				defer close(lines)
				for scanner.Scan() {
					lines <- scanner.Text()
				}
			}()
		}
	}()
	return peers
}

func (b *bench) adapter() *peer {
	b.t.Helper()
	select {
	case p := <-b.adapters:
		return p
	case <-time.After(patience):
		for len(b.log.source) > 0 {
			r := <-b.log.source
			b.log.waits[b.log.key(r)] = append(b.log.waits[b.log.key(r)], r)
		}
		b.t.Fatalf("no adapter; the log had %v", b.log.waits)
		return nil
	}
}

// parsers waits until n parsers are ready, and returns their pids by worker.
func (b *bench) parsers(n int) map[int]int {
	b.t.Helper()
	pids := map[int]int{}
	for range n {
		r := b.log.next("parser ready")
		pids[r.number("worker")] = r.number("pid")
	}
	return pids
}

// end waits for the end of the service.
func (b *bench) end() error {
	b.t.Helper()
	select {
	case err := <-b.ended:
		return err
	case <-time.After(patience):
		b.t.Fatal("the service does not end")
		return nil
	}
}

// watch returns a function that waits until the process is gone.
func watch(t *testing.T, pid int) (gone func()) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("watch %d: %v", pid, err)
	}
	return func() {
		t.Helper()
		defer func() { _ = unix.Close(fd) }()
		for {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if n != 1 || err != nil {
				t.Errorf("process %d is still there: %v", pid, err)
			}
			return
		}
	}
}

func kill9(t *testing.T, pid int) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("process %d is none of ours", pid)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
