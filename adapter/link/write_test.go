package link

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"blockgate/internal/btc"
)

// versionPayload is a version message with the given user agent.
func versionPayload(userAgent string) []byte {
	var b []byte
	for i := range 80 {
		b = append(b, byte(i))
	}
	b = btc.AppendCompactSize(b, uint64(len(userAgent)))
	b = append(b, userAgent...)
	return append(binary.LittleEndian.AppendUint32(b, 1234), 0)
}

func TestVersionIsRenamed(t *testing.T) {
	for _, own := range []string{"", "/btcwire:0.5.0/x:1/", string(make([]byte, 300))} {
		for _, step := range []int{1, 24, 1000} {
			sock := &replay{in: bytes.NewReader(nil)}
			conn := New(sock, Config{Magic: testMagic, UserAgent: "/blockgate:0.1.0/"})
			stream := append(frame("version", versionPayload(own)), frame("verack", nil)...)
			for rest := stream; len(rest) > 0; {
				n, err := conn.Write(rest[:min(step, len(rest))])
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			want := append(frame("version", versionPayload("/blockgate:0.1.0/")), frame("verack", nil)...)
			if !bytes.Equal(sock.sent.Bytes(), want) {
				t.Errorf("%q in steps of %d: sent %x, want %x", own, step, sock.sent.Bytes(), want)
			}
		}
	}
}

func TestVersionOfTheEngineIsChecked(t *testing.T) {
	whole := versionPayload("abc")
	for n := range len(whole) {
		_, err := withUserAgent(whole[:n], "x")
		if wantErr := n < 80+1+3; (err != nil) != wantErr {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := withUserAgent(append(make([]byte, 80), 0xff, 255, 255, 255, 255, 255, 255, 255, 255), "x"); err == nil {
		t.Error("a user agent of 2^64-1 bytes is taken")
	}
}

// TestRejectIsSwallowed: btcd/peer says by reject what it could not decode, and
// waits until that is written.
func TestRejectIsSwallowed(t *testing.T) {
	sock := &replay{in: bytes.NewReader(nil)}
	conn := New(sock, Config{Magic: testMagic})
	payload := append([]byte("\x09malformed\x01\x30"), "Can't read message: too many\x1b headers"...)
	if _, err := conn.Write(frame("reject", payload)); err == nil {
		t.Error("the engine is told that its reject was sent")
	}
	if sock.sent.Len() != 0 {
		t.Errorf("sent %q", sock.sent.Bytes())
	}
	if got := conn.Err().Error(); got != `malformed: too many\x1b headers` {
		t.Errorf("ended by %q", got)
	}
}

func TestInjectBetweenHalves(t *testing.T) {
	sock := &replay{in: bytes.NewReader(nil)}
	conn := New(sock, Config{Magic: testMagic})
	ping := frame("ping", []byte("12345678"))
	for _, half := range [][]byte{ping[:24], ping[24:]} { // as btcd/wire writes
		if _, err := conn.Write(half); err != nil {
			t.Fatal(err)
		}
		if err := conn.Inject(CommandOf("getdata"), []byte{0}); err != nil {
			t.Fatal(err)
		}
	}
	own := frame("getdata", []byte{0})
	if want := bytes.Join([][]byte{own, ping, own}, nil); !bytes.Equal(sock.sent.Bytes(), want) {
		t.Errorf("sent %x, want %x", sock.sent.Bytes(), want)
	}
}

func TestEngineWritesTooMuch(t *testing.T) {
	conn := New(&replay{in: bytes.NewReader(nil)}, Config{Magic: testMagic})
	huge := frame("addr", make([]byte, maxOutgoing))
	if _, err := conn.Write(huge[:maxOutgoing]); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := conn.Write(huge[maxOutgoing : maxOutgoing+1]); err == nil {
		t.Error("one byte over the limit is kept")
	}
}

func TestWriteAfterTheEnd(t *testing.T) {
	inBubble(t, func(r *rig) {
		_ = r.far.Close()
		r.wantReason(ReasonRemoteClosed)
		if err := r.conn.Inject(CommandOf("getdata"), nil); ReasonOf(err) != ReasonRemoteClosed {
			t.Errorf("inject: %v", err)
		}
		if _, err := r.conn.Write(frame("ping", make([]byte, 8))); err == nil {
			t.Error("the engine may still write")
		}
	})
}

// failing is a socket that cannot be written to.
type failing struct{ replay }

func (*failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteError(t *testing.T) {
	conn := New(&failing{replay{in: bytes.NewReader(nil)}}, Config{Magic: testMagic})
	if err := conn.Inject(CommandOf("getdata"), nil); ReasonOf(err) != ReasonRemoteClosed {
		t.Errorf("got %v", err)
	}
}

func FuzzWithUserAgent(f *testing.F) {
	f.Add(versionPayload("/btcwire:0.5.0/"), "/blockgate:0.1.0/")
	f.Add(make([]byte, 80), "")
	f.Fuzz(func(t *testing.T, version []byte, userAgent string) {
		renamed, err := withUserAgent(version, userAgent)
		if err != nil {
			return
		}
		tail := renamed[80:]
		size, used, err := btc.CompactSize(tail)
		if err != nil || string(tail[used:used+int(size)]) != userAgent || !bytes.Equal(renamed[:80], version[:80]) {
			t.Fatalf("%x", renamed)
		}
		oldSize, oldUsed, _ := btc.CompactSize(version[80:])
		if !bytes.Equal(tail[used+int(size):], version[80+oldUsed+int(oldSize):]) {
			t.Fatalf("the rest changed: %x", renamed)
		}
	})
}
