package bip324

import (
	"bytes"
	"errors"
	"testing"
)

// TestManyPackets sends over four changes of keys in both directions at once.
func TestManyPackets(t *testing.T) {
	source := chance(t)
	a, b := sessions(t)
	for i := range 4*rekeyInterval + 3 {
		contents := fill(source, int(source.Uint64()%300))
		if got := mustOpen(t, b, mustSeal(t, a, contents)); !bytes.Equal(got, contents) {
			t.Fatalf("packet %d: %x, want %x", i, got, contents)
		}
		if got := mustOpen(t, a, mustSeal(t, b, contents)); !bytes.Equal(got, contents) {
			t.Fatalf("packet %d back: %x, want %x", i, got, contents)
		}
	}
}

// TestSizes holds the limits of contents at their edges, of the caller and of the format.
func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		name       string
		size, most int
		want       error
	}{
		{"empty", 0, 0, nil},
		{"under", 99, 100, nil},
		{"at", 100, 100, nil},
		{"over", 101, 100, ErrOversize},
		{"longest", MaxContents, MaxContents, nil},
		{"caller allows more", MaxContents, maxLength, nil},
		{"longer than a message", MaxContents + 1, maxLength, ErrOversize},
		{"longest that can be told", maxLength, maxLength, ErrOversize},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := sessions(t)
			packet := a.seal(nil, make([]byte, tc.size), nil, 0)
			rest, err := b.Length([LengthSize]byte(packet), tc.most)
			if tc.want != nil {
				_, again := b.Length([LengthSize]byte(packet), tc.most)
				_, _, open := b.Open(packet[LengthSize:])
				if !errors.Is(err, tc.want) || !errors.Is(again, err) || !errors.Is(open, err) {
					t.Errorf("errors %v, then %v and %v", err, again, open)
				}
				return
			}
			if err != nil || rest != len(packet)-LengthSize {
				t.Fatalf("rest %d, error %v", rest, err)
			}
			if got, _, err := b.Open(packet[LengthSize:]); err != nil || len(got) != tc.size {
				t.Errorf("%d bytes, error %v", len(got), err)
			}
		})
	}
}

// TestSealLimits asks for packets that must not be sent, and goes on: nothing was
// counted.
func TestSealLimits(t *testing.T) {
	a, b := sessions(t)
	dst := []byte("before")
	for _, size := range []int{MaxContents + 1, maxLength} {
		if got, err := a.Seal(dst, make([]byte, size)); !errors.Is(err, ErrOversize) || string(got) != "before" {
			t.Errorf("%d bytes: %d bytes, error %v", size, len(got), err)
		}
		if got, err := a.SealDecoy(dst, size); !errors.Is(err, ErrOversize) || string(got) != "before" {
			t.Errorf("decoy of %d bytes: %d bytes, error %v", size, len(got), err)
		}
	}
	if _, err := a.SealDecoy(nil, -1); !errors.Is(err, ErrOversize) {
		t.Errorf("negative decoy: %v", err)
	}
	packet, err := a.Seal(dst, []byte("contents"))
	if err != nil || !bytes.HasPrefix(packet, dst) {
		t.Fatalf("%q, error %v", packet, err)
	}
	if got := mustOpen(t, b, packet[len(dst):]); string(got) != "contents" {
		t.Errorf("opened %q", got)
	}
}

// TestDecoys sends decoys among packets.
func TestDecoys(t *testing.T) {
	a, b := sessions(t)
	for _, size := range []int{0, 1, 1000, MaxContents} {
		packet, err := a.SealDecoy(nil, size)
		if err != nil {
			t.Fatal(err)
		}
		if got, decoy, err := read(b, packet); !decoy || err != nil || len(got) != size {
			t.Errorf("%d bytes, decoy %t, error %v", len(got), decoy, err)
		}
	}
	// The other bits of the header mean nothing yet.
	if got, decoy, err := read(b, a.seal(nil, []byte("x"), nil, 0x7f)); decoy || err != nil || string(got) != "x" {
		t.Errorf("%q, decoy %t, error %v", got, decoy, err)
	}
}

// TestOrder calls out of order, which costs nothing.
func TestOrder(t *testing.T) {
	a, b := sessions(t)
	packet := mustSeal(t, a, []byte("contents"))
	if _, _, err := b.Open(packet[LengthSize:]); !errors.Is(err, ErrOrder) {
		t.Errorf("open without length: %v", err)
	}
	rest, err := b.Length([LengthSize]byte(packet), 100)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Length([LengthSize]byte(packet), 100); !errors.Is(err, ErrOrder) {
		t.Errorf("length twice: %v", err)
	}
	if _, _, err := b.Open(packet[LengthSize : LengthSize+rest-1]); !errors.Is(err, ErrOrder) {
		t.Errorf("open of less: %v", err)
	}
	if got, _, err := b.Open(packet[LengthSize:]); err != nil || string(got) != "contents" {
		t.Errorf("%q, error %v", got, err)
	}
}

// TestReplayed sends a packet twice, and two in the wrong order.
func TestReplayed(t *testing.T) {
	a, b := sessions(t)
	first, second := mustSeal(t, a, []byte("same length")), mustSeal(t, a, []byte("of contents"))
	mustOpen(t, b, first)
	// Its length comes out wrong, so it is given what the second's would give.
	if _, err := b.Length([LengthSize]byte(second), MaxContents); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Open(first[LengthSize:]); !errors.Is(err, ErrAuthentication) {
		t.Errorf("the same packet again: %v", err)
	}
	if _, _, err := b.Open(second[LengthSize:]); !errors.Is(err, ErrAuthentication) {
		t.Errorf("after an error: %v", err)
	}
}

// TestInPlace opens where the packet lies and seals where there is room.
func TestInPlace(t *testing.T) {
	a, b := sessions(t)
	room := make([]byte, 0, 1000)
	packet, err := a.Seal(room, []byte("contents"))
	if err != nil || &packet[0] != &room[:1][0] {
		t.Fatalf("sealed elsewhere, error %v", err)
	}
	if _, err := b.Length([LengthSize]byte(packet), 100); err != nil {
		t.Fatal(err)
	}
	contents, _, err := b.Open(packet[LengthSize:])
	if err != nil || &contents[0] != &packet[LengthSize+headerSize] {
		t.Errorf("opened elsewhere, error %v", err)
	}
}

// TestForgets looks for key stream of lengths that are past: who takes the memory of
// a process cannot read them.
func TestForgets(t *testing.T) {
	a, _ := sessions(t)
	for range rekeyInterval {
		mustSeal(t, a, nil)
		c := a.sendLength
		if past := c.stream[:c.used]; !bytes.Equal(past, make([]byte, len(past))) {
			t.Fatalf("%x", past)
		}
	}
}

// TestAllocations counts memory: nothing for a packet, and 32 bytes for each change
// of keys of either side.
func TestAllocations(t *testing.T) {
	a, b := sessions(t)
	contents, room := make([]byte, 1000), make([]byte, 0, 2000)
	pass := func() {
		packet, err := a.Seal(room, contents)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Length([LengthSize]byte(packet), MaxContents); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Open(packet[LengthSize:]); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(rekeyInterval-10, pass); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
	epoch := func() {
		for range rekeyInterval {
			pass()
		}
	}
	if n := testing.AllocsPerRun(10, epoch); n > 2 {
		t.Errorf("%v allocations an epoch, want one of each side", n)
	}
}
