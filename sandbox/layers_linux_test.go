package sandbox

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets this binary be run again as a program that prints its probes, or
// waits for the end of its input.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "print-probes" {
		_, _ = os.Stdout.Write(Report{Layers: Probe()}.AppendText(nil))
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "wait-for-end" {
		_, _ = os.Stdin.Read(make([]byte, 1))
		return
	}
	m.Run()
}

func TestLeaked(t *testing.T) {
	const epoll, event = "anon_inode:[eventpoll]", "anon_inode:[eventfd]"
	for _, c := range []struct {
		name string
		held []descriptor
		want []string
	}{
		{"nothing", nil, nil},
		{"what is allowed", []descriptor{{0, "/dev/null"}, {3, "socket:[1]"}}, nil},
		{"and the poller", []descriptor{{0, "/dev/null"}, {4, epoll}, {5, event}}, nil},
		{"a file", []descriptor{{0, "/dev/null"}, {10, "/etc/passwd"}}, []string{"10=/etc/passwd"}},
		{"a second poller", []descriptor{{4, epoll}, {5, event}, {7, epoll}, {8, event}}, []string{"7=" + epoll, "8=" + event}},
		{"the ring", []descriptor{{4, "/memfd:blockgate-ring (deleted)"}}, []string{"4=/memfd:blockgate-ring (deleted)"}},
	} {
		if got := leaked(c.held, []int{0, 1, 2, 3}); !slices.Equal(got, c.want) {
			t.Errorf("%s: leaked %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOpenDescriptors(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	held, err := openDescriptors()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(held, descriptor{int(file.Fd()), os.DevNull}) {
		t.Errorf("%d=%s is not among %v", file.Fd(), os.DevNull, held)
	}
}

func TestJudge(t *testing.T) {
	refusal := error(unix.EACCES)
	for _, c := range []struct {
		name          string
		abi           int
		before, after error
		want          State
	}{
		{"worked before, refused after", 4, nil, refusal, StateOK},
		{"kernel too old", 3, nil, nil, StateMissing},
		{"no effect", 4, nil, nil, StateMissing},
		{"fails for another reason", 4, nil, unix.EMFILE, StateMissing},
		{"never worked", 4, unix.EADDRNOTAVAIL, refusal, StatePartial},
	} {
		if got := judge(LayerLandlockNet, c.abi, abiTCP, c.before, c.after, unix.EACCES, "closed"); got.State != c.want || got.Required {
			t.Errorf("%s: %+v, want %s", c.name, got, c.want)
		}
	}
}

func TestWithoutLandlock(t *testing.T) {
	refusing, allowed := withoutLandlock(false, "too old"), withoutLandlock(true, "too old")
	if refusing[0].State != StateMissing || allowed[0].State != StateOff {
		t.Errorf("got %v and %v", refusing[0], allowed[0])
	}
	if !strings.Contains(allowed[0].Detail, "--allow-no-landlock") || !strings.Contains(allowed[0].Detail, "too old") {
		t.Errorf("that it was allowed is not said: %q", allowed[0].Detail)
	}
}

func TestLimits(t *testing.T) {
	space, data, err := mapped()
	if err != nil || space == 0 || data == 0 || data > space {
		t.Fatalf("mapped %d, %d: %v", space, data, err)
	}
	for _, l := range limits(space, data) {
		switch l.resource {
		case unix.RLIMIT_AS:
			if l.value != space+heapBudgetBytes {
				t.Errorf("address space is limited to %d", l.value)
			}
		case unix.RLIMIT_DATA:
			if l.value != data+heapBudgetBytes {
				t.Errorf("data is limited to %d", l.value)
			}
		default:
			if l.value != 0 {
				t.Errorf("%s is limited to %d", l.name, l.value)
			}
		}
	}
}

// build builds a program of testdata as the parser is built.
func build(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./testdata/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}

// soak is how long the soak goes on.
var soak = flag.Duration("soak", 15*time.Second, "how long the runtime is kept busy")

// TestSoakWithGarbage runs the runtime at its busiest under every layer.
func TestSoakWithGarbage(t *testing.T) {
	t.Parallel()
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	length := *soak
	if testing.Short() {
		length = time.Second
	}
	cmd := exec.CommandContext(t.Context(), build(t, "soak"), length.String())
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	Isolate(cmd.SysProcAttr)
	out, err := cmd.CombinedOutput()
	if Forbidden(err) {
		t.Skipf("this kernel gives no namespaces: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	status, rest, _ := bytes.Cut(out, []byte("\n"))
	r, err := ParseReport(status)
	if err != nil {
		t.Error(err)
	}
	for _, l := range r.Layers {
		if l.State != StateOK {
			t.Errorf("%+v", l)
		}
	}
	var collections int
	if _, err := fmt.Sscanf(string(rest), "%d collections", &collections); err != nil || collections < 5 {
		t.Errorf("only %d collections: %q, %v", collections, rest, err)
	}
	t.Logf("%d collections", collections)
}

// TestProbe probes this kernel as it is, and as it looks without the calls.
func TestProbe(t *testing.T) {
	nerf := build(t, "nerf")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		without string
		missing []string
	}{
		{"landlock", []string{LayerLandlock, LayerLandlockNet, LayerLandlockScope}},
		{"seccomp", []string{LayerSeccomp}},
		{"landlock,seccomp", []string{LayerLandlock, LayerLandlockNet, LayerLandlockScope, LayerSeccomp}},
	} {
		line, err := exec.CommandContext(t.Context(), nerf, c.without, self, "print-probes").Output()
		if err != nil {
			t.Fatalf("without %s: %v", c.without, err)
		}
		r, err := ParseReport(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range c.missing {
			if l, ok := r.Layer(name); !ok || l.State != StateMissing || l.Detail == "" {
				t.Errorf("without %s: %s is %+v", c.without, name, l)
			}
		}
	}
	here := Report{Layers: Probe()}
	if len(here.Layers) != 4 {
		t.Errorf("probes: %+v", here.Layers)
	}
	if l, _ := here.Layer(LayerSeccomp); l.State != StateOK {
		t.Errorf("this kernel has no seccomp: %+v", l)
	}
}
