package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/sandbox"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/ring"
	"blockgate/sandbox/verdict"
)

// program and nerf are what TestMain built: the parser as it is shipped, and the
// program that takes features away.
var program, nerf string

func TestMain(m *testing.M) {
	// What a shell or a test runner left open would count as a leak.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "parser")
	if err != nil {
		panic(err)
	}
	program, nerf = filepath.Join(dir, "blockgate-parser"), filepath.Join(dir, "nerf")
	for target, pkg := range map[string]string{program: ".", nerf: "../../sandbox/testdata/nerf"} {
		build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-o", target, pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// cell is a parser that the test started by hand, as the supervisor does.
type cell struct {
	*exec.Cmd
	ring   *ring.Ring
	jobs   int // our end
	status *os.File
	stderr bytes.Buffer
}

// start starts argv with the descriptors of a parser and those of more.
func start(t *testing.T, argv []string, more ...*os.File) *cell {
	t.Helper()
	fd := must(unix.MemfdCreate("ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING))(t)
	c := &cell{Cmd: exec.CommandContext(t.Context(), argv[0], argv[1:]...), ring: must(ring.Create(fd, 2))(t)}
	readOnly := must(ring.ReopenReadOnly(fd))(t)
	pair := must(unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0))(t)
	c.jobs = pair[0]
	theirs := os.NewFile(uintptr(pair[1]), "jobs")
	status, statusEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.status = status
	c.Env, c.Stdout, c.Stderr = []string{}, statusEnd, &c.stderr
	c.ExtraFiles = append([]*os.File{theirs, readOnly}, more...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{theirs, readOnly, statusEnd} {
		_ = f.Close()
	}
	_ = unix.Close(fd)
	t.Cleanup(func() {
		_ = unix.Close(c.jobs)
		_ = c.Process.Kill()
		_ = c.Wait()
		_ = status.Close()
	})
	return c
}

// must turns a value and an error into the value.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// report reads the status line, which must come within some seconds.
func (c *cell) report(t *testing.T) sandbox.Report {
	t.Helper()
	if err := c.status.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, sandbox.MaxStatusBytes+1)
	n, err := c.status.Read(line)
	if err != nil {
		t.Fatalf("no status line: %v; it said %q", err, c.stderr.String())
	}
	r, err := sandbox.ParseReport(bytes.TrimSuffix(line[:n], []byte("\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// exit waits for the end and returns the exit code, and what was said.
func (c *cell) exit(t *testing.T) (code int, said string) {
	t.Helper()
	_, _ = io.Copy(io.Discard, c.status)
	err := c.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), c.stderr.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, c.stderr.String()
}

// ask gives the parser a block and returns its answer and the entries.
func (c *cell) ask(t *testing.T, seq uint64, body []byte) (frame.Answer, int) {
	t.Helper()
	slot, ok := c.ring.Take()
	if !ok {
		t.Fatal("no slot")
	}
	defer c.ring.Release(slot)
	copy(c.ring.Bytes(slot, len(body)), body)
	job := frame.Job{Kind: frame.KindBlock, Seq: seq, Slot: uint32(slot), Len: uint32(len(body)), Network: btc.Regtest, Height: 1}
	if _, err := unix.Write(c.jobs, job.Append(nil)); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, frame.MaxMessage+1)
	answer := must(frame.DecodeAnswer(message[:must(unix.Read(c.jobs, message))(t)]))(t)
	bytesOfChunks := 0
	for left := answer.Count; left > 0; left -= frame.MaxChunkEntries {
		bytesOfChunks += must(unix.Read(c.jobs, message))(t) - 16
	}
	return answer, bytesOfChunks / claim.EntrySize
}

// manyTransactions is a block, sound in its form alone, of n transactions.
func manyTransactions(n int) []byte {
	body := append(make([]byte, 0, btc.HeaderSize+3+60*n+2), make([]byte, btc.HeaderSize)...)
	body = append(body, 0xfd)
	body = binary.LittleEndian.AppendUint16(body, uint16(n))
	tx := append([]byte{1, 0, 0, 0, 1}, make([]byte, 36)...)
	tx = append(tx, 0, 0xff, 0xff, 0xff, 0xff, 1)
	tx = append(tx, make([]byte, 8)...)
	tx = append(tx, 0, 0, 0, 0, 0)
	null := append(make([]byte, 32), 0xff, 0xff, 0xff, 0xff)
	body = slices.Concat(body, tx[:5], null, []byte{2, 0x51, 0x51}, tx[42:]) // a coinbase, of height 1
	return append(body, bytes.Repeat(tx, n-1)...)
}

func TestEveryLayerHolds(t *testing.T) {
	c := start(t, []string{program})
	r := c.report(t)
	if len(r.Layers) != 9 {
		t.Errorf("layers: %+v", r.Layers)
	}
	for _, l := range r.Layers {
		if l.Required && l.State != sandbox.StateOK {
			t.Errorf("%+v", l)
		}
		t.Logf("%-15s %-8s %s", l.Name, l.State, l.Detail)
	}
	if err := sandbox.Attest(c.Process.Pid, sandbox.Report{}); err != nil {
		t.Error(err)
	}
	if environ, err := os.ReadFile("/proc/" + strconv.Itoa(c.Process.Pid) + "/environ"); err == nil && len(environ) > 0 {
		t.Errorf("environment %q", environ)
	}
	if comm, err := os.ReadFile("/proc/" + strconv.Itoa(c.Process.Pid) + "/comm"); err != nil || string(comm) != "blockgate-parse\n" {
		t.Errorf("ps shows %q, %v", comm, err)
	}
	answer, entries := c.ask(t, 1, manyTransactions(10_000))
	if answer.Verdict != verdict.OK || entries != 10_000 {
		t.Errorf("answer %+v with %d entries", answer, entries)
	}
	if answer, _ := c.ask(t, 2, []byte("no block")); answer.Verdict == verdict.OK {
		t.Errorf("answer to garbage: %+v", answer)
	}
}

// TestKernelSeesLimits reads the limits of a live parser where the kernel tells
// them, and that no thread may be added unseen.
func TestKernelSeesLimits(t *testing.T) {
	c := start(t, []string{program})
	c.report(t)
	dir := "/proc/" + strconv.Itoa(c.Process.Pid)
	text := string(must(os.ReadFile(dir + "/limits"))(t))
	for _, name := range []string{
		"Max core file size", "Max file size", "Max open files", "Max processes", "Max locked memory",
		"Max msgqueue size", "Max pending signals",
	} {
		_, rest, _ := strings.Cut(text, name)
		if f := strings.Fields(rest); len(f) < 2 || f[0] != "0" || f[1] != "0" {
			t.Errorf("%s is not 0:\n%s", name, text)
		}
	}
	for _, name := range []string{"Max address space", "Max data size"} {
		_, rest, _ := strings.Cut(text, name)
		f := strings.Fields(rest)
		if n, err := strconv.ParseUint(f[0], 10, 64); err != nil || n > 4<<30 || f[1] != f[0] {
			t.Errorf("%s is %v", name, f[:2])
		}
	}
	before := len(must(os.ReadDir(dir + "/task"))(t))
	for i := range 200 {
		c.ask(t, uint64(i), manyTransactions(1000))
	}
	if after := len(must(os.ReadDir(dir + "/task"))(t)); after != before {
		t.Errorf("%d threads became %d", before, after)
	}
}

// TestEndsQuietly: a parser whose adapter is gone ends with 0.
func TestEndsQuietly(t *testing.T) {
	c := start(t, []string{program})
	c.report(t)
	if err := unix.Shutdown(c.jobs, unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	if code, said := c.exit(t); code != 0 || said != "" {
		t.Errorf("exit code %d, %q", code, said)
	}
}

func TestNonsenseEndsIt(t *testing.T) {
	c := start(t, []string{program})
	c.report(t)
	if _, err := unix.Write(c.jobs, []byte("work!")); err != nil {
		t.Fatal(err)
	}
	if code, said := c.exit(t); code != sandbox.ExitFailure || !strings.HasPrefix(said, "blockgate-parser: ") {
		t.Errorf("exit code %d, %q", code, said)
	}
}

func TestLeakIsRefused(t *testing.T) {
	leak := must(os.Open(os.DevNull))(t)
	defer func() { _ = leak.Close() }()
	code, said := start(t, []string{program}, leak).exit(t)
	if code != sandbox.ExitMissingLayer || !strings.Contains(said, sandbox.LayerDescriptors) || !strings.Contains(said, "5=/dev/null") {
		t.Errorf("exit code %d, %q", code, said)
	}
}

func TestPoorKernels(t *testing.T) {
	for _, c := range []struct {
		name, without string
		flags         []string
		layer         string // that is missing, or empty
	}{
		{"no Landlock", "landlock", nil, sandbox.LayerLandlock},
		{"no seccomp", "seccomp", nil, sandbox.LayerSeccomp},
		{"no seccomp and a flag that does not help", "seccomp", []string{"--allow-no-landlock"}, sandbox.LayerSeccomp},
		{"no limits", "rlimits", nil, sandbox.LayerLimits},
		{"no Landlock, allowed", "landlock", []string{"--allow-no-landlock"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cell := start(t, append([]string{nerf, c.without, program}, c.flags...))
			if c.layer != "" {
				code, said := cell.exit(t)
				if code != sandbox.ExitMissingLayer || !strings.Contains(said, "layer "+c.layer+" is missing") ||
					!strings.Contains(said, sandbox.Remedy(c.layer)) {
					t.Errorf("exit code %d, %q", code, said)
				}
				return
			}
			l, _ := cell.report(t).Layer(sandbox.LayerLandlock)
			if l.State != sandbox.StateOff || !l.Required || !strings.Contains(l.Detail, "ALLOWED BY --allow-no-landlock") {
				t.Errorf("%+v", l)
			}
			if answer, _ := cell.ask(t, 1, manyTransactions(300)); answer.Verdict != verdict.OK {
				t.Errorf("answer %+v", answer)
			}
		})
	}
}

func TestWrongStart(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, sandbox.ExitFailure, "only blockgate can start this program"},
		{[]string{"--unknown"}, sandbox.ExitUsage, "-unknown"},
	} {
		out, err := exec.CommandContext(t.Context(), program, c.args...).CombinedOutput()
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%q: %v, %q", c.args, err, out)
		}
	}
}

// TestSoak keeps a parser busy for some seconds, collector included: a call that
// the policy lacks would kill it.
func TestSoak(t *testing.T) {
	length := 4 * time.Second
	if testing.Short() {
		length = time.Second
	}
	c := start(t, []string{program})
	c.report(t)
	full, small := manyTransactions(16_000), manyTransactions(300)
	jobs := uint64(0)
	for end := time.Now().Add(length); time.Now().Before(end); {
		for _, body := range [][]byte{full, small, full[:len(full)-1], small[:90]} {
			jobs++
			answer, _ := c.ask(t, jobs, body)
			if whole := len(body) == len(full) || len(body) == len(small); whole != (answer.Verdict == verdict.OK) {
				t.Fatalf("job %d of %d bytes: %+v", jobs, len(body), answer)
			}
		}
	}
	if err := sandbox.Attest(c.Process.Pid, sandbox.Report{}); err != nil {
		t.Error(err)
	}
	t.Logf("%d jobs", jobs)
}

// TestLinksNothing holds the binary to what may be inside the wall.
func TestLinksNothing(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		first, _, _ := strings.Cut(pkg, "/")
		standard := !strings.Contains(first, ".") && first != "blockgate"
		ours := map[string]bool{
			"blockgate/cmd/blockgate-parser": true, "blockgate/internal/btc": true, "blockgate/parser": true,
			"blockgate/parser/worker": true, "blockgate/sandbox": true, "blockgate/sandbox/claim": true,
			"blockgate/sandbox/frame": true, "blockgate/sandbox/ring": true, "blockgate/sandbox/verdict": true, "blockgate/internal/sha256d": true,
			"github.com/landlock-lsm/go-landlock/landlock": true, "github.com/landlock-lsm/go-landlock/landlock/syscall": true,
			"kernel.org/pub/linux/libs/security/libcap/psx": true, "golang.org/x/sys/unix": true,
		}
		forbidden := first == "net" || pkg == "os/exec" || pkg == "os/signal" || pkg == "plugin" || pkg == "runtime/cgo"
		if forbidden || !standard && !ours[pkg] && !strings.HasPrefix(pkg, "github.com/landlock-lsm/go-landlock/") {
			t.Errorf("%s is linked into the parser", pkg)
		}
	}
}

// TestOneIdentity: what the supervisor of the same build compares with.
func TestOneIdentity(t *testing.T) {
	override := filepath.Join(t.TempDir(), "parser")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X blockgate/sandbox.buildID=packaged-7", "-o", override, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	if got := start(t, []string{override}).report(t).Build; got != "packaged-7" {
		t.Errorf("identity %q", got)
	}
	plain := start(t, []string{program}).report(t).Build
	if !strings.HasSuffix(plain, " "+strings.Fields(sandbox.BuildID())[len(strings.Fields(sandbox.BuildID()))-1]) {
		t.Errorf("identity %q does not end in the Go version", plain)
	}
}
