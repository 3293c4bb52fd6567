package supervisor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/sandbox"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/ring"
)

// nobody is the user that tests become when they run as root.
const nobody = 65534

// testSolo starts one parser, prints its report, gives it one job, and ends with
// the code that the command line would end with.
func testSolo(config string) int {
	var cfg Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		panic(err)
	}
	undumpable := string(cfg.AdapterConfig) == "undumpable"
	if undumpable {
		_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	solo, err := StartSolo(cfg, func(fd int) error {
		_, err := ring.Create(fd, 1)
		return err
	})
	if now, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); undumpable != (now == 0) {
		panic("dumpable changed")
	}
	if exit, ok := errors.AsType[*ExitError](err); ok {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return exit.Code
	}
	_, _ = os.Stdout.Write(append(solo.Report.AppendText(nil), '\n'))
	job := frame.Job{Kind: frame.KindBlock, Seq: 1, Len: 100, Network: btc.Regtest, Height: 1}
	answer := make([]byte, frame.MaxMessage)
	if _, err = solo.Jobs.Write(job.Append(nil)); err == nil {
		_, err = solo.Jobs.Read(answer)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = solo.Close()
	return 0
}

// runSolo runs testSolo in a child, as that user, on a kernel without the features.
func runSolo(t *testing.T, uid int, without string, cfg Config) (code int, r sandbox.Report, said string) {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = self.Close() }()
	cfg.ParserPath, cfg.BuildID = parserProgram, testBuild
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{"/proc/self/fd/3", "test-solo", string(text)} // its folder is closed to others
	if without != "" {
		argv = append([]string{nerf, without}, argv...)
	}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir, cmd.ExtraFiles = "/", []*os.File{self}
	if uid != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	line, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), r, stderr.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	if r, err = sandbox.ParseReport(bytes.TrimSpace(line)); err != nil {
		t.Fatal(err)
	}
	return 0, r, stderr.String()
}

// users are the users that a test can be.
func users() []int {
	if os.Getuid() == 0 {
		return []int{0, nobody}
	}
	return []int{os.Getuid()}
}

// inNamespaces are the layers that stand and fall with the first clone.
func inNamespaces(more ...string) []string {
	return append([]string{
		sandbox.LayerUserNS, sandbox.LayerMountNS, sandbox.LayerNetNS, sandbox.LayerPIDNS, sandbox.LayerIPCNS,
		sandbox.LayerUTSNS, sandbox.LayerCgroupNS, sandbox.LayerRoot,
	}, more...)
}

// skipWithoutNamespaces skips a test where this kernel gives no user namespace.
func skipWithoutNamespaces(t *testing.T, uid int) {
	t.Helper()
	_, r, _ := runSolo(t, uid, "", Config{})
	if l, _ := r.Layer(sandbox.LayerUserNS); l.State != sandbox.StateOK {
		t.Skipf("this kernel gives user %d no namespaces: %s", uid, l.Detail)
	}
}

// TestKernels is the table of what is required and what is wanted: a parser is
// ready without what is wanted, and says so, and is not started without what is
// required.
func TestKernels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, without string
		loose         bool     // --allow-no-landlock
		fatal         string   // the required layer that is missing, or empty
		missing       []string // the wanted layers that do not hold, the cgroup left out
	}{
		{"this one", "", false, "", nil},
		{"no user namespaces", "userns", false, "", inNamespaces()},
		{"none left", "userns-none", false, "", inNamespaces()},
		{"namespaces without mounts", "mount", false, "", []string{sandbox.LayerRoot}},
		{"a container", "docker", false, "", inNamespaces()},
		{"namespaces, capabilities stay", "capset", false, "", []string{sandbox.LayerCapabilities}},
		{"an executable ring", "noexec", false, "", nil},
		{"no Landlock", "landlock", false, sandbox.LayerLandlock, nil},
		{"Landlock not started", "landlock-off", false, sandbox.LayerLandlock, nil},
		{"Landlock without effect", "landlock-hollow", false, sandbox.LayerLandlock, nil},
		{"Landlock refuses", "landlock-refuses", false, sandbox.LayerLandlock, nil},
		{"no Landlock, allowed", "landlock", true, "", []string{sandbox.LayerLandlock, sandbox.LayerLandlockNet, sandbox.LayerLandlockScope}},
		{"no seccomp", "seccomp", false, sandbox.LayerSeccomp, nil},
		{"no seccomp, whatever is allowed", "seccomp", true, sandbox.LayerSeccomp, nil},
		{"no limits", "rlimits", false, sandbox.LayerLimits, nil},
		{"a container without Landlock", "docker,landlock", false, sandbox.LayerLandlock, nil},
		{"nothing at all", "docker,landlock,seccomp", true, sandbox.LayerSeccomp, nil},
	} {
		for _, uid := range users() {
			t.Run(fmt.Sprintf("%s/user %d", c.name, uid), func(t *testing.T) {
				t.Parallel()
				skipWithoutNamespaces(t, uid)
				code, r, said := runSolo(t, uid, c.without, Config{AllowNoLandlock: c.loose})
				if c.fatal != "" {
					if code != sandbox.ExitMissingLayer || !strings.Contains(said, "required sandbox layer "+c.fatal+" is missing") ||
						!strings.Contains(said, sandbox.Remedy(c.fatal)) {
						t.Errorf("code %d, %q", code, said)
					}
					return
				}
				if code != 0 || len(r.Layers) != 17 {
					t.Fatalf("code %d, %q, %+v", code, said, r)
				}
				checkMissing(t, r, c.missing)
			})
		}
	}
}

// checkMissing holds a report to the layers that are not to hold.
func checkMissing(t *testing.T, r sandbox.Report, missing []string) {
	t.Helper()
	for _, l := range r.Layers {
		if l.Name == sandbox.LayerMemory {
			continue
		}
		if l.Holds() == slices.Contains(missing, l.Name) {
			t.Errorf("%+v", l)
		}
		if !l.Holds() && sandbox.Remedy(l.Name) == "" {
			t.Errorf("nobody says what to do about %s", l.Name)
		}
	}
}

// TestWholeCell wants every layer in full where this kernel has all, for each user.
func TestWholeCell(t *testing.T) {
	t.Parallel()
	for _, uid := range users() {
		skipWithoutNamespaces(t, uid)
		_, r, said := runSolo(t, uid, "", Config{})
		for _, l := range r.Layers {
			if l.State != sandbox.StateOK && l.Name != sandbox.LayerMemory {
				t.Errorf("user %d: %+v", uid, l)
			}
			t.Logf("user %d: %-15s %-8s %s", uid, l.Name, l.State, l.Detail)
		}
		if said != "" {
			t.Errorf("user %d: it says %q", uid, said)
		}
	}
}

// TestKernelSeesIsolation asks the kernel about a live parser what no report says.
func TestKernelSeesIsolation(t *testing.T) {
	t.Parallel()
	skipWithoutNamespaces(t, os.Getuid())
	solo, err := StartSolo(Config{ParserPath: parserProgram, BuildID: testBuild}, func(fd int) error {
		_, err := ring.Create(fd, 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = solo.Jobs.Close() }()
	defer solo.Close()
	proc := fmt.Sprintf("/proc/%d/", solo.PID())
	mounts, err := os.ReadFile(proc + "mounts")
	if err != nil {
		t.Skipf("/proc does not tell: %v", err)
	}
	if lines := strings.Split(strings.TrimSpace(string(mounts)), "\n"); len(lines) != 1 || !strings.HasPrefix(lines[0], "none / tmpfs ro,nosuid,nodev,noexec,") {
		t.Errorf("mounts: %q", mounts)
	}
	if names, err := os.ReadDir(proc + "root/"); err != nil || len(names) != 0 {
		t.Errorf("its root holds %v, %v", names, err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(proc+"root/", &stat); err != nil || stat.Mode&0o777 != 0 {
		t.Errorf("its root has mode %o, %v", stat.Mode&0o777, err)
	}
	links, err := os.ReadFile(proc + "net/dev")
	if err != nil || strings.Count(string(links), ":") != 1 || !strings.Contains(string(links), "lo:") {
		t.Errorf("interfaces: %q, %v", links, err)
	}
	session, err := unix.Getsid(solo.PID())
	if err != nil || session != solo.PID() {
		t.Errorf("session %d of process %d: %v", session, solo.PID(), err)
	}
}

// TestUndumpableParent: a supervisor that protects its own memory still gets
// namespaces for its parsers, and is protected again afterwards.
func TestUndumpableParent(t *testing.T) {
	t.Parallel()
	for _, uid := range users() {
		skipWithoutNamespaces(t, uid)
		code, r, said := runSolo(t, uid, "", Config{AdapterConfig: []byte("undumpable")})
		if l, _ := r.Layer(sandbox.LayerUserNS); code != 0 || l.State != sandbox.StateOK {
			t.Errorf("user %d: code %d, %q, %+v", uid, code, said, l)
		}
	}
}

// TestRefusalIsRemembered: what was refused is tried once, not with each start.
func TestRefusalIsRemembered(t *testing.T) {
	leaf, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = leaf.Close() }()
	both, own, group, none := surroundings{true, leaf}, surroundings{true, nil}, surroundings{false, leaf}, surroundings{}
	for _, c := range []struct {
		name   string
		works  surroundings // at the first start
		leaf   *os.File
		before []surroundings
		after  []surroundings
	}{
		{"all", both, leaf, []surroundings{both, own, group, none}, []surroundings{both, own, group, none}},
		{"no cgroup", own, leaf, []surroundings{both, own, group, none}, []surroundings{own, none}},
		{"no namespaces", group, leaf, []surroundings{both, own, group, none}, []surroundings{group, none}},
		{"nothing", none, leaf, []surroundings{both, own, group, none}, []surroundings{none}},
		{"no leaf", own, nil, []surroundings{own, none}, []surroundings{own, none}},
		{"no leaf, no namespaces", none, nil, []surroundings{own, none}, []surroundings{none}},
	} {
		var i isolation
		if got := i.ladder(c.leaf); !slices.Equal(got, c.before) {
			t.Errorf("%s: tries %v", c.name, got)
		}
		i.remember(i.ladder(c.leaf)[0], c.works, unix.EPERM)
		if got := i.ladder(c.leaf); !slices.Equal(got, c.after) {
			t.Errorf("%s: then tries %v", c.name, got)
		}
	}
}

// BenchmarkStart measures a parser from its start to its attested status line, and
// gives the median as a metric.
func BenchmarkStart(b *testing.B) {
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		solo, err := StartSolo(Config{ParserPath: parserProgram, BuildID: testBuild}, func(fd int) error {
			_, err := ring.Create(fd, 1)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
		b.StopTimer()
		_ = solo.Jobs.Close()
		_ = solo.Close()
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
}
