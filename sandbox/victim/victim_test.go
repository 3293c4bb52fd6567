//go:build linux

// The tests have a main of their own kind: this binary is also the harness that
// starts victims, as the user that they are to be.

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"blockgate/sandbox"
)

var (
	full    = flag.Bool("full", false, "each layer alone, too, and as root")
	rewrite = flag.Bool("rewrite", false, "write testdata/stops.txt anew; wants -full")
)

// nobody is the user that a harness is when the test is root.
const nobody = 65534

// program is the victim, and orders are what it can try.
var (
	program string
	orders  []order
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case "harness":
			os.Exit(harness(os.Args[2]))
		case "inner-init":
			os.Exit(innerInit(os.Args[2]))
		}
	}
	flag.Parse()
	dir, err := os.MkdirTemp("", "victim")
	if err != nil {
		panic(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	if err := build(dir); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// build builds the victim as the parser is built, but for its tag, and asks it what
// it can do.
func build(dir string) error {
	program = filepath.Join(dir, "victim")
	cmd := exec.Command("go", "build", "-tags", "victim", "-o", program, ".") //nolint:noctx // no test runs yet
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	out, err := exec.Command(program, "list").Output() //nolint:noctx // no test runs yet
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		orders = append(orders, order{Name: words[0], Inside: len(words) > 1})
	}
	return nil
}

// innerInit is the first process of the namespaces that real root attacks in.
func innerInit(text string) int {
	if err := settleIn(); err != nil {
		panic(err)
	}
	// The harness gets a process id that no thread of a victim has: in a namespace of
	// its own, with small numbers, a victim would hit itself.
	if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte("30000"), 0); err != nil {
		panic(err)
	}
	cmd := exec.Command("/proc/self/exe", "harness", text) //nolint:noctx // it ends with the namespace
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		panic(err)
	}
	return 0
}

// table is what was found: by attempt and column, the outcome.
type table map[string]map[string]string

// run has a harness make all attempts.
func run(t *testing.T, uid int, todo []order) table {
	t.Helper()
	dir, err := os.MkdirTemp("", "victims") //nolint:usetesting // another user works in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chown(dir, uid, uid); err != nil && uid != os.Getuid() {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(job{Program: program, Dir: dir, Orders: todo, Inner: uid == 0})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "harness", string(text))
	switch {
	case uid == 0:
		cmd.Args[1] = "inner-init"
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWUTS}
	case uid != os.Getuid():
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	var cried bytes.Buffer
	cmd.Stderr = &cried
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("harness: %v\n%s", err, cried.String())
	}
	found := table{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var f finding
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(f.Outcome, "harness: ") {
			t.Errorf("%s, %s: %s", f.Attempt, f.Column, f.Outcome)
		}
		if found[f.Attempt] == nil {
			found[f.Attempt] = map[string]string{}
		}
		found[f.Attempt][f.Column] = f.Outcome
	}
	return found
}

// got tells whether an attempt succeeded under a column.
func (found table) got(attempt, column string) bool { return found[attempt][column] == "succeeded" }

// stops are the layers that stop an attempt, each alone, in their order.
func (found table) stops(o order) []string {
	var set []string
	for _, unit := range units {
		if outcome, tried := found[o.Name]["only "+unit]; !tried || outcome == "succeeded" {
			continue
		}
		if unit == sandbox.LayerRoot && !o.Inside && !found.got(o.Name, underRoot) {
			continue
		}
		set = append(set, unit)
	}
	return set
}

// TestNotShipped: neither the attempts nor the function that puts on some layers
// alone are part of a program that is built without the tag.
func TestNotShipped(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{.ImportPath}} {{.GoFiles}}", "blockgate/cmd/...")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "confine_linux.go") {
		t.Errorf("this is not a list of what is shipped:\n%s", out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "blockgate/") && strings.Contains(line, "victim") {
			t.Errorf("shipped: %s", line)
		}
	}
}

// skipWithoutNamespaces skips a test where this kernel gives no namespaces: half of
// the table would say nothing.
func skipWithoutNamespaces(t *testing.T) {
	t.Helper()
	attr := &syscall.SysProcAttr{}
	sandbox.Isolate(attr)
	cmd := exec.CommandContext(t.Context(), program, "list")
	cmd.SysProcAttr = attr
	if err := cmd.Run(); err != nil {
		t.Skipf("this kernel gives no namespaces: %v", err)
	}
}
