package link

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"time"

	"blockgate/adapter/link/bip324"
)

// Encrypted is a socket on which both sides have agreed on the v2 transport
// (BIP-0324). [New] takes it as any other socket; nobody else may read or write it.
type Encrypted struct {
	net.Conn

	session *bip324.Session
	rest    []byte // what came behind the handshake
}

// Encrypt agrees with the peer of a fresh outbound socket on the v2 transport. It
// takes at most [EncryptTimeout], and ends early with ctx.
//
// A node that speaks v1 hangs up on what it takes for noise, answers with a version
// message, or says nothing, and some leave our address alone afterwards: so only peers that
// advertise the v2 transport should be tried. After an error, always an
// *[EndError], the socket is closed, and v1 needs a new one.
func Encrypt(ctx context.Context, sock net.Conn, magic uint32) (*Encrypted, error) {
	e, err := encrypt(ctx, sock, magic)
	if err != nil {
		_ = sock.Close() // the first error is the one that helps
		return nil, encryptError(ctx, err)
	}
	return e, nil
}

func encrypt(ctx context.Context, sock net.Conn, magic uint32) (*Encrypted, error) {
	if err := sock.SetDeadline(time.Now().Add(EncryptTimeout)); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = sock.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	cfg := bip324.Config{Role: bip324.Initiator, Magic: magic, Garbage: garbage()}
	_, _ = rand.Read(cfg.Entropy[:]) // It never fails.
	h, err := bip324.New(cfg)
	if err != nil {
		return nil, err
	}
	e, err := exchange(sock, h)
	if err != nil {
		return nil, err
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return e, sock.SetDeadline(time.Time{})
}

// garbage returns 0 to [bip324.MaxSentGarbage] bytes of chance, so that the length of
// what we say first tells nothing.
func garbage() []byte {
	var drawn [2]byte
	_, _ = rand.Read(drawn[:]) // It never fails.
	b := make([]byte, int(binary.LittleEndian.Uint16(drawn[:]))%(bip324.MaxSentGarbage+1))
	_, _ = rand.Read(b)
	return b
}

// exchange sends and feeds until the handshake is over.
func exchange(sock net.Conn, h *bip324.Handshake) (*Encrypted, error) {
	out, in := h.Start(), make([]byte, handshakeReadSize)
	for {
		if len(out) > 0 {
			if _, err := sock.Write(out); err != nil {
				return nil, err
			}
		}
		if session := h.Session(); session != nil {
			return &Encrypted{Conn: sock, session: session, rest: in}, nil
		}
		n, err := sock.Read(in[:handshakeReadSize])
		if err != nil {
			return nil, err
		}
		used, reply, err := h.Feed(in[:n])
		if err != nil {
			return nil, err
		}
		if h.Session() != nil {
			in = in[used:n]
		}
		out = reply
	}
}

// encryptError says why there is no encryption.
func encryptError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return &EndError{ReasonLocal, printable(ctx.Err().Error())}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &EndError{ReasonNoEncryption, "no answer in time"}
	default:
		return &EndError{ReasonNoEncryption, printable(err.Error())}
	}
}
