package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// killed is the outcome of an attempt that the filter ended.
const killed = "KILLED"

// roleWorld is what program testdata/role finds around itself.
type roleWorld struct {
	Own, Other, Creds                     string
	Allowed, Forbidden, Listen, Datagrams uint16
	Path, Abstract                        string
	Bystander                             int
}

// newRoleWorld sets up folders, sockets and a bystander for a user.
func newRoleWorld(t *testing.T, program string, user *syscall.Credential) roleWorld {
	t.Helper()
	dir := t.TempDir()
	for up := dir; up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w := roleWorld{Own: filepath.Join(dir, "data", "adapter"), Other: filepath.Join(dir, "data", "broker", "secret"), Path: filepath.Join(dir, "socket")}
	w.Creds = filepath.Join(dir, "data", "creds", "bus.creds")
	for _, folder := range []string{filepath.Dir(w.Own), w.Own, filepath.Dir(w.Other), filepath.Dir(w.Creds)} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{w.Other, w.Creds} {
		if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if user != nil {
		for _, path := range []string{filepath.Dir(w.Own), w.Own, filepath.Dir(w.Other), w.Other, filepath.Dir(w.Creds), w.Creds} {
			if err := os.Chown(path, int(user.Uid), int(user.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Allowed, w.Forbidden = listenTCP(t), listenTCP(t)
	w.Listen = freePort(t)
	datagrams, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = datagrams.Close() })
	w.Datagrams = uint16(datagrams.LocalAddr().(*net.UDPAddr).Port)
	w.Abstract = fmt.Sprintf("@blockgate-test-%d-%d", os.Getpid(), w.Allowed)
	for _, name := range []string{w.Path, w.Abstract} {
		socket, err := new(net.ListenConfig).Listen(t.Context(), "unix", name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.Close() })
	}
	if err := os.Chmod(w.Path, 0o666); err != nil {
		t.Fatal(err)
	}
	w.Bystander = startBystander(t, program, user)
	return w
}

func listenTCP(t *testing.T) uint16 {
	t.Helper()
	socket, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return uint16(socket.Addr().(*net.TCPAddr).Port)
}

// freePort returns a port that nobody has, and that the kernel gives to nobody who names
// none: one that it had given would be given again, to a connection of anybody's, before
// the attempt to listen on it (ip_local_port_range begins at 32768).
func freePort(t *testing.T) uint16 {
	t.Helper()
	for range 100 {
		port := uint16(10_000 + rand.IntN(20_000))
		socket, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = socket.Close()
			return port
		}
	}
	t.Fatal("no free port in 100 tries")
	return 0
}

// startBystander starts a process of the same user that does nothing until the test
// ends.
func startBystander(t *testing.T, program string, user *syscall.Credential) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "bystander")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// publicProgram builds a program where every user may run it.
func publicProgram(t *testing.T, name string) string {
	t.Helper()
	program := build(t, name)
	for up := program; up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return program
}

// try makes one attempt as a role, and returns the role's report and how the
// attempt came out.
func (w roleWorld) try(t *testing.T, program string, user *syscall.Credential, role, attempt string) (Report, string) {
	t.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, role, attempt)
	cmd.Env = []string{"WORLD=" + string(text)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	stdin, err := cmd.StdinPipe() // open to the end, so that there is nothing to read
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	status, said, _ := strings.Cut(stdout.String(), "\n")
	var report Report
	if role != "none" {
		var parseErr error
		if report, parseErr = ParseReport([]byte(status)); parseErr != nil {
			t.Errorf("%s: %s: %v\n%s", role, attempt, parseErr, &stderr)
		}
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		if err != nil {
			t.Fatal(err)
		}
		return report, strings.TrimSpace(said)
	}
	if filterKilled(exit) {
		return report, killed
	}
	return report, fmt.Sprintf("%v: %s%s", exit, said, &stderr)
}

// filterKilled reports whether a system call was the end of a process.
func filterKilled(exit *exec.ExitError) bool {
	wait, ok := exit.Sys().(syscall.WaitStatus)
	return ok && wait.Signaled() && wait.Signal() == unix.SIGSYS
}
