package link

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link/bip324"
	"blockgate/internal/btc"
)

// agreed returns both ends of the v2 transport.
func agreed(tb testing.TB) (ours, theirs *bip324.Session) {
	tb.Helper()
	var sides [2]*bip324.Handshake
	for i := range sides {
		cfg := bip324.Config{Role: bip324.Role(i), Magic: testMagic, Garbage: make([]byte, 9)}
		for j := range cfg.Entropy {
			cfg.Entropy[j] = byte(i + j)
		}
		var err error
		if sides[i], err = bip324.New(cfg); err != nil {
			tb.Fatal(err)
		}
	}
	feed := func(h *bip324.Handshake, b []byte) []byte {
		_, reply, err := h.Feed(b)
		if err != nil {
			tb.Fatal(err)
		}
		return reply
	}
	feed(sides[1], feed(sides[0], feed(sides[1], sides[0].Start())))
	return sides[0].Session(), sides[1].Session()
}

// sealed appends a packet with a command, short where there is a short id.
func sealed(tb testing.TB, s *bip324.Session, dst []byte, command Command, payload []byte) []byte {
	tb.Helper()
	return sealedRaw(tb, s, dst, append(bip324.AppendCommand(nil, command), payload...))
}

func sealedRaw(tb testing.TB, s *bip324.Session, dst, contents []byte) []byte {
	tb.Helper()
	dst, err := s.Seal(dst, contents)
	if err != nil {
		tb.Fatal(err)
	}
	return dst
}

// translated turns a stream of whole v1 frames into packets.
func translated(tb testing.TB, s *bip324.Session, stream []byte) (packets []byte, whole bool) {
	tb.Helper()
	for len(stream) > 0 {
		frame, rest, ok := cutFrame(stream)
		if !ok {
			return nil, false
		}
		packets = sealed(tb, s, packets, Command(frame[4:16]), frame[24:])
		stream = rest
	}
	return packets, true
}

// opened turns packets into v1 frames.
func opened(tb testing.TB, s *bip324.Session, packets []byte) (frames []byte) {
	tb.Helper()
	for len(packets) > 0 {
		rest, err := s.Length([bip324.LengthSize]byte(packets), bip324.MaxContents)
		if err != nil {
			tb.Fatal(err)
		}
		packets = packets[bip324.LengthSize:]
		contents, _, err := s.Open(packets[:rest])
		if err != nil {
			tb.Fatal(err)
		}
		command, payload, err := bip324.Cut(contents)
		if err != nil {
			tb.Fatal(err)
		}
		frames = append(frames, frame(Command(command).String(), payload)...)
		packets = packets[rest:]
	}
	return frames
}

// playV2 plays packets, of which rest came with the handshake.
func playV2(tb testing.TB, ours, theirs *bip324.Session, rest []byte, stream io.Reader) outcome {
	tb.Helper()
	sock := &replay{in: stream}
	o := playOn(tb, &Encrypted{Conn: sock, session: ours, rest: rest})
	o.sent = opened(tb, theirs, sock.sent.Bytes())
	return o
}

// TestV2LikeV1 sends by v2 what the streams of v1 hold: the same comes of it,
// where there is no checksum and no magic in it.
func TestV2LikeV1(t *testing.T) {
	played := 0
	for name, stream := range streams() {
		want := model(mend(stream))
		if want.reason == ReasonWrongMagic {
			continue
		}
		t.Run(name, func(t *testing.T) {
			ours, theirs := agreed(t)
			packets, whole := translated(t, theirs, stream)
			if !whole {
				t.Skip("has half a frame")
			}
			played++
			at := len(packets) / 3
			got := playV2(t, ours, theirs, packets[:at], iotest.HalfReader(bytes.NewReader(packets[at:])))
			if !got.equal(want) {
				t.Errorf("got  %.300s\nwant %.300s", got, want)
			}
		})
	}
	if played < 20 {
		t.Errorf("only %d streams were played", played)
	}
}

// TestV2Truncation cuts packets at every byte: nothing comes of half a packet.
func TestV2Truncation(t *testing.T) {
	frames := [][]byte{
		handshake(), frame("headers", []byte{0}), frame("block", blockBytes(Wanted, 120)),
		frame("addr", []byte{0}), frame("ping", []byte("12345678")), frame("block", blockBytes(Urgent, 81)),
	}
	length := len(translatedAll(t, frames))
	for cut := 0; cut <= length; cut += stride {
		ours, theirs := agreed(t)
		var packets, kept []byte
		for _, f := range frames {
			more, _ := translated(t, theirs, f)
			packets = append(packets, more...)
			if len(packets) <= cut {
				kept = append(kept, f...)
			} else if f[4] == 'v' && len(packets)-cut < len(more) { // two messages are in the first
				if first, _, _ := cutFrame(f); cut >= len(translatedAll(t, [][]byte{first})) {
					kept = append(kept, first...)
				}
			}
		}
		want := model(kept)
		if got := playV2(t, ours, theirs, nil, bytes.NewReader(packets[:cut])); !got.equal(want) {
			t.Fatalf("cut at %d: got  %s\nwant %s", cut, got, want)
		}
	}
}

func translatedAll(t *testing.T, frames [][]byte) []byte {
	t.Helper()
	_, theirs := agreed(t)
	packets, whole := translated(t, theirs, bytes.Join(frames, nil))
	if !whole {
		t.Fatal("half a frame")
	}
	return packets
}

// TestV2Faults sends what is no message, which costs nothing, and what is no
// packet, which ends the connection without a ban.
func TestV2Faults(t *testing.T) {
	decoy := func(b []byte, s *bip324.Session) []byte {
		b, err := s.SealDecoy(b, 1000)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	raw := func(contents ...byte) func([]byte, *bip324.Session) []byte {
		return func(b []byte, s *bip324.Session) []byte { return sealedRaw(t, s, b, contents) }
	}
	spoiled := func(at int) func([]byte, *bip324.Session) []byte {
		return func(b []byte, s *bip324.Session) []byte {
			had := len(b)
			b = sealed(t, s, b, CommandOf("headers"), make([]byte, 100))
			if at < 0 {
				had = len(b)
			}
			b[had+at] ^= 1
			return b
		}
	}
	for _, tc := range []struct {
		name string
		send func([]byte, *bip324.Session) []byte
		want Reason
	}{
		{"decoy", decoy, ReasonRemoteClosed},
		{"empty contents", raw(), ReasonRemoteClosed},
		{"unknown short id", raw(29, 1, 2, 3), ReasonRemoteClosed},
		{"last short id", raw(255), ReasonRemoteClosed},
		{"half a command", raw(0, 'p', 'i', 'n', 'g'), ReasonRemoteClosed},
		{"command that is no text", raw(append([]byte{0}, "\xffabcdefghijk"...)...), ReasonBadCommand},
		{"bit of the first byte", spoiled(3), ReasonBadPacket},
		{"bit of the tag", spoiled(-1), ReasonBadPacket},
		{"length of 8 MB more", spoiledLength(t), ReasonBadPacket},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ours, theirs := agreed(t)
			packets, _ := translated(t, theirs, handshake())
			packets = tc.send(packets, theirs)
			want := handshake()
			if tc.want == ReasonRemoteClosed {
				packets = sealed(t, theirs, packets, CommandOf("pong"), []byte("12345678"))
				want = append(want, frame("pong", []byte("12345678"))...)
			}
			got := playV2(t, ours, theirs, nil, bytes.NewReader(packets))
			if got.reason != tc.want || !bytes.Equal(got.passed, want) || tc.want == ReasonBadPacket && got.reason.Ban() {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func spoiledLength(t *testing.T) func([]byte, *bip324.Session) []byte {
	return func(b []byte, s *bip324.Session) []byte {
		had := len(b)
		b = sealed(t, s, b, CommandOf("ping"), make([]byte, 8))
		b[had+2] ^= 0x80
		return b
	}
}

// TestV2Limits meets the limit of each state: before verack, when no block is owed, and
// when one is.
func TestV2Limits(t *testing.T) {
	for _, tc := range []struct {
		name string
		open bool
		owes func() bool
		most int
	}{
		{"before verack", false, nil, bip324.MaxHandshakeContents},
		{"before verack, block owed", false, func() bool { return true }, bip324.MaxHandshakeContents},
		{"nothing owed", true, func() bool { return false }, maxControlContents},
		{"block owed", true, func() bool { return true }, bip324.MaxContents},
		{"nobody knows", true, nil, bip324.MaxContents},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for size := tc.most - 1; size <= tc.most+1; size++ {
				ours, theirs := agreed(t)
				var packets []byte
				if tc.open {
					packets, _ = translated(t, theirs, handshake())
				}
				want := ReasonRemoteClosed
				if size > tc.most {
					want = ReasonBadPacket
				}
				if size > bip324.MaxContents {
					packets = append(packets, length(t, theirs, size)...)
				} else {
					packets = sealed(t, theirs, packets, CommandOf("whatever"), make([]byte, size-1-bip324.CommandSize))
				}
				sock := &Encrypted{Conn: &replay{in: bytes.NewReader(packets)}, session: ours}
				conn := New(sock, Config{Magic: testMagic, Budget: newTestBudget(t, 2*MinBudget, MinBudget), Owes: tc.owes})
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Fatal(err)
				}
				if got := ReasonOf(conn.Err()); got != want {
					t.Errorf("%d bytes: %v, want %s", size, conn.Err(), want)
				}
			}
		})
	}
}

// length returns the encrypted length of a packet that s would not send: the stream
// cipher lets anybody on the line change a length whose value he knows.
func length(t *testing.T, s *bip324.Session, size int) []byte {
	t.Helper()
	field := sealedRaw(t, s, nil, nil)[:bip324.LengthSize]
	told := binary.LittleEndian.AppendUint32(nil, uint32(size))
	for i := range field {
		field[i] ^= told[i]
	}
	return field
}

// v2Rig is a Conn by v2 on a pipe, in a synctest bubble, open.
func v2Rig(t *testing.T, test func(conn *Conn, far net.Conn, theirs *bip324.Session)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := fakepeer.Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2}, 256<<10)
		ours, theirs := agreed(t)
		conn := New(&Encrypted{Conn: near, session: ours}, Config{
			Magic: testMagic, Budget: newTestBudget(t, 2*MinBudget, MinBudget),
			Want:    func(btc.Hash, *btc.Header, int) WantAnswer { return Wanted },
			Deliver: RawBlock.Release,
		})
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		packets, _ := translated(t, theirs, handshake())
		send(t, far, packets)
		test(conn, far, theirs)
		conn.End(ReasonLocal, "end of test")
		_ = far.Close()
		synctest.Wait()
	})
}

func send(t *testing.T, far net.Conn, b []byte) {
	t.Helper()
	if _, err := far.Write(b); err != nil {
		t.Errorf("the peer could not send: %v", err)
	}
	synctest.Wait()
}

// TestV2Clocks lets nothing come between packets, and in one.
func TestV2Clocks(t *testing.T) {
	for _, tc := range []struct {
		name string
		send int // bytes of a packet of 40,000 bytes
		time time.Duration
		want Reason
	}{
		{"no packet", 0, IdleTimeout, ReasonSilent},
		{"half a length", 2, IdleTimeout, ReasonSilent},
		{"a length", 3, FrameTimeout(40_000 + bip324.Expansion), ReasonSlowFrame},
		{"most of a packet", 40_000, FrameTimeout(40_000 + bip324.Expansion), ReasonSlowFrame},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v2Rig(t, func(conn *Conn, far net.Conn, theirs *bip324.Session) {
				send(t, far, sealedRaw(t, theirs, nil, make([]byte, 40_000))[:tc.send])
				time.Sleep(tc.time - time.Millisecond)
				if synctest.Wait(); conn.Err() != nil {
					t.Errorf("too early: %v", conn.Err())
				}
				time.Sleep(2 * time.Millisecond)
				if synctest.Wait(); ReasonOf(conn.Err()) != tc.want {
					t.Errorf("%v, want %s", conn.Err(), tc.want)
				}
			})
		})
	}
}

// TestV2MemoryGrowsWithBytes declares the longest packet and sends a part of it.
func TestV2MemoryGrowsWithBytes(t *testing.T) {
	for _, came := range []int{0, 1, readBufferSize, 100_000, 1_000_000} {
		v2Rig(t, func(conn *Conn, far net.Conn, theirs *bip324.Session) {
			packet := sealedRaw(t, theirs, nil, make([]byte, bip324.MaxContents))
			for at := 0; at < came+bip324.LengthSize; at += readBufferSize {
				send(t, far, packet[at:min(at+readBufferSize, came+bip324.LengthSize)])
			}
			tr := conn.tr.(*v2)
			if got, most := cap(*tr.large), 3*came/2+4*readBufferSize; got > most {
				t.Errorf("%d bytes came, and %d are taken", came, got)
			}
			for rest := range slices.Chunk(packet[came+bip324.LengthSize:], readBufferSize) {
				send(t, far, rest)
			}
			if conn.Err() != nil || tr.large != nil {
				t.Errorf("after the packet: error %v, memory kept: %t", conn.Err(), tr.large != nil)
			}
		})
	}
}

// BenchmarkReceiveV2 takes wanted blocks of 1.9 MB by v2: decrypted in place, header
// hash, SHA-256 of the body, one copy.
func BenchmarkReceiveV2(b *testing.B) {
	ours, theirs := agreed(b)
	hello, _ := translated(b, theirs, handshake())
	sock := &sealing{tb: b, session: theirs, contents: append([]byte{2}, blockBytes(Wanted, 1_900_000)...), packet: hello}
	received := 0
	conn := New(&Encrypted{Conn: sock, session: ours}, Config{
		Magic:   testMagic,
		Budget:  newTestBudget(b, 4*MinBudget, MinBudget),
		Want:    func(btc.Hash, *btc.Header, int) WantAnswer { return Wanted },
		Deliver: func(block RawBlock) { received++; block.Release() },

		Owes:     func() bool { return true },
		Progress: func(btc.Hash, int, bool) {},
	})
	buf := make([]byte, 100)
	b.SetBytes(1_900_000)
	b.ReportAllocs()
	for b.Loop() {
		for had := received; had == received; {
			if _, err := conn.Read(buf); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed()-sock.spent)/float64(b.N)/1_900_000, "ns/byte-receiver")
}

// sealing is a socket that seals the same contents again and again.
type sealing struct {
	replay
	tb       testing.TB
	session  *bip324.Session
	contents []byte
	packet   []byte
	at       int
	spent    time.Duration // on sealing
}

func (s *sealing) Read(p []byte) (int, error) {
	if s.at == len(s.packet) {
		begin := time.Now()
		s.packet = sealedRaw(s.tb, s.session, s.packet[:0], s.contents)
		s.spent += time.Since(begin)
		s.at = 0
	}
	n := copy(p, s.packet[s.at:])
	s.at += n
	return n, nil
}
