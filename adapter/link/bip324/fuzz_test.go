package bip324

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// fixed makes a configuration that depends on nothing but what is given.
func fixed(role Role, garbage int, decoys []byte) Config {
	cfg := Config{Role: role, Magic: mainnet, Garbage: bytes.Repeat([]byte{0x5a, byte(role)}, garbage)[:garbage]}
	for i := range cfg.Entropy {
		cfg.Entropy[i] = byte(3*i) + byte(role)
	}
	for _, size := range decoys {
		cfg.Decoys = append(cfg.Decoys, int(size))
	}
	return cfg
}

// honest is what an honest peer sends to h: handshake, and a packet for each byte of
// sizes, every fourth a decoy.
func honest(t *testing.T, h, peer *Handshake, sizes []byte) []byte {
	t.Helper()
	stream := peer.Start()
	stream = append(stream, mustFeed(t, peer, h.Start())...)
	if h.cfg.Role == Responder {
		stream = append(stream, mustFeed(t, peer, mustFeed(t, h, stream))...)
	} else {
		mustFeed(t, peer, mustFeed(t, h, stream))
	}
	for i, size := range sizes {
		header := byte(i) & 1
		if i%4 == 3 {
			header |= decoyBit
		}
		stream = peer.session.seal(stream, bytes.Repeat([]byte{size}, int(size)), nil, header)
	}
	return stream
}

// outcome is what our side makes of a stream that comes in pieces.
func outcome(t *testing.T, h *Handshake, stream []byte, piece int) (out modelOutcome) {
	t.Helper()
	out.sent = len(h.Start())
	for len(stream) > 0 && h.Session() == nil {
		now := stream[:min(piece, len(stream))]
		used, reply, err := h.Feed(now)
		out.sent += len(reply)
		if err != nil {
			if _, again, same := h.Feed([]byte{0}); !errors.Is(same, err) || len(again) > 0 {
				t.Fatalf("after %v came %v", err, same)
			}
			out.err = err
			return out
		}
		if used < len(now) && h.Session() == nil {
			t.Fatalf("used %d of %d bytes", used, len(now))
		}
		if cap(h.part) > 4*MaxHandshakeContents {
			t.Fatalf("%d bytes of memory", cap(h.part))
		}
		stream = stream[used:]
	}
	s := h.Session()
	for s != nil && len(stream) >= LengthSize {
		rest, err := s.Length([LengthSize]byte(stream), MaxContents)
		stream = stream[LengthSize:]
		if err == nil && rest > len(stream) {
			return out
		}
		var contents []byte
		var decoy bool
		if err == nil {
			contents, decoy, err = s.Open(stream[:rest])
		}
		if err != nil {
			out.err = err
			return out
		}
		if !decoy {
			out.contents = append(out.contents, contents)
		}
		stream = stream[rest:]
	}
	return out
}

// fuzz tries a stream, raw or an honest one with a fault in it, against the model.
func fuzz(f *testing.F, role Role) {
	f.Helper()
	f.Add([]byte("\xf9\xbe\xb4\xd9version\x00\x00\x00\x00\x00"), uint16(0), []byte{}, []byte{}, uint32(0), byte(0), uint32(0), byte(1))
	f.Add([]byte("\x0a\x03\xcf\x40version\x00\x00\x00\x00\x00"), uint16(0), []byte{}, []byte{}, uint32(0), byte(0), uint32(0), byte(9))
	f.Add(bytes.Repeat([]byte{7}, 5000), uint16(0), []byte{}, []byte{}, uint32(0), byte(0), uint32(0), byte(200))
	for _, garbage := range []uint16{0, 1, 100, MaxGarbage, MaxGarbage + 1} {
		f.Add([]byte{}, garbage, []byte{}, []byte{1, 0, 13, 80, 255}, uint32(0), byte(0), uint32(0), byte(33))
		f.Add([]byte{}, garbage, []byte{0, 9}, []byte{1, 2, 3}, 64+uint32(garbage), byte(1), uint32(20), byte(255))
	}
	f.Fuzz(func(t *testing.T, raw []byte, garbage uint16, decoys, sizes []byte, flipAt uint32, flip byte, cut uint32, piece byte) {
		decoys, sizes = decoys[:min(len(decoys), 20)], sizes[:min(len(sizes), 20)]
		stream := slices.Clone(raw)
		if len(raw) == 0 {
			peer := fixed(Initiator+Responder-role, 0, decoys)
			peer.Garbage = make([]byte, garbage%(MaxGarbage+2)) // One too long: a peer need not keep to the rules.
			ours, err := newKey(&peer.Entropy)
			if err != nil {
				t.Fatal(err)
			}
			if len(peer.Garbage) > MaxGarbage {
				stream = append(ours.public[:], peer.Garbage...)
			} else {
				stream = honest(t, mustNew(t, fixed(role, 7, nil)), newHandshake(peer, ours), sizes)
			}
			stream[int(flipAt)%len(stream)] ^= flip
			stream = stream[:len(stream)-int(cut)%len(stream)]
		}
		cfg := fixed(role, 7, nil)
		ours, err := newKey(&cfg.Entropy)
		if err != nil {
			t.Fatal(err)
		}
		want := modelRead(cfg, ours, stream)
		got := outcome(t, mustNew(t, cfg), stream, int(piece)+1)
		if !errors.Is(got.err, want.err) || got.sent != want.sent || !slices.EqualFunc(got.contents, want.contents, bytes.Equal) {
			t.Errorf("got %v, sent %d, %d contents; want %v, sent %d, %d contents",
				got.err, got.sent, len(got.contents), want.err, want.sent, len(want.contents))
		}
	})
}

// FuzzInitiator reads what a responder may send, well or badly.
func FuzzInitiator(f *testing.F) { fuzz(f, Initiator) }

// FuzzResponder reads what an initiator may send, well or badly.
func FuzzResponder(f *testing.F) { fuzz(f, Responder) }
