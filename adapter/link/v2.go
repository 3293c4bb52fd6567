package link

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"blockgate/adapter/link/bip324"
)

// v2 is the transport with encryption. A packet has to be whole before anything in it
// means something, the command included; so it is read into memory that grows with the
// bytes that come, and its length alone is judged before.
type v2 struct {
	sock    net.Conn
	in      *bufio.Reader
	session *bip324.Session
	most    func() int                // the most contents that a packet may have now, in bytes
	within  func(time.Duration) error // sets the read deadline
	told    func(sizeBytes int)       // hears how far a long packet has come

	field [bip324.LengthSize]byte // the length of the packet that comes in
	small []byte                  // memory of packets up to readBufferSize
	pool  *sync.Pool              // of memory of longer ones
	large *[]byte                 // from pool, while its packet is in use
	left  []byte                  // what is left of a payload

	plain, sealed []byte // memory of what is sent
}

func newV2(c *Conn, e *Encrypted) *v2 {
	in := io.MultiReader(bytes.NewReader(e.rest), e.Conn)
	return &v2{
		sock: e.Conn, in: bufio.NewReaderSize(in, readBufferSize), session: e.session,
		most: c.mostContents, within: c.within, told: c.packetProgress, pool: &c.cfg.Budget.packets,
	}
}

// mostContents is the most bytes that the contents of a packet may have now. In
// the clear the command would tell; here there is only what we wait for.
func (c *Conn) mostContents() int {
	switch {
	case c.phase != open:
		return bip324.MaxHandshakeContents
	case c.cfg.Owes != nil && !c.cfg.Owes():
		return maxControlContents
	default:
		return bip324.MaxContents
	}
}

func (t *v2) next() (message, error) {
	if _, err := io.ReadFull(t.in, t.field[:]); err != nil {
		return message{}, err
	}
	rest, err := t.session.Length(t.field, t.most())
	if err != nil {
		return message{}, badPacket(err)
	}
	if err := t.within(FrameTimeout(rest)); err != nil {
		return message{}, err
	}
	packet, err := t.packet(rest)
	if err != nil {
		return message{}, readError(err, ReasonSlowFrame, fmt.Sprintf("in a packet of %d bytes", rest))
	}
	contents, decoy, err := t.session.Open(packet)
	if err != nil {
		return message{}, badPacket(err)
	}
	return t.cut(contents, decoy), nil
}

// cut makes contents the message that is read from now on. What is no message is
// dropped, as by Bitcoin Core.
func (t *v2) cut(contents []byte, decoy bool) message {
	command, payload, err := bip324.Cut(contents)
	if decoy || err != nil {
		t.left = contents
		return message{size: uint32(len(contents)), void: true}
	}
	t.left = payload
	return message{command: command, size: uint32(len(payload))}
}

// packet reads what follows a length, size bytes.
func (t *v2) packet(size int) ([]byte, error) {
	memory := &t.small
	if size > readBufferSize {
		t.large, _ = t.pool.Get().(*[]byte)
		if t.large == nil {
			t.large = new([]byte)
		}
		memory = t.large
	}
	buf := (*memory)[:0]
	for len(buf) < size {
		at, step := len(buf), min(size-len(buf), readStep)
		buf = slices.Grow(buf, step)[:at+step]
		if cap(buf) > at+step { // there is memory, and more in one go is quicker
			buf = buf[:min(cap(buf), size)]
		}
		*memory = buf
		if err := t.fill(buf, at, size); err != nil {
			return nil, err
		}
	}
	return buf, nil
}

// fill reads buf from at on, a part of a packet of size bytes.
func (t *v2) fill(buf []byte, at, size int) error {
	for at < len(buf) {
		n, err := t.in.Read(buf[at:])
		at += n
		if at < len(buf) && err != nil {
			if errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF // within a packet
			}
			return err
		}
		if size > readBufferSize && at < size {
			t.told(at)
		}
	}
	return nil
}

// free gives the memory of a long packet back. What is left of it is nothing.
func (t *v2) free() {
	if t.large != nil {
		t.pool.Put(t.large)
		t.large = nil
	}
}

func (t *v2) Read(p []byte) (int, error) {
	n := copy(p, t.left)
	if n == 0 && len(p) > 0 {
		return 0, io.ErrUnexpectedEOF
	}
	_, err := t.Discard(n)
	return n, err
}

func (t *v2) Discard(n int) (int, error) {
	if n > len(t.left) {
		return 0, io.ErrUnexpectedEOF
	}
	if t.left = t.left[n:]; len(t.left) == 0 {
		t.free()
	}
	return n, nil
}

// sums is false: the packet's tag has vouched for it.
func (t *v2) sums() bool { return false }

// check has nothing to do: a packet is authentic or was never opened.
func (t *v2) check([sha256.Size]byte) error { return nil }

func (t *v2) send(frame []byte) error {
	t.plain = bip324.AppendCommand(t.plain[:0], Command(frame[4:16]))
	t.plain = append(t.plain, frame[frameHeaderSize:]...)
	sealed, err := t.session.Seal(t.sealed[:0], t.plain)
	if err != nil {
		return err
	}
	t.sealed = sealed
	_, err = t.sock.Write(sealed)
	return err
}

func badPacket(err error) error { return &EndError{ReasonBadPacket, err.Error()} }
