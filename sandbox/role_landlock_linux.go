package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// What Landlock handles: whatever it knows of files, TCP by port, and both scopes.
// What a kernel does not know is left out.
const (
	handledPaths = 1<<17 - 1
	handledTCP   = llsys.AccessNetBindTCP | llsys.AccessNetConnectTCP
	handledScope = llsys.ScopeAbstractUnixSocket | llsys.ScopeSignal
)

// What a rule gives: a folder of its own is for plain files and folders, without
// exec, devices, sockets, links, and moves from one folder to another.
const (
	ownRights = llsys.AccessFSReadFile | llsys.AccessFSReadDir | llsys.AccessFSWriteFile | llsys.AccessFSTruncate |
		llsys.AccessFSMakeReg | llsys.AccessFSMakeDir | llsys.AccessFSRemoveFile | llsys.AccessFSRemoveDir
	readFolder = llsys.AccessFSReadFile | llsys.AccessFSReadDir
	readFile   = llsys.AccessFSReadFile
)

// keepPaths restricts the process by Landlock to the role's folders, files and
// ports. As in denyPaths, each layer is judged by what worked before and is refused
// after.
func keepPaths(role Role) ([]Layer, error) {
	abi, err := llsys.LandlockGetABIVersion()
	if err != nil || abi < abiPaths {
		return withoutLandlock(role.AllowNoLandlock, fmt.Sprintf("the kernel offers no Landlock (%v)", err)), nil
	}
	w, err := newTrials(role)
	if err != nil {
		return nil, err
	}
	defer w.close()
	before := w.tryAll()
	if err := restrictRole(role); err != nil {
		return withoutLandlock(role.AllowNoLandlock, "restrict: "+err.Error()), nil
	}
	after := w.tryAll()
	if before.open != nil || !refused(after.open, unix.EACCES) {
		return withoutLandlock(role.AllowNoLandlock, fmt.Sprintf("abi %d has no effect: opening / gave %v, then %v", abi, before.open, after.open)), nil
	}
	layers := []Layer{
		{LayerLandlock, true, StateOK, fmt.Sprintf("abi %d; %d folders and %d more paths are open", abi, len(role.Folders), len(role.ReadOnly))},
		judgeTCP(role, abi, before, after),
		judge(LayerLandlockScope, abi, abiScope, before.reach, after.reach, unix.EPERM, "signals and sockets stay inside"),
	}
	return layers, writable(role.Folders)
}

// restrictRole applies the role's rules.
func restrictRole(role Role) error {
	tcp := landlock.AccessNetSet(handledTCP)
	if role.AnyPort {
		tcp = llsys.AccessNetBindTCP
	}
	config, err := landlock.NewConfig(landlock.AccessFSSet(handledPaths), tcp, landlock.ScopedSet(handledScope))
	if err != nil {
		return err
	}
	rules := []landlock.Rule{landlock.PathAccess(ownRights, role.Folders...)}
	for _, path := range role.ReadOnly {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		rights := landlock.AccessFSSet(readFile)
		if info.IsDir() {
			rights = readFolder
		}
		rules = append(rules, landlock.PathAccess(rights, path))
	}
	for _, port := range role.Listen {
		rules = append(rules, landlock.BindTCP(port))
	}
	if !role.AnyPort {
		for _, port := range role.Connect {
			rules = append(rules, landlock.ConnectTCP(port))
		}
	}
	return config.BestEffort().Restrict(rules...)
}

// judgeTCP judges bind and connect, which are one layer.
func judgeTCP(role Role, abi int, before, after trialResults) Layer {
	if role.AnyPort {
		l := judge(LayerLandlockNet, abi, abiTCP, before.bind, after.bind, unix.EACCES, "")
		if l.State == StateOK {
			l.State, l.Detail = StatePartial, fmt.Sprintf("abi %d; listening is closed, connecting open by --any-port", abi)
		}
		return l
	}
	// A port where nobody listens refuses a connection too, in another way.
	connect := before.connect
	if !refused(connect, unix.EACCES) && !refused(connect, unix.EPERM) {
		connect = nil
	}
	l := judge(LayerLandlockNet, abi, abiTCP, connect, after.connect, unix.EACCES, openPorts(role))
	if l.State == StateOK {
		l = judge(LayerLandlockNet, abi, abiTCP, before.bind, after.bind, unix.EACCES, openPorts(role))
	}
	return l
}

func openPorts(role Role) string {
	ports := slices.Compact(slices.Sorted(slices.Values(role.Connect)))
	return fmt.Sprintf("connect %v, listen %v", ports, role.Listen)
}

// trials are what the role tries before and after: a port that it may neither
// connect to nor listen on, and an abstract socket outside of its domain.
type trials struct {
	port      int
	bystander int
	outside   unix.Sockaddr
}

type trialResults struct{ open, connect, bind, reach error }

func newTrials(role Role) (*trials, error) {
	t := &trials{}
	var err error
	if t.port, err = strangePort(role); err != nil {
		return nil, err
	}
	t.bystander, t.outside, err = bystander()
	if err != nil {
		t.bystander, t.outside = -1, nil // reach then says so
	}
	return t, nil
}

func (t *trials) close() {
	if t.bystander >= 0 {
		_ = unix.Close(t.bystander)
	}
}

func (t *trials) tryAll() trialResults {
	return trialResults{
		open:    openRoot(),
		connect: onSocket(func(fd int) error { return unix.Connect(fd, t.address()) }),
		bind:    onSocket(func(fd int) error { return unix.Bind(fd, t.address()) }),
		reach:   reach(t.outside),
	}
}

func (t *trials) address() unix.Sockaddr {
	return &unix.SockaddrInet4{Port: t.port, Addr: [4]byte{127, 0, 0, 1}}
}

// strangePort returns a port of loopback where nobody listened a moment ago and
// that the role does not name.
func strangePort(role Role) (int, error) {
	port := 0
	for range maxPortTries {
		err := onSocket(func(fd int) error {
			if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
				return err
			}
			address, err := unix.Getsockname(fd)
			if in4, ok := address.(*unix.SockaddrInet4); ok {
				port = in4.Port
			}
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("find a port to try: %w", err)
		}
		if !slices.Contains(role.Connect, uint16(port)) && !slices.Contains(role.Listen, uint16(port)) {
			return port, nil
		}
	}
	return 0, errors.New("find a port to try: all are the role's")
}

// onSocket runs do on a TCP socket that is closed afterwards.
func onSocket(do func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	return errors.Join(do(fd), unix.Close(fd))
}

func openRoot() error {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /: %w", err)
	}
	return unix.Close(fd)
}
