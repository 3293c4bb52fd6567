package addrbook

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"blockgate/internal/btc"
)

// someBook has new and tried addresses of all kinds, some with more slots, one from
// the operator, and anchors.
func someBook(t testing.TB, n int) *Book {
	t.Helper()
	b := New(testConfig(1))
	for i := range n {
		now := t0.Add(time.Duration(i) * time.Second)
		b.Add(heardNow(v4(i%97, i), now), b.PeerSource(v4(i%31, 1)), nil, now)
		b.Add(heardNow(v4(i%13, 7), now), b.PeerSource(v4(i%251, 1)), nil, now)
		if i%5 == 0 {
			b.Good(v4(i%97, i), now)
		}
		b.Attempt(v4(i%13, 7), true, now)
	}
	for _, text := range []string{"[2600::1]:8333", onion + ":8333", i2p + ":0", "[fc01::1]:8333"} {
		put(t, b, at(t, text), v4(1, 1), t0)
	}
	b.Add(heardNow(at(t, "127.0.0.1:8333"), t0), ManualSource(), nil, t0)
	b.SetAnchors([]Addr{v4(1, 1), at(t, onion+":8333")})
	return b
}

// seal puts the checksum behind bytes.
func seal(file []byte) []byte {
	sum := sha256.Sum256(file)
	return append(bytes.Clone(file), sum[:]...)
}

func unseal(file []byte) []byte { return bytes.Clone(file[:len(file)-checksumSize]) }

func TestFile(t *testing.T) {
	for _, n := range []int{0, 1, 200, 5000} {
		b := someBook(t, n)
		file := b.Append([]byte("before"))[len("before"):]
		if len(file) > MaxFileSize {
			t.Fatalf("%d bytes", len(file))
		}
		again, err := Decode(file, Config{Network: btc.Mainnet, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		check(t, again)
		if b.Stats() != func() Stats { s := again.Stats(); s.Collisions = b.waiting; return s }() || again.secret != b.secret {
			t.Errorf("%+v, want %+v", again.Stats(), b.Stats())
		}
		if !bytes.Equal(again.Append(nil), file) {
			t.Error("encodes to other bytes")
		}
		for a := range b.index {
			got, want := again.find(a), *b.find(a)
			want.counted, want.next, want.places = 0, 0, got.places
			if *got != want {
				t.Fatalf("%v: %+v, want %+v", a, *got, want)
			}
		}
		if got := again.Anchors(); len(got) != 2 || got[0] != v4(1, 1) {
			t.Errorf("anchors %v", got)
		}
	}
}

func TestFileOfFullBook(t *testing.T) {
	b := New(testConfig(1))
	if n := fillTables(b); n != MaxEntries {
		t.Fatalf("%d entries", n)
	}
	file := b.Append(nil)
	if len(file) > MaxFileSize {
		t.Fatalf("%d bytes, the most is %d", len(file), MaxFileSize)
	}
	again, err := Decode(file, testConfig(1))
	if err != nil {
		t.Fatal(err)
	}
	if again.Stats() != b.Stats() {
		t.Errorf("%+v, want %+v", again.Stats(), b.Stats())
	}
}

func TestFileCutOff(t *testing.T) {
	file := someBook(t, 6).Append(nil)
	for size := range file {
		if _, err := Decode(file[:size], testConfig(1)); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d: %v", size, err)
		}
		// With the right checksum, too: the counts say how much there must be.
		if size > len(file)-checksumSize-1 {
			continue
		}
		want := ErrCorrupt
		if size == len(fileName) {
			want = ErrVersion // The first byte of the checksum stands in its place.
		}
		if _, err := Decode(seal(file[:size]), testConfig(1)); !errors.Is(err, want) {
			t.Fatalf("cut at %d and sealed: %v", size, err)
		}
	}
}

func TestFileFlipped(t *testing.T) {
	file := someBook(t, 6).Append(nil)
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 1
		if _, err := Decode(bad, testConfig(1)); err == nil {
			t.Fatalf("byte %d is another, and nobody sees it", i)
		}
	}
}

func TestFileRefused(t *testing.T) {
	one := func() []byte {
		b := New(testConfig(1))
		put(t, b, v4(1, 1), v4(1, 1), t0)
		return unseal(b.Append(nil))
	}
	const anchors = fileHeaderSize
	const triedCount = anchors + 1
	const newCount = triedCount + 4
	const entryAt = newCount + 4
	edit := func(at int, with ...byte) []byte {
		file := one()
		copy(file[at:], with)
		return file
	}
	full := one()
	last := len(full)
	for _, c := range []struct {
		name string
		file []byte
		err  error
		want string
	}{
		{"whole", full, nil, ""},
		{"empty", nil, ErrCorrupt, "offset 0: ends too early"},
		{"another file", []byte("PK\x03\x04" + strings.Repeat("x", 200)), ErrCorrupt, "offset 0: no address book"},
		{"version 0", edit(7, 0), ErrVersion, "0, want 1"},
		{"version 2", edit(7, 2), ErrVersion, "2, want 1"},
		{"another network", edit(8, byte(btc.Signet)), ErrOtherNetwork, "signet, want mainnet"},
		{"no network", edit(8, 0), ErrOtherNetwork, "want mainnet"},
		{"anchors", edit(anchors, MaxAnchors+1), ErrCorrupt, "too many anchors"},
		{"an anchor of no network", edit(anchors, 1, 3), ErrCorrupt, "not known"},
		{"tried beyond all", edit(triedCount, 255, 255, 255, 255), ErrCorrupt, "more entries than can be"},
		{"new beyond all", edit(newCount, 255, 255, 255, 255), ErrCorrupt, "more entries than can be"},
		{"new beyond the bytes", edit(newCount, 3), ErrCorrupt, "more entries than can be"},
		{"new as many as the bytes", edit(newCount, 2), ErrCorrupt, "offset"},
		{"a network of none", edit(entryAt, 7), ErrCorrupt, "not known"},
		{"TORv2", edit(entryAt, 3), ErrCorrupt, "not known"},
		{"port 0", edit(entryAt+5, 0, 0), ErrCorrupt, "not publicly routable"},
		{"loopback", edit(entryAt+1, 127), ErrCorrupt, "not publicly routable"},
		{"elsewhere", edit(entryAt+1, 99), ErrCorrupt, "slot is not the address's"},
		{"no slot", edit(last-3, 0), ErrCorrupt, "number of slots"},
		{"9 slots", edit(last-3, MaxReferences+1), ErrCorrupt, "number of slots"},
		{"another slot", edit(last-2, full[last-2]^1), ErrCorrupt, "slot is not the address's"},
		{"one byte more", append(one(), 0), ErrCorrupt, "bytes after the end"},
		{"too long", make([]byte, MaxFileSize+1), ErrCorrupt, "longer than any"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := Decode(seal(c.file), testConfig(1))
			if c.err == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if b != nil || !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.want) && c.name != "empty" {
				t.Errorf("%v, want %s", err, c.want)
			}
			if errors.Is(err, ErrCorrupt) && !strings.Contains(err.Error(), "offset ") {
				t.Errorf("%v names no offset", err)
			}
		})
	}
	if _, err := Decode(make([]byte, MaxFileSize), testConfig(1)); !strings.Contains(err.Error(), "no address book") {
		t.Error(err)
	}
}

// TestFileOrder checks that a book has one spelling.
func TestFileOrder(t *testing.T) {
	for _, tried := range []bool{false, true} {
		b := New(testConfig(1))
		for _, a := range []Addr{v4(1, 1), v4(2, 2)} {
			put(t, b, a, a, t0)
			if tried {
				b.Good(a, t0)
			}
		}
		file := unseal(b.Append(nil))
		start, size := fileHeaderSize+1+MaxAnchors*0+8, minEntrySize+3
		if tried {
			start, size = fileHeaderSize+1+4, minEntrySize
		}
		swapped := bytes.Clone(file)
		copy(swapped[start:], file[start+size:start+2*size])
		copy(swapped[start+size:], file[start:start+size])
		if _, err := Decode(seal(swapped), testConfig(1)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "out of order") {
			t.Errorf("swapped: %v", err)
		}
		twice := bytes.Clone(file)
		copy(twice[start+size:], file[start:start+size])
		if _, err := Decode(seal(twice), testConfig(1)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "twice") {
			t.Errorf("twice: %v", err)
		}
	}
}

// TestFileSlots checks slots of one entry: ascending, each once.
func TestFileSlots(t *testing.T) {
	b := New(testConfig(1))
	a := v4(300, 1)
	for n := 0; b.find(a) == nil || b.find(a).refs < 2; n++ {
		now := t0.Add(time.Duration(n) * time.Second)
		b.Add(heardNow(a, now), b.PeerSource(v4(n%250, 1)), nil, now)
	}
	file := unseal(b.Append(nil))
	end := len(file)
	first, second := binary.LittleEndian.Uint16(file[end-4:]), binary.LittleEndian.Uint16(file[end-2:])
	for _, pair := range [][2]uint16{{second, first}, {first, first}} {
		binary.LittleEndian.PutUint16(file[end-4:], pair[0])
		binary.LittleEndian.PutUint16(file[end-2:], pair[1])
		if _, err := Decode(seal(file), testConfig(1)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v: %v", pair, err)
		}
	}
	binary.LittleEndian.PutUint16(file[end-4:], first)
	binary.LittleEndian.PutUint16(file[end-2:], second)
	if _, err := Decode(seal(file), testConfig(1)); err != nil {
		t.Error(err)
	}
}

// TestFileWithAnotherMap checks that entries move to where a new map has them.
func TestFileWithAnotherMap(t *testing.T) {
	b := someBook(t, 3000)
	file := b.Append(nil)
	m, err := ParseASMap(coreMapFile(t))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(file, Config{Network: btc.Mainnet, Systems: m})
	if err != nil {
		t.Fatal(err)
	}
	check(t, again)
	if got, want := again.Stats(), b.Stats(); got.New == 0 || got.Tried == 0 || got.New > want.New || got.Tried > want.Tried {
		t.Errorf("%+v, want some of %+v", got, want)
	}
	if got, err := Decode(again.Append(nil), Config{Network: btc.Mainnet, Systems: m}); err != nil || got.Stats() != again.Stats() {
		t.Errorf("with the same map: %v", err)
	}
}

// FuzzDecode checks that a file that decodes is a sound book, spelled the one way. The
// checksum is put behind the bytes, so that faults behind it are reached.
func FuzzDecode(f *testing.F) {
	f.Add(unseal(New(testConfig(1)).Append(nil)), false)
	f.Add(unseal(someBook(f, 3).Append(nil)), false)
	f.Add(unseal(someBook(f, 40).Append(nil)), true)
	m, err := ParseASMap(coreMapFile(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, mapped bool) {
		cfg := testConfig(1)
		if mapped {
			cfg.Systems = m
		}
		file := seal(body)
		b, err := Decode(file, cfg)
		if err != nil {
			if b != nil || !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrOtherNetwork) {
				t.Fatalf("%v, %v", b, err)
			}
			return
		}
		check(t, b)
		again := b.Append(nil)
		sum := cfg.Systems.sumOf()
		if bytes.Equal(body[fileHeaderSize-len(sum):fileHeaderSize], sum[:]) && !bytes.Equal(again, file) {
			t.Fatal("encodes to other bytes")
		}
		if _, err := Decode(again, cfg); err != nil {
			t.Fatalf("what it encodes to: %v", err)
		}
		b.Pick(Wanted{Kinds: Dialable}, t0)
		fill(b, 20)
		check(t, b)
	})
}
