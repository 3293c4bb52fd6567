package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
	"blockgate/sandbox"
)

// ordinaryUser is the user that a test which runs as root becomes.
const ordinaryUser = 65534

// dirFor returns a folder that belongs to a user, whom it lets in.
func dirFor(t *testing.T, uid uint32) string {
	t.Helper()
	dir := t.TempDir()
	if uid == 0 {
		return dir
	}
	for _, open := range []string{binDir, filepath.Dir(dir)} {
		if err := os.Chmod(open, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, int(uid), int(uid)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// serviceUsers are the users to run the service as: this one, and if that is root
// an ordinary one, too.
func serviceUsers() []uint32 {
	if os.Getuid() == 0 {
		return []uint32{0, ordinaryUser}
	}
	return []uint32{0}
}

// TestLiveRoles publishes blocks and looks at the processes as the kernel shows
// them.
func TestLiveRoles(t *testing.T) {
	t.Parallel()
	for i, uid := range serviceUsers() {
		t.Run(fmt.Sprintf("as %d", uid), func(t *testing.T) {
			chain := regtest(t, 71, 5)
			peer := listen(t, 71+i, chain, fakepeer.Script{})
			d := startDaemonWith(t, daemonOptions{uid: uid}, dirFor(t, uid), append(connectTo(peer), "--network", "regtest")...)
			f := follow(d, 0, genesis(btc.Regtest))
			f.connects(5)
			f.at(chain)
			for name, pid := range map[string]int{"adapter": d.live("adapter"), "broker": d.live("broker")} {
				checkThreads(t, pid, map[string]string{
					"Seccomp": "2", "NoNewPrivs": "1", "CapEff": noCapabilities, "CapPrm": noCapabilities, "CapInh": noCapabilities, "CapAmb": noCapabilities,
				})
				checkName(t, pid, "bg-"+name, "blockgate\x00role\x00"+name+"\x00")
				checkClosed(t, pid, uid)
			}
			supervisor := d.process.Process.Pid
			checkThreads(t, supervisor, map[string]string{"NoNewPrivs": "1"})
			checkName(t, supervisor, "bg-supervisor", filepath.Join(binDir, "blockgate")+"\x00run\x00")
			checkClosed(t, supervisor, uid)
			for _, pid := range d.awaitParsers(2) {
				checkName(t, pid, "blockgate-parse", "blockgate-parser\x00")
			}
			for _, role := range []string{"supervisor", "broker", "adapter"} {
				d.await("word of how "+role+" is confined", 0, func(r record) bool { return r.Msg == "confined" && r.Role == role })
			}
			for _, role := range []string{"broker", "adapter"} {
				d.await("the kernel's word on "+role, 0, func(r record) bool {
					return r.Msg == "role attested" && r.RoleOf == role && r.Pid == d.live(role) && r.Capabilities == "ok"
				})
			}
			children := descendants(t, supervisor)
			d.kill(d.live("adapter"))
			d.await("another adapter", 0, func(record) bool { return d.count("adapter ready") == 2 })
			d.kill(supervisor)
			awaitGone(t, append(children, d.live("adapter")))
		})
	}
}

const noCapabilities = "0000000000000000"

// checkThreads looks at what the kernel says of every thread.
func checkThreads(t *testing.T, pid int, want map[string]string) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	for _, name := range threads {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		for key, value := range want {
			if !strings.Contains(string(text), key+":\t"+value+"\n") {
				t.Errorf("%s: not %s %s", name, key, value)
			}
		}
	}
}

// checkName looks at what ps shows.
func checkName(t *testing.T, pid int, name, commandLine string) {
	t.Helper()
	if got := procFile(t, pid, "comm"); got != name+"\n" {
		t.Errorf("process %d is called %q, want %q", pid, got, name)
	}
	if got := procFile(t, pid, "cmdline"); !strings.HasPrefix(got, commandLine) {
		t.Errorf("%s has the command line %q", name, got)
	}
}

// checkClosed looks whether others of the user are kept out of the process: what is
// not dumpable belongs to root. The supervisor is dumpable while it starts a parser.
func checkClosed(t *testing.T, pid int, uid uint32) {
	t.Helper()
	eventually(t, fmt.Sprintf("process %d that others of its user cannot read", pid), func() bool {
		info, err := os.Stat(fmt.Sprintf("/proc/%d/mem", pid))
		if err != nil {
			t.Fatal(err)
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		return !ok || uid == 0 || stat.Uid == 0
	})
}

// TestAdapterByName connects to a peer whose name is looked up by a confined
// adapter at each dial.
func TestAdapterByName(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 73, 3)
	peer := listen(t, 1, chain, fakepeer.Script{})
	name := net.JoinHostPort("localhost", strconv.Itoa(int(peer.Addr().Port())))
	d := startDaemon(t, t.TempDir(), "--connect", name, "--network", "regtest")
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(3)
	d.kill(d.live("adapter"))
	if err := chain.Mine(1); err != nil {
		t.Fatal(err)
	}
	f.connects(4)
	f.at(chain)
}

// TestAnyPort says in the log what the flag opens.
func TestAnyPort(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 74, 2)
	peer := listen(t, 74, chain, fakepeer.Script{})
	d := startDaemon(t, t.TempDir(), append(connectTo(peer), "--network", "regtest", "--any-port")...)
	follow(d, 0, genesis(btc.Regtest)).connects(2)
	said, _ := d.await("word of the open ports", 0, func(r record) bool { return r.Msg == "sandbox layer not in force" && r.Role == "adapter" })
	if !strings.Contains(said.Detail, "--any-port") {
		t.Errorf("it says %s", said.text)
	}
}

// TestTakenAdapter runs an adapter that starts a program, as one might that a peer
// took over: the kernel kills it, the log says so, and the service stays.
func TestTakenAdapter(t *testing.T) {
	t.Parallel()
	programs := t.TempDir()
	changed := overlay(t, "role.go", `defer cells\.pool\.Close\(\)`, `defer func() { _ = unix.Exec("/bin/true", []string{"true"}, nil) }(); defer cells.pool.Close()`)
	if err := buildPrograms(programs, "-overlay", changed); err != nil {
		t.Fatal(err)
	}
	chain := regtest(t, 75, 2)
	peer := listen(t, 75, chain, fakepeer.Script{})
	d := startDaemonWith(t, daemonOptions{binDir: programs}, t.TempDir(), append(connectTo(peer), "--network", "regtest")...)
	follow(d, 0, genesis(btc.Regtest)).connects(2)
	signalTo(t, d.live("adapter"), syscall.SIGTERM) // it starts the program on its way out
	died, _ := d.awaitMessage("adapter died", 0)
	if !strings.Contains(died.Cause, "bad system call") {
		t.Errorf("the log says %s", died.text)
	}
	d.await("another adapter", 0, func(record) bool { return d.count("adapter ready") == 2 })
}

// TestRolesOnPoorKernels starts the service where Landlock or seccomp is not to be
// had.
func TestRolesOnPoorKernels(t *testing.T) {
	t.Parallel()
	programs := t.TempDir()
	if err := goTool("", "build", "-o", filepath.Join(programs, "nerf"), "../../sandbox/testdata/nerf"); err != nil {
		t.Fatal(err)
	}
	for _, without := range []string{"landlock", "seccomp"} {
		code, output := runOnce(t, daemonOptions{binDir: programs, program: "nerf"}, without, filepath.Join(binDir, "blockgate"),
			"run", "--network", "regtest", "--datadir", t.TempDir(), "--nats-listen", freeAddress(t))
		checkRefusal(t, code, output, exitSandbox, []string{"required sandbox layer " + without + " is missing", sandbox.Remedy(without)})
	}
	chain := regtest(t, 76, 2)
	peer := listen(t, 76, chain, fakepeer.Script{})
	d := startDaemonWith(t, daemonOptions{binDir: programs, program: "nerf", before: []string{"landlock", filepath.Join(binDir, "blockgate")}},
		t.TempDir(), append(connectTo(peer), "--network", "regtest", "--allow-no-landlock")...)
	follow(d, 0, genesis(btc.Regtest)).connects(2)
	for _, role := range []string{"broker", "adapter"} {
		d.await("word of what "+role+" goes without", 0, func(r record) bool {
			return r.Role == role && r.Level == "ERROR" && strings.Contains(r.Detail, "--allow-no-landlock")
		})
	}
}

// TestOthersFolder: root without capabilities cannot write what belongs to another
// user, and the service says so.
func TestOthersFolder(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may write what belongs to others")
	}
	dir := t.TempDir()
	for _, sub := range []string{"adapter", "broker", "run"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(dir, "broker"), ordinaryUser, ordinaryUser); err != nil {
		t.Fatal(err)
	}
	code, output := runOnce(t, daemonOptions{}, "run", "--network", "regtest", "--datadir", dir, "--nats-listen", freeAddress(t))
	checkRefusal(t, code, output, exitData, []string{filepath.Join(dir, "broker"), "capabilities", "chown"})
}
