package link

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"blockgate/internal/btc"
)

const testMagic = 0xdab5bffa

// frame builds a v1 frame, independently of the code under test.
func frame(command string, payload []byte) []byte {
	f := binary.LittleEndian.AppendUint32(nil, testMagic)
	f = append(f, command...)
	f = append(f, make([]byte, 12-len(command))...)
	f = binary.LittleEndian.AppendUint32(f, uint32(len(payload)))
	once := sha256.Sum256(payload)
	twice := sha256.Sum256(once[:])
	f = append(f, twice[:4]...)
	return append(f, payload...)
}

// handshake is what a peer sends before anything else counts.
func handshake() []byte {
	return append(frame("version", make([]byte, 100)), frame("verack", nil)...)
}

// blockBytes returns size bytes whose first says what [answerBy] answers.
func blockBytes(answer WantAnswer, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	if size > 0 {
		b[0] = byte(answer)
	}
	return b
}

// answerBy answers Want by the first byte of the header.
func answerBy(header *btc.Header) WantAnswer { return WantAnswer(header[0] % 4) }

// replay is a net.Conn that plays what a peer sent, then EOF, and keeps what it
// was sent.
type replay struct {
	in   io.Reader
	sent bytes.Buffer
}

func (r *replay) Read(p []byte) (int, error)       { return r.in.Read(p) }
func (r *replay) Write(p []byte) (int, error)      { return r.sent.Write(p) }
func (*replay) Close() error                       { return nil }
func (*replay) LocalAddr() net.Addr                { return &net.TCPAddr{Port: 1} }
func (*replay) RemoteAddr() net.Addr               { return &net.TCPAddr{Port: 2} }
func (*replay) SetDeadline(time.Time) error        { return nil }
func (*replay) SetReadDeadline(t time.Time) error  { return nil }
func (*replay) SetWriteDeadline(t time.Time) error { return nil }

// outcome is all that a stream leads to.
type outcome struct {
	passed    []byte   // what the engine reads
	taken     []byte   // what Take got, command and payload
	sent      []byte   // what the peer gets
	delivered [][]byte // blocks, in order
	reason    Reason
}

func (o outcome) String() string {
	return fmt.Sprintf("%s, engine %x, peer %x, %d blocks", o.reason, o.passed, o.sent, len(o.delivered))
}

func (o outcome) equal(other outcome) bool {
	return o.reason == other.reason && bytes.Equal(o.passed, other.passed) && bytes.Equal(o.sent, other.sent) && bytes.Equal(o.taken, other.taken) &&
		bytes.Equal(bytes.Join(o.delivered, nil), bytes.Join(other.delivered, nil)) && len(o.delivered) == len(other.delivered)
}

// play runs a stream through a Conn. The budget is the oracle for memory: it
// never hands out more than it has, and gets all of it back.
func play(tb testing.TB, stream io.Reader) outcome {
	tb.Helper()
	sock := &replay{in: stream}
	o := playOn(tb, sock)
	o.sent = sock.sent.Bytes()
	return o
}

// playOn does so on any socket, and leaves out what was sent.
func playOn(tb testing.TB, sock net.Conn) outcome {
	tb.Helper()
	var o outcome
	budget := newTestBudget(tb, 2*MinBudget, MinBudget)
	conn := New(sock, Config{
		Magic:  testMagic,
		Budget: budget,
		Want:   func(_ btc.Hash, h *btc.Header, _ int) WantAnswer { return answerBy(h) },
		Deliver: func(b RawBlock) {
			if used := budget.InUse(); used < b.Size() || used > 2*MinBudget {
				tb.Errorf("%d bytes in use for a block of %d", used, b.Size())
			}
			content := make([]byte, b.Size())
			b.CopyTo(content)
			if b.Sum() != sha256.Sum256(content) || b.Hash != b.Header.Hash() || b.Header != btc.Header(content) {
				tb.Errorf("sum, hash or header does not fit the bytes of %s", b.Hash)
			}
			o.delivered = append(o.delivered, content)
			b.Release()
		},
		Take: func(command Command, payload []byte) error {
			o.taken = append(append(o.taken, command[:]...), payload...)
			return nil
		},
	})
	passed, err := io.ReadAll(conn)
	if err != nil {
		tb.Errorf("the engine read %v, want plain EOF", err)
	}
	if used, waiting := budget.InUse(), budget.Waiting(); used != 0 || waiting != 0 {
		tb.Errorf("at the end %d bytes are in use, %d blocks wait", used, waiting)
	}
	o.passed, o.reason = passed, ReasonOf(conn.Err())
	return o
}

// model says what a stream must lead to, one frame after the other.
func model(stream []byte) outcome {
	o := outcome{reason: ReasonRemoteClosed} // if nothing else, the stream ends
	now, unasked, pings, dropped, passed, told := hello, 0, 0, 0, 0, 0
	for len(stream) >= 24 {
		if binary.LittleEndian.Uint32(stream) != testMagic {
			o.reason = ReasonWrongMagic
			return o
		}
		name, after, _ := strings.Cut(string(stream[4:16]), "\x00")
		if strings.Trim(after, "\x00") != "" || strings.ContainsFunc(name, func(r rune) bool { return r < 32 || r > 126 }) {
			o.reason = ReasonBadCommand
			return o
		}
		size := binary.LittleEndian.Uint32(stream[16:])
		verdict, reason := decide(name, size, now)
		if reason != ReasonNone {
			o.reason = reason
			return o
		}
		whole := uint64(len(stream)-24) >= uint64(size)
		payload := stream[24:]
		if whole {
			payload = payload[:size]
		}
		good := whole && bytes.Equal(frame(name, payload), stream[:24+int(size)])
		var answer WantAnswer
		switch {
		case verdict == Drop || verdict == Unknown:
			if dropped += 24 + int(size); dropped > MaxDroppedBytes {
				o.reason = ReasonUselessBytes
				return o
			}
		case verdict == Pass || verdict == Take:
			if passed++; passed > MaxMessages {
				o.reason = ReasonMessageFlood
				return o
			}
			if name == "inv" || name == "addr" || name == "addrv2" {
				told += int(size)
			}
			if told > MaxGossipBytes {
				o.reason = ReasonUselessBytes
				return o
			}
		case verdict == Answer:
			if pings++; pings > MaxPings {
				o.reason = ReasonPingFlood
				return o
			}
		case verdict == Divert && len(payload) >= 80:
			answer = WantAnswer(payload[0] % 4)
			if answer == Unasked {
				if unasked++; unasked > MaxUnaskedBlocks {
					o.reason = ReasonUnaskedBlocks
					return o
				}
			}
		}
		if !whole {
			return o
		}
		checked := verdict == Pass || verdict == Take || verdict == Answer || verdict == Divert && answer >= Wanted
		if checked && !good {
			o.reason = ReasonBadChecksum
			return o
		}
		switch verdict {
		case Pass:
			o.passed = append(o.passed, stream[:24+int(size)]...)
			switch name {
			case "version":
				now = negotiate
			case "verack":
				now = open
			}
		case Answer:
			o.sent = append(o.sent, frame("pong", payload)...)
		case Divert:
			if len(o.passed) == 0 { // else the engine heard of the peer just now
				o.passed = append(o.passed, frame("notfound", []byte{0})...)
			}
			if answer >= Wanted {
				o.delivered = append(o.delivered, payload)
			}
		case Take:
			o.taken = append(append(o.taken, stream[4:16]...), payload...)
		case Drop, Unknown, Ban:
		}
		stream = stream[24+int(size):]
	}
	return o
}

// streams are what peers may send; also the seeds of the fuzz target.
func streams() map[string][]byte {
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	spoil := func(f []byte, at int) []byte {
		f = bytes.Clone(f)
		f[at] ^= 1
		return f
	}
	ping := frame("ping", []byte("12345678"))
	wanted := frame("block", blockBytes(Wanted, 200))
	return map[string][]byte{
		"nothing":                 nil,
		"handshake":               handshake(),
		"before the handshake":    join(ping, frame("headers", []byte{0}), frame("verack", nil), handshake()),
		"second handshake":        join(handshake(), handshake(), frame("sendaddrv2", nil)),
		"control":                 join(handshake(), ping, frame("headers", []byte{0}), frame("inv", []byte{0}), frame("pong", []byte("12345678"))),
		"dropped and unknown":     join(handshake(), frame("feefilter", make([]byte, 8)), frame("whatever", []byte("x")), ping),
		"wanted":                  join(handshake(), wanted, ping),
		"urgent":                  join(handshake(), frame("block", blockBytes(Urgent, 81)), ping),
		"unneeded":                join(handshake(), frame("block", blockBytes(Unneeded, 500)), ping),
		"unasked":                 join(handshake(), frame("block", blockBytes(Unasked, 500)), ping),
		"unasked with bad sum":    join(handshake(), spoil(frame("block", blockBytes(Unasked, 500)), 20), ping),
		"unasked, one too many":   join(handshake(), bytes.Repeat(frame("block", blockBytes(Unasked, 90)), MaxUnaskedBlocks+1), ping),
		"unasked, just few":       join(handshake(), bytes.Repeat(frame("block", blockBytes(Unasked, 90)), MaxUnaskedBlocks), ping),
		"pings, just few":         join(handshake(), bytes.Repeat(ping, MaxPings), frame("headers", []byte{0})),
		"pings, one too many":     join(handshake(), bytes.Repeat(ping, MaxPings+1)),
		"several chunks":          join(handshake(), frame("block", blockBytes(Wanted, 3*ChunkSize+1)), ping),
		"largest block":           join(handshake(), frame("block", blockBytes(Wanted, MaxPayload)), ping),
		"short block":             join(handshake(), frame("block", blockBytes(Wanted, 80))),
		"tx":                      join(handshake(), frame("tx", make([]byte, 60)), ping),
		"bad sum of a block":      join(handshake(), spoil(wanted, 20), ping),
		"bad byte of a block":     join(handshake(), spoil(wanted, len(wanted)-1), ping),
		"bad sum of headers":      join(handshake(), spoil(frame("headers", []byte{0}), 23), ping),
		"bad sum of a ping":       join(handshake(), spoil(ping, 30), ping),
		"bad sum of what drops":   join(handshake(), spoil(frame("alert", []byte{0}), 20), ping),
		"wrong magic":             join(handshake(), spoil(ping, 0), ping),
		"command with a high bit": join(handshake(), frame("p\xefng", nil), ping),
		"command after NUL":       join(handshake(), frame("ping\x00x", nil), ping),
		"length of 4 GiB":         join(handshake(), []byte{0xfa, 0xbf, 0xb5, 0xda}, []byte("blockgate\x00\x00\x00"), []byte{255, 255, 255, 255, 1, 2, 3, 4}),
		"half a header":           join(handshake(), ping[:12]),
	}
}

func TestStreams(t *testing.T) {
	for name, stream := range streams() {
		t.Run(name, func(t *testing.T) {
			want := model(stream)
			if got := play(t, bytes.NewReader(stream)); !got.equal(want) {
				t.Errorf("got  %.300s\nwant %.300s", got, want)
			}
			if len(stream) > 10_000 {
				return
			}
			if got := play(t, iotest.OneByteReader(bytes.NewReader(stream))); !got.equal(want) {
				t.Errorf("byte by byte: got  %.300s\nwant %.300s", got, want)
			}
		})
	}
}

// TestStreamReasons keeps the model honest: what it says is said here again.
func TestStreamReasons(t *testing.T) {
	want := map[string]Reason{
		"unasked, one too many":   ReasonUnaskedBlocks,
		"pings, one too many":     ReasonPingFlood,
		"short block":             ReasonShortBlock,
		"tx":                      ReasonUnrequestedTx,
		"bad sum of a block":      ReasonBadChecksum,
		"bad byte of a block":     ReasonBadChecksum,
		"bad sum of headers":      ReasonBadChecksum,
		"bad sum of a ping":       ReasonBadChecksum,
		"wrong magic":             ReasonWrongMagic,
		"command with a high bit": ReasonBadCommand,
		"command after NUL":       ReasonBadCommand,
		"length of 4 GiB":         ReasonOversize,
	}
	for name, stream := range streams() {
		reason, ends := want[name]
		if !ends {
			reason = ReasonRemoteClosed
		}
		if got := play(t, bytes.NewReader(stream)); got.reason != reason {
			t.Errorf("%s: %s, want %s", name, got.reason, reason)
		}
	}
}

// TestTruncation cuts a conversation with a block at every byte.
func TestTruncation(t *testing.T) {
	stream := bytes.Join([][]byte{
		handshake(), frame("headers", []byte{0}), frame("block", blockBytes(Wanted, 120)),
		frame("addr", []byte{0}), frame("ping", []byte("12345678")), frame("block", blockBytes(Urgent, 81)),
	}, nil)
	for n := range len(stream) + 1 {
		want := model(stream[:n])
		if want.reason != ReasonRemoteClosed {
			t.Fatalf("cut at %d: the model says %s", n, want.reason)
		}
		if got := play(t, bytes.NewReader(stream[:n])); !got.equal(want) {
			t.Fatalf("cut at %d: got  %s\nwant %s", n, got, want)
		}
	}
}

// TestResetIsRemoteClosed: an error of the socket ends the stream like EOF.
func TestResetIsRemoteClosed(t *testing.T) {
	broken := iotest.ErrReader(errors.New("connection reset by \x1b peer"))
	for _, before := range [][]byte{nil, handshake(), append(handshake(), frame("block", blockBytes(Wanted, 100))[:110]...)} {
		got := play(t, io.MultiReader(bytes.NewReader(before), broken))
		if got.reason != ReasonRemoteClosed {
			t.Errorf("after %d bytes: %s", len(before), got.reason)
		}
	}
}

// TestDroppedBytes meets the limit on bytes in messages that we drop exactly.
func TestDroppedBytes(t *testing.T) {
	whole := frame("whatever", make([]byte, MaxPayload))
	rest := MaxDroppedBytes%(MaxPayload+frameHeaderSize) - frameHeaderSize
	for _, test := range []struct {
		rest   int
		reason Reason
	}{{rest - 1, ReasonRemoteClosed}, {rest, ReasonRemoteClosed}, {rest + 1, ReasonUselessBytes}} {
		parts := []io.Reader{bytes.NewReader(handshake())}
		for range MaxDroppedBytes / (MaxPayload + frameHeaderSize) {
			parts = append(parts, bytes.NewReader(whole))
		}
		parts = append(parts, bytes.NewReader(frame("addr2", make([]byte, test.rest))))
		if got := play(t, io.MultiReader(parts...)); got.reason != test.reason {
			t.Errorf("with %d bytes in the last: %s, want %s", test.rest, got.reason, test.reason)
		}
	}
}

// mend gives each whole frame the checksum that its payload has, so that the
// fuzzer gets past it.
func mend(stream []byte) []byte {
	stream = bytes.Clone(stream)
	for rest := stream; len(rest) >= 24; {
		size := uint64(binary.LittleEndian.Uint32(rest[16:]))
		if size > uint64(len(rest)-24) {
			break
		}
		sum := btc.DoubleSHA256(rest[24 : 24+size])
		copy(rest[20:24], sum[:])
		rest = rest[24+size:]
	}
	return stream
}

// FuzzV1Frames compares a Conn with the model, and with itself in smaller reads.
// Memory never passes the budget; see play.
func FuzzV1Frames(f *testing.F) {
	for _, stream := range streams() {
		if len(stream) < 10_000 {
			f.Add(stream, false)
			f.Add(stream, true)
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, mended bool) {
		if mended {
			stream = mend(stream)
		}
		want := model(stream)
		if got := play(t, bytes.NewReader(stream)); !got.equal(want) {
			t.Errorf("got  %.300s\nwant %.300s", got, want)
		}
		if got := play(t, iotest.HalfReader(bytes.NewReader(stream))); !got.equal(want) {
			t.Errorf("in halves: got  %.300s\nwant %.300s", got, want)
		}
	})
}
