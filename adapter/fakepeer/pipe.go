package fakepeer

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Pipe returns the two ends of a connection in memory, with deadlines, for tests
// in a synctest bubble, where there are no sockets. Each direction holds at most
// window bytes, as a TCP connection does; net.Pipe holds none, so that two sides
// that both write block each other.
func Pipe(near, far net.Addr, window int) (net.Conn, net.Conn) {
	a, b := newStream(window), newStream(window)
	return &end{in: a, out: b, near: near, far: far}, &end{in: b, out: a, near: far, far: near}
}

// end is one end of a pipe.
type end struct {
	in, out   *stream
	near, far net.Addr
}

func (e *end) Read(p []byte) (int, error)  { return e.in.read(p) }
func (e *end) Write(p []byte) (int, error) { return e.out.write(p) }
func (e *end) LocalAddr() net.Addr         { return e.near }
func (e *end) RemoteAddr() net.Addr        { return e.far }

// Close ends both directions. What was written before can still be read by the
// other end.
func (e *end) Close() error {
	e.in.close(true)
	e.out.close(false)
	return nil
}

func (e *end) SetDeadline(t time.Time) error {
	_ = e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.in.setDeadline(&e.in.readBy, t)
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.out.setDeadline(&e.out.writeBy, t)
	return nil
}

// stream is one direction of a pipe.
type stream struct {
	window int

	mu              sync.Mutex
	changed         *sync.Cond
	held            []byte
	dropped         bool // the reader left: nothing can be read or written
	finished        bool // the writer left: what is held can be read
	readBy, writeBy deadline
}

type deadline struct {
	at    time.Time
	timer *time.Timer // wakes the waiters at that time
}

func (d deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newStream(window int) *stream {
	s := &stream{window: window}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.dropped:
			return 0, net.ErrClosed
		case s.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case len(s.held) > 0:
			n := copy(p, s.held)
			s.held = s.held[n:]
			s.changed.Broadcast()
			return n, nil
		case s.finished:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (written int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.finished:
			return written, net.ErrClosed
		case s.dropped:
			return written, io.ErrClosedPipe
		case s.writeBy.passed():
			return written, os.ErrDeadlineExceeded
		}
		n := min(len(p), s.window-len(s.held))
		s.held = append(s.held, p[:n]...)
		p, written = p[n:], written+n
		s.changed.Broadcast()
		if len(p) == 0 {
			return written, nil
		}
		s.changed.Wait()
	}
}

// close ends the direction, from the reader's or the writer's side.
func (s *stream) close(byReader bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if byReader {
		s.dropped, s.held = true, nil
	} else {
		s.finished = true
	}
	for _, d := range []*deadline{&s.readBy, &s.writeBy} {
		if d.timer != nil && s.dropped {
			d.timer.Stop()
		}
	}
	s.changed.Broadcast()
}

// wake makes those who wait look at the clock. It takes the lock, so that nobody
// is between looking and waiting.
func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

func (s *stream) setDeadline(d *deadline, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	*d = deadline{at: t}
	if !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), s.wake)
	}
	s.changed.Broadcast()
}
