package bip324_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/btcsuite/btcd/v2transport"

	"blockgate/adapter/link/bip324"
)

const mainnet = 0xd9b4bef9

// line is a loopback connection with a reader that keeps bytes of the session that
// came with the handshake.
type line struct {
	sock net.Conn
	rest []byte
}

func (l *line) Read(p []byte) (int, error) {
	if len(l.rest) > 0 {
		n := copy(p, l.rest)
		l.rest = l.rest[n:]
		return n, nil
	}
	return l.sock.Read(p)
}

// lines returns both ends of a connection.
func lines(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialled, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled, accepted
}

// handshake runs ours over a socket.
func handshake(sock net.Conn, cfg bip324.Config) (*bip324.Session, *line, error) {
	if _, err := rand.Read(cfg.Entropy[:]); err != nil {
		return nil, nil, err
	}
	h, err := bip324.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	out := h.Start()
	in := make([]byte, 1000)
	for {
		if _, err := sock.Write(out); err != nil {
			return nil, nil, err
		}
		n, err := sock.Read(in)
		if err != nil {
			return nil, nil, err
		}
		used, reply, err := h.Feed(in[:n])
		if err != nil {
			return nil, nil, err
		}
		if s := h.Session(); s != nil {
			_, err = sock.Write(reply)
			return s, &line{sock, in[used:n]}, err
		}
		out = reply
	}
}

// receive reads the next packet that is no decoy.
func receive(s *bip324.Session, from io.Reader) ([]byte, error) {
	for {
		var field [bip324.LengthSize]byte
		if _, err := io.ReadFull(from, field[:]); err != nil {
			return nil, err
		}
		rest, err := s.Length(field, bip324.MaxContents)
		if err != nil {
			return nil, err
		}
		packet := make([]byte, rest)
		if _, err := io.ReadFull(from, packet); err != nil {
			return nil, err
		}
		contents, decoy, err := s.Open(packet)
		if err != nil || !decoy {
			return contents, err
		}
	}
}

// startBtcd runs the handshake of btcd's transport and then echoes packets, some decoys in
// between, until the connection ends.
func startBtcd(sock net.Conn, initiator bool, garbage int, decoys []int) <-chan error {
	done := make(chan error, 1)
	go func() { done <- serveBtcd(sock, initiator, garbage, decoys) }()
	return done
}

func serveBtcd(sock net.Conn, initiator bool, garbage int, decoys []int) error {
	defer sock.Close()
	p := v2transport.NewPeer()
	p.UseReadWriter(sock)
	begin := func() error { return p.InitiateV2Handshake(garbage) }
	if !initiator {
		begin = func() error { return p.RespondV2Handshake(garbage, mainnet) }
	}
	if err := begin(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := p.CompleteHandshake(initiator, decoys, mainnet); err != nil {
		return fmt.Errorf("complete: %w", err)
	}
	for i := 0; ; i++ {
		contents, err := p.V2ReceivePacket(nil)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("packet %d: %w", i, err)
		}
		if i%5 == 0 {
			if _, _, err := p.V2EncPacket(make([]byte, i), nil, true); err != nil {
				return err
			}
		}
		if _, _, err := p.V2EncPacket(contents, nil, false); err != nil {
			return err
		}
	}
}

// TestInterop joins ours and btcd's transport, either as initiator: garbage of all
// lengths that matter, decoys in the handshake and later, and packets over
// several changes of keys.
func TestInterop(t *testing.T) {
	for _, tc := range []struct {
		role            bip324.Role
		garbage, theirs int
		packets         int
		decoys          []int
	}{
		{bip324.Initiator, 0, 0, 1000, nil},
		{bip324.Responder, 0, 0, 1000, nil},
		{bip324.Initiator, 1, bip324.MaxGarbage, 10, []int{0, 1, 4000}},
		{bip324.Responder, 1, bip324.MaxGarbage, 10, []int{0, 1, 4000}},
		{bip324.Initiator, bip324.MaxSentGarbage, 1, 10, []int{bip324.MaxHandshakeContents}},
		{bip324.Responder, bip324.MaxSentGarbage, 1, 10, []int{bip324.MaxHandshakeContents}},
		{bip324.Initiator, 1000, 1000, 300, []int{5}},
	} {
		t.Run(fmt.Sprintf("role %d, garbage %d and %d", tc.role, tc.garbage, tc.theirs), func(t *testing.T) {
			here, there := lines(t)
			btcd := startBtcd(there, tc.role == bip324.Responder, tc.theirs, tc.decoys)
			cfg := bip324.Config{Role: tc.role, Magic: mainnet, Garbage: make([]byte, tc.garbage), Decoys: tc.decoys}
			if _, err := rand.Read(cfg.Garbage); err != nil {
				t.Fatal(err)
			}
			s, in, err := handshake(here, cfg)
			if err != nil {
				t.Fatal(err)
			}
			for i := range tc.packets {
				echo(t, s, in, bytes.Repeat([]byte{byte(i)}, i%257), i%7 == 0)
			}
			echo(t, s, in, bytes.Repeat([]byte("block"), 400_000), false)
			here.Close()
			if err := <-btcd; err != nil {
				t.Errorf("btcd: %v", err)
			}
		})
	}
}

// echo sends contents, a decoy before them if asked to, and wants them back.
func echo(t *testing.T, s *bip324.Session, in *line, contents []byte, decoy bool) {
	t.Helper()
	var out []byte
	var err error
	if decoy {
		if out, err = s.SealDecoy(out, len(contents)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err = s.Seal(out, contents); err != nil {
		t.Fatal(err)
	}
	if _, err = in.sock.Write(out); err != nil {
		t.Fatal(err)
	}
	if got, err := receive(s, in); err != nil || !bytes.Equal(got, contents) {
		t.Fatalf("%d bytes came back as %d, error %v", len(contents), len(got), err)
	}
}

// TestInteropRefused ends as it should where btcd and ours cannot agree: on the network,
// and on garbage of 4095 bytes, which btcd takes for too long.
func TestInteropRefused(t *testing.T) {
	for _, cfg := range []bip324.Config{
		{Role: bip324.Initiator, Magic: 0x0709110b, Garbage: make([]byte, bip324.MaxGarbage)},
		{Role: bip324.Initiator, Magic: mainnet, Garbage: make([]byte, bip324.MaxGarbage)},
	} {
		here, there := lines(t)
		btcd := startBtcd(there, false, 0, nil)
		s, in, err := handshake(here, cfg)
		if err == nil {
			_, err = receive(s, in)
		}
		if err == nil {
			t.Errorf("magic %x: agreed", cfg.Magic)
		}
		here.Close()
		if err := <-btcd; err == nil {
			t.Errorf("magic %x: btcd agreed", cfg.Magic)
		}
	}
}
