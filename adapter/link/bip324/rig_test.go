package bip324

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// chance returns a generator whose seed a failing test prints.
func chance(t testing.TB) *rand.ChaCha8 {
	t.Helper()
	var seed [32]byte
	seed[0] = byte(rand.Uint32())
	seed[1] = byte(rand.Uint32())
	t.Logf("seed %x", seed[:2])
	return rand.NewChaCha8(seed)
}

func fill(source *rand.ChaCha8, n int) []byte {
	b := make([]byte, n)
	_, _ = source.Read(b) // It never fails.
	return b
}

// config returns a configuration with entropy and garbage of chance.
func config(source *rand.ChaCha8, role Role, garbage int, decoys ...int) Config {
	return Config{
		Role: role, Magic: mainnet, Decoys: decoys,
		Entropy: [EntropySize]byte(fill(source, EntropySize)), Garbage: fill(source, garbage),
	}
}

func mustNew(t testing.TB, cfg Config) *Handshake {
	t.Helper()
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// meet runs two handshakes against each other, piece bytes at a time, and returns their
// sessions.
func meet(t testing.TB, a, b *Handshake, piece int) (*Session, *Session) {
	t.Helper()
	toB, toA := a.Start(), b.Start()
	for len(toA)+len(toB) > 0 {
		if len(toB) > 0 {
			n := min(piece, len(toB))
			toA = append(toA, mustFeed(t, b, toB[:n])...)
			toB = toB[n:]
		}
		if len(toA) > 0 {
			n := min(piece, len(toA))
			toB = append(toB, mustFeed(t, a, toA[:n])...)
			toA = toA[n:]
		}
	}
	if a.Session() == nil || b.Session() == nil {
		t.Fatalf("stages %d and %d", a.stage, b.stage)
	}
	return a.Session(), b.Session()
}

func mustFeed(t testing.TB, h *Handshake, p []byte) []byte {
	t.Helper()
	used, reply, err := h.Feed(p)
	if err != nil || used != len(p) {
		t.Fatalf("fed %d bytes: used %d, error %v", len(p), used, err)
	}
	return reply
}

// sessions returns both ends of a connection.
func sessions(t testing.TB) (*Session, *Session) {
	t.Helper()
	source := chance(t)
	return meet(t, mustNew(t, config(source, Initiator, 3)), mustNew(t, config(source, Responder, 5)), 1<<20)
}

func mustSeal(t testing.TB, s *Session, contents []byte) []byte {
	t.Helper()
	packet, err := s.Seal(nil, contents)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func mustOpen(t testing.TB, s *Session, packet []byte) []byte {
	t.Helper()
	contents, decoy, err := read(s, packet)
	if err != nil || decoy {
		t.Fatalf("opened %d bytes: decoy %t, error %v", len(packet), decoy, err)
	}
	return contents
}

// read reads one packet that is all of packet.
func read(s *Session, packet []byte) (contents []byte, decoy bool, err error) {
	packet = bytes.Clone(packet)
	if _, err := s.Length([LengthSize]byte(packet), MaxContents); err != nil {
		return nil, false, err
	}
	return s.Open(packet[LengthSize:])
}
