package bip324

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// TestHandshake joins two of ours, with all lengths of garbage that matter, decoys,
// and bytes that come one by one or all at once.
func TestHandshake(t *testing.T) {
	source := chance(t)
	for _, garbage := range []int{0, 1, TerminatorSize, MaxGarbage} {
		for _, piece := range []int{1, 15, 1 << 20} {
			t.Run(fmt.Sprintf("garbage of %d, pieces of %d", garbage, piece), func(t *testing.T) {
				a, b := meet(t, mustNew(t, config(source, Initiator, garbage, 0, 1, MaxHandshakeContents)),
					mustNew(t, config(source, Responder, MaxGarbage-garbage, 7)), piece)
				if a.ID() != b.ID() || a.ID() == [32]byte{} {
					t.Errorf("ids %x and %x", a.ID(), b.ID())
				}
				for i := range 3 {
					contents := fill(source, 100*i)
					if got := mustOpen(t, b, mustSeal(t, a, contents)); !bytes.Equal(got, contents) {
						t.Errorf("to the responder: %x, want %x", got, contents)
					}
					if got := mustOpen(t, a, mustSeal(t, b, contents)); !bytes.Equal(got, contents) {
						t.Errorf("to the initiator: %x, want %x", got, contents)
					}
				}
			})
		}
	}
}

// TestRestIsTheSessions feeds a whole stream: what comes behind the version packet is
// not taken.
func TestRestIsTheSessions(t *testing.T) {
	ours, theirs := mustNew(t, fixed(Responder, 7, nil)), mustNew(t, fixed(Initiator, 100, []byte{1}))
	stream := honest(t, mustNew(t, fixed(Responder, 7, nil)), theirs, []byte{20, 30})
	packets := LengthSize + 20 + Expansion + LengthSize + 30 + Expansion
	used, reply, err := ours.Feed(stream)
	if used != len(stream)-packets || err != nil {
		t.Errorf("used %d of %d, error %v", used, len(stream), err)
	}
	if want := KeySize + 7 + TerminatorSize + LengthSize + Expansion; len(reply) != want {
		t.Errorf("reply of %d bytes, want %d", len(reply), want)
	}
	if got := mustOpen(t, ours.Session(), stream[used:used+LengthSize+20+Expansion]); len(got) != 20 {
		t.Errorf("opened %d bytes", len(got))
	}
	if used, reply, err := ours.Feed(stream); used != 0 || len(reply) != 0 || err != nil {
		t.Errorf("after the end: used %d, reply of %d bytes, error %v", used, len(reply), err)
	}
}

// TestV1 sends what a v1 peer says first. A responder has sent nothing then.
func TestV1(t *testing.T) {
	const version = "version\x00\x00\x00\x00\x00"
	for _, tc := range []struct {
		name, stream string
		role         Role
		want         error
		reply        int
	}{
		{"our network", "\xf9\xbe\xb4\xd9" + version, Responder, ErrV1, 0},
		{"our network, one byte short", ("\xf9\xbe\xb4\xd9" + version)[:15], Responder, nil, 0},
		{"our network, last byte differs", ("\xf9\xbe\xb4\xd9" + version)[:15] + "\x01", Responder, nil, KeySize + 7},
		{"magic differs in the last byte", "\xf9\xbe\xb4\xd8", Responder, nil, KeySize + 7},
		{"other network", "\x0a\x03\xcf\x40" + version, Responder, ErrOtherNetwork, KeySize + 7},
		{"other command", "\xf9\xbe\xb4\xd9verack", Responder, nil, KeySize + 7},
		{"answer of our network", "\xf9\xbe\xb4\xd9" + version, Initiator, ErrV1, 0},
		{"answer of another network", "\x0a\x03\xcf\x40" + version, Initiator, ErrOtherNetwork, 0},
		{"nothing", "", Responder, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := mustNew(t, fixed(tc.role, 7, nil))
			if want := (KeySize + 7) * (1 - int(tc.role)); len(h.Start()) != want {
				t.Errorf("start is not %d bytes", want)
			}
			used, reply, err := h.Feed([]byte(tc.stream))
			if used != len(tc.stream) || len(reply) != tc.reply || !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("used %d, reply of %d bytes, error %v", used, len(reply), err)
			}
		})
	}
}

// TestNoTerminator sends garbage for ever: the handshake ends with byte 4095 + 16
// behind the key and takes no more.
func TestNoTerminator(t *testing.T) {
	source := chance(t)
	for _, role := range []Role{Initiator, Responder} {
		theirs, err := newKey((*[EntropySize]byte)(fill(source, EntropySize)))
		if err != nil {
			t.Fatal(err)
		}
		stream := append(theirs.public[:], fill(source, 3*MaxGarbage)...)
		most := KeySize + MaxGarbage + TerminatorSize
		h := mustNew(t, config(source, role, 0))
		if used, _, err := h.Feed(stream[:most-1]); used != most-1 || err != nil {
			t.Errorf("one byte less: used %d, error %v", used, err)
		}
		if used, _, err := h.Feed(stream[most-1:]); used != 1 || !errors.Is(err, ErrGarbage) {
			t.Errorf("the last byte: used %d, error %v", used, err)
		}
	}
}

// stranger is a peer that does not keep to our limits: an initiator whose session and
// stream up to the terminator it has at hand.
func stranger(t *testing.T) (ours *Handshake, theirs *Session) {
	t.Helper()
	ours = mustNew(t, fixed(Responder, 0, nil))
	peer := mustNew(t, fixed(Initiator, 0, nil))
	greeting := peer.Start()
	farewell := mustFeed(t, peer, mustFeed(t, ours, greeting))
	mustFeed(t, ours, farewell[:TerminatorSize])
	peer.session.sendLength = newLengthCipher(&secretsOf(t, greeting).initiator.length)
	sealer, err := newPacketCipher(&secretsOf(t, greeting).initiator.packet)
	if err != nil {
		t.Fatal(err)
	}
	peer.session.sendPacket = sealer // As if the version packet had not been sealed.
	return ours, peer.session
}

func secretsOf(t *testing.T, greeting []byte) *secrets {
	t.Helper()
	cfg := fixed(Responder, 0, nil)
	ours, err := newKey(&cfg.Entropy)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := ours.agree((*[KeySize]byte)(greeting), Responder)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := derive(&shared, mainnet)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestHandshakeLimits holds the limits of packets before the version packet at
// their edges.
func TestHandshakeLimits(t *testing.T) {
	decoys := func(n int) (sizes []int) {
		for range n {
			sizes = append(sizes, MaxHandshakeContents-LengthSize-Expansion)
		}
		return sizes
	}
	for _, tc := range []struct {
		name  string
		sizes []int
		want  error
		open  bool
	}{
		{"version packet alone", []int{0}, nil, true},
		{"one byte under the limit", []int{MaxHandshakeContents - 1}, nil, true},
		{"at the limit", []int{MaxHandshakeContents}, nil, true},
		{"one byte over", []int{MaxHandshakeContents + 1}, ErrOversize, false},
		{"as many as may be", append(decoys(15), MaxHandshakeContents-LengthSize-Expansion), nil, true},
		{"one byte too many", append(decoys(15), MaxHandshakeContents-LengthSize-Expansion+1), ErrDecoys, false},
		{"decoys only", decoys(3), nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ours, theirs := stranger(t)
			var err error
			for i, size := range tc.sizes {
				header := byte(decoyBit)
				if i == len(tc.sizes)-1 && (tc.open || tc.want != nil) {
					header = 0
				}
				_, _, err = ours.Feed(theirs.seal(nil, make([]byte, size), nil, header))
				if err != nil && i < len(tc.sizes)-1 {
					t.Fatalf("packet %d: %v", i, err)
				}
			}
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || (ours.Session() != nil) != tc.open {
				t.Errorf("error %v, open %t", err, ours.Session() != nil)
			}
		})
	}
}

// TestOversizeTakesNoMemory declares 16 MB: the packet is refused on its length.
func TestOversizeTakesNoMemory(t *testing.T) {
	ours, theirs := stranger(t)
	packet := theirs.seal(nil, make([]byte, maxLength), nil, 0)
	if used, _, err := ours.Feed(packet); used != LengthSize || !errors.Is(err, ErrOversize) || cap(ours.part) > 1024 {
		t.Errorf("used %d, memory %d, error %v", used, cap(ours.part), err)
	}
}

// TestConfig asks for what must not be sent.
func TestConfig(t *testing.T) {
	many := make([]int, 0, 3200)
	for range MaxHandshakeBytes/(LengthSize+Expansion) - 1 {
		many = append(many, 0)
	}
	for _, tc := range []struct {
		name string
		turn func(*Config)
		want error
	}{
		{"most garbage", func(c *Config) { c.Garbage = make([]byte, MaxGarbage) }, nil},
		{"too much garbage", func(c *Config) { c.Garbage = make([]byte, MaxGarbage+1) }, ErrConfig},
		{"largest decoy", func(c *Config) { c.Decoys = []int{MaxHandshakeContents} }, nil},
		{"too large a decoy", func(c *Config) { c.Decoys = []int{MaxHandshakeContents + 1} }, ErrConfig},
		{"negative decoy", func(c *Config) { c.Decoys = []int{-1} }, ErrConfig},
		{"most decoys", func(c *Config) { c.Decoys = many }, nil},
		{"too many decoys", func(c *Config) { c.Decoys = append(many, 0) }, ErrConfig},
		{"zero entropy", func(c *Config) { c.Entropy = [EntropySize]byte{} }, ErrEntropy},
		{"entropy beyond the order", func(c *Config) { copy(c.Entropy[:], bytes.Repeat([]byte{0xff}, 32)) }, ErrEntropy},
		{"zero half for the encoding", func(c *Config) { clear(c.Entropy[secretSize:]) }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := fixed(Initiator, 0, nil)
			tc.turn(&cfg)
			if _, err := New(cfg); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// TestTruncated cuts an honest stream at every byte: nothing is opened that is
// not whole, and nothing goes wrong either.
func TestTruncated(t *testing.T) {
	sizes := []byte{0, 5, 2, 9, 40}
	stream := honest(t, mustNew(t, fixed(Responder, 7, nil)), mustNew(t, fixed(Initiator, 20, []byte{3})), sizes)
	behind := 0
	for _, size := range sizes {
		behind += LengthSize + int(size) + Expansion
	}
	for cut := 0; cut <= len(stream); cut += stride {
		want, at := 0, len(stream)-behind
		for i, size := range sizes {
			if at += LengthSize + int(size) + Expansion; at <= cut && i%4 != 3 {
				want++
			}
		}
		got := outcome(t, mustNew(t, fixed(Responder, 7, nil)), bytes.Clone(stream[:cut]), 1+cut%50)
		if got.err != nil || len(got.contents) != want {
			t.Fatalf("cut at %d: %d contents, want %d, error %v", cut, len(got.contents), want, got.err)
		}
	}
}

// TestFlipped flips bits of chance behind the key. In garbage, decoys and packets that
// is noticed at once; the terminator and lengths only make the peer wait or end.
func TestFlipped(t *testing.T) {
	source := chance(t)
	const garbage, packet = 50, 60
	stream := honest(t, mustNew(t, fixed(Responder, 7, nil)), mustNew(t, fixed(Initiator, garbage, nil)), []byte{packet})
	version := KeySize + garbage + TerminatorSize
	last := version + LengthSize + Expansion
	for _, tc := range []struct {
		name     string
		from, to int
		want     error
	}{
		{"garbage", KeySize, KeySize + garbage, ErrAuthentication},
		{"terminator", KeySize + garbage, version, nil},
		{"version packet", version + LengthSize, last, ErrAuthentication},
		{"high byte of a length", last + 2, last + 3, nil},
		{"packet", last + LengthSize, len(stream), ErrAuthentication},
	} {
		for range 30 {
			bad := bytes.Clone(stream)
			at := tc.from + int(source.Uint64()%uint64(tc.to-tc.from))
			bad[at] ^= 1 << (source.Uint64() % 8)
			got := outcome(t, mustNew(t, fixed(Responder, 7, nil)), bad, 1000)
			ok := errors.Is(got.err, tc.want)
			if tc.want == nil {
				ok = got.err == nil || errors.Is(got.err, ErrOversize)
			}
			if !ok || len(got.contents) != 0 {
				t.Fatalf("%s, byte %d: %d contents, error %v", tc.name, at, len(got.contents), got.err)
			}
		}
	}
}
