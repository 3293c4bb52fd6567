package link

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/v2transport"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link/bip324"
	"blockgate/internal/btc"
)

// encrypting runs Encrypt in a bubble against a peer, and wants an [EndError] and a
// closed socket of it, after the given time.
func encrypting(t *testing.T, far func(context.CancelFunc, net.Conn), want Reason, detail string, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		here, there := fakepeer.Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2}, 256<<10)
		go far(cancel, there)
		begin := time.Now()
		_, err := Encrypt(ctx, here, testMagic)
		if ReasonOf(err) != want || !strings.Contains(err.Error(), detail) {
			t.Errorf("%v, want %s with %q", err, want, detail)
		}
		if got := time.Since(begin); got != took {
			t.Errorf("took %s, want %s", got, took)
		}
		if _, err := here.Write([]byte{1}); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the socket is still open: %v", err)
		}
		_ = there.Close()
		synctest.Wait()
	})
}

// TestEncryptRefused tries peers that do not speak v2, or badly.
func TestEncryptRefused(t *testing.T) {
	say := func(b []byte) func(context.CancelFunc, net.Conn) {
		return func(_ context.CancelFunc, far net.Conn) { _, _ = far.Write(b) }
	}
	for _, tc := range []struct {
		name   string
		far    func(context.CancelFunc, net.Conn)
		want   Reason
		detail string
		took   time.Duration
	}{
		{"hangs up", func(_ context.CancelFunc, far net.Conn) { _ = far.Close() }, ReasonNoEncryption, "", 0},
		{"answers by v1", say(frame("version", make([]byte, 100))), ReasonNoEncryption, bip324.ErrV1.Error(), 0},
		{"says nothing", func(context.CancelFunc, net.Conn) {}, ReasonNoEncryption, "no answer in time", EncryptTimeout},
		{"says half a key", say(make([]byte, 63)), ReasonNoEncryption, "no answer in time", EncryptTimeout},
		{"garbage without end", say(bytes.Repeat([]byte{9}, 10_000)), ReasonNoEncryption, bip324.ErrGarbage.Error(), 0},
		{"given up", func(cancel context.CancelFunc, _ net.Conn) { time.Sleep(time.Second); cancel() }, ReasonLocal, "canceled", time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) { encrypting(t, tc.far, tc.want, tc.detail, tc.took) })
	}
}

// TestGarbage draws lengths: all are allowed, and they differ.
func TestGarbage(t *testing.T) {
	lengths := map[int]bool{}
	for range 200 {
		n := len(garbage())
		if n > bip324.MaxSentGarbage {
			t.Fatalf("%d bytes", n)
		}
		lengths[n] = true
	}
	if len(lengths) < 100 {
		t.Errorf("%d lengths in 200", len(lengths))
	}
}

// node is a peer that speaks v2 by btcd's transport: it shakes hands, sends messages in
// contents, and notes what it gets until the connection ends.
func node(sock net.Conn, contents [][]byte) (got [][]byte, err error) {
	defer sock.Close()
	p := v2transport.NewPeer()
	p.UseReadWriter(sock)
	if err := p.RespondV2Handshake(100, testMagic); err != nil {
		return nil, err
	}
	if err := p.CompleteHandshake(false, []int{7}, testMagic); err != nil {
		return nil, err
	}
	// A decoy that would be a reason to end the connection.
	if _, _, err := p.V2EncPacket(append([]byte{21}, make([]byte, 60)...), nil, true); err != nil { // 21 is tx
		return nil, err
	}
	for _, c := range contents {
		if _, _, err := p.V2EncPacket(c, nil, false); err != nil {
			return nil, err
		}
	}
	for {
		c, err := p.V2ReceivePacket(nil)
		if err != nil {
			return got, nil // This is how the connection ends.
		}
		got = append(got, c)
	}
}

// TestEncryptWithBtcd joins a Conn with btcd's transport over a real socket: blocks
// come in, what we send goes out, the engine sees v1.
func TestEncryptWithBtcd(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	frames := [][]byte{
		frame("version", make([]byte, 100)), frame("verack", nil),
		frame("block", blockBytes(Wanted, 2_000_000)), frame("ping", []byte("12345678")), frame("headers", []byte{0}),
	}
	var contents [][]byte
	for _, f := range frames {
		contents = append(contents, append(bip324.AppendCommand(nil, Command(f[4:16])), f[24:]...))
	}
	type result struct {
		got [][]byte
		err error
	}
	over := make(chan result, 1)
	go func() {
		sock, err := listener.Accept()
		if err != nil {
			over <- result{nil, err}
			return
		}
		got, err := node(sock, contents)
		over <- result{got, err}
	}()
	sock, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := Encrypt(t.Context(), sock, testMagic)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []int
	conn := New(encrypted, Config{
		Magic: testMagic, UserAgent: "/test:1/", Budget: newTestBudget(t, 2*MinBudget, MinBudget),
		Want:    func(btc.Hash, *btc.Header, int) WantAnswer { return Wanted },
		Deliver: func(b RawBlock) { blocks = append(blocks, b.Size()); b.Release() },
	})
	if _, err := conn.Write(frame("version", make([]byte, 86))); err != nil {
		t.Fatal(err)
	}
	want := bytes.Join([][]byte{frames[0], frames[1], frames[4]}, nil)
	passed := make([]byte, len(want))
	if _, err := io.ReadFull(conn, passed); err != nil || !bytes.Equal(passed, want) {
		t.Errorf("the engine read %.200x, error %v", passed, err)
	}
	if len(blocks) != 1 || blocks[0] != 2_000_000 {
		t.Errorf("blocks of %v", blocks)
	}
	conn.End(ReasonLocal, "end of test")
	there := <-over
	if there.err != nil || len(there.got) != 2 || !bytes.Contains(there.got[0], []byte("/test:1/")) ||
		!bytes.Equal(there.got[1], append([]byte{19}, "12345678"...)) { // 19 is pong
		t.Errorf("btcd got %q, error %v", there.got, there.err)
	}
}
