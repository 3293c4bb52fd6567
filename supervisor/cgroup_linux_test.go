package supervisor

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"blockgate/sandbox"
	"blockgate/sandbox/ring"
)

func TestCgroupFolder(t *testing.T) {
	const (
		unified = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
		inside  = "900 800 0:26 /system.slice/x.service /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
		hybrid  = "31 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n40 30 0:28 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup rw\n"
	)
	for _, c := range []struct{ name, own, mounts, want string }{
		{"unified", "0::/system.slice/blockgate.service\n", unified, "/sys/fs/cgroup/system.slice/blockgate.service"},
		{"both versions", "4:memory:/a\n0::/b\n", hybrid, "/sys/fs/cgroup/unified/b"},
		{"the root", "0::/\n", unified, "/sys/fs/cgroup"},
		{"a part is mounted", "0::/system.slice/x.service/y\n", inside, "/sys/fs/cgroup/y"},
		{"another part is mounted", "0::/user.slice\n", inside, ""},
		{"outside of our namespace", "0::/../other\n", unified, ""},
		{"no version 2", "4:memory:/a\n", hybrid[:60], ""},
		{"not mounted", "0::/a\n", "", ""},
		{"cut lines", "0::", "40 30 0:28 - cgroup2\n40 30 0:28 / /a rw -\n", ""},
	} {
		got, err := cgroupFolder(c.own, c.mounts)
		if got != c.want || errors.Is(err, errNoCgroup) != (c.want == "") {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

// tree makes what looks like a cgroup: files that take what is written.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMakeLeaves(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	whole := func() map[string]string {
		return map[string]string{
			"cgroup.controllers": "cpu memory pids\n", "cgroup.type": "domain\n", "cgroup.procs": pid + "\n", "cgroup.subtree_control": "",
			"blockgate-service/cgroup.procs": "", "blockgate-parser-0/memory.max": "max", "blockgate-parser-1/memory.max": "max",
			"blockgate-parser-1/memory.swap.max": "max",
		}
	}
	dir := tree(t, whole())
	files, err := makeLeaves(dir, os.Getpid(), 2)
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	closeAll(files)
	for name, want := range map[string]string{
		"cgroup.subtree_control": "+memory", "blockgate-service/cgroup.procs": pid,
		"blockgate-parser-0/memory.max": "167772160", "blockgate-parser-1/memory.max": "167772160", "blockgate-parser-1/memory.swap.max": "0ax",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	for _, c := range []struct {
		name, file, text string // a file that is not as it should be; an empty text is no file
		want             error
	}{
		{"no memory controller", "cgroup.controllers", "cpu pids\n", errNotDelegated},
		{"no controllers", "cgroup.controllers", "", errNotDelegated},
		{"the root of all", "cgroup.type", "", errNotDelegated},
		{"others are in it", "cgroup.procs", pid + "\n1\n", errSharedCgroup},
		{"others are in it, we not", "cgroup.procs", "1\n", errSharedCgroup},
		{"no list of processes", "cgroup.procs", "", errNotDelegated},
		{"children get nothing", "cgroup.subtree_control", "", os.ErrNotExist},
		{"no limit", "blockgate-parser-1/memory.max", "", os.ErrNotExist},
		{"we cannot move", "blockgate-service/cgroup.procs", "", os.ErrNotExist},
	} {
		files := whole()
		if files[c.file] = c.text; c.text == "" {
			delete(files, c.file)
		}
		if leaves, err := makeLeaves(tree(t, files), os.Getpid(), 2); !errors.Is(err, c.want) || leaves != nil {
			t.Errorf("%s: %v, %v", c.name, leaves, err)
		}
	}
}

func TestMemoryLayer(t *testing.T) {
	folder, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	for _, c := range []struct {
		name    string
		leaves  leaves
		in      surroundings
		refused error
		detail  string
	}{
		{"not delegated", leaves{why: errNotDelegated}, surroundings{}, nil, errNotDelegated.Error()},
		{"refused", leaves{}, surroundings{}, os.ErrPermission, os.ErrPermission.Error()},
		{"none asked for", leaves{}, surroundings{}, nil, errNoCgroup.Error()},
	} {
		l, err := c.leaves.memoryLayer(os.Getpid(), c.in, c.refused)
		if err != nil || l.State != sandbox.StateMissing || l.Required || l.Detail != c.detail {
			t.Errorf("%s: %+v, %v", c.name, l, err)
		}
	}
	if l, err := (leaves{}).memoryLayer(os.Getpid(), surroundings{cgroup: folder}, nil); !errors.Is(err, sandbox.ErrNotConfined) {
		t.Errorf("we are said to be in %s: %+v, %v", folder.Name(), l, err)
	}
	for text, want := range map[string]bool{
		"4:memory:/leaf\n0::/a/leaf\n": true, "0::/leaf": true, "0::/leaf/x\n": false, "4:memory:/leaf\n": false, "": false, "0::/\n": false,
	} {
		if inCgroup(text, "leaf") != want {
			t.Errorf("%q: want %t", text, want)
		}
	}
}

func TestNoLeafNoFile(t *testing.T) {
	file := os.NewFile(0, "leaf")
	l := leaves{files: []*os.File{file}}
	if l.leaf(0) != file || l.leaf(1) != nil || (leaves{}).leaf(0) != nil {
		t.Error("a leaf of another")
	}
}

// TestLeafIsEntered starts a parser in a real cgroup, in namespaces and without. The
// cgroup has no memory controller here: that the kernel puts the parser there, and
// that we see it, is what is tested. It is made below the one of this test.
func TestLeafIsEntered(t *testing.T) {
	leaf := realLeaf(t)
	if err := closeOnExec(); err != nil {
		t.Fatal(err)
	}
	for _, namespaces := range []error{nil, unix.EPERM} {
		s := &service{Config: Config{BuildID: testBuild}, log: slog.New(slog.DiscardHandler), starter: newStarter()}
		s.isolation.namespaces = namespaces
		s.leaves = leaves{files: []*os.File{leaf}}
		var err error
		if s.null, err = os.Open(os.DevNull); err != nil {
			t.Fatal(err)
		}
		if s.program, err = openProgram(parserProgram); err != nil {
			t.Fatal(err)
		}
		shared, err := sealedRing(func(fd int) error {
			_, err := ring.Create(fd, 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs, err := controlPair("jobs")
		if err != nil {
			t.Fatal(err)
		}
		solo, err := (&cell{life: &life{service: s, ring: shared}, jobs: theirs}).solo(ours)
		if err != nil {
			t.Fatal(err)
		}
		if l, _ := solo.Report.Layer(sandbox.LayerMemory); l.State != sandbox.StateOK {
			t.Errorf("%+v", l)
		}
		if l, _ := solo.Report.Layer(sandbox.LayerUserNS); l.Holds() == (namespaces != nil) {
			t.Errorf("%+v", l)
		}
		_ = solo.Close()
		for _, f := range []*os.File{s.null, s.program, shared, ours, theirs} {
			_ = f.Close()
		}
	}
}

// realLeaf makes a cgroup below our own, and removes it when the test is over.
func realLeaf(t *testing.T) *os.File {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := cgroupFolder(string(own), string(mounts))
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(dir, fmt.Sprintf("blockgate-test-%d", os.Getpid()))
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Skipf("no cgroup can be made here: %v", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	})
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}
