package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// find returns the attempt of that name.
func find(name string) (func(world) error, bool) {
	if attempt, ok := attempts[name]; ok {
		return attempt, true
	}
	attempt, ok := rawAttempts[name]
	return attempt, ok
}

// attempts are what a process may try that was taken over, and some that it must
// be able to do.
var attempts = map[string]func(world) error{
	"nothing": func(world) error { return nil },

	"open /etc/passwd":          func(world) error { return open("/etc/passwd", unix.O_RDONLY) },
	"open another role's file":  func(w world) error { return open(w.Other, unix.O_RDONLY) },
	"open own binary":           func(world) error { return open("/proc/self/exe", unix.O_RDONLY) },
	"list the data directory":   func(w world) error { return open(filepath.Dir(w.Own), unix.O_RDONLY|unix.O_DIRECTORY) },
	"write beside own folder":   func(w world) error { return open(w.Own+".new", unix.O_WRONLY|unix.O_CREAT) },
	"read /proc of another":     func(w world) error { return open(fmt.Sprintf("/proc/%d/environ", w.Bystander), unix.O_RDONLY) },
	"truncate another's file":   func(w world) error { return unix.Truncate(w.Other, 0) },
	"write own file":            func(w world) error { return open(w.Own+"/new", unix.O_WRONLY|unix.O_CREAT) },
	"sync own folder":           syncFolder,
	"rename in own folder":      rename,
	"symlink in own folder":     func(w world) error { return unix.Symlink("/etc/passwd", w.Own+"/link") },
	"link into own folder":      func(w world) error { return unix.Link(w.Other, w.Own+"/hard") },
	"fifo in own folder":        func(w world) error { return unix.Mknod(w.Own+"/fifo", unix.S_IFIFO|0o600, 0) },
	"chmod another's file":      func(w world) error { return unix.Chmod(w.Other, 0o640) },
	"change directory":          func(world) error { return unix.Chdir("/") },
	"stat another's file":       func(w world) error { return unix.Stat(w.Other, new(unix.Stat_t)) },
	"path handle":               func(w world) error { return open(w.Other, unix.O_PATH) },
	"read resolv.conf":          func(world) error { return open("/etc/resolv.conf", unix.O_RDONLY) },
	"read credentials":          func(w world) error { return open(w.Creds, unix.O_RDONLY) },
	"write credentials":         func(w world) error { return open(w.Creds, unix.O_WRONLY) },
	"add credentials":           addCredentials,
	"memfd":                     func(world) error { _, err := unix.MemfdCreate("x", 0); return err },
	"inotify":                   func(world) error { _, err := unix.InotifyInit1(0); return err },
	"map a file":                mapFile,
	"map executable memory":     func(world) error { return mapExecutable() },
	"make memory executable":    func(world) error { return makeExecutable() },
	"connect to allowed port":   func(w world) error { return connectTCP(unix.AF_INET, 0, w.Allowed) },
	"connect to forbidden port": func(w world) error { return connectTCP(unix.AF_INET, 0, w.Forbidden) },
	"connect by IPv6":           func(w world) error { return connectTCP(unix.AF_INET6, 0, w.Forbidden) },
	"connect by MPTCP":          func(w world) error { return connectTCP(unix.AF_INET, unix.IPPROTO_MPTCP, w.Forbidden) },
	"fast open by sendto":       func(w world) error { return fastOpen(w, false) },
	"fast open by sendmsg":      func(w world) error { return fastOpen(w, true) },
	"fast open by option":       func(world) error { return option(unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT) },
	"no delay":                  func(world) error { return option(unix.IPPROTO_TCP, unix.TCP_NODELAY) },
	"listen on own port":        func(w world) error { return listen(int(w.Listen)) },
	"listen on any port":        func(world) error { return listen(0) },
	"listen without bind":       func(world) error { return listen(-1) },
	"datagram":                  datagram,
	"who asks":                  func(world) error { return whoAsks() },
	"unix socket":               func(w world) error { return connectUnix(w.Path) },
	"abstract unix socket":      func(w world) error { return connectUnix(w.Abstract) },
	"socket pair":               func(world) error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
	"netlink socket":            func(world) error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, 0) },
	"raw socket":                func(world) error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) },
	"packet socket":             func(world) error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
	"vsock":                     func(world) error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) },
	"look up a local name":      lookUp,
	"look up a name of the net": lookUpNet,

	"execute":                  execute,
	"fork":                     func(world) error { return fork(uintptr(unix.SIGCHLD)) },
	"clone a namespace":        func(world) error { return fork(uintptr(unix.SIGCHLD) | unix.CLONE_NEWUSER) },
	"signal another":           func(w world) error { return unix.Kill(w.Bystander, 0) },
	"thread signal to another": func(w world) error { return unix.Tgkill(w.Bystander, w.Bystander, 0) },
	"pidfd of another":         func(w world) error { _, err := unix.PidfdOpen(w.Bystander, 0); return err },
	"limits of another":        func(w world) error { return unix.Prlimit(w.Bystander, unix.RLIMIT_CORE, nil, new(unix.Rlimit)) },
	"priority of another":      func(w world) error { return unix.Setpriority(unix.PRIO_PROCESS, w.Bystander, 1) },
	"processors of another":    func(w world) error { return affinity(w.Bystander) },
	"dumpable again":           func(world) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) },
	"unshare":                  func(world) error { return unix.Unshare(unix.CLONE_FS) },
	"mount":                    func(w world) error { return unix.Mount("none", w.Own+"/nowhere", "tmpfs", 0, "") },
	"chroot":                   func(world) error { return unix.Chroot("/") },
	"open tree":                func(world) error { _, err := unix.OpenTree(unix.AT_FDCWD, "/", 0); return err },
	"keyctl":                   func(world) error { _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true); return err },
	"add key": func(world) error {
		_, err := unix.AddKey("user", "x", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
		return err
	},
	"own user id again":        func(world) error { return unix.Setresuid(os.Getuid(), os.Getuid(), os.Getuid()) },
	"kernel's name":            func(world) error { return unix.Uname(new(unix.Utsname)) },
	"memory of the host":       func(world) error { return unix.Sysinfo(new(unix.Sysinfo_t)) },
	"ioctl":                    func(world) error { _, err := unix.IoctlGetInt(0, unix.TIOCINQ); return err },
	"device control":           func(world) error { return unix.IoctlSetInt(1, unix.TIOCSTI, 0) },
	"many threads and garbage": func(world) error { return threads() },
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func syncFolder(w world) error {
	folder, err := os.Open(w.Own)
	if err != nil {
		return err
	}
	if err := folder.Sync(); err != nil {
		return err
	}
	return folder.Close()
}

// rename writes a file as a store does: beside, then in its place, in a folder that
// is made, listed and removed.
func rename(w world) error {
	folder := filepath.Join(w.Own, fmt.Sprintf("folder-%d", os.Getpid()))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "a.tmp"), []byte("x"), 0o600); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(folder, "a.tmp"), filepath.Join(folder, "a")); err != nil {
		return err
	}
	if _, err := os.ReadFile(filepath.Join(folder, "a")); err != nil {
		return err
	}
	return os.RemoveAll(folder)
}

// addCredentials makes a file beside the credentials and removes it.
func addCredentials(w world) error {
	name := fmt.Sprintf("%s.%d", w.Creds, os.Getpid())
	if err := open(name, unix.O_WRONLY|unix.O_CREAT); err != nil {
		return err
	}
	return unix.Unlink(name)
}

func socket(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func loopback(port uint16) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}
}

// begun says that a connection that does not wait is under way.
func begun(err error) error {
	if errors.Is(err, unix.EINPROGRESS) {
		return nil
	}
	return err
}

func connectTCP(family, protocol int, port uint16) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return err
	}
	if family == unix.AF_INET6 { // a mapped address, so that a machine without IPv6 will do
		return begun(unix.Connect(fd, &unix.SockaddrInet6{Port: int(port), Addr: [16]byte(net.IPv4(127, 0, 0, 1).To16())}))
	}
	return begun(unix.Connect(fd, loopback(port)))
}

// fastOpen connects by sending, which Landlock does not see.
func fastOpen(w world, message bool) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if message {
		return begun(unix.Sendmsg(fd, []byte("x"), nil, loopback(w.Forbidden), unix.MSG_FASTOPEN))
	}
	return begun(unix.Sendto(fd, []byte("x"), unix.MSG_FASTOPEN, loopback(w.Forbidden)))
}

func option(level, name int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, level, name, 1)
}

// whoAsks asks for the user at the other end of a socket; where there is none the
// kernel answers all the same.
func whoAsks() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	_, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	return err
}

// listen listens on a port; -1 leaves out the bind.
func listen(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if port >= 0 {
		if err := unix.Bind(fd, loopback(uint16(port))); err != nil {
			return err
		}
	}
	return unix.Listen(fd, 1)
}

func datagram(w world) error {
	dialer := net.Dialer{Timeout: late}
	conn, err := dialer.DialContext(context.Background(), "udp", fmt.Sprintf("127.0.0.1:%d", w.Datagrams))
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte("x"))
	return err
}

func connectUnix(name string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return unix.Connect(fd, &unix.SockaddrUnix{Name: name})
}

// lookUp asks the file of hosts.
func lookUp(world) error { return resolve("localhost") }

// lookUpNet asks the name server of resolv.conf.
func lookUpNet(world) error { return resolve(strings.TrimSuffix(servedName, ".")) }

func resolve(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
	if err == nil && len(found) == 0 {
		return fmt.Errorf("nothing found for %s", name)
	}
	return err
}

// execute becomes this program again, without confinement.
func execute(world) error {
	return unix.Exec("/proc/self/exe", []string{"role", "executed"}, []string{})
}

func affinity(pid int) error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &set); err != nil {
		return err
	}
	return unix.SchedSetaffinity(pid, &set)
}

func mapFile(w world) error {
	file, err := os.OpenFile(filepath.Join(w.Own, "mapped"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if err := file.Truncate(1); err != nil {
		return fmt.Errorf("truncate: %w", err)
	}
	_, err = unix.Mmap(int(file.Fd()), 0, 1, unix.PROT_READ, unix.MAP_SHARED)
	return err
}

func mapExecutable() error {
	_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	return err
}

func makeExecutable() error {
	memory, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("map: %w", err)
	}
	return unix.Mprotect(memory, unix.PROT_READ|unix.PROT_EXEC)
}

// threads makes the runtime start threads, end some, and collect garbage.
func threads() error {
	done := make(chan []byte)
	for i := range 50 {
		go func() {
			runtime.LockOSThread()
			if i%2 == 0 {
				defer runtime.UnlockOSThread() // the others end with their goroutine
			}
			var kept []byte
			for range 100 {
				kept = append(kept, make([]byte, 10<<10)...)
			}
			done <- kept
		}()
	}
	for range 50 {
		<-done
		runtime.GC()
	}
	return nil
}
