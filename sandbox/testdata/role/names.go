package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// servedName is the one name that the name server knows.
const servedName = "seed.blockgate.test."

// serveNames runs in namespaces of its own: it brings loopback up, puts a
// resolv.conf over the machine's, answers at port 53, and starts the variable RUN
// below itself.
func serveNames() {
	runtime.LockOSThread()
	must("bring loopback up", loopbackUp())
	must("write resolv.conf", os.WriteFile(os.Getenv("RESOLV"), []byte("nameserver 127.0.0.1\n"), 0o600))
	must("make mounts private", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must("mount resolv.conf", unix.Mount(os.Getenv("RESOLV"), "/etc/resolv.conf", "", unix.MS_BIND, ""))
	socket, err := net.ListenPacket("udp", "127.0.0.1:53") //nolint:noctx // a test
	must("listen", err)
	go answerAll(socket)
	role := exec.Command("/proc/self/exe", os.Getenv("ROLE"), "look up a name of the net") //nolint:noctx // a test
	role.Stdout, role.Stderr, role.Env = os.Stdout, os.Stderr, []string{"WORLD=" + os.Getenv("WORLD")}
	must("run the role", role.Run())
}

func must(doing string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, doing+":", err)
		os.Exit(1)
	}
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// answerAll answers every question for an address of the served name with
// 127.0.0.9.
func answerAll(socket net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		end := 12
		for end < n && buffer[end] != 0 {
			end += int(buffer[end]) + 1
		}
		end += 5 // the root label, type, class
		if end > n {
			continue
		}
		answer := append([]byte{}, buffer[:end]...)
		binary.BigEndian.PutUint16(answer[2:], 0x8180)
		binary.BigEndian.PutUint16(answer[6:], 0)
		binary.BigEndian.PutUint32(answer[8:], 0)
		if binary.BigEndian.Uint16(answer[end-4:]) == 1 {
			binary.BigEndian.PutUint16(answer[6:], 1)
			answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 9)
		}
		_, _ = socket.WriteTo(answer, from)
	}
}
