package ops

import (
	"net"
	"sync"
)

// boundListener accepts a connection when fewer than most are open. The others
// wait in the kernel's queue.
type boundListener struct {
	net.Listener
	free chan struct{} // a token for each connection more that there may be

	once   sync.Once
	closed chan struct{}
}

func bound(listener net.Listener, most int) *boundListener {
	b := &boundListener{Listener: listener, free: make(chan struct{}, most), closed: make(chan struct{})}
	for range most {
		b.free <- struct{}{}
	}
	return b
}

// Accept returns the next connection. See [net.Listener].
func (b *boundListener) Accept() (net.Conn, error) {
	select {
	case <-b.free:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	conn, err := b.Listener.Accept()
	if err != nil {
		b.free <- struct{}{}
		return nil, err
	}
	return &boundConn{Conn: conn, release: func() { b.free <- struct{}{} }}, nil
}

// Close ends the listener. See [net.Listener].
func (b *boundListener) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

// boundConn gives its token back when it is closed.
type boundConn struct {
	net.Conn
	once    sync.Once
	release func()
}

// CloseWrite ends one half of the connection, so that net/http can let the other
// side read an answer to a request that it did not read whole.
func (c *boundConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close ends the connection. See [net.Conn].
func (c *boundConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.release)
	return err
}
