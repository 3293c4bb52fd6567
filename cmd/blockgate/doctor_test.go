package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"blockgate/sandbox"
)

// nobody is the user that doctor runs as where the tests run as root.
const nobody = 65534

// doctorOn runs doctor as an ordinary user on a kernel without the features, none
// if without is empty.
func doctorOn(t *testing.T, without string, args ...string) (int, doctorReport) {
	t.Helper()
	options := daemonOptions{}
	if os.Getuid() == 0 {
		options.uid = nobody
	}
	cmd := options.command(append([]string{"doctor", "--json"}, args...)...)
	if without != "" {
		cmd.Args = append([]string{"nerf", without, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = nerfProgram(t)
	}
	cmd.Dir = "/"
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("%v %v", exit, err)
	}
	var report doctorReport
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatalf("%v in %q; it said %q", err, text, stderr.String())
	}
	return cmd.ProcessState.ExitCode(), report
}

// nerfProgram builds what takes features away, where another user may run it.
func nerfProgram(t *testing.T) string {
	t.Helper()
	if err := os.Chmod(binDir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(binDir, "nerf")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := goTool("", "build", "-o", path, "blockgate/sandbox/testdata/nerf"); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDoctor runs doctor on this kernel and on poorer ones. It names every layer
// each time, says which one is missing and how to get it, and its exit code is the
// service's.
func TestDoctor(t *testing.T) {
	t.Parallel()
	nerfProgram(t)
	_, here := doctorOn(t, "")
	for _, l := range here.Layers {
		if l.State != "ok" && l.Name != sandbox.LayerMemory {
			t.Skipf("this kernel does not have every layer: %+v", l)
		}
	}
	namespaces := []string{
		sandbox.LayerUserNS, sandbox.LayerMountNS, sandbox.LayerNetNS, sandbox.LayerPIDNS, sandbox.LayerIPCNS, sandbox.LayerUTSNS,
		sandbox.LayerCgroupNS, sandbox.LayerRoot,
	}
	landlock := []string{sandbox.LayerLandlock, sandbox.LayerLandlockNet, sandbox.LayerLandlockScope}
	for _, c := range []struct {
		name, without string
		args          []string
		code          exitCode
		missing       []string // that are told to be so, beside the cgroup
	}{
		{"this kernel", "", nil, exitOK, nil},
		{"no user namespaces", "userns", nil, exitOK, namespaces},
		{"a container", "docker", nil, exitOK, namespaces},
		{"no mounts", "mount", nil, exitOK, []string{sandbox.LayerRoot}},
		{"no Landlock", "landlock", nil, exitSandbox, landlock},
		{"no Landlock, allowed", "landlock", []string{"--allow-no-landlock"}, exitSandbox, landlock},
		{"Landlock without effect", "landlock-hollow", nil, exitSandbox, landlock[:1]},
		{"no seccomp", "seccomp", nil, exitSandbox, []string{sandbox.LayerSeccomp}},
		{"no limits", "rlimits", nil, exitSandbox, []string{sandbox.LayerLimits}},
	} {
		code, report := doctorOn(t, c.without, c.args...)
		if code != int(c.code) || report.OK != (c.code == exitOK) {
			t.Errorf("%s: exit code %d, ok %t, %s", c.name, code, report.OK, report.Error)
		}
		if started := report.Error == ""; started && len(report.Probes) != 2 || !started && len(report.Probes) != 0 {
			t.Errorf("%s: %q and %d probes", c.name, report.Error, len(report.Probes))
		}
		for _, p := range report.Probes {
			if !p.OK {
				t.Errorf("%s: %+v", c.name, p)
			}
		}
		checkDoctor(t, c.name, report, c.missing)
	}
}

// checkDoctor holds a report to the layers that are missing.
func checkDoctor(t *testing.T, name string, report doctorReport, missing []string) {
	t.Helper()
	want := sandbox.CellLayers()
	if len(report.Layers) != len(want) {
		t.Fatalf("%s: %d layers, want %d: %+v", name, len(report.Layers), len(want), report.Layers)
	}
	for i, l := range report.Layers {
		if l.Name != want[i].Name || l.Required != want[i].Required || l.Why == "" {
			t.Errorf("%s: layer %d is %+v, want %+v", name, i, l, want[i])
		}
		told := l.State == "missing" || l.State == "off"
		if l.Name != sandbox.LayerMemory && told != slices.Contains(missing, l.Name) {
			t.Errorf("%s: %+v", name, l)
		}
		if told != (l.Remedy != "") && l.State != "partial" {
			t.Errorf("%s: what to do about %s (%s): %q", name, l.Name, l.State, l.Remedy)
		}
	}
	if report.Error != "" && !strings.Contains(report.Error, "required sandbox layer "+missing[0]) {
		t.Errorf("%s: %q does not name %s", name, report.Error, missing[0])
	}
}
