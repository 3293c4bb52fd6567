package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// RefusedError is a handler's word that nothing was done and why: the answer is no.
type RefusedError struct{ Why string }

// Error returns why.
func (e *RefusedError) Error() string { return e.Why }

// Handler answers the requests of one verb. args is one JSON object or empty; see
// [DecodeArgs]. What it returns is sent as JSON. It may be called from many
// goroutines and has to return when ctx is done.
type Handler func(ctx context.Context, args []byte) (any, error)

// Control answers the commands of an operator on this machine, over a Unix socket.
// Handlers are added before Serve.
type Control struct {
	listener *boundListener
	handlers map[string]Handler
	uid      int // beside root, who may ask
}

// ListenControl makes the socket in folder, which is made or closed to others if
// need be, without answering yet. A socket that is there is taken away: the caller
// holds the lock of the data directory. The caller has to call Serve, or Close.
func ListenControl(ctx context.Context, folder string) (*Control, error) {
	if err := ownFolder(folder); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	c := &Control{handlers: map[string]Handler{}, uid: os.Geteuid()}
	err := withSocket(folder, func(path string) error {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { //nolint:gosec // in our own folder
			return err
		}
		listener, err := new(net.ListenConfig).Listen(ctx, "unix", path)
		if err != nil {
			return err
		}
		if socket, ok := listener.(*net.UnixListener); ok {
			socket.SetUnlinkOnClose(false) // the path may be good for this call alone
		}
		c.listener = bound(listener, maxClients)
		return os.Chmod(path, 0o600) //nolint:gosec // as above
	})
	if err != nil {
		if c.listener != nil {
			_ = c.listener.Close()
		}
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return c, nil
}

// Handle adds what answers a verb, [a-z0-9_]{1,24}.
func (c *Control) Handle(verb string, handler Handler) { c.handlers[verb] = handler }

// Close gives the socket back without having served.
func (c *Control) Close() error { return c.listener.Close() }

// Serve answers until ctx is done, waits for what is under way, which ends at once,
// and returns nil. Any other end is an error. It is called once.
func (c *Control) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = c.listener.Close() })()
	for {
		conn, err := c.listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return nil
		}
		if err != nil {
			return err
		}
		clients.Go(func() { c.serve(ctx, conn) })
	}
}

// serve answers one client.
func (c *Control) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()                                          //nolint:errcheck // what was not sent is lost
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // no client holds up the end
	_ = conn.SetReadDeadline(time.Now().Add(requestTimeout))    // a closed one says so when it is read
	answer := c.answer(ctx, conn)
	_ = conn.SetWriteDeadline(time.Now().Add(answerWriteTimeout))
	_, _ = conn.Write(answerText(answer)) // who is gone wants no answer
}

// answer reads the request of a client and does it.
func (c *Control) answer(ctx context.Context, conn net.Conn) Answer {
	if err := c.allowed(conn); err != nil {
		return Answer{Error: err.Error()}
	}
	line, err := readLine(conn, MaxRequest)
	if err != nil {
		return Answer{Error: fmt.Sprintf("read the request: %v", err)}
	}
	request, err := DecodeRequest(line)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	handler, ok := c.handlers[request.Verb]
	if !ok {
		return Answer{Error: fmt.Sprintf("%v: %q", ErrRequest, request.Verb)}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	result, err := handler(ctx, request.Args)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return Answer{Refused: refused.Why}
	}
	if err != nil {
		return Answer{Error: err.Error()}
	}
	text, err := json.Marshal(result)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	return Answer{Result: text}
}

// allowed wants a client that runs as our own user or as root. The folder keeps the
// others out; this is for the day when it does not.
func (c *Control) allowed(conn net.Conn) error {
	tokened, ok := conn.(*boundConn)
	if !ok {
		return fmt.Errorf("client of an unknown kind: %T", conn)
	}
	socket, ok := tokened.Conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("client of an unknown kind: %T", tokened.Conn)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var peer *syscall.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return err
	}
	switch {
	case failed != nil:
		return fmt.Errorf("who asks is not known: %w", failed)
	case int(peer.Uid) != c.uid && peer.Uid != 0:
		return fmt.Errorf("uid %d may not ask; only uid %d and root may", peer.Uid, c.uid)
	}
	return nil
}

// firstRead is how many bytes there is room for at first.
const firstRead = 4 << 10

var errTooLong = errors.New("longer than a line may be")

// readLine reads up to a newline, which it does not return, and not beyond that by
// more than what came with it. Room grows with what comes, up to most bytes.
func readLine(from io.Reader, most int) ([]byte, error) {
	line := make([]byte, 0, firstRead)
	for {
		if len(line) == cap(line) {
			if len(line) > most {
				return nil, fmt.Errorf("%w: over %d bytes", errTooLong, most)
			}
			line = append(line, 0)[:len(line)] // append doubles
		}
		n, err := from.Read(line[len(line):cap(line)])
		for i := len(line); i < len(line)+n; i++ {
			if line[:len(line)+n][i] != '\n' {
				continue
			}
			if i > most {
				return nil, fmt.Errorf("%w: over %d bytes", errTooLong, most)
			}
			return line[:i], nil
		}
		line = line[:len(line)+n]
		if err != nil {
			return nil, err
		}
	}
}
