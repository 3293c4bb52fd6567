package sandbox

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const testPID = 77

// machine evaluates the assembled policy without a kernel.
type machine struct {
	*bpf.VM
	arch arch
}

func newMachine(t *testing.T, name string) machine {
	t.Helper()
	a, ok := archOf(name)
	if !ok {
		t.Fatalf("no architecture %s", name)
	}
	program, err := assemble(a, policy(testPID))
	if err != nil {
		t.Fatal(err)
	}
	return load(t, a, program)
}

// load makes a machine of a program.
func load(t *testing.T, a arch, program []unix.SockFilter) machine {
	t.Helper()
	raw := make([]bpf.RawInstruction, 0, len(program))
	for _, i := range program {
		raw = append(raw, bpf.RawInstruction{Op: i.Code, Jt: i.Jt, Jf: i.Jf, K: i.K})
	}
	instructions, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the program has instructions that nobody knows")
	}
	vm, err := bpf.NewVM(instructions)
	if err != nil {
		t.Fatal(err)
	}
	return machine{vm, a}
}

// answer gives what the filter returns for a struct seccomp_data. The machine
// reads words in network order, so each word is written that way.
func (m machine) answer(t *testing.T, audit, number uint32, args ...uint64) uint32 {
	t.Helper()
	var data [64]byte
	binary.BigEndian.PutUint32(data[0:], number)
	binary.BigEndian.PutUint32(data[4:], audit)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
	}
	got, err := m.Run(data[:])
	if err != nil {
		t.Fatal(err)
	}
	return uint32(got)
}

// TestFilterExhaustively asks for every call number of both architectures, with
// arguments that no condition of the policy allows: what comes back must be a
// kill, unless the policy lists the call without condition.
func TestFilterExhaustively(t *testing.T) {
	for _, name := range []string{"amd64", "arm64"} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, name)
			unconditional := map[uint32]bool{}
			for _, r := range policy(testPID) {
				if len(r.when) == 0 {
					unconditional[m.arch.number(r)] = true
				}
			}
			const strange = 0xdead_0001_beef_0001
			for number := range uint32(2048) {
				want := kill
				if unconditional[number] {
					want = allow
				}
				got := m.answer(t, m.arch.audit, number, strange, strange, strange, strange, strange, strange)
				if got != want {
					t.Errorf("call %d: %#x, want %#x", number, got, want)
				}
				for _, audit := range []uint32{
					unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_PPC64LE, 0,
					otherArch(m.arch).audit, m.arch.audit ^ 1,
				} {
					if got := m.answer(t, audit, number); got != kill {
						t.Errorf("call %d of architecture %#x: %#x", number, audit, got)
					}
				}
				if got := m.answer(t, m.arch.audit, number|x32Bit); got != kill {
					t.Errorf("x32 call %d: %#x", number, got)
				}
				if got := m.answer(t, m.arch.audit, number|1<<31); got != kill {
					t.Errorf("negative call %d: %#x", number, got)
				}
			}
		})
	}
}

func otherArch(a arch) arch {
	other, _ := archOf(map[string]string{"amd64": "arm64", "arm64": "amd64"}[a.name])
	return other
}

// TestFilterArguments holds each condition of the policy at its edges.
func TestFilterArguments(t *testing.T) {
	const (
		high = 1 << 32 // a bit that an int argument does not see and a long one does
		rw   = unix.PROT_READ | unix.PROT_WRITE
		anon = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	)
	einval := uint32(unix.SECCOMP_RET_ERRNO) | uint32(unix.EINVAL)
	for _, c := range []struct {
		call string
		want uint32
		args []uint64
	}{
		{"futex", allow, []uint64{0, 128}},
		{"futex", allow, []uint64{0, 129 | high}}, // the kernel reads an int
		{"futex", kill, []uint64{0, 0}},           // not private
		{"futex", kill, []uint64{0, 1}},
		{"futex", kill, []uint64{0, 127}},
		{"futex", kill, []uint64{0, 130}},
		{"futex", kill, []uint64{0, 134}}, // FUTEX_LOCK_PI
		{"futex", kill, []uint64{128, 0}},
		{"mmap", allow, []uint64{0, 4096, unix.PROT_NONE, anon}},
		{"mmap", allow, []uint64{0, 4096, unix.PROT_NONE, anon | unix.MAP_FIXED}},
		{"mmap", allow, []uint64{0, 4096, rw, anon}},
		{"mmap", allow, []uint64{0, 4096, rw, anon | unix.MAP_FIXED}},
		{"mmap", kill, []uint64{0, 4096, rw | unix.PROT_EXEC, anon}},
		{"mmap", kill, []uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC, anon}},
		{"mmap", kill, []uint64{0, 4096, unix.PROT_READ, anon}},
		{"mmap", kill, []uint64{0, 4096, unix.PROT_READ, unix.MAP_SHARED, 3}},
		{"mmap", kill, []uint64{0, 4096, rw, unix.MAP_PRIVATE, 3}},
		{"mmap", kill, []uint64{0, 4096, rw, anon | unix.MAP_LOCKED}},
		{"mmap", kill, []uint64{0, 4096, rw | high, anon}},
		{"mmap", kill, []uint64{0, 4096, rw, anon | high}},
		{"madvise", allow, []uint64{0, 0, unix.MADV_DONTNEED}},
		{"madvise", allow, []uint64{0, 0, unix.MADV_HUGEPAGE}},
		{"madvise", allow, []uint64{0, 0, unix.MADV_NOHUGEPAGE}},
		{"madvise", allow, []uint64{0, 0, unix.MADV_COLLAPSE}},
		{"madvise", kill, []uint64{0, 0, unix.MADV_REMOVE}},
		{"madvise", kill, []uint64{0, 0, unix.MADV_HWPOISON}},
		{"madvise", kill, []uint64{0, 0, unix.MADV_DONTNEED + 1}},
		{"tgkill", allow, []uint64{testPID, 5, uint64(unix.SIGURG)}},
		{"tgkill", kill, []uint64{testPID + 1, 5, uint64(unix.SIGURG)}},
		{"tgkill", kill, []uint64{1, 1, uint64(unix.SIGURG)}},
		{"tgkill", kill, []uint64{testPID, 5, uint64(unix.SIGKILL)}},
		{"tgkill", kill, []uint64{testPID, 5, 0}},
		{"prctl", einval, []uint64{unix.PR_SET_VMA}},
		{"prctl", kill, []uint64{unix.PR_SET_DUMPABLE, 1}},
		{"prctl", kill, []uint64{unix.PR_SET_SECCOMP}},
	} {
		for _, name := range []string{"amd64", "arm64"} {
			m := newMachine(t, name)
			if got := m.answer(t, m.arch.audit, m.arch.number(ruleOf(t, c.call)), c.args...); got != c.want {
				t.Errorf("%s: %s%#x: %#x, want %#x", name, c.call, c.args, got, c.want)
			}
		}
	}
}

// TestFilterArgumentSpace asks for every value of the arguments that conditions look
// at, as far as the kernel gives them a meaning: what is let through is the list of
// the policy and nothing else.
func TestFilterArgumentSpace(t *testing.T) {
	const anon, fixed = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, unix.MAP_FIXED
	for _, name := range []string{"amd64", "arm64"} {
		m := newMachine(t, name)
		ask := func(call string, args ...uint64) uint32 {
			return m.answer(t, m.arch.audit, m.arch.number(ruleOf(t, call)), args...)
		}
		for value := range uint64(1 << 14) {
			if got, want := ask("futex", 0, value), value == 128 || value == 129; (got == allow) != want {
				t.Errorf("%s: futex %d: %#x", name, value, got)
			}
			want := value == unix.MADV_DONTNEED || value == unix.MADV_HUGEPAGE || value == unix.MADV_NOHUGEPAGE || value == unix.MADV_COLLAPSE
			if got := ask("madvise", 0, 0, value); (got == allow) != want {
				t.Errorf("%s: madvise %d: %#x", name, value, got)
			}
			if got := ask("prctl", value, 1); got != kill {
				t.Errorf("%s: prctl %d: %#x", name, value, got)
			}
			if got := ask("tgkill", testPID, 1, value); (got == allow) != (value == uint64(unix.SIGURG)) {
				t.Errorf("%s: tgkill with %d: %#x", name, value, got)
			}
			if got := ask("tgkill", value, 1, uint64(unix.SIGURG)); (got == allow) != (value == testPID) {
				t.Errorf("%s: tgkill of %d: %#x", name, value, got)
			}
		}
		for prot := range uint64(64) {
			for one := range 32 {
				for other := range 32 {
					flags := uint64(anon) ^ 1<<one ^ 1<<other
					want := (prot == 0 || prot == unix.PROT_READ|unix.PROT_WRITE) && (flags == anon || flags == anon|fixed)
					if got := ask("mmap", 0, 4096, prot, flags); (got == allow) != want {
						t.Errorf("%s: mmap %#x %#x: %#x", name, prot, flags, got)
					}
				}
			}
		}
	}
}

func ruleOf(t *testing.T, call string) rule {
	t.Helper()
	for _, r := range policy(testPID) {
		if r.name == call {
			return r
		}
	}
	t.Fatalf("the policy has no %s", call)
	return rule{}
}

// TestPolicyIsSmall holds the table to what a reviewer can read: few calls, each
// once, each with a reason, none of the ones that lead out.
func TestPolicyIsSmall(t *testing.T) {
	rules := policy(testPID)
	if len(rules) != 16 {
		t.Errorf("%d calls: a new one is a decision, see docs/decisions", len(rules))
	}
	seen := map[string]bool{}
	for _, r := range rules {
		if r.why == "" || seen[r.name] {
			t.Errorf("%s stands there twice or without a reason", r.name)
		}
		seen[r.name] = true
	}
	for _, way := range []string{
		"open", "openat", "openat2", "socket", "connect", "sendmsg", "recvmsg", "clone", "clone3", "fork", "execve",
		"execveat", "mprotect", "ptrace", "kill", "dup", "io_uring_setup", "memfd_create", "ioctl", "fcntl", "close",
	} {
		if seen[way] {
			t.Errorf("the policy has %s", way)
		}
	}
}

// TestPolicyNumbers compares both columns of numbers with the tables of x/sys.
func TestPolicyNumbers(t *testing.T) {
	for _, name := range []string{"amd64", "arm64"} {
		a, _ := archOf(name)
		numbers := systemNumbers(t, name)
		for _, r := range policy(testPID) {
			if want, ok := numbers[r.name]; !ok || uint64(a.number(r)) != want {
				t.Errorf("%s on %s is %d here, %d there", r.name, name, a.number(r), want)
			}
		}
	}
}

// systemNumbers are the numbers of all calls on an architecture, by x/sys.
func systemNumbers(t *testing.T, name string) map[string]uint64 {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatalf("find the module: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "unix", "zsysnum_linux_"+name+".go"))
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]uint64{}
	for _, m := range regexp.MustCompile(`SYS_(\w+)\s+= (\d+)`).FindAllStringSubmatch(string(text), -1) {
		if numbers[strings.ToLower(m[1])], err = strconv.ParseUint(m[2], 10, 32); err != nil {
			t.Fatal(err)
		}
	}
	return numbers
}

func TestAssembleRefuses(t *testing.T) {
	a, _ := archOf("amd64")
	wide := make([]uint64, 100)
	if _, err := assemble(a, []rule{{name: "wide", action: allow, when: eachOf(1, wide...)}}); err == nil {
		t.Error("a rule that no jump can pass is taken")
	}
	many := make([]rule, 2048)
	if _, err := assemble(a, many); err == nil {
		t.Error("a program that no kernel takes is assembled")
	}
	if _, ok := archOf("riscv64"); ok {
		t.Error("there is no table for riscv64")
	}
}

// TestDecisionNamesEachCall holds the decision record to the table.
func TestDecisionNamesEachCall(t *testing.T) {
	text, err := os.ReadFile("../docs/decisions/0002-worker-policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range policy(testPID) {
		if !strings.Contains(string(text), fmt.Sprintf("| `%s` |", r.name)) {
			t.Errorf("docs/decisions/0002-worker-policy.md has no line for %s", r.name)
		}
	}
}
