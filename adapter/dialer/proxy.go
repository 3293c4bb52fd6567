package dialer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/proxy"
)

// throughProxy connects to a target by a SOCKS5 server (RFC 1928, RFC 1929). Host names
// go to the server as they are. Each connection brings a user name and password of its
// own, by which Tor keeps it apart from the others (IsolateSOCKSAuth).
func (d *Dialer) throughProxy(ctx context.Context, server netip.AddrPort, t Target) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, ProxyTimeout)
	defer cancel()
	toServer := &firstHop{connect: d.cfg.Connect}
	socks, err := proxy.SOCKS5("tcp", server.String(), newToken(), toServer)
	if err != nil {
		return nil, fmt.Errorf("%w: %v: %w", ErrProxy, server, err) // never: it checks nothing
	}
	sock, err := socks.(proxy.ContextDialer).DialContext(limited, "tcp", t.hostPort()) //nolint:forcetypeassert // documented to be one
	if err == nil {
		return sock, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("connect to %v by the SOCKS5 proxy %v: %w", t, server, ctx.Err())
	}
	if !toServer.connected {
		brake(ctx)
		return nil, fmt.Errorf("%w: %v: %s; is Tor, or whatever --proxy names, running there?", ErrProxy, server, connectHint(err, ProxyTimeout))
	}
	if refusal, ok := refusalOf(err); ok {
		return nil, fmt.Errorf("%w to %v: the SOCKS5 proxy %v says: %s", ErrConnect, t, server, refusal)
	}
	return nil, fmt.Errorf("%w: %v: on the way to %v: %s", ErrProxy, server, t, connectHint(err, ProxyTimeout))
}

// brake keeps those who dial from trying a proxy that is down as fast as it refuses.
func brake(ctx context.Context) {
	wait := time.NewTimer(proxyBrake)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// newToken returns a user name and a password that nobody had before.
func newToken() *proxy.Auth {
	var random [2 * tokenSize]byte
	_, _ = rand.Read(random[:]) // It never fails.
	return &proxy.Auth{User: hex.EncodeToString(random[:tokenSize]), Password: hex.EncodeToString(random[tokenSize:])}
}

// firstHop connects to the proxy itself and notes whether that went well.
type firstHop struct {
	connect   func(ctx context.Context, network, address string) (net.Conn, error)
	connected bool
}

// Dial is [firstHop.DialContext] without an end; nobody calls it.
func (h *firstHop) Dial(network, address string) (net.Conn, error) {
	return h.DialContext(context.Background(), network, address)
}

// DialContext connects to the proxy.
func (h *firstHop) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	sock, err := h.connect(ctx, network, address)
	h.connected = err == nil
	return sock, err
}

// refusals are the answers of a proxy that say that it could not reach the target, by the
// words of package proxy: those of RFC 1928, and those of Tor with ExtendedErrors.
//
// Source: Tor's proposal 304; socks5_reply_status_t, tor src/lib/net/socks5_status.h.
var refusals = map[string]string{ //nolint:gochecknoglobals // a table, never written
	"general SOCKS server failure": "general failure: no way to it",
	"network unreachable":          "its network is unreachable",
	"host unreachable":             "the host is unreachable, or its name is unknown",
	"connection refused":           "it refused the connection",
	"TTL expired":                  "it did not answer in time",
	"unknown code: 240":            "the onion service cannot be found",
	"unknown code: 241":            "the onion service's descriptor is invalid",
	"unknown code: 242":            "the onion service's introduction failed",
	"unknown code: 243":            "the onion service's rendezvous failed",
	"unknown code: 244":            "the onion service wants client authorization",
	"unknown code: 245":            "the onion service refused client authorization",
	"unknown code: 246":            "the onion address is invalid",
	"unknown code: 247":            "the introduction to the onion service took too long",
}

// refusalOf returns what a proxy said about the target, if that is how it failed.
func refusalOf(err error) (string, bool) {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		err = op.Err
	}
	said, ok := strings.CutPrefix(err.Error(), "unknown error ")
	if !ok {
		return "", false
	}
	refusal, known := refusals[said]
	return refusal, known
}

// connectHint says in few words why a connection did not come about, and what that means.
func connectHint(err error, limit time.Duration) string {
	var timeout net.Error
	unknown, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isDNS && unknown.IsNotFound:
		return "no such name; check its spelling"
	case isDNS:
		return "the name could not be looked up; check DNS"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %v; a firewall may swallow it, or the host is down", limit)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused; nothing listens at that port"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no route to it from this host"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "not permitted: its port is not among those that the confined adapter may reach; see --any-port, or a firewall forbids it"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it hung up"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		err = op.Err
	}
	return err.Error()
}
