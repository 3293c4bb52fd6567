package sandbox

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// roleAttempt is an attempt and how it comes out: without confinement, for an
// adapter that looks up names, for one whose hosts are all given by address, and
// for the broker. An empty outcome is not looked at: what an ordinary user may not
// do anyway, or what this call does with arguments that can harm nobody.
type roleAttempt struct{ name, none, names, addresses, broker string }

var roleAttempts = []roleAttempt{
	{"nothing", "ok", "ok", "ok", "ok"},
	{"open /etc/passwd", "ok", "EACCES", "EACCES", "EACCES"},
	{"open another role's file", "ok", "EACCES", "EACCES", "EACCES"},
	{"open own binary", "ok", "EACCES", "EACCES", "EACCES"},
	{"list the data directory", "ok", "EACCES", "EACCES", "EACCES"},
	{"write beside own folder", "ok", "EACCES", "EACCES", "EACCES"},
	{"read /proc of another", "ok", "EACCES", "EACCES", "EACCES"},
	{"truncate another's file", "ok", "EPERM", "EPERM", "EPERM"},
	{"write own file", "ok", "ok", "ok", "ok"},
	{"sync own folder", "ok", "ok", "ok", "ok"},
	{"rename in own folder", "ok", "ok", "ok", "ok"},
	{"symlink in own folder", "ok", "EPERM", "EPERM", "EPERM"},
	{"link into own folder", "ok", "EPERM", "EPERM", "EPERM"},
	{"fifo in own folder", "ok", "EPERM", "EPERM", "EPERM"},
	{"chmod another's file", "ok", "EPERM", "EPERM", "EPERM"},
	{"change directory", "ok", "EPERM", "EPERM", "EPERM"},
	{"stat another's file", "ok", "ok", "ok", "ok"},
	{"path handle", "ok", "ok", "ok", "ok"},
	{"read resolv.conf", "ok", "ok", "EACCES", "EACCES"},
	{"read credentials", "ok", "ok", "EACCES", "EACCES"},
	{"write credentials", "ok", "EACCES", "EACCES", "EACCES"},
	{"add credentials", "ok", "EACCES", "EACCES", "EACCES"},
	{"memfd", "ok", "EPERM", "EPERM", "EPERM"},
	{"inotify", "ok", "EPERM", "EPERM", "EPERM"},
	{"map a file", "ok", "EPERM", "EPERM", "EPERM"},
	{"map executable memory", "ok", "EPERM", "EPERM", "EPERM"},
	{"make memory executable", "ok", "EPERM", "EPERM", "EPERM"},
	{"connect to allowed port", "ok", "ok", "ok", "EPERM"},
	{"connect to forbidden port", "ok", "EACCES", "EACCES", "EPERM"},
	{"connect by IPv6", "ok", "EACCES", "EACCES", "EPERM"},
	{"connect by MPTCP", "ok", "EPERM", "EPERM", "EPERM"},
	{"fast open by sendto", "ok", "EPERM", "EPERM", "EPERM"},
	{"fast open by sendmsg", "ok", "EPERM", "EPERM", "EPERM"},
	{"fast open by option", "ok", "EPERM", "EPERM", "EPERM"},
	{"no delay", "ok", "ok", "ok", "ok"},
	{"listen on own port", "ok", "EPERM", "EPERM", "ok"},
	{"listen on any port", "ok", "EPERM", "EPERM", "EACCES"},
	{"listen without bind", "ok", "EPERM", "EPERM", "ok"},
	{"datagram", "ok", "ok", "EPERM", "EPERM"},
	{"who asks", "ok", "ok", "ok", "EPERM"},
	{"unix socket", "ok", "EPERM", "EPERM", "EPERM"},
	{"abstract unix socket", "ok", "EPERM", "EPERM", "EPERM"},
	{"socket pair", "ok", "EPERM", "EPERM", "EPERM"},
	{"netlink socket", "ok", "EPERM", "EPERM", "EPERM"},
	{"raw socket", "", "EPERM", "EPERM", "EPERM"},
	{"packet socket", "", "EPERM", "EPERM", "EPERM"},
	{"vsock", "ok", "EPERM", "EPERM", "EPERM"},
	{"execute", "ok", killed, killed, killed},
	{"fork", "ok", killed, killed, killed},
	{"clone a namespace", "ok", killed, killed, killed},
	{"signal another", "ok", "EPERM", "EPERM", "EPERM"},
	{"thread signal to another", "ok", "EPERM", "EPERM", "EPERM"},
	{"pidfd of another", "ok", "EPERM", "EPERM", "EPERM"},
	{"limits of another", "ok", "EPERM", "EPERM", "EPERM"},
	{"priority of another", "ok", "EPERM", "EPERM", "EPERM"},
	{"processors of another", "ok", "EPERM", "EPERM", "EPERM"},
	{"dumpable again", "ok", "EPERM", "EPERM", "EPERM"},
	{"unshare", "ok", killed, killed, killed},
	{"mount", "", killed, killed, killed},
	{"chroot", "", killed, killed, killed},
	{"open tree", "ok", killed, killed, killed},
	{"keyctl", "ok", killed, killed, killed},
	{"add key", "ok", killed, killed, killed},
	{"own user id again", "ok", killed, killed, killed},
	{"kernel's name", "ok", "EPERM", "EPERM", "EPERM"},
	{"memory of the host", "ok", "EPERM", "EPERM", "EPERM"},
	{"ioctl", "ok", "EPERM", "EPERM", "EPERM"},
	{"device control", "", "EPERM", "EPERM", "EPERM"},
	{"many threads and garbage", "ok", "ok", "ok", "ok"},
	{"execute from memory", "ok", killed, killed, killed},
	{"clone3", "ok", killed, killed, killed},
	{"ptrace another", "ok", killed, killed, killed},
	{"read memory of another", "ok", killed, killed, killed},
	{"compare with another", "ok", killed, killed, killed},
	{"io_uring", "ok", killed, killed, killed},
	{"bpf", "", killed, killed, killed},
	{"perf", "ok", killed, killed, killed},
	{"userfaultfd", "ok", killed, killed, killed},
	{"personality", "ok", killed, killed, killed},
	{"capset", "ok", killed, killed, killed},
	{"set namespace", "", killed, killed, killed},
	{"load a module", "", killed, killed, killed},
	{"open by handle", "", killed, killed, killed},
	{"kexec", "", killed, killed, killed},
	{"shared memory", "ok", "EPERM", "EPERM", "EPERM"},
	{"unknown call", "", "EPERM", "EPERM", "EPERM"},
	{"another filter", "ok", "EPERM", "EPERM", "EPERM"},
	{"another Landlock", "ok", "EPERM", "EPERM", "EPERM"},
	{"32-bit table", "", killed, killed, killed},
	{"change memory of a thread", "", killed, killed, killed},
}

// TestRoleAttempts makes every attempt as every role, each in a process of its own.
// Without confinement it is made by an ordinary user alone: root could harm the
// machine.
func TestRoleAttempts(t *testing.T) {
	t.Parallel()
	needTCP(t)
	program := publicProgram(t, "role")
	for _, user := range roleUsers(t) {
		w := newRoleWorld(t, program, user)
		var wg sync.WaitGroup
		slots := make(chan struct{}, 4)
		for _, a := range roleAttempts {
			for role, want := range a.columns(user == nil && os.Getuid() == 0) {
				slots <- struct{}{}
				wg.Go(func() {
					defer func() { <-slots }()
					if _, got := w.try(t, program, user, role, a.name); got != want {
						t.Errorf("%s, %s: %s: %s, want %s", userName(user), role, a.name, got, want)
					}
				})
			}
		}
		wg.Wait()
	}
}

// columns are the roles to make an attempt as, with what comes of it. The two kinds
// of adapters have the same rows but for names: where the outcome is the same, one
// of them will do.
func (a roleAttempt) columns(root bool) map[string]string {
	if root {
		return map[string]string{"names": a.names}
	}
	columns := map[string]string{"names": a.names, "broker": a.broker}
	if a.addresses != a.names {
		columns["addresses"] = a.addresses
	}
	if a.none != "" {
		columns["none"] = a.none
	}
	return columns
}

// needTCP skips the test on a kernel whose Landlock knows no ports.
func needTCP(t *testing.T) {
	t.Helper()
	if l, _ := (Report{Layers: Probe()}).Layer(LayerLandlockNet); !l.Holds() {
		t.Skipf("this kernel has no %s (%s)", LayerLandlockNet, l.Detail)
	}
}

// roleUsers are the users that the tests run as: this one, and if that is root an
// ordinary one, too.
func roleUsers(t *testing.T) []*syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return []*syscall.Credential{nil}
	}
	return []*syscall.Credential{nil, {Uid: 65534, Gid: 65534}}
}

func userName(user *syscall.Credential) string {
	if user == nil {
		return fmt.Sprintf("uid %d", os.Getuid())
	}
	return fmt.Sprintf("uid %d", user.Uid)
}

// TestRoleReport holds what a role says of itself to what is so.
func TestRoleReport(t *testing.T) {
	t.Parallel()
	needTCP(t)
	program := publicProgram(t, "role")
	for _, user := range roleUsers(t) {
		w := newRoleWorld(t, program, user)
		for _, c := range []struct {
			role, layer string
			state       State
			detail      string
		}{
			{"names", LayerNoNewPrivs, StateOK, ""},
			{"names", LayerDumpable, StateOK, ""},
			{"names", LayerLandlock, StateOK, "1 folders and 5 more paths are open"},
			{"names", LayerLandlockNet, StateOK, fmt.Sprintf("%d", w.Allowed)},
			{"names", LayerSeccomp, StateOK, fmt.Sprintf("%d calls kill", len(neverList()))},
			{"broker", LayerLandlockNet, StateOK, fmt.Sprintf("connect [], listen [%d]", w.Listen)},
			{"any-port", LayerLandlockNet, StatePartial, "--any-port"},
		} {
			report, outcome := w.try(t, program, user, c.role, "nothing")
			l, _ := report.Layer(c.layer)
			if outcome != "ok" || l.State != c.state || !strings.Contains(l.Detail, c.detail) {
				t.Errorf("%s, %s: %+v (%s)", userName(user), c.role, l, outcome)
			}
			if caps, _ := report.Layer(LayerCapabilities); !caps.Holds() {
				t.Errorf("%s, %s: %+v", userName(user), c.role, caps)
			}
		}
	}
}

// TestAnyPort opens every port to connect to and none to listen on.
func TestAnyPort(t *testing.T) {
	t.Parallel()
	needTCP(t)
	program := publicProgram(t, "role")
	w := newRoleWorld(t, program, nil)
	for attempt, want := range map[string]string{
		"connect to allowed port": "ok", "connect to forbidden port": "ok", "connect by MPTCP": "EPERM", "fast open by sendto": "EPERM",
		"listen on own port": "EPERM", "datagram": "EPERM", "open /etc/passwd": "EACCES", "execute": killed,
	} {
		if _, got := w.try(t, program, nil, "any-port", attempt); got != want {
			t.Errorf("%s: %s, want %s", attempt, got, want)
		}
	}
}
