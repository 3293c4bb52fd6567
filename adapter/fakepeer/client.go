package fakepeer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"blockgate/internal/btc"
)

// client is one connection of a peer.
type client struct {
	peer  *Peer
	sock  net.Conn
	magic uint32

	open    atomic.Bool // both veracks are out
	headers atomic.Bool // the client asked for headers as announcements
	known   btc.Hash    // the tip when the handshake ended; later: the announced one
	opened  chan struct{}
	asked   chan item // blocks to send

	wmu sync.Mutex // held for one frame
}

// errLeft says that a client went away.
var errLeft = errors.New("client left")

// Serve talks to one client until it leaves, breaks the protocol, or ctx is done.
// It owns conn, and nothing of it runs when it returns. The error, never nil,
// says why it ended.
func (p *Peer) Serve(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(errLeft)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	p.note(func(s *Stats) { s.Connections++ })
	defer p.note(func(s *Stats) { s.Connections-- })
	c := &client{
		peer:   p,
		sock:   conn,
		magic:  p.script.params(p.chain).Magic,
		opened: make(chan struct{}),
		asked:  make(chan item, maxQueued),
	}
	var tasks sync.WaitGroup
	for _, task := range []func(context.Context) error{c.read, c.sendAsked, c.announce} {
		tasks.Go(func() { cancel(task(ctx)) })
	}
	<-ctx.Done()
	_ = conn.Close()
	tasks.Wait()
	return context.Cause(ctx)
}

// read answers what the client says.
func (c *client) read(ctx context.Context) error {
	in, buf := bufio.NewReader(c.sock), make([]byte, maxRequest)
	for {
		if err := c.sock.SetReadDeadline(time.Now().Add(idleTimeout)); err != nil {
			return fmt.Errorf("set deadline: %w", err)
		}
		command, payload, err := readFrame(in, c.magic, buf)
		if err != nil {
			return err
		}
		if c.peer.script.Lie == Mute {
			continue
		}
		if err := c.received(ctx, command, payload); err != nil {
			return err
		}
	}
}

// received answers one message. What it does not know it ignores.
func (c *client) received(ctx context.Context, command string, payload []byte) error {
	switch command {
	case "version":
		return c.greet()
	case "verack":
		return c.handshakeDone()
	case "sendheaders":
		c.headers.Store(true)
	case "ping":
		return c.send("pong", payload)
	case "getheaders":
		locator, stop, err := parseGetHeaders(payload)
		if err != nil {
			return err
		}
		headers := c.peer.chain.HeadersAfter(locator, stop, btc.MaxHeaders)
		c.peer.note(func(s *Stats) { s.Headers += len(headers) })
		return c.send("headers", headersMessage(headers))
	case "getdata":
		return c.getDataReceived(ctx, payload)
	case "getaddr":
		if c.peer.script.Addresses != nil {
			return c.send("addrv2", c.peer.script.Addresses)
		}
	}
	return nil
}

// greet answers a version as Bitcoin Core does.
func (c *client) greet() error {
	bits, userAgent := uint64(services), c.peer.script.UserAgent
	if c.peer.script.Lie == NoServices {
		bits = 0
	}
	if userAgent == "" {
		userAgent = defaultUserAgent
	}
	height, _ := c.peer.chain.Tip()
	return errors.Join(
		c.send("version", versionMessage(bits, height, userAgent)),
		c.send("wtxidrelay", nil),
		c.send("sendaddrv2", nil),
		c.send("verack", nil),
	)
}

func (c *client) handshakeDone() error {
	if c.open.Swap(true) {
		return nil
	}
	c.peer.note(func(s *Stats) { s.Handshakes++ })
	_, c.known = c.peer.chain.Tip()
	close(c.opened)
	feeFilter := binary.LittleEndian.AppendUint64(nil, 1000)
	return errors.Join(
		c.send("sendheaders", nil),
		c.send("sendcmpct", make([]byte, 9)),
		c.send("feefilter", feeFilter),
	)
}

// getDataReceived queues what the client asks for.
func (c *client) getDataReceived(ctx context.Context, payload []byte) error {
	items, err := parseGetData(payload)
	if err != nil {
		return err
	}
	for _, it := range items {
		c.peer.note(func(s *Stats) {
			if len(s.Asked) < maxStats {
				s.Asked = append(s.Asked, it.hash)
			}
		})
		select {
		case c.asked <- it:
		case <-ctx.Done():
			return errLeft
		}
	}
	return nil
}

// announce tells the client of new blocks, or does what a liar does instead.
func (c *client) announce(ctx context.Context) error {
	select {
	case <-c.opened:
	case <-ctx.Done():
		return errLeft
	}
	if lie := lies[c.peer.script.Lie]; lie.greet != nil {
		if err := lie.greet(ctx, c); err != nil {
			return err
		}
	}
	for {
		changed := c.peer.chain.Changed()
		if err := c.announceNews(); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errLeft
		}
	}
}

// announceNews announces what came after the known tip.
func (c *client) announceNews() error {
	_, tip := c.peer.chain.Tip()
	if tip == c.known {
		return nil
	}
	news := c.peer.chain.news(c.known, maxAnnounce+1)
	c.known = tip
	if c.headers.Load() && 0 < len(news) && len(news) <= maxAnnounce {
		return c.send("headers", headersMessage(news))
	}
	return c.send("inv", inventory(plainBlock, tip))
}

// send writes one message.
func (c *client) send(command string, payload []byte) error {
	return c.write(newFrame(c.magic, command, payload))
}

// write writes the parts of a frame, or of what a liar sends in its place.
func (c *client) write(parts ...[]byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	for _, part := range parts {
		if err := c.sock.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return fmt.Errorf("set deadline: %w", err)
		}
		if _, err := c.sock.Write(part); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}
