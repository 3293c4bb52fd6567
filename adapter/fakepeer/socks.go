package fakepeer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Proxy is a SOCKS5 server (RFC 1928, RFC 1929) that writes down what it is asked for. It
// looks up no name: what is not in its table of routes and no IP address is unreachable.
type Proxy struct {
	routes map[string]string
	addr   netip.AddrPort
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu    sync.Mutex
	asked []ProxyRequest // the last maxProxyRequests
}

// ProxyRequest is what a client of a [Proxy] asked for.
type ProxyRequest struct {
	// Target is host:port, with the host as it was sent.
	Target string
	// Named says that the host was sent as a name, not as an address.
	Named bool
	// User and Password are what the client sent, "" if nothing.
	User, Password string
	// From is where the proxy connected from on the client's behalf, the zero value if it
	// did not.
	From netip.AddrPort
}

// ListenProxy starts a proxy on a TCP address; port 0 means any. Routes say for targets
// (host:port) where to connect instead. It ends with ctx or [Proxy.Close].
func ListenProxy(ctx context.Context, addr string, routes map[string]string) (*Proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Proxy{routes: routes, cancel: cancel, addr: netip.MustParseAddrPort(listener.Addr().String())}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	p.tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.tasks.Go(func() { p.serve(ctx, conn) })
		}
	})
	return p, nil
}

// Addr returns where the proxy listens.
func (p *Proxy) Addr() netip.AddrPort { return p.addr }

// Close ends the proxy and all of its connections, and waits for them.
func (p *Proxy) Close() {
	p.cancel()
	p.tasks.Wait()
}

// Requests returns what was asked for so far, oldest first.
func (p *Proxy) Requests() []ProxyRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]ProxyRequest(nil), p.asked...)
}

// serve answers one client and then carries its bytes.
func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	defer client.Close() //nolint:errcheck // the end either way
	_ = client.SetDeadline(time.Now().Add(idleTimeout))
	in := bufio.NewReader(client)
	asked, err := readProxyRequest(in, client)
	if err != nil {
		return
	}
	far, refusal := p.reach(ctx, asked)
	if refusal == 0 {
		asked.From = netip.MustParseAddrPort(far.LocalAddr().String())
	}
	p.note(asked)
	if _, err := client.Write([]byte{5, refusal, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil || refusal != 0 {
		return
	}
	_ = client.SetDeadline(time.Time{})
	carry(ctx, in, client, far)
}

func (p *Proxy) note(asked ProxyRequest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked = append(p.asked, asked); len(p.asked) > maxProxyRequests {
		p.asked = p.asked[1:]
	}
}

// The replies of RFC 1928 that a proxy gives.
const (
	proxyHostUnreachable   = 4
	proxyConnectionRefused = 5
)

// reach connects to where a request leads, or says by which reply it cannot.
func (p *Proxy) reach(ctx context.Context, asked ProxyRequest) (net.Conn, byte) {
	target, routed := p.routes[asked.Target]
	if !routed {
		if asked.Named {
			return nil, proxyHostUnreachable
		}
		target = asked.Target
	}
	var dialer net.Dialer
	far, err := dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		return nil, proxyConnectionRefused
	}
	return far, 0
}

// carry copies both ways until either side ends.
func carry(ctx context.Context, in io.Reader, client, far net.Conn) {
	defer context.AfterFunc(ctx, func() { _ = far.Close() })()
	var tasks sync.WaitGroup
	tasks.Go(func() {
		_, _ = io.Copy(far, in)
		_ = far.Close()
	})
	_, _ = io.Copy(client, far)
	_ = client.Close()
	_ = far.Close()
	tasks.Wait()
}

// readProxyRequest takes a client through greeting, password and request.
func readProxyRequest(in *bufio.Reader, out io.Writer) (ProxyRequest, error) {
	var r ProxyRequest
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil || head[0] != 5 {
		return r, errors.Join(err, errors.New("no greeting of SOCKS5"))
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(in, methods); err != nil {
		return r, err
	}
	method := byte(0)
	for _, m := range methods {
		method = max(method, m&2) // by password, if it is offered
	}
	if _, err := out.Write([]byte{5, method}); err != nil {
		return r, err
	}
	if method == 2 {
		if err := r.readPassword(in, out); err != nil {
			return r, err
		}
	}
	return r, r.readTarget(in)
}

func (r *ProxyRequest) readPassword(in *bufio.Reader, out io.Writer) (err error) {
	if version, err := in.ReadByte(); err != nil || version != 1 {
		return errors.Join(err, errors.New("no password by RFC 1929"))
	}
	if r.User, err = readShort(in); err != nil {
		return err
	}
	if r.Password, err = readShort(in); err != nil {
		return err
	}
	_, err = out.Write([]byte{1, 0})
	return err
}

// readShort reads a text with a length of one byte before it.
func readShort(in *bufio.Reader) (string, error) {
	size, err := in.ReadByte()
	if err != nil {
		return "", err
	}
	text := make([]byte, size)
	_, err = io.ReadFull(in, text)
	return string(text), err
}

func (r *ProxyRequest) readTarget(in *bufio.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil || head[0] != 5 || head[1] != 1 {
		return errors.Join(err, errors.New("no request to connect"))
	}
	var host string
	var err error
	switch size := map[byte]int{1: 4, 4: 16}[head[3]]; {
	case size > 0:
		raw := make([]byte, size)
		_, err = io.ReadFull(in, raw)
		addr, _ := netip.AddrFromSlice(raw)
		host = addr.String()
	case head[3] == 3:
		r.Named = true
		host, err = readShort(in)
	default:
		err = fmt.Errorf("address of type %d", head[3])
	}
	if err != nil {
		return err
	}
	var port [2]byte
	_, err = io.ReadFull(in, port[:])
	r.Target = net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port[:]))))
	return err
}
