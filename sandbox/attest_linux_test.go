package sandbox

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAttestTellsTheTruth: this process is not confined, and a process that is
// not there cannot be asked.
func TestAttestTellsTheTruth(t *testing.T) {
	if err := Attest(os.Getpid(), Report{}); !errors.Is(err, ErrNotConfined) {
		t.Errorf("this process: %v", err)
	}
	if err := Attest(1<<30, Report{}); !errors.Is(err, ErrGone) || errors.Is(err, ErrNotConfined) {
		t.Errorf("no process: %v", err)
	}
}

// TestAttestTheDead: of a process that has ended and was not waited for the kernel shows no
// filters any more, which is no lie of its own.
func TestAttestTheDead(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^$")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if err := Attest(cmd.Process.Pid, Report{}); !errors.Is(err, ErrGone) || errors.Is(err, ErrNotConfined) {
		t.Errorf("a process that has ended: %v", err)
	}
	if _, err := AttestRole(cmd.Process.Pid); !errors.Is(err, ErrGone) {
		t.Errorf("a role that has ended: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAttestThread(t *testing.T) {
	const none = "0000000000000000"
	whole := map[string]string{
		"Seccomp": "2", "NoNewPrivs": "1", "Seccomp_filters": "3", "NStgid": "4711 1",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
	}
	claims := Report{Layers: []Layer{{Name: LayerPIDNS, State: StateOK}, {Name: LayerCapabilities, State: StateOK}}}
	bounded := Report{Layers: []Layer{{Name: LayerCapabilities, State: StatePartial}}}
	for _, c := range []struct {
		name       string
		said       Report
		key, value string // what is not as in whole; an empty value is no line at all
		ok         bool
	}{
		{"confined", claims, "", "", true},
		{"strict mode is not ours", claims, "Seccomp", "1", false},
		{"no filter", claims, "Seccomp", "0", false},
		{"may gain privileges", claims, "NoNewPrivs", "0", false},
		{"kernel without seccomp", claims, "Seccomp", "", false},
		{"has our filters alone", claims, "Seccomp_filters", "2", false},
		{"has fewer filters than we", claims, "Seccomp_filters", "1", false},
		{"does not tell of its filters", claims, "Seccomp_filters", "", false},
		{"inheritable capability", claims, "CapInh", "0000000000000001", false},
		{"permitted capability", claims, "CapPrm", "0000000000000001", false},
		{"effective capability", claims, "CapEff", "0000000000200000", false},
		{"ambient capability", claims, "CapAmb", "0000000000000001", false},
		{"bounding capability", claims, "CapBnd", "000001ffffffffff", false},
		{"bounding capability, which it does not deny", bounded, "CapBnd", "000001ffffffffff", true},
		{"effective capability, bounding set or not", bounded, "CapEff", "0000000000200000", false},
		{"any capability where it claims nothing", Report{}, "CapEff", "0000000000200000", true},
		{"process of our namespace", claims, "NStgid", "4711", false},
		{"second process of another", claims, "NStgid", "4711 2", false},
		{"process of a namespace in a namespace", claims, "NStgid", "4711 12 1", true},
		{"no word of namespaces", claims, "NStgid", "", false},
		{"our namespace, which it does not deny", Report{}, "NStgid", "4711", true},
	} {
		thread := maps.Clone(whole)
		if thread[c.key] = c.value; c.value == "" {
			delete(thread, c.key)
		}
		err := attestThread(thread, map[string]string{"Seccomp_filters": "2"}, c.said)
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, ErrNotConfined) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	old := maps.Clone(whole)
	delete(old, "Seccomp_filters")
	if err := attestThread(old, map[string]string{}, claims); err != nil {
		t.Errorf("a kernel that does not count filters: %v", err)
	}
}

func TestReadStatus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status")
	text := "Name:\tx: y\nNoNewPrivs:\t1\nUid:\t1\t2\n" + strings.Repeat("Pad:\n", maxProcStatus/5) + "Late:\t1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readStatus(path)
	if err != nil || got["NoNewPrivs"] != "1" || got["Name"] != "x: y" || got["Uid"] != "1\t2" {
		t.Errorf("%q, %v", got, err)
	}
	if _, read := got["Late"]; read {
		t.Error("it is read past its limit")
	}
	if _, err := readStatus(path + "?"); err == nil {
		t.Error("there is no such file")
	}
}
