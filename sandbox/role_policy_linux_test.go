package sandbox

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// testRoles are roles that differ in what their filters have.
func testRoles() map[string]Role {
	return map[string]Role{
		"names":     {Folders: []string{"f"}, Connect: []uint16{1}, Datagrams: true},
		"addresses": {Folders: []string{"f"}, Connect: []uint16{1}},
		"accepts":   {Folders: []string{"f"}, Connect: []uint16{1}, Accept: true},
		"any-port":  {Folders: []string{"f"}, AnyPort: true},
		"broker":    {Folders: []string{"f"}, Listen: []uint16{1}},
		"nothing":   {},
		"udp alone": {Datagrams: true}, // without a port to connect to it gets nothing
	}
}

func roleMachine(t *testing.T, name string, role Role) machine {
	t.Helper()
	a, _ := archOf(name)
	program, err := assembleRows(a, rolePolicy(testPID, role), refuse(unix.EPERM))
	if err != nil {
		t.Fatal(err)
	}
	return load(t, a, program)
}

// TestRoleFilterExhaustively asks every filter for every call number with arguments
// that no condition allows: what has a row without condition is answered by it, and
// all else is EPERM. Foreign tables kill.
func TestRoleFilterExhaustively(t *testing.T) {
	t.Parallel()
	eperm := uint32(unix.SECCOMP_RET_ERRNO) | uint32(unix.EPERM)
	for roleName, role := range testRoles() {
		for _, name := range []string{"amd64", "arm64"} {
			m := roleMachine(t, name, role)
			want := map[uint32]uint32{}
			for _, r := range rolePolicy(testPID, role) {
				if _, first := want[m.arch.number(r)]; len(r.when) == 0 && !first {
					want[m.arch.number(r)] = r.action
				}
			}
			const strange = 0xdead_0001_beef_0001
			for number := range uint32(2048) {
				expected, ok := want[number]
				if !ok {
					expected = eperm
				}
				if got := m.answer(t, m.arch.audit, number, strange, strange, strange, strange, strange, strange); got != expected {
					t.Errorf("%s on %s: call %d: %#x, want %#x", roleName, name, number, got, expected)
				}
				for _, audit := range []uint32{unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, 0, otherArch(m.arch).audit, m.arch.audit ^ 1} {
					if got := m.answer(t, audit, number); got != kill {
						t.Errorf("%s on %s: call %d of architecture %#x: %#x", roleName, name, number, audit, got)
					}
				}
				if got := m.answer(t, m.arch.audit, number|x32Bit); m.arch.x32 && got != kill {
					t.Errorf("%s on %s: x32 call %d: %#x", roleName, name, number, got)
				}
			}
		}
	}
}

// What the table of arguments says of a call.
const (
	passes  = "passes"
	refuses = "EPERM"
	kills   = "kills"
)

// TestRoleFilterArguments holds each condition at its edges, for each role that has
// the call.
func TestRoleFilterArguments(t *testing.T) {
	t.Parallel()
	const (
		high     = 1 << 32 // a bit that an int argument does not see and a long one does
		rw       = unix.PROT_READ | unix.PROT_WRITE
		anon     = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
		stream   = unix.SOCK_STREAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
		datagram = unix.SOCK_DGRAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	)
	numbers := bothNumbers(t)
	for _, c := range []struct {
		call, role, want string
		args             []uint64
	}{
		{"clone", "nothing", passes, []uint64{goThread}},
		{"clone", "nothing", passes, []uint64{goThread | unix.CLONE_SETTLS}},
		{"clone", "nothing", kills, []uint64{goThread &^ unix.CLONE_THREAD}},
		{"clone", "nothing", kills, []uint64{uint64(unix.SIGCHLD)}},
		{"clone", "nothing", kills, []uint64{goThread | unix.CLONE_NEWUSER}},
		{"clone", "nothing", kills, []uint64{goThread | unix.CLONE_UNTRACED}},
		{"clone", "nothing", kills, []uint64{goThread | high}},
		{"tgkill", "nothing", passes, []uint64{testPID, 5, uint64(unix.SIGURG)}},
		{"tgkill", "nothing", passes, []uint64{testPID, 5, uint64(unix.SIGABRT)}},
		{"tgkill", "nothing", refuses, []uint64{testPID + 1, 5, uint64(unix.SIGURG)}},
		{"tgkill", "nothing", refuses, []uint64{1, 1, 0}},
		{"futex", "nothing", passes, []uint64{0, 128}},
		{"futex", "nothing", passes, []uint64{0, 129}},
		{"futex", "nothing", refuses, []uint64{0, 134}}, // FUTEX_LOCK_PI
		{"futex", "nothing", refuses, []uint64{0, 0}},
		{"mmap", "nothing", passes, []uint64{0, 4096, unix.PROT_NONE, anon}},
		{"mmap", "nothing", passes, []uint64{0, 4096, rw, anon | unix.MAP_FIXED}},
		{"mmap", "nothing", passes, []uint64{0, 4096, rw, unix.MAP_DROPPABLE | unix.MAP_ANONYMOUS}},
		{"mmap", "nothing", refuses, []uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC, anon}},
		{"mmap", "nothing", refuses, []uint64{0, 4096, rw | unix.PROT_EXEC, anon}},
		{"mmap", "names", refuses, []uint64{0, 4096, unix.PROT_READ, unix.MAP_SHARED, 3}},
		{"madvise", "nothing", passes, []uint64{0, 0, unix.MADV_DONTNEED}},
		{"madvise", "nothing", refuses, []uint64{0, 0, unix.MADV_REMOVE}},
		{"prctl", "nothing", "EINVAL", []uint64{unix.PR_SET_VMA}},
		{"prctl", "nothing", refuses, []uint64{unix.PR_SET_DUMPABLE, 1}},
		{"prctl", "nothing", refuses, []uint64{unix.PR_SET_SECCOMP}},
		{"openat", "nothing", refuses, nil},
		{"openat", "names", passes, nil},
		{"openat", "broker", passes, nil},
		{"fcntl", "names", passes, []uint64{3, unix.F_DUPFD_CLOEXEC}},
		{"fcntl", "names", refuses, []uint64{3, unix.F_SETOWN}},
		{"fcntl", "names", refuses, []uint64{3, unix.F_ADD_SEALS}},
		{"fcntl", "names", refuses, []uint64{3, unix.F_NOTIFY}},
		{"socket", "nothing", refuses, []uint64{unix.AF_INET, stream, 0}},
		{"socket", "udp alone", refuses, []uint64{unix.AF_INET, datagram, 0}},
		{"socket", "addresses", passes, []uint64{unix.AF_INET, stream, 0}},
		{"socket", "addresses", passes, []uint64{unix.AF_INET6, stream, unix.IPPROTO_TCP}},
		{"socket", "addresses", passes, []uint64{unix.AF_INET | high, stream, 0}}, // the kernel reads an int
		{"socket", "addresses", refuses, []uint64{unix.AF_INET, stream, unix.IPPROTO_MPTCP}},
		{"socket", "addresses", refuses, []uint64{unix.AF_INET6, stream, unix.IPPROTO_MPTCP}},
		{"socket", "addresses", refuses, []uint64{unix.AF_INET, stream, unix.IPPROTO_SCTP}},
		{"socket", "addresses", refuses, []uint64{unix.AF_INET, stream, unix.IPPROTO_TCP + 1}},
		{"socket", "addresses", refuses, []uint64{unix.AF_INET, stream, unix.IPPROTO_TCP - 1}},
		{"socket", "addresses", refuses, []uint64{unix.AF_INET, datagram, 0}},
		{"socket", "any-port", refuses, []uint64{unix.AF_INET, datagram, 0}},
		{"socket", "broker", refuses, []uint64{unix.AF_INET, datagram, 0}},
		{"socket", "broker", refuses, []uint64{unix.AF_INET, stream, unix.IPPROTO_MPTCP}},
		{"socket", "broker", passes, []uint64{unix.AF_INET, stream, 0}},
		{"socket", "names", passes, []uint64{unix.AF_INET, stream, 0}},
		{"socket", "names", passes, []uint64{unix.AF_INET, datagram, 0}},
		{"socket", "names", passes, []uint64{unix.AF_INET6, datagram, 0}},
		{"socket", "names", refuses, []uint64{unix.AF_INET, datagram, unix.IPPROTO_UDPLITE}},
		{"socket", "names", refuses, []uint64{unix.AF_INET, datagram, unix.IPPROTO_ICMP}},
		{"socket", "names", refuses, []uint64{unix.AF_INET, unix.SOCK_RAW | socketFlags, 0}},
		{"socket", "names", refuses, []uint64{unix.AF_UNIX, stream, 0}},
		{"socket", "names", refuses, []uint64{unix.AF_UNIX, datagram, 0}},
		{"socket", "names", refuses, []uint64{unix.AF_NETLINK, unix.SOCK_RAW | socketFlags, 0}},
		{"socket", "names", refuses, []uint64{unix.AF_VSOCK, stream, 0}},
		{"socket", "names", refuses, []uint64{unix.AF_ALG, unix.SOCK_SEQPACKET | socketFlags, 0}},
		{"socket", "names", refuses, []uint64{unix.AF_INET, unix.SOCK_STREAM, 0}}, // as Go never asks
		{"connect", "names", passes, nil},
		{"connect", "broker", refuses, nil},
		{"bind", "broker", passes, nil},
		{"bind", "names", refuses, nil},
		{"listen", "names", refuses, nil},
		{"accept4", "names", refuses, nil},
		{"setsockopt", "names", passes, []uint64{3, unix.IPPROTO_TCP, unix.TCP_NODELAY}},
		{"setsockopt", "names", refuses, []uint64{3, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT}},
		{"setsockopt", "names", refuses, []uint64{3, unix.IPPROTO_TCP, unix.TCP_FASTOPEN}},
		{"setsockopt", "names", refuses, []uint64{3, unix.IPPROTO_TCP, unix.TCP_ULP}},
		{"setsockopt", "names", refuses, []uint64{3, unix.IPPROTO_TCP, unix.TCP_REPAIR}},
		{"setsockopt", "names", refuses, []uint64{3, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER}},
		{"setsockopt", "names", refuses, []uint64{3, unix.SOL_SOCKET, unix.SO_BINDTODEVICE}},
		{"getsockopt", "names", passes, []uint64{3, unix.SOL_SOCKET, unix.SO_ERROR}},
		{"getsockopt", "names", refuses, []uint64{3, unix.SOL_SOCKET, unix.SO_PEERCRED}},
		{"getsockopt", "broker", refuses, []uint64{3, unix.SOL_SOCKET, unix.SO_PEERCRED}},
		{"getsockopt", "accepts", passes, []uint64{3, unix.SOL_SOCKET, unix.SO_PEERCRED}},
		{"getsockopt", "accepts", refuses, []uint64{3, unix.SOL_SOCKET, unix.SO_PEERSEC}},
		{"getsockopt", "accepts", refuses, []uint64{3, unix.SOL_SOCKET, unix.SO_PEERPIDFD}},
	} {
		for _, name := range []string{"amd64", "arm64"} {
			m := roleMachine(t, name, testRoles()[c.role])
			number, ok := numbers[name][c.call]
			if !ok {
				t.Fatalf("no call %s", c.call)
			}
			if got := word(m.answer(t, m.arch.audit, uint32(number), c.args...)); got != c.want {
				t.Errorf("%s on %s: %s%#x: %s, want %s", c.role, name, c.call, c.args, got, c.want)
			}
		}
	}
}

// bothNumbers are the numbers of all calls, by architecture and name.
func bothNumbers(t *testing.T) map[string]map[string]uint64 {
	t.Helper()
	return map[string]map[string]uint64{"amd64": systemNumbers(t, "amd64"), "arm64": systemNumbers(t, "arm64")}
}

// word says what an answer means.
func word(answer uint32) string {
	switch {
	case answer == allow:
		return passes
	case answer == kill:
		return kills
	case answer&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO:
		return unix.ErrnoName(unix.Errno(answer & unix.SECCOMP_RET_DATA))
	default:
		return fmt.Sprintf("%#x", answer)
	}
}

// TestNeverListKills holds the list to the calls that the design names, on each
// architecture that has them, whatever the role.
func TestNeverListKills(t *testing.T) {
	t.Parallel()
	numbers := bothNumbers(t)
	for roleName, role := range testRoles() {
		for _, name := range []string{"amd64", "arm64"} {
			m := roleMachine(t, name, role)
			for _, call := range []string{
				"execve", "execveat", "fork", "vfork", "clone3", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "bpf",
				"perf_event_open", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "mount", "umount2",
				"move_mount", "open_tree", "fsopen", "fsmount", "fspick", "mount_setattr", "pivot_root", "chroot", "setns", "unshare",
				"keyctl", "add_key", "request_key", "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "personality",
				"modify_ldt", "setuid", "setgid", "setgroups", "setresuid", "capset", "open_by_handle_at",
			} {
				if number, ok := numbers[name][call]; ok && m.answer(t, m.arch.audit, uint32(number)) != kill {
					t.Errorf("%s on %s: %s does not kill", roleName, name, call)
				}
			}
		}
	}
}

// TestRoleRows holds every row to the tables of x/sys and to a reason, and the
// number of rows to what was decided.
func TestRoleRows(t *testing.T) {
	t.Parallel()
	counts, numbers := map[string]int{}, bothNumbers(t)
	for roleName, role := range testRoles() {
		rows := rolePolicy(testPID, role)
		counts[roleName] = countPassing(rows)
		never := map[string]bool{}
		for _, c := range neverList() {
			never[c.name] = true
		}
		for _, r := range rows {
			if r.why == "" || r.action == allow && never[r.name] {
				t.Errorf("%s: %s passes and kills, or has no reason", roleName, r.name)
			}
			for _, name := range []string{"amd64", "arm64"} {
				a, _ := archOf(name)
				if want, ok := numbers[name][r.name]; ok != (a.number(r) != absent) || ok && uint64(a.number(r)) != want {
					t.Errorf("%s on %s is %d here, %d there", r.name, name, a.number(r), want)
				}
			}
		}
	}
	want := map[string]int{"names": 50, "addresses": 50, "accepts": 51, "any-port": 50, "broker": 52, "nothing": 24, "udp alone": 24}
	for role, count := range want {
		if counts[role] != count {
			t.Errorf("%s: %d calls pass, want %d: a new one is a decision, see docs/decisions", role, counts[role], count)
		}
	}
	if len(neverList()) != 66 {
		t.Errorf("%d calls kill", len(neverList()))
	}
}

// TestRoleDecisionNamesEachCall holds the decision record to the tables.
func TestRoleDecisionNamesEachCall(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/decisions/0010-roles.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := slices.Concat(rolePolicy(testPID, testRoles()["names"]), roleListener())
	for _, r := range rows {
		if !strings.Contains(string(text), "`"+r.name+"`") {
			t.Errorf("docs/decisions/0010-roles.md does not name %s", r.name)
		}
	}
}

func TestAssembleRowsRefuses(t *testing.T) {
	t.Parallel()
	a, _ := archOf("amd64")
	wide := make([]uint64, 100)
	if _, err := assembleRows(a, []rule{{name: "wide", action: allow, when: eachOf(1, wide...)}}, kill); err == nil {
		t.Error("a row that no jump can pass is taken")
	}
	if _, err := assembleRows(a, make([]rule, 2048), kill); err == nil {
		t.Error("a program that no kernel takes is assembled")
	}
}
