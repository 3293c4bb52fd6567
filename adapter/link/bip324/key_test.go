package bip324

import (
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ellswift"
)

// TestNewKey makes keys from chance: each encoding decodes to the public key, and what
// two of them agree on is what the curve says.
func TestNewKey(t *testing.T) {
	source := chance(t)
	var before key
	for i := range 64 {
		ours, err := newKey((*[EntropySize]byte)(fill(source, EntropySize)))
		if err != nil {
			t.Fatal(err)
		}
		want := ours.private.PubKey().SerializeCompressed()[1:]
		if got := decoded(t, ours.public[:]); !bytes.Equal(got, want) {
			t.Fatalf("key %d: decodes to %x, want %x", i, got, want)
		}
		if i%2 == 1 {
			testAgree(t, before, ours)
		}
		before = ours
	}
}

func testAgree(t *testing.T, a, b key) {
	t.Helper()
	product := btcec.GenerateSharedSecret(a.private, b.private.PubKey())
	x, err := ellswift.EllswiftECDHXOnly(b.public, a.private)
	if err != nil || !bytes.Equal(x[:], product) {
		t.Fatalf("%x, error %v, want %x", x, err, product)
	}
	bytesOf := a.private.Key.Bytes()
	first, err := a.agree(&b.public, Initiator)
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.agree(&a.public, Responder)
	if err != nil || first != second {
		t.Errorf("%x and %x, error %v", first, second, err)
	}
	if a.private != nil || bytesOf == [32]byte{} {
		t.Error("the private key is still there")
	}
}

// TestEncodings draws many encodings of one point: no two are equal, all decode to
// it, and their first bit looks like chance.
func TestEncodings(t *testing.T) {
	source := chance(t)
	private, _ := btcec.PrivKeyFromBytes(fill(source, 32))
	x := private.PubKey().SerializeCompressed()[1:]
	var field btcec.FieldVal
	field.SetByteSlice(x)
	const draws = 400 / (1 + stride/7)
	seen, high, branches := map[[KeySize]byte]bool{}, [2]int{}, [8]int{}
	for range draws {
		public, found := encode(&field, (*[secretSize]byte)(fill(source, secretSize)))
		if !found || seen[public] {
			t.Fatalf("found %t, seen %t", found, seen[public])
		}
		seen[public] = true
		if got := decoded(t, public[:]); !bytes.Equal(got, x) {
			t.Fatalf("%x decodes to %x, want %x", public, got, x)
		}
		high[0] += int(public[0] >> 7)
		high[1] += int(public[secretSize] >> 7)
		u, _ := fields(t, public[:secretSize], nil)
		for branch := range branches {
			if v := ellswift.XSwiftECInv(&u, &field, branch); v != nil && bytes.Equal(v.Bytes()[:], public[secretSize:]) {
				branches[branch]++
			}
		}
	}
	for branch, n := range branches { // An eighth each; 6 standard deviations and more.
		if n == 0 || n > draws/3 {
			t.Errorf("branch %d is taken %d times in %d", branch, n, draws)
		}
	}
	for i, n := range high { // 6 standard deviations and more
		if n < draws/2-60 || n > draws/2+60 {
			t.Errorf("half %d: first bit is set %d times in %d", i, n, draws)
		}
	}
}

// TestEntropyDecides makes the same key from the same entropy, and another encoding
// from another second half.
func TestEntropyDecides(t *testing.T) {
	entropy := fixed(Initiator, 0, nil).Entropy
	first, err := newKey(&entropy)
	if err != nil {
		t.Fatal(err)
	}
	second, err := newKey(&entropy)
	if err != nil || first.public != second.public {
		t.Errorf("not the same, error %v", err)
	}
	entropy[EntropySize-1] ^= 1
	third, err := newKey(&entropy)
	if err != nil || first.public == third.public || !first.private.Key.Equals(&third.private.Key) {
		t.Errorf("%x and %x, error %v", first.public, third.public, err)
	}
}

// TestAnyKeyIsAPoint agrees on a secret with keys at the edges of the field.
func TestAnyKeyIsAPoint(t *testing.T) {
	p := bytes.Repeat([]byte{0xff}, 32)
	copy(p[27:], []byte{0xfe, 0xff, 0xff, 0xfc, 0x2f})
	zero, most := make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)
	for _, u := range [][]byte{zero, p, most} {
		for _, v := range [][]byte{zero, p, most} {
			entropy := fixed(Initiator, 0, nil).Entropy
			ours, err := newKey(&entropy)
			if err != nil {
				t.Fatal(err)
			}
			theirs := [KeySize]byte(append(bytes.Clone(u), v...))
			if _, err := ours.agree(&theirs, Initiator); err != nil && !errors.Is(err, ErrKey) {
				t.Errorf("%x: %v", theirs, err)
			} else if err != nil {
				t.Errorf("%x is no point", theirs)
			}
		}
	}
}
