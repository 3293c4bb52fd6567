//go:build linux && victim

package main

import (
	"golang.org/x/sys/unix"
)

// onNetwork are attempts to talk to others.
func onNetwork() []attempt {
	to := func(port int) *unix.SockaddrInet4 {
		return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	}
	return []attempt{
		{"tcp-connect", false, func(t *target) error {
			return onSocket(unix.AF_INET, unix.SOCK_STREAM, 0, func(fd int) error { return unix.Connect(fd, to(t.TCP)) })
		}},
		{"mptcp-connect", false, func(t *target) error {
			return onSocket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP, func(fd int) error { return unix.Connect(fd, to(t.TCP)) })
		}},
		{"tcp-fast-open", false, func(t *target) error {
			return onSocket(unix.AF_INET, unix.SOCK_STREAM, 0, func(fd int) error {
				return unix.Sendto(fd, []byte("x"), unix.MSG_FASTOPEN, to(t.TCP))
			})
		}},
		{"udp-send", false, func(t *target) error {
			return onSocket(unix.AF_INET, unix.SOCK_DGRAM, 0, func(fd int) error { return unix.Sendto(fd, []byte("x"), 0, to(t.UDP)) })
		}},
		{"tcp-listen", false, func(*target) error {
			return onSocket(unix.AF_INET, unix.SOCK_STREAM, 0, func(fd int) error {
				if err := unix.Bind(fd, &unix.SockaddrInet4{}); err != nil {
					return err
				}
				return unix.Listen(fd, 1)
			})
		}},
		{"listen-unbound", false, func(*target) error {
			return onSocket(unix.AF_INET, unix.SOCK_STREAM, 0, func(fd int) error { return unix.Listen(fd, 1) })
		}},
		{"unix-path-connect", false, func(t *target) error {
			return onSocket(unix.AF_UNIX, unix.SOCK_STREAM, 0, func(fd int) error { return unix.Connect(fd, &unix.SockaddrUnix{Name: t.Path}) })
		}},
		{"unix-abstract-connect", false, func(t *target) error {
			return onSocket(unix.AF_UNIX, unix.SOCK_STREAM, 0, func(fd int) error { return unix.Connect(fd, &unix.SockaddrUnix{Name: t.Abstract}) })
		}},
		{"unix-path-bind", false, func(t *target) error {
			return onSocket(unix.AF_UNIX, unix.SOCK_STREAM, 0, func(fd int) error { return unix.Bind(fd, &unix.SockaddrUnix{Name: t.file("made")}) })
		}},
		{"socketpair", false, func(*target) error { return one(unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)) }},
		{"ipv6-socket", false, func(*target) error { return onSocket(unix.AF_INET6, unix.SOCK_DGRAM, 0, nothing) }},
		{"netlink-socket", false, func(*target) error { return onSocket(unix.AF_NETLINK, unix.SOCK_RAW, 0, nothing) }},
		{"vsock-socket", false, func(*target) error { return onSocket(unix.AF_VSOCK, unix.SOCK_STREAM, 0, nothing) }},
		{"crypto-socket", false, func(*target) error { return onSocket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0, nothing) }},
		{"xdp-socket", true, func(*target) error { return onSocket(unix.AF_XDP, unix.SOCK_RAW, 0, nothing) }},
	}
}

// onInterfaces are attempts on the network stack that need a capability.
func onInterfaces() []attempt {
	return []attempt{
		{"raw-socket", true, func(*target) error { return onSocket(unix.AF_INET, unix.SOCK_RAW, 1, nothing) }},
		{"packet-socket", true, func(*target) error { return onSocket(unix.AF_PACKET, unix.SOCK_RAW, 0, nothing) }},
		{"raise-loopback", true, func(t *target) error {
			return onSocket(unix.AF_INET, unix.SOCK_DGRAM, 0, func(fd int) error {
				request := t.bytes(40)
				copy(request, "lo")
				request[16] = unix.IFF_UP
				return call(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, address(request))
			})
		}},
	}
}
