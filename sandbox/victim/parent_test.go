//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// parent is the process that victims attack, and what it has that is worth it.
type parent struct {
	job
	target     bait
	ring, leak *os.File
	undo       []func()

	// The Go runtime writes a child's table of user ids by descriptors that a child
	// started at the same time inherits, so only one starts at a time, as the
	// supervisor does.
	starting sync.Mutex
}

// bait is what a victim is told, which target.go reads.
type bait struct {
	Parent                              int
	Secret                              uint64
	Dir, Program, Path, Abstract, Queue string
	TCP, UDP, Nice, SysV, Leak          int
	Owned                               string
}

// prepareParent opens what victims try to reach. An error is one of the machine.
func prepareParent(j job) (*parent, error) {
	unix.Umask(0o022)
	p := &parent{job: j, target: bait{Parent: os.Getpid(), Secret: secret(), Program: j.Program}}
	for _, step := range []func() error{p.listen, p.listenLocally, p.openFiles, p.makeQueues} {
		if err := step(); err != nil {
			p.close()
			return nil, err
		}
	}
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	p.target.Nice = 20 - raw
	return p, err
}

// close undoes all of it.
func (p *parent) close() {
	for _, f := range p.undo {
		f()
	}
}

// listen opens ports on loopback.
func (p *parent) listen() error {
	tcp, err := net.Listen("tcp4", "127.0.0.1:0") //nolint:noctx // it lives as long as we
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0") //nolint:noctx // it lives as long as we
	if err != nil {
		return errors.Join(err, tcp.Close())
	}
	p.undo = append(p.undo, func() { _, _ = tcp.Close(), udp.Close() })
	p.target.TCP, p.target.UDP = tcp.Addr().(*net.TCPAddr).Port, udp.LocalAddr().(*net.UDPAddr).Port
	go accept(tcp)
	return nil
}

// listenLocally opens sockets without a network.
func (p *parent) listenLocally() error {
	p.target.Path, p.target.Abstract = filepath.Join(p.Dir, "socket"), fmt.Sprintf("@victim-%d", os.Getpid())
	for _, name := range []string{p.target.Path, p.target.Abstract} {
		l, err := net.Listen("unix", name) //nolint:noctx // it lives as long as we
		if err != nil {
			return err
		}
		p.undo = append(p.undo, func() { _ = l.Close() })
		go accept(l)
	}
	return nil
}

// accept keeps the queue of a listener empty.
func accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

// openFiles makes a ring that victims can only read, and a descriptor to leak.
func (p *parent) openFiles() error {
	fd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	err = unix.Ftruncate(fd, int64(os.Getpagesize()))
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err == nil {
		p.ring, err = os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	}
	if err := errors.Join(err, unix.Close(fd)); err != nil {
		return err
	}
	if p.leak, err = os.Open("/etc"); err != nil {
		return err
	}
	p.undo = append(p.undo, func() { _, _ = p.ring.Close(), p.leak.Close() })
	return nil
}

// furnish makes the folder of one attempt.
func furnish(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "file"), []byte("something"), 0o644)
}
