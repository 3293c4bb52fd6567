package tidy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// run starts a program in a folder with the stand-ins of path before all else,
// and gives what it printed and how it ended.
func run(t *testing.T, dir, path string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "MAKEFLAGS=", "MAKELEVEL=")
	if path != "" {
		cmd.Env = append(cmd.Env, "PATH="+path)
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// standIns makes a folder of small scripts, by name and body, and links to the
// real programs that a script under test needs beside them.
func standIns(t *testing.T, bodies map[string]string, beside ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range bodies {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/usr/bin/env bash\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range append(beside, "bash", "env", "grep") {
		from, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(from, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// copied makes a repository in which only one script stands.
func copied(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(root, script))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(script)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, script), text, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPreflight runs it on machines that miss one thing each.
func TestPreflight(t *testing.T) {
	const (
		newGo    = `[ "$1 $2" = "env GOVERSION" ] && echo go1.26.1 || echo local`
		oldGo    = `[ "$1 $2" = "env GOVERSION" ] && echo go1.24.0 || echo local`
		switches = `[ "$1 $2" = "env GOVERSION" ] && echo go1.24.0 || echo auto`
		linux    = "[ $1 = -s ] && echo Linux || echo 6.1.0"
		darwin   = "[ $1 = -s ] && echo Darwin || echo 25.0"
	)
	for _, tc := range []struct {
		name, goes, system, abi string
		argument                string
		exit                    int
		want                    []string
	}{
		{"whole", newGo, linux, "7", "", 0, []string{"nothing is missing"}},
		{"another system", newGo, darwin, "", "", 4, []string{"this is Darwin", "virtual machine", "reading the bus"}},
		{"another system, no Go", "exit 127", darwin, "", "", 4, []string{"this is Darwin", "virtual machine"}},
		{"no Landlock", newGo, linux, "0", "", 4, []string{"Landlock", "5.13", "DEMOFLAGS=--allow-no-landlock"}},
		{"no Landlock, allowed", newGo, linux, "0", "--allow-no-landlock", 0, []string{"weaker", "nothing is missing"}},
		{"old Go", oldGo, linux, "7", "", 4, []string{"this is go1.24.0", "docker build"}},
		{"old Go that fetches", switches, linux, "7", "", 0, []string{"fetch a newer one"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := standIns(t, map[string]string{"go": tc.goes, "uname": tc.system, "perl": "echo -n " + tc.abi})
			out, exit := run(t, root, path, "tools/preflight", tc.argument)
			if exit != tc.exit {
				t.Errorf("exit %d, want %d", exit, tc.exit)
			}
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in:\n%s", want, out)
				}
			}
		})
	}
}

// TestPreflightWithoutGo has no program go at all.
func TestPreflightWithoutGo(t *testing.T) {
	path := standIns(t, map[string]string{"uname": "echo Linux", "perl": "echo -n 7"})
	out, exit := run(t, root, path, "tools/preflight")
	if exit != 4 || !strings.Contains(out, "go is not in PATH") {
		t.Errorf("exit %d:\n%s", exit, out)
	}
}

// TestMakeHelp wants make alone to name every target.
func TestMakeHelp(t *testing.T) {
	repository(t)
	out, exit := run(t, root, "", "make")
	if exit != 0 {
		t.Fatalf("exit %d:\n%s", exit, out)
	}
	for _, target := range targets {
		if !regexp.MustCompile(`(?m)^  make ` + target + ` +\S.*\.$`).MatchString(out) {
			t.Errorf("no line on %s in:\n%s", target, out)
		}
	}
}

// TestDemoLooksFirst wants make demo to look at the machine before it builds.
func TestDemoLooksFirst(t *testing.T) {
	repository(t)
	out, _ := run(t, root, "", "make", "-n", "demo", "DEMOFLAGS=--allow-no-landlock")
	looks := strings.Index(out, "tools/preflight --allow-no-landlock")
	builds := strings.Index(out, "go build")
	shows := strings.Index(out, "bin/blockgate demo --allow-no-landlock")
	if looks < 0 || builds < looks || shows < builds {
		t.Errorf("preflight at %d, build at %d, demo at %d of:\n%s", looks, builds, shows, out)
	}
}

// TestBuildID follows one source from no repository to a changed commit.
func TestBuildID(t *testing.T) {
	dir := copied(t, "tools/build-id")
	expect := func(want string) {
		t.Helper()
		out, exit := run(t, dir, "", "tools/build-id")
		if exit != 0 || !regexp.MustCompile("^"+want+"\n$").MatchString(out) {
			t.Errorf("exit %d, %q; want %s", exit, out, want)
		}
	}
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"}, args...)
		if out, exit := run(t, dir, "", args...); exit != 0 {
			t.Fatalf("%q: %s", args, out)
		}
	}
	expect("dev")
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "tools: begin")
	expect("[0-9a-f]{12}")
	git("tag", "-am", "first", "v1.0.0")
	expect(`v1\.0\.0`)
	if err := os.WriteFile(filepath.Join(dir, "new"), []byte("new\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(`v1\.0\.0-dirty-[0-9a-f]{8}`)
}

// TestFuzzBudget looks at how the time is shared out, and at what is fuzzed.
func TestFuzzBudget(t *testing.T) {
	for _, tc := range []struct {
		name, time, total string
		targets           int
		want              string
		exit              int
	}{
		{"no total", "7s", "0", 3, "-fuzztime 7s ", 0},
		{"total above", "10s", "60", 3, "-fuzztime 10s ", 0},
		{"total below", "10s", "15", 3, "-fuzztime 5s ", 0},
		{"least", "10s", "3", 3, "-fuzztime 2s ", 0},
		{"time by count", "100x", "3", 3, "such as 10s", 2},
		{"no target", "10s", "60", 0, "no target", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := copied(t, "tools/fuzz")
			text := strings.Repeat("func FuzzOne(f *testing.F) {\n", tc.targets)
			if err := os.WriteFile(filepath.Join(dir, "a_test.go"), []byte("package a\n\n"+text), 0o644); err != nil {
				t.Fatal(err)
			}
			path := standIns(t, map[string]string{"go": `echo "fuzz: elapsed $*"`}, "sort", "dirname", "mktemp", "rm", "tail", "cat")
			out, exit := run(t, dir, path, "tools/fuzz", tc.time, tc.total)
			if exit != tc.exit || !strings.Contains(out, tc.want) {
				t.Errorf("exit %d, want %d and %q in:\n%s", exit, tc.exit, tc.want, out)
			}
			if tc.exit == 0 && strings.Count(out, "-fuzz ^FuzzOne$ ") != tc.targets {
				t.Errorf("not %d targets in:\n%s", tc.targets, out)
			}
		})
	}
}

// TestFuzzVerdict tells a found input from a fuzzer that was late to stop.
func TestFuzzVerdict(t *testing.T) {
	for _, tc := range []struct {
		name, goes string
		exit       int
	}{
		{"held", "exit 0", 0},
		{"found", "echo Failing input written to testdata/fuzz/FuzzOne/1; exit 1", 1},
		{"found late", "echo context deadline exceeded; echo Failing input written to x; exit 1", 1},
		{"late once", "echo context deadline exceeded; [ -e once ] || { : >once; exit 1; }", 0},
		{"late twice", "echo context deadline exceeded; [ -e twice ] || { [ -e once ] && : >twice; : >once; exit 1; }", 0},
		{"found after late", "[ -e once ] && { echo Failing input written to x; exit 1; }; : >once; echo context deadline exceeded; exit 1", 1},
		{"always late", "echo context deadline exceeded; exit 1", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := copied(t, "tools/fuzz")
			if err := os.WriteFile(filepath.Join(dir, "a_test.go"), []byte("func FuzzOne(f *testing.F) {\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			path := standIns(t, map[string]string{"go": tc.goes}, "sort", "dirname", "mktemp", "rm", "tail", "cat")
			if out, exit := run(t, dir, path, "tools/fuzz"); exit != tc.exit {
				t.Errorf("exit %d, want %d:\n%s", exit, tc.exit, out)
			}
		})
	}
}

// TestSteps stops at the first target that fails.
func TestSteps(t *testing.T) {
	dir := copied(t, "tools/steps")
	path := standIns(t, map[string]string{"make": `[ "$2" != bad ] && echo "made $2"`}, "dirname")
	if out, exit := run(t, dir, path, "tools/steps", "one", "two"); exit != 0 || !strings.Contains(out, "made two") || !strings.Contains(out, "passed") {
		t.Errorf("exit %d:\n%s", exit, out)
	}
	if out, exit := run(t, dir, path, "tools/steps", "one", "bad", "two"); exit != 1 || strings.Contains(out, "made two") {
		t.Errorf("exit %d:\n%s", exit, out)
	}
}
