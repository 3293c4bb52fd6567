package bip324

import (
	"bytes"
	"testing"
	"time"

	"github.com/btcsuite/btcd/v2transport"
)

// benchSize is a large block.
const benchSize = 2_000_000

// library is btcd's side of the same connection, for what it is compared with.
func library(b *testing.B, d *direction) (*v2transport.FSChaCha20, *v2transport.FSChaCha20Poly1305) {
	b.Helper()
	length, err := v2transport.NewFSChaCha20(bytes.Clone(d.length[:]))
	if err != nil {
		b.Fatal(err)
	}
	packet, err := v2transport.NewFSChaCha20Poly1305(bytes.Clone(d.packet[:]))
	if err != nil {
		b.Fatal(err)
	}
	return length, packet
}

// BenchmarkOpen opens packets of 2 MB: ours, and by the ciphers of btcd's transport, the
// one after the other in each turn.
func BenchmarkOpen(b *testing.B) { benchmarkOpen(b, benchSize) }

// BenchmarkOpenSmall opens packets of 100 bytes in the same way.
func BenchmarkOpenSmall(b *testing.B) { benchmarkOpen(b, 100) }

func benchmarkOpen(b *testing.B, size int) {
	b.Helper()
	var keys secrets
	sender, err := newSession(&keys.id, &keys.initiator, &keys.responder)
	if err != nil {
		b.Fatal(err)
	}
	receiver, err := newSession(&keys.id, &keys.responder, &keys.initiator)
	if err != nil {
		b.Fatal(err)
	}
	theirLength, theirPacket := library(b, &keys.initiator)
	contents := make([]byte, size)
	packet := make([]byte, 0, LengthSize+size+Expansion)
	forThem := make([]byte, LengthSize+size+Expansion)
	var ours, theirs time.Duration
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		packet = sender.seal(packet[:0], contents, nil, 0)
		copy(forThem, packet)
		begin := time.Now()
		if _, err := receiver.Length([LengthSize]byte(packet), MaxContents); err != nil {
			b.Fatal(err)
		}
		if _, _, err := receiver.Open(packet[LengthSize:]); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := theirLength.Crypt(forThem[:LengthSize]); err != nil {
			b.Fatal(err)
		}
		if _, err := theirPacket.Decrypt(nil, forThem[LengthSize:]); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(middle)
		ours += middle.Sub(begin)
	}
	per := float64(b.N) * float64(size)
	b.ReportMetric(float64(ours.Nanoseconds())/per, "ns/byte-ours")
	b.ReportMetric(float64(theirs.Nanoseconds())/per, "ns/byte-btcd")
	b.ReportMetric(float64(ours)/float64(theirs), "ours/btcd")
}

// BenchmarkSeal seals packets of 1 kB.
func BenchmarkSeal(b *testing.B) {
	var keys secrets
	s, err := newSession(&keys.id, &keys.initiator, &keys.responder)
	if err != nil {
		b.Fatal(err)
	}
	contents, packet := make([]byte, 1000), make([]byte, 0, 2000)
	b.SetBytes(int64(len(contents)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Seal(packet, contents); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandshake makes a key and a session on both sides.
func BenchmarkHandshake(b *testing.B) {
	source := chance(b)
	for b.Loop() {
		meet(b, mustNew(b, config(source, Initiator, 100)), mustNew(b, config(source, Responder, 100)), 1<<20)
	}
}
