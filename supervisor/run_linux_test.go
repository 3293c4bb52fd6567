package supervisor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/sandbox"
)

func TestStart(t *testing.T) {
	// What a careless parent left open: it must reach no child.
	leak, err := unix.Open(os.DevNull, unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(leak) }()
	cfg := config(t, "seal")
	cfg.BrokerArgs, cfg.BrokerConfig = []string{"test-broker"}, []byte("127.0.0.1:4222")
	cfg.Env = []string{"A=b"}
	b := launch(t, cfg)
	if r := b.log.next("broker ready"); r["address"] != "127.0.0.1:4222" {
		t.Errorf("broker ready: %v", r)
	}
	a := b.adapter()
	want := fmt.Sprintf("hello %d env=[A=b] fds=[0=/dev/null 1=", a.pid)
	const tail = " 3=pipe 4=socket 5=/memfd:blockgate-ring (deleted) 6=socket 7=socket]"
	if !strings.HasPrefix(a.said, want) || !strings.HasSuffix(a.said, tail) {
		t.Errorf("the adapter says %q, want %q", a.said, want)
	}
	for worker, pid := range b.parsers(2) {
		if err := sandbox.Attest(pid, sandbox.Report{}); err != nil {
			t.Errorf("worker %d: %v", worker, err)
		}
		held := descriptors(strconv.Itoa(pid))
		if os.Getuid() == 0 && (len(held) != 4 || held[0] != "0=/dev/null" || held[1] != "1=pipe" || held[2] != "2=pipe" || held[3] != "3=socket") {
			t.Errorf("worker %d holds %q", worker, held)
		}
		if env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ"); err == nil && len(env) > 0 {
			t.Errorf("worker %d has environment %q", worker, env)
		}
	}
	seen := map[string]bool{}
	for range 2 {
		_, rest, _ := strings.Cut(a.next("ready"), " ")
		worker, line, _ := strings.Cut(rest, " ")
		r, err := sandbox.ParseReport([]byte(line))
		if err != nil || r.Build != testBuild || len(r.Layers) != 17 {
			t.Errorf("worker %s: %+v, %v", worker, r, err)
		}
		seen[worker] = true
		a.do("job " + worker)
		if got := a.next("answer"); !strings.HasSuffix(got, " <nil>") {
			t.Error(got)
		}
	}
	if !seen["0"] || !seen["1"] {
		t.Errorf("ready: %v", seen)
	}
}

func TestParserIsReplaced(t *testing.T) {
	t.Parallel()
	b := launch(t, config(t, "seal"))
	a := b.adapter()
	pids := b.parsers(2)
	a.next("ready")
	a.next("ready")
	before := time.Now()
	gone := watch(t, pids[1])
	kill9(t, pids[1])
	gone()
	if got := a.next("died"); got != "died 1 signal: killed" {
		t.Error(got)
	}
	r := b.log.next("parser died")
	if r.number("worker") != 1 || r.number("pid") != pids[1] || r["cause"] != "signal: killed" || r["condemned"] != false {
		t.Errorf("logged as %v", r)
	}
	if got := a.next("ready"); !strings.HasPrefix(got, "ready 1 ") {
		t.Error(got)
	}
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("a new parser took %s", took)
	}
	if again := b.parsers(1); again[1] == 0 || again[1] == pids[1] {
		t.Errorf("the new one is %v", again)
	}
	a.do("job 1")
	a.next("answer")
}

// TestStaleJobIsDropped: what the adapter sent to a dead parser kills the next one
// if it gets there, since it is no job.
func TestStaleJobIsDropped(t *testing.T) {
	t.Parallel()
	cfg := config(t, "seal")
	cfg.Parsers = 1
	b := launch(t, cfg)
	a := b.adapter()
	a.next("ready")
	pid := b.parsers(1)[0]
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		a.do("send 0")
		a.next("sent")
	}
	kill9(t, pid)
	a.next("died")
	a.next("ready")
	a.do("job 0")
	a.next("answer")
	if waits := a.waits["died"]; len(waits) > 0 {
		t.Errorf("the next one died too: %v", waits)
	}
}

func TestAdapterHasParserKilled(t *testing.T) {
	t.Parallel()
	b := launch(t, config(t, "seal"))
	a := b.adapter()
	b.parsers(2)
	a.next("ready")
	a.next("ready")
	for i := range 5 { // so few wait for nothing
		a.do("kill 0")
		a.next("died")
		a.next("ready")
		if r := b.log.next("parser died"); r["condemned"] != true || r.number("restart_in") != 0 {
			t.Errorf("kill %d: %v", i, r)
		}
	}
	if len(a.waits["braked"]) > 0 {
		t.Errorf("braked: %v", a.waits["braked"])
	}
}

// TestLateKill: a kill that was meant for a parser that died meanwhile does not
// meet the next one.
func TestLateKill(t *testing.T) {
	t.Parallel()
	cfg := config(t, "seal")
	cfg.Parsers = 1
	b := launch(t, cfg)
	a := b.adapter()
	a.next("ready")
	kill9(t, b.parsers(1)[0])
	a.next("died")
	a.next("ready")
	second := b.parsers(1)[0]
	b.log.next("parser died")
	a.do("kill-predecessor 0")
	a.do("job 0")
	if got := a.next("answer"); !strings.HasSuffix(got, " <nil>") {
		t.Error(got)
	}
	a.do("kill 0") // is read after the one before
	if got := a.next("died"); got != "died 0 signal: killed" {
		t.Error(got)
	}
	if r := b.log.next("parser died"); r.number("pid") != second || r["condemned"] != true {
		t.Errorf("logged as %v, want the end of %d", r, second)
	}
}

// TestDeathsOfWorkAreNotBraked: a parser that died after it was ready is replaced at
// once, again and again, until the bucket that all share is empty; then each waits its
// turn, and the adapter is told.
func TestDeathsOfWorkAreNotBraked(t *testing.T) {
	t.Parallel()
	b := launch(t, config(t, "seal"))
	a := b.adapter()
	a.next("ready")
	a.next("ready")
	begun := time.Now()
	for i := range startBurst + 2*startsPerSecond {
		a.do(fmt.Sprintf("send %d", i%2)) // no job: the parser ends
		if got := a.next("died"); !strings.Contains(got, `exit status 3: "blockgate-parser: not a job`) {
			t.Error(got)
		}
		switch delay := time.Duration(b.log.next("parser died").number("restart_in")); {
		case delay == 0:
		case i < startBurst:
			t.Errorf("death %d costs %s", i, delay)
		case delay > time.Second/startsPerSecond:
			t.Errorf("death %d costs %s, want a turn of the bucket at most", i, delay)
		default:
			if got := a.next("braked"); strings.TrimSpace(got) != fmt.Sprintf("braked %d", i%2) {
				t.Error(got)
			}
		}
		a.next("ready")
	}
	if took := time.Since(begun); took < 2*time.Second-time.Second/startsPerSecond {
		t.Errorf("%d starts took %s", startBurst+2*startsPerSecond, took)
	}
	if n := len(a.waits["braked"]); n > 0 {
		t.Errorf("braked %d times more than it paused", n)
	}
}

func TestAdapterIsReplaced(t *testing.T) {
	t.Parallel()
	cfg := config(t, "seal")
	cfg.BrokerArgs = []string{"test-broker"}
	b := launch(t, cfg)
	broker := b.log.next("broker ready").number("pid")
	first := b.adapter()
	pids := b.parsers(2)
	gone := []func(){watch(t, pids[0]), watch(t, pids[1]), watch(t, first.pid)}
	kill9(t, first.pid)
	for _, g := range gone {
		g()
	}
	if r := b.log.next("adapter died"); r.number("pid") != first.pid || r["cause"] != "signal: killed" {
		t.Errorf("logged as %v", r)
	}
	second := b.adapter()
	if second.pid == first.pid {
		t.Error("the same adapter")
	}
	b.parsers(2)
	second.next("ready")
	second.next("ready")
	second.do("job 1")
	second.next("answer")

	gone = []func(){watch(t, broker)}
	kill9(t, broker)
	gone[0]()
	if r := b.log.next("broker died"); r.number("pid") != broker {
		t.Errorf("logged as %v", r)
	}
	if again := b.log.next("broker ready").number("pid"); again == broker {
		t.Error("the same broker")
	}
	second.do("job 0")
	second.next("answer")
}

// TestNothingOutlivesTheSupervisor kills the supervisor alone.
func TestNothingOutlivesTheSupervisor(t *testing.T) {
	t.Parallel()
	cfg := config(t, "seal")
	cfg.BrokerArgs = []string{"test-broker"}
	b, cmd, _ := launchChild(t, cfg)
	gone := []func(){watch(t, b.log.next("broker ready").number("pid")), watch(t, b.adapter().pid)}
	for _, pid := range b.parsers(2) {
		gone = append(gone, watch(t, pid))
	}
	kill9(t, cmd.Process.Pid)
	for _, g := range gone {
		g()
	}
}

func TestGracefulStop(t *testing.T) {
	t.Parallel()
	cfg := config(t, "farewell\nseal")
	cfg.BrokerArgs = []string{"test-broker"}
	b := launch(t, cfg)
	a := b.adapter()
	gone := []func(){watch(t, a.pid), watch(t, b.log.next("broker ready").number("pid"))}
	for _, pid := range b.parsers(2) {
		gone = append(gone, watch(t, pid))
	}
	b.stop()
	a.next("term")
	a.next("answer") // of a parser, after SIGTERM
	if err := b.end(); err != nil {
		t.Error(err)
	}
	for _, g := range gone {
		g()
	}
	adapter, broker := b.log.next("adapter stopped"), b.log.next("broker stopped")
	if adapter["cause"] != "exit status 0" || broker["cause"] != "exit status 0" {
		t.Errorf("stopped as %v and %v", adapter, broker)
	}
	if fmt.Sprint(adapter["time"]) > fmt.Sprint(broker["time"]) {
		t.Error("the broker stopped first")
	}
}

func TestStubbornAdapterIsKilled(t *testing.T) {
	t.Parallel()
	b := launch(t, config(t, "stubborn\nseal"))
	a := b.adapter()
	b.parsers(2)
	before := time.Now()
	b.stop()
	a.next("term")
	if err := b.end(); err != nil {
		t.Error(err)
	}
	if took := time.Since(before); took < adapterGrace || took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if r := b.log.next("adapter stopped"); r["cause"] != "signal: killed" {
		t.Errorf("stopped as %v", r)
	}
}

func TestStopBeforeReady(t *testing.T) {
	t.Parallel()
	b := launch(t, config(t, "wait"))
	b.adapter()
	b.stop()
	if err := b.end(); err != nil {
		t.Error(err)
	}
}

func TestFatalCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []int{2, 4, 5, 6} {
		b := launch(t, config(t, fmt.Sprintf("exit %d", code)))
		exit, ok := errors.AsType[*ExitError](b.end())
		if !ok || exit.Code != code || exit.Role != "adapter" || exit.Detail == "" {
			t.Errorf("adapter that ends with %d: %v", code, exit)
		}
		cfg := config(t, "seal")
		cfg.BrokerArgs, cfg.BrokerConfig = []string{"test-broker"}, []byte(strconv.Itoa(code))
		exit, ok = errors.AsType[*ExitError](launch(t, cfg).end())
		if !ok || exit.Code != code || exit.Role != "broker" || exit.Detail == "" {
			t.Errorf("broker that ends with %d: %v", code, exit)
		}
	}
}

// TestOtherCodesRestart: 3 may pass, and after SEALED so may what was fatal before.
func TestOtherCodesRestart(t *testing.T) {
	t.Parallel()
	b := launch(t, config(t, "wait"))
	b.adapter().do("exit 3")
	b.log.next("adapter died")
	second := b.adapter()
	second.do("seal")
	b.parsers(2)
	second.do("exit 4")
	if r := b.log.next("adapter died"); r["cause"] != "exit status 4" {
		t.Errorf("logged as %v", r)
	}
	b.adapter().do("exit 2")
	b.log.next("adapter died")
	b.adapter().do("exit 4") // before it was ready: it cannot be confined any more
	if exit, ok := errors.AsType[*ExitError](b.end()); !ok || exit.Code != sandbox.ExitMissingLayer || exit.Role != "adapter" {
		t.Errorf("ended with %v", exit)
	}
}

// TestHopelessCodesEnd: files and bus are what the operator must mend, whenever
// the adapter says so.
func TestHopelessCodesEnd(t *testing.T) {
	t.Parallel()
	for _, code := range []int{5, 6} {
		b := launch(t, config(t, "seal"))
		b.parsers(2)
		b.adapter().do(fmt.Sprintf("exit %d", code))
		exit, ok := errors.AsType[*ExitError](b.end())
		if !ok || exit.Code != code || exit.Role != "adapter" {
			t.Errorf("adapter that ends with %d when it was ready: %v", code, exit)
		}
	}
}

func TestMisbehavingAdapterIsKilled(t *testing.T) {
	t.Parallel()
	for orders, reason := range map[string]string{
		"junk":                   "malformed control record",
		"pretend":                "seal",
		"kill 0":                 "said kill before sealed",
		"seal\nkill 2":           "said kill of worker 2",
		"seal\nkill-successor 0": "said kill of worker 0, generation 2, which was never there",
		"seal\nlayers 2":         "said layers of worker 2",
		"seal\njunk":             "malformed control record",
	} {
		b := launch(t, config(t, orders))
		if r := b.log.next("adapter misbehaved"); !strings.Contains(fmt.Sprint(r["reason"]), reason) {
			t.Errorf("%q: %v", orders, r)
		}
		if r := b.log.next("adapter died"); r["cause"] != "signal: killed" {
			t.Errorf("%q: %v", orders, r)
		}
		b.stop()
		if err := b.end(); err != nil {
			t.Error(err)
		}
	}
}

func TestUnfitParsers(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	talker := fake(t, "talker")
	plain := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(plain, []byte("no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil func(cfg *Config)
		code  int
		want  string
	}{
		{"of another build", func(cfg *Config) { cfg.BuildID = "another" }, sandbox.ExitFailure, `its identity is "test-build", ours "another"`},
		{"that lies", func(cfg *Config) { cfg.ParserPath = self }, sandbox.ExitMissingLayer, "process is not confined"},
		{"that talks", func(cfg *Config) { cfg.ParserPath = talker }, sandbox.ExitFailure, "malformed sandbox status line"},
		{"that is not there", func(cfg *Config) { cfg.ParserPath = "/nowhere/parser" }, sandbox.ExitFailure, "/nowhere/parser"},
		{"that is no program", func(cfg *Config) { cfg.ParserPath = plain }, sandbox.ExitFailure, "exec format error"},
	} {
		cfg := config(t, "seal")
		c.spoil(&cfg)
		exit, ok := errors.AsType[*ExitError](launch(t, cfg).end())
		if !ok || exit.Code != c.code || exit.Role != "parser" || !strings.Contains(exit.Detail, c.want) {
			t.Errorf("a parser %s: %v", c.name, exit)
		}
	}
}

// TestPoorKernels runs the whole service where a layer is not to be had.
func TestPoorKernels(t *testing.T) {
	t.Parallel()
	for _, without := range []string{"landlock", "seccomp"} {
		_, cmd, said := launchChild(t, config(t, "seal"), nerf, without)
		err := cmd.Wait()
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != sandbox.ExitMissingLayer {
			t.Errorf("without %s: %v", without, err)
		}
		if !strings.Contains(said.String(), "required sandbox layer "+without+" is missing") || !strings.Contains(said.String(), sandbox.Remedy(without)) {
			t.Errorf("without %s it says %q", without, said)
		}
	}
	cfg := config(t, "seal")
	cfg.AllowNoLandlock = true
	b, _, _ := launchChild(t, cfg, nerf, "landlock")
	b.parsers(2)
	loud := 0
	for loud < 2 { // for each parser
		r := b.log.next("sandbox layer not in force")
		if r["layer"] == sandbox.LayerLandlock && r["level"] == "ERROR" && r["state"] == "off" {
			loud++
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(cfg *Config){
		"no parser":        func(cfg *Config) { cfg.ParserPath = "" },
		"no parsers":       func(cfg *Config) { cfg.Parsers = 0 },
		"too many parsers": func(cfg *Config) { cfg.Parsers = 65 },
		"no adapter":       func(cfg *Config) { cfg.AdapterArgs = nil },
		"long config":      func(cfg *Config) { cfg.AdapterConfig = make([]byte, MaxConfigBytes+1) },
		"long broker's":    func(cfg *Config) { cfg.BrokerConfig = make([]byte, MaxConfigBytes+1) },
	} {
		cfg := config(t, "seal")
		spoil(&cfg)
		err := Run(t.Context(), cfg)
		if exit, ok := errors.AsType[*ExitError](err); !ok || exit.Code != sandbox.ExitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg, err := Config{ParserPath: "p", Parsers: 64, AdapterArgs: []string{}, AdapterConfig: make([]byte, MaxConfigBytes)}.withDefaults()
	if err != nil || cfg.Self != "/proc/self/exe" || cfg.Env == nil || cfg.Log == nil || cfg.BuildID != sandbox.BuildID() {
		t.Errorf("defaults: %+v, %v", cfg, err)
	}
}

// TestLargestConfigFits: it goes through the pipe before anybody reads.
func TestLargestConfigFits(t *testing.T) {
	t.Parallel()
	text := slices.Repeat([]byte{'x'}, MaxConfigBytes)
	file, err := filledPipe("config", text)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	got := make([]byte, len(text)+1)
	n := 0
	for n < len(got) {
		more, err := file.Read(got[n:])
		if err != nil {
			break
		}
		n += more
	}
	if n != len(text) {
		t.Errorf("%d bytes came through", n)
	}
}
