package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"
)

var (
	// ErrListen says that an address to listen on is none.
	ErrListen = errors.New("not an address to listen on")
	// ErrNotLoopback says that an address to listen on is beyond loopback.
	ErrNotLoopback = errors.New("the bundled broker listens on loopback only")
	// ErrPortTaken is the kind of [*PortTakenError].
	ErrPortTaken = errors.New("port is taken")
)

// PortTakenError says that another program listens where the broker should.
type PortTakenError struct {
	Host string
	Port int
	// Free is a port on that host that was free a moment ago, 0 if none was
	// found.
	Free int
}

// Error names the flag, the port and what to do.
func (e *PortTakenError) Error() string {
	text := fmt.Sprintf("--nats-listen %s: %v by another program", net.JoinHostPort(e.Host, strconv.Itoa(e.Port)), ErrPortTaken)
	if e.Free != 0 {
		text += fmt.Sprintf("; free now: --nats-listen %s", net.JoinHostPort(e.Host, strconv.Itoa(e.Free)))
	}
	return text
}

// Unwrap returns [ErrPortTaken].
func (e *PortTakenError) Unwrap() error { return ErrPortTaken }

// CheckListen returns host and port of an address on loopback. Port 0 stands for
// any free one. The host is an IP address or "localhost", which is 127.0.0.1.
//
// The errors are [ErrListen] and [ErrNotLoopback].
func CheckListen(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("--nats-listen %q: %w: %w", address, ErrListen, err)
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("--nats-listen %q: %w: port %q", address, ErrListen, text)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return "", 0, fmt.Errorf("--nats-listen %q: %w: host %q is no IP address", address, ErrListen, host)
	}
	if !addr.IsLoopback() {
		return "", 0, fmt.Errorf("--nats-listen %q: %w: use 127.0.0.1, or a server of your own by --nats", address, ErrNotLoopback)
	}
	return host, int(number), nil
}

// checkFree returns a [*PortTakenError] if the port cannot be had. The server
// tries again itself, so that a port taken in between is an error, too.
func checkFree(ctx context.Context, host string, port int) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return &PortTakenError{Host: host, Port: port, Free: freePort(ctx, host)}
	}
	if err != nil {
		return fmt.Errorf("--nats-listen: %w: %w", ErrListen, err)
	}
	return listener.Close()
}

func freePort(ctx context.Context, host string) int {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0
	}
	defer func() { _ = listener.Close() }()
	addr, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0
	}
	return addr.Port
}

// serverPort is the port as the server's options want it: there, 0 is 4222.
func serverPort(port int) int {
	if port == 0 {
		return server.RANDOM_PORT
	}
	return port
}
