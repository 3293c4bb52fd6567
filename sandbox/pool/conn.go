package pool

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// conn is our end of one worker's SOCK_SEQPACKET. One goroutine reads at a time;
// wake may come from another.
type conn struct {
	file *os.File
	raw  syscall.RawConn
	buf  []byte // of readSize bytes

	n   int   // what the last read returned
	err error // and its error
}

func newConn(file *os.File) (*conn, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("use a worker's socket: %w", err)
	}
	// Without the poller a deadline would mean nothing.
	if err := file.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("use a worker's socket, which must not block: %w", err)
	}
	return &conn{file: file, raw: raw, buf: make([]byte, readSize)}, nil
}

// write sends one message before the deadline.
func (c *conn) write(message []byte, deadline time.Time) error {
	if err := c.file.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, err := c.file.Write(message)
	return err
}

// read returns the next message, which is valid until the next call. It waits for
// it until the deadline set by awaitUntil. A message without a byte, which is also
// how the end of the stream looks, comes back empty.
func (c *conn) read() ([]byte, error) {
	c.n, c.err = 0, nil
	err := c.raw.Read(func(fd uintptr) bool {
		c.n, c.err = retryRead(int(fd), c.buf)
		return !errors.Is(c.err, unix.EAGAIN)
	})
	if err = errors.Join(err, c.err); err != nil {
		return nil, err
	}
	return c.buf[:c.n], nil
}

// awaitUntil sets how long read waits.
func (c *conn) awaitUntil(deadline time.Time) error { return c.file.SetReadDeadline(deadline) }

// wake ends a read that waits, and every later one until awaitUntil.
func (c *conn) wake() error { return c.file.SetReadDeadline(time.Unix(1, 0)) }

// drain reads what is there, without waiting, and returns how many messages that
// were, at most maxPending.
func (c *conn) drain() (messages int, err error) {
	if err := c.awaitUntil(time.Time{}); err != nil {
		return 0, err
	}
	c.err = nil
	err = c.raw.Read(func(fd uintptr) bool {
		for ; messages < maxPending; messages++ {
			if _, c.err = retryRead(int(fd), c.buf); c.err != nil {
				break
			}
		}
		return true
	})
	if c.err != nil && !errors.Is(c.err, unix.EAGAIN) {
		err = errors.Join(err, c.err)
	}
	return messages, err
}

func retryRead(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}
