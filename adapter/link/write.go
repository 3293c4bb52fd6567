package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"blockgate/internal/btc"
)

// Write takes bytes from the engine, gathers whole frames and sends them. Two
// kinds do not go out as they are: version gets our user agent, and reject,
// which the engine writes when it could not decode a message, ends the
// connection with [ReasonMalformed] instead.
func (c *Conn) Write(p []byte) (int, error) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.partial = append(c.partial, p...)
	for {
		frame, rest, whole := cutFrame(c.partial)
		if !whole {
			break
		}
		if err := c.forward(frame); err != nil {
			return 0, err
		}
		c.partial = append(c.partial[:0], rest...)
	}
	if len(c.partial) > maxOutgoing {
		return 0, fmt.Errorf("frame of the engine: over %d bytes", maxOutgoing)
	}
	return len(p), nil
}

// cutFrame cuts the first whole v1 frame off b.
func cutFrame(b []byte) (frame, rest []byte, whole bool) {
	if len(b) < frameHeaderSize {
		return nil, b, false
	}
	size := uint64(binary.LittleEndian.Uint32(b[16:])) + frameHeaderSize
	if uint64(len(b)) < size {
		return nil, b, false
	}
	return b[:size], b[size:], true
}

// forward sends a frame of the engine. wmu is held.
func (c *Conn) forward(frame []byte) error {
	payload := frame[frameHeaderSize:]
	switch Command(frame[4:16]) {
	case CommandOf("reject"):
		c.End(ReasonMalformed, rejectText(payload))
		return c.endError
	case CommandOf("version"):
		renamed, err := withUserAgent(payload, c.cfg.UserAgent)
		if err != nil {
			return err
		}
		frame = appendFrame(nil, c.cfg.Magic, CommandOf("version"), renamed)
	case CommandOf("ping"):
		c.sentPing(payload)
	}
	return c.send(frame)
}

// Inject sends a message of our own, between two of the engine and unseen by it.
// It may block for [WriteTimeout] and what its size adds. It does not keep payload. An error is an
// *[EndError], and the connection has ended.
func (c *Conn) Inject(command Command, payload []byte) error {
	err := c.inject(command, payload)
	if err != nil {
		c.endWith(err)
		return c.endError
	}
	return nil
}

func (c *Conn) inject(command Command, payload []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return c.send(appendFrame(nil, c.cfg.Magic, command, payload))
}

// send writes one frame. wmu is held.
func (c *Conn) send(frame []byte) error {
	err := c.sock.SetWriteDeadline(time.Now().Add(writeTimeout(len(frame))))
	if err == nil {
		err = c.tr.send(frame)
	}
	switch {
	case err == nil:
		if c.cfg.Sent != nil {
			c.cfg.Sent(Command(frame[4:16]), len(frame)-frameHeaderSize)
		}
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = &EndError{ReasonWriteTimeout, "in " + Command(frame[4:16]).String()}
	default:
		err = &EndError{ReasonRemoteClosed, "write: " + printable(err.Error())}
	}
	c.endWith(err)
	return err
}

// writeTimeout returns how long a frame of the given size may take.
func writeTimeout(sizeBytes int) time.Duration {
	return WriteTimeout + time.Duration(sizeBytes)*time.Second/frameRate
}

// Where the user agent of a version message begins: version 4, services 8, time
// 8, two addresses of 26, nonce 8.
const userAgentOffset = 4 + 8 + 8 + 26 + 26 + 8

// withUserAgent returns a version message with another user agent.
func withUserAgent(version []byte, userAgent string) ([]byte, error) {
	if len(version) < userAgentOffset {
		return nil, fmt.Errorf("version of the engine: %d bytes", len(version))
	}
	tail := version[userAgentOffset:]
	size, used, err := btc.CompactSize(tail)
	if err != nil || size > uint64(len(tail)-used) {
		return nil, errors.New("version of the engine: user agent out of bounds")
	}
	renamed := append([]byte(nil), version[:userAgentOffset]...)
	renamed = btc.AppendCompactSize(renamed, uint64(len(userAgent)))
	renamed = append(renamed, userAgent...)
	return append(renamed, tail[used+int(size):]...), nil
}

// rejectText returns what the engine says in a reject message: command, code and
// reason, of which only the reason helps.
func rejectText(payload []byte) string {
	const longest = 200
	if i := bytes.IndexByte(payload, ':'); i >= 0 {
		payload = payload[i+1:]
	}
	return string(bytes.TrimSpace(payload[:min(len(payload), longest)]))
}
