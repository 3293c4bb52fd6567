package link

import (
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"blockgate/internal/btc"
)

// WantAnswer says what to do with a block whose header has arrived.
type WantAnswer uint8

// The answers.
const (
	// Unasked says that this peer was not asked for it. Its body goes nowhere; more than
	// [MaxUnaskedBlocks] a minute end the connection.
	Unasked WantAnswer = iota
	// Unneeded says that it was asked for, but we have it by now. Its body goes nowhere, and the
	// peer is not to blame.
	Unneeded
	// Wanted says that its body is to be read as soon as the budget allows.
	Wanted
	// Urgent says that it is wanted and that others wait for it: it may use the
	// reserved budget.
	Urgent
)

// Config is what a [Conn] needs. Callbacks run on the goroutine that calls
// [Conn.Read]; as long as one blocks, nothing is read from this peer, and no
// deadline runs against it.
type Config struct {
	// Magic is the first field of each v1 frame, as in [btc.Params].
	Magic uint32
	// Purpose says which messages pass.
	Purpose Purpose
	// UserAgent replaces that of the engine in our version message.
	UserAgent string
	// Budget is shared by all connections.
	Budget *Budget
	// Want is asked once the header of a block is in, and about once a second
	// again while the block waits for budget. It must not keep header.
	Want func(hash btc.Hash, header *btc.Header, sizeBytes int) WantAnswer
	// Owes, if not nil, reports whether a block that the peer was asked for may
	// still come. If not, a packet of the v2 transport that only a block can fill ends the
	// connection before there is memory for it.
	Owes func() bool
	// Progress, if not nil, hears how far a block of more than one read has come: at its
	// first bytes, and then at most every [ProgressInterval]. It must not block. paused
	// says that we are not reading it, since it waits for budget; that is told about once
	// a second. By the v2 transport hash is zero: what a packet is shows when it is
	// whole. Then it is told of each packet that may be a block of the peer's.
	Progress func(hash btc.Hash, sizeBytes int, paused bool)
	// Deliver gets each wanted block, checksum checked, and owns it.
	Deliver func(RawBlock)
	// Take gets the payload of addr, addrv2 and what [Purpose] says, checksum checked, which it must not keep;
	// nil for nobody. An error of it ends the connection with [ReasonMalformed].
	Take func(command Command, payload []byte) error
	// Count, if not nil, is told of each message before its payload.
	Count func(command Command, verdict Verdict, sizeBytes int)
	// Sent, if not nil, is told of each message that went.
	Sent func(command Command, sizeBytes int)
}

// Conn is a net.Conn for a protocol engine, and the filter in front of it.
//
// One goroutine may call Read; Write, Inject and End may be called from any.
type Conn struct {
	cfg  Config
	sock net.Conn
	tr   transport

	// Owned by the goroutine that calls Read.
	phase    phase
	frame    []byte    // what Read has yet to hand on of the current frame
	store    []byte    // the memory of frame
	parked   *incoming // a block that waits for budget, or nil
	incoming incoming  // the memory of the block that comes in
	fed      time.Time // when Read last handed something on, or zero
	silent   bool      // a block came for which the engine gets nothing
	flood    flood
	away     time.Time // when Read last returned, or zero
	told     time.Time // when Progress was last called, or zero

	wmu     sync.Mutex
	partial []byte // the beginning of a frame that the engine is writing

	ping     atomic.Pointer[openPing] // the oldest ping without answer, or nil
	endOnce  sync.Once
	done     chan struct{}
	endError *EndError // set before done is closed
}

// New returns a Conn on a socket: by the v2 transport if it is an [Encrypted], else
// by v1. It owns the socket.
func New(sock net.Conn, cfg Config) *Conn {
	c := &Conn{cfg: cfg, sock: sock, done: make(chan struct{})}
	if encrypted, ok := sock.(*Encrypted); ok {
		c.tr = newV2(c, encrypted)
	} else {
		c.tr = newV1(sock, cfg.Magic)
	}
	return c
}

// Read hands the engine v1 frames that passed. When the connection has ended,
// for whatever reason, it returns io.EOF: another error would make btcd/peer
// queue a reject message and wait until it is written. After a block it may return
// nothing and no error, for which io.ReadFull, by which the engine reads, calls again.
func (c *Conn) Read(p []byte) (int, error) {
	if !c.away.IsZero() && time.Since(c.away) > keepAlive {
		c.forgivePong() // the engine was busy
	}
	defer func() { c.away = time.Now() }()
	for len(c.frame) == 0 {
		if err := c.advance(); err != nil {
			c.endWith(err)
			return 0, io.EOF
		}
		if c.silent {
			c.silent = false
			break
		}
	}
	if c.ended() { // what is buffered is not for an engine that is going away
		return 0, io.EOF
	}
	n := copy(p, c.frame)
	if c.frame = c.frame[n:]; n > 0 {
		c.fed = time.Now()
	}
	if len(c.frame) == 0 && cap(c.store) > readBufferSize {
		c.store = nil
	}
	return n, nil
}

// advance reads one message, or goes on with a block that waits for budget.
func (c *Conn) advance() error {
	if c.parked != nil {
		return c.resume()
	}
	if err := c.checkPong(); err != nil {
		return err
	}
	if err := c.within(IdleTimeout); err != nil {
		return err
	}
	m, err := c.tr.next()
	if err != nil {
		return readError(err, ReasonSilent, "between messages")
	}
	verdict, err := judgeFor(c.cfg.Purpose, m, c.phase)
	if c.cfg.Count != nil {
		c.cfg.Count(m.command, verdict, int(m.size))
	}
	if err != nil {
		return err
	}
	if verdict == Pass || verdict == Take {
		if err := c.flood.heard(time.Now(), m); err != nil {
			return err
		}
	}
	switch verdict {
	case Pass:
		return c.pass(m)
	case Take:
		return c.take(m)
	case Answer:
		return c.answer(m)
	case Divert:
		return c.divert(m)
	case Drop, Unknown, Ban: // Ban came with an error
	}
	return c.drop(m)
}

// pass makes m the frame that Read hands on.
func (c *Conn) pass(m message) error {
	payload, err := c.control(m)
	if err != nil {
		return err
	}
	c.phase = c.phase.after(m.command)
	if m.command == CommandOf("pong") {
		c.gotPong([nonceSize]byte(payload))
	}
	return nil
}

// control reads the whole of a control message into c.frame, checks its checksum
// and returns the payload. Memory grows with the bytes that came.
func (c *Conn) control(m message) ([]byte, error) {
	if err := c.within(FrameTimeout(int(m.size))); err != nil {
		return nil, err
	}
	buf := append(c.store[:0], make([]byte, frameHeaderSize)...)
	for left := int(m.size); left > 0; {
		step := min(left, readStep)
		at := len(buf)
		buf = slices.Grow(buf, step)[:at+step]
		if _, err := io.ReadFull(c.tr, buf[at:]); err != nil {
			return nil, readError(err, ReasonSlowFrame, "in "+m.String())
		}
		left -= step
	}
	payload := buf[frameHeaderSize:]
	sum := sha256.Sum256(payload)
	if err := c.tr.check(sum); err != nil {
		return nil, in(m, err)
	}
	appendFrameHeader(buf[:0], c.cfg.Magic, m, sum)
	c.store, c.frame = buf, buf
	return payload, nil
}

// answer sends the pong for a ping. A peer that does not read its pongs is not
// read from: nothing queues up.
func (c *Conn) answer(m message) error {
	if err := c.flood.ping(time.Now()); err != nil {
		return err
	}
	nonce, err := c.control(m)
	if err != nil {
		return err
	}
	c.frame = nil
	return c.inject(CommandOf("pong"), nonce)
}

// drop streams a payload to nowhere.
func (c *Conn) drop(m message) error {
	if err := c.flood.drop(time.Now(), m); err != nil {
		return err
	}
	return c.discard(m, int(m.size))
}

func (c *Conn) discard(m message, n int) error {
	if err := c.within(FrameTimeout(n)); err != nil {
		return err
	}
	if _, err := c.tr.Discard(n); err != nil {
		return readError(err, ReasonSlowFrame, "in "+m.String())
	}
	return nil
}

// within sets the time that the following reads may take together.
func (c *Conn) within(d time.Duration) error {
	if err := c.sock.SetReadDeadline(time.Now().Add(d)); err != nil {
		return &EndError{ReasonRemoteClosed, "set read deadline"}
	}
	return nil
}

// unhurried takes the read deadline away while it is our turn.
func (c *Conn) unhurried() error {
	if err := c.sock.SetReadDeadline(time.Time{}); err != nil {
		return &EndError{ReasonRemoteClosed, "clear read deadline"}
	}
	return nil
}

// readError turns an error of the socket into a reason. An [EndError] stays.
func readError(err error, late Reason, where string) error {
	switch _, own := errors.AsType[*EndError](err); {
	case own:
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &EndError{late, where}
	default:
		return &EndError{ReasonRemoteClosed, where + ": " + printable(err.Error())}
	}
}

// in adds the message to an [EndError] without detail.
func in(m message, err error) error {
	end, own := errors.AsType[*EndError](err)
	if !own || end.Detail != "" {
		return err
	}
	return &EndError{end.Reason, m.String()}
}

// printable returns s in printable ASCII, without quotes around it.
func printable(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return quoted[1 : len(quoted)-1]
}

// End ends the connection and remembers why; the first call counts. It does not
// wait. The engine's reader sees EOF and shuts down in order, which calling its
// Disconnect first would not guarantee.
func (c *Conn) End(reason Reason, detail string) {
	c.endWith(&EndError{reason, printable(detail)})
}

func (c *Conn) endWith(err error) {
	c.endOnce.Do(func() {
		end, own := errors.AsType[*EndError](err)
		if !own {
			end = &EndError{ReasonProtocol, printable(err.Error())}
		}
		c.endError = end
		close(c.done)
		_ = c.sock.Close() // nobody is left who could use the error
	})
}

func (c *Conn) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Done returns a channel that is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns nil before the connection has ended, and then an *[EndError].
func (c *Conn) Err() error {
	if !c.ended() {
		return nil
	}
	return c.endError
}

// Close is for the engine, when it gives up: [Conn.End] with [ReasonProtocol].
// It never fails.
func (c *Conn) Close() error {
	c.End(ReasonProtocol, "the protocol engine gave up")
	return nil
}

// LocalAddr returns the socket's local address.
func (c *Conn) LocalAddr() net.Addr { return c.sock.LocalAddr() }

// RemoteAddr returns the socket's remote address.
func (c *Conn) RemoteAddr() net.Addr { return c.sock.RemoteAddr() }

// SetDeadline does nothing: deadlines are the link's own business.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, as SetDeadline.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, as SetDeadline.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
