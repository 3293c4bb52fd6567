package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRoleOnPoorKernels confines a role where a layer is not to be had: it runs or
// ends with exit code 4, and says which and what to do.
func TestRoleOnPoorKernels(t *testing.T) {
	t.Parallel()
	needTCP(t)
	program, nerf := publicProgram(t, "role"), build(t, "nerf")
	w := newRoleWorld(t, program, nil)
	for _, c := range []struct {
		without string
		allowed bool // --allow-no-landlock
		layer   string
		want    State // 0: it ends
	}{
		{"landlock", false, LayerLandlock, 0},
		{"landlock-off", false, LayerLandlock, 0},
		{"landlock-hollow", false, LayerLandlock, 0},
		{"landlock-refuses", false, LayerLandlock, 0},
		{"landlock", true, LayerLandlock, StateOff},
		{"landlock-hollow", true, LayerLandlock, StateOff},
		{"seccomp", false, LayerSeccomp, 0},
		{"seccomp", true, LayerSeccomp, 0},
		{"capset", false, LayerCapabilities, StateMissing},
		{"docker", false, LayerSeccomp, StateOK},
		{"rlimits", false, LayerSeccomp, StateOK},
	} {
		name := fmt.Sprintf("without %s, allowed %t", c.without, c.allowed)
		stdout, stderr, err := w.poor(t, nil, nerf, c.without, program, "nothing", c.allowed)
		if c.want == 0 {
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.ExitCode() != ExitMissingLayer {
				t.Errorf("%s: %v", name, err)
			}
			if !strings.Contains(stderr, "required sandbox layer "+c.layer+" is missing") || !strings.Contains(stderr, Remedy(c.layer)) {
				t.Errorf("%s: it says %q", name, stderr)
			}
			continue
		}
		status, outcome, _ := strings.Cut(stdout, "\n")
		report, parseErr := ParseReport([]byte(status))
		if l, _ := report.Layer(c.layer); err != nil || parseErr != nil || l.State != c.want || outcome != "ok\n" {
			t.Errorf("%s: %+v, %v, %v, %q", name, l, err, parseErr, outcome)
		}
	}
}

// TestRoleWithoutLandlock makes every attempt where the filter stands alone: what it
// stops it still stops, what Landlock alone stops goes through. So neither hides
// that the other is gone.
func TestRoleWithoutLandlock(t *testing.T) {
	t.Parallel()
	needTCP(t)
	program, nerf := publicProgram(t, "role"), publicProgram(t, "nerf")
	users := roleUsers(t)
	user := users[len(users)-1] // an ordinary one: something goes through
	w := newRoleWorld(t, program, user)
	for _, a := range roleAttempts {
		want := a.names
		if want == "EACCES" {
			want = a.none
		}
		stdout, stderr, err := w.poor(t, user, nerf, "landlock", program, a.name, true)
		_, got, _ := strings.Cut(stdout, "\n")
		got = strings.TrimSpace(got)
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && filterKilled(exit) {
			got = killed
		}
		if got != want {
			t.Errorf("%s: %s, want %s\n%s", a.name, got, want, stderr)
		}
	}
}

// poor runs a role that makes an attempt on a kernel without a feature.
func (w roleWorld) poor(t *testing.T, user *syscall.Credential, nerf, without, program, attempt string, allowed bool) (stdout, stderr string, err error) {
	t.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), nerf, without, program, "names", attempt)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	cmd.Env = []string{"WORLD=" + string(text)}
	if allowed {
		cmd.Env = append(cmd.Env, "ALLOW_NO_LANDLOCK=1")
	}
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// TestRoleNeedsItsFolder: without capabilities root cannot write what belongs to
// another user, and says so before anything else goes wrong.
func TestRoleNeedsItsFolder(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can own less than it may write")
	}
	program := publicProgram(t, "role")
	w := newRoleWorld(t, program, nil)
	if err := os.Chown(w.Own, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	_, stderr, err := w.poor(t, nil, build(t, "nerf"), "rlimits", program, "nothing", false)
	if err == nil || !strings.Contains(stderr, w.Own) || !strings.Contains(stderr, "chown") {
		t.Errorf("%v: %q", err, stderr)
	}
	missing := newRoleWorld(t, program, nil)
	missing.Own = filepath.Join(missing.Own, "nowhere")
	if _, stderr, err := missing.poor(t, nil, build(t, "nerf"), "rlimits", program, "nothing", false); err == nil || !strings.Contains(stderr, missing.Own) {
		t.Errorf("%v: %q", err, stderr)
	}
}

// TestRoleLooksUpNames: under confinement Go's resolver reads the file of hosts, and
// asks the name server that resolv.conf names, in a network of the test's own.
func TestRoleLooksUpNames(t *testing.T) {
	t.Parallel()
	needTCP(t)
	program := publicProgram(t, "role")
	w := newRoleWorld(t, program, nil)
	if _, got := w.try(t, program, nil, "names", "look up a local name"); got != "ok" {
		t.Errorf("localhost: %s", got)
	}
	for role, works := range map[string]bool{"none": true, "names": true, "addresses": false} {
		out, err := w.withNameServer(t, program, role)
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL) {
			t.Skipf("no namespaces here: %v", err)
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", role, err, out)
		}
		if got := strings.HasSuffix(out, "\nok\n"); got != works {
			t.Errorf("%s: %s", role, out)
		}
	}
}

// withNameServer has a role look up a name in namespaces that have a name server.
func (w roleWorld) withNameServer(t *testing.T, program, role string) (string, error) {
	t.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "name-server")
	cmd.Env = []string{"WORLD=" + string(text), "ROLE=" + role, "RESOLV=" + filepath.Join(t.TempDir(), "resolv.conf")}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
