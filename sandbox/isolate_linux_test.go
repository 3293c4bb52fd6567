package sandbox

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&os.PathError{Op: "fork/exec", Path: "x", Err: unix.EPERM}, true},
		{fmt.Errorf("start: %w", unix.ENOSPC), true},
		{unix.ENOSYS, true},
		{unix.EINVAL, true},
		{unix.ENOENT, false},
		{unix.ENOEXEC, false},
		{unix.EAGAIN, false},
		{unix.ENOMEM, false},
	} {
		if Forbidden(c.err) != c.want {
			t.Errorf("%v: want %t", c.err, c.want)
		}
	}
}

func TestNamespaces(t *testing.T) {
	layers, err := Namespaces(os.Getpid(), unix.EPERM)
	if err != nil || len(layers) != 7 {
		t.Fatalf("%v, %v", layers, err)
	}
	for _, l := range layers {
		if l.Required || l.State != StateMissing || !strings.Contains(l.Detail, "operation not permitted") || Remedy(l.Name) == "" {
			t.Errorf("%+v", l)
		}
	}
	if _, err := Namespaces(os.Getpid(), nil); !errors.Is(err, ErrNotConfined) {
		t.Errorf("we are said to be in another namespace than ourselves: %v", err)
	}
	if layers, err = Namespaces(1<<30, nil); !errors.Is(err, ErrGone) || errors.Is(err, ErrNotConfined) || len(layers) > 0 {
		t.Errorf("no process: %v, %v", layers, err)
	}
}

// TestIsolate starts a process in namespaces and compares each with ours.
func TestIsolate(t *testing.T) {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	for _, n := range namespaces {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "wait-for-end")
		cmd.SysProcAttr = &syscall.SysProcAttr{}
		Isolate(cmd.SysProcAttr)
		if n.flag != unix.CLONE_NEWUSER && n.flag != unix.CLONE_NEWNS { // those two it cannot do without
			cmd.SysProcAttr.Cloneflags &^= n.flag
		}
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		err = cmd.Start()
		if Forbidden(err) {
			t.Skipf("this kernel gives no namespaces: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		layers, err := Namespaces(cmd.Process.Pid, nil)
		whole := n.flag == unix.CLONE_NEWUSER || n.flag == unix.CLONE_NEWNS
		if whole && (err != nil || len(layers) != len(namespaces) || layers[0].State != StateOK) {
			t.Errorf("with all: %v, %v", layers, err)
		}
		if !whole && (!errors.Is(err, ErrNotConfined) || !strings.Contains(err.Error(), n.file)) {
			t.Errorf("without %s: %v, %v", n.layer, layers, err)
		}
		_ = stdin.Close()
		_ = cmd.Wait()
	}
}

func TestWith(t *testing.T) {
	said := Report{Build: "x", Layers: []Layer{{LayerSeccomp, true, StateOK, ""}}}
	outer := []Layer{{LayerUserNS, false, StateOK, ""}, {LayerMemory, false, StateMissing, ""}}
	got, err := said.With(outer)
	if err != nil || len(got.Layers) != 3 || got.Layers[0].Name != LayerUserNS || got.Layers[2].Name != LayerSeccomp || got.Build != "x" {
		t.Errorf("%+v, %v", got, err)
	}
	got.Layers[0].State = StateMissing
	if outer[0].State != StateOK {
		t.Error("the slice is shared")
	}
	liar := Report{Layers: []Layer{{LayerMemory, false, StateOK, "trust me"}}}
	if _, err := liar.With(outer); !errors.Is(err, ErrStatus) {
		t.Errorf("a process speaks for who started it: %v", err)
	}
}

// TestRootIsLeftAlone: whoever is not alone in a user namespace, as this process,
// must not touch mounts.
func TestRootIsLeftAlone(t *testing.T) {
	for _, own := range []bool{false, true} {
		if own && aloneInUserNamespace() {
			t.Skip("this test runs in such a namespace")
		}
		layers := emptyRoot(&situation{Options: Options{OwnNamespaces: own}})
		if len(layers) != 1 || layers[0].State != StateMissing || layers[0].Required {
			t.Errorf("%+v", layers)
		}
	}
	if names, err := os.ReadDir("/"); err != nil || len(names) == 0 {
		t.Errorf("our root is gone: %v, %v", names, err)
	}
}

func TestEveryLayerHasARemedy(t *testing.T) {
	names := []string{
		LayerUserNS, LayerMountNS, LayerNetNS, LayerPIDNS, LayerIPCNS, LayerUTSNS, LayerCgroupNS, LayerMemory, LayerDescriptors, LayerRoot,
		LayerCapabilities, LayerDumpable, LayerLandlock, LayerLandlockNet, LayerLandlockScope, LayerLimits, LayerSeccomp,
	}
	if len(names) > MaxLayers {
		t.Errorf("%d layers, a report has %d", len(names), MaxLayers)
	}
	for _, name := range names {
		if Remedy(name) == "" || !validName(name) {
			t.Errorf("%s: %q", name, Remedy(name))
		}
	}
}
