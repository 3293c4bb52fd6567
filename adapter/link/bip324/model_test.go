package bip324

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"math/bits"
	"slices"
	"testing"
)

// What stands here is as slow and as plain as can be, and shares nothing with the
// code but the key agreement: ChaCha20 and Poly1305 word for word after RFC 8439,
// the two ciphers of BIP-0324 on top, and a reader that has the whole stream.

// modelBlock is a block of the ChaCha20 key stream (RFC 8439, 2.3).
func modelBlock(key [32]byte, counter uint32, nonce [12]byte) (out [64]byte) {
	state := [16]uint32{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}
	for i := range 8 {
		state[4+i] = binary.LittleEndian.Uint32(key[4*i:])
	}
	state[12] = counter
	for i := range 3 {
		state[13+i] = binary.LittleEndian.Uint32(nonce[4*i:])
	}
	w := state
	quarter := func(a, b, c, d int) {
		w[a] += w[b]
		w[d] = bits.RotateLeft32(w[d]^w[a], 16)
		w[c] += w[d]
		w[b] = bits.RotateLeft32(w[b]^w[c], 12)
		w[a] += w[b]
		w[d] = bits.RotateLeft32(w[d]^w[a], 8)
		w[c] += w[d]
		w[b] = bits.RotateLeft32(w[b]^w[c], 7)
	}
	for range 10 {
		for i := range 4 {
			quarter(i, 4+i, 8+i, 12+i)
		}
		for i := range 4 {
			quarter(i, 4+(i+1)%4, 8+(i+2)%4, 12+(i+3)%4)
		}
	}
	for i := range w {
		binary.LittleEndian.PutUint32(out[4*i:], w[i]+state[i])
	}
	return out
}

// modelStream is the first n bytes of the key stream from block counter on.
func modelStream(key [32]byte, counter uint32, nonce [12]byte, n int) []byte {
	var stream []byte
	for ; len(stream) < n; counter++ {
		block := modelBlock(key, counter, nonce)
		stream = append(stream, block[:]...)
	}
	return stream[:n]
}

func xor(a, b []byte) []byte {
	out := make([]byte, len(a))
	for i := range a {
		out[i] = a[i] ^ b[i]
	}
	return out
}

// modelTag is the Poly1305 tag of an AEAD (RFC 8439, 2.5 and 2.8).
func modelTag(key [32]byte, nonce [12]byte, sealed, aad []byte) []byte {
	pad := func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, (16-len(b)%16)%16)...) }
	text := append(pad(aad), pad(sealed)...)
	text = binary.LittleEndian.AppendUint64(text, uint64(len(aad)))
	text = binary.LittleEndian.AppendUint64(text, uint64(len(sealed)))
	number := func(b []byte) *big.Int {
		var reversed []byte
		for _, digit := range slices.Backward(b) {
			reversed = append(reversed, digit)
		}
		return new(big.Int).SetBytes(reversed)
	}
	once := modelStream(key, 0, nonce, 32)
	for _, i := range []int{3, 7, 11, 15} {
		once[i] &= 15
	}
	for _, i := range []int{4, 8, 12} {
		once[i] &= 252
	}
	r, s := number(once[:16]), number(once[16:])
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 130), big.NewInt(5))
	sum := new(big.Int)
	for at := 0; at < len(text); at += 16 {
		sum.Add(sum, number(append(bytes.Clone(text[at:at+16]), 1)))
		sum.Mod(sum.Mul(sum, r), p)
	}
	sum.Add(sum, s)
	tag := make([]byte, 32)
	sum.FillBytes(tag)
	tag = tag[16:]
	slices.Reverse(tag)
	return tag
}

func modelSeal(key [32]byte, nonce [12]byte, plain, aad []byte) []byte {
	sealed := xor(plain, modelStream(key, 1, nonce, len(plain)))
	return append(sealed, modelTag(key, nonce, sealed, aad)...)
}

func modelNonce(low uint32, high uint64) (nonce [12]byte) {
	binary.LittleEndian.PutUint32(nonce[:], low)
	binary.LittleEndian.PutUint64(nonce[4:], high)
	return nonce
}

// modelDirection numbers the packets of one direction and finds the keys of each
// from the first key anew.
type modelDirection struct {
	lengthKey, packetKey [32]byte
	packets              int
}

// keys gives the keys of the current packet, and its place under them.
func (m *modelDirection) keys() (length, packet [32]byte, epoch uint64, at int) {
	length, packet = m.lengthKey, m.packetKey
	for range m.packets / 224 {
		length = [32]byte(modelStream(length, 0, modelNonce(0, epoch), 224*3+32)[224*3:])
		packet = [32]byte(modelSeal(packet, modelNonce(0xffffffff, epoch), make([]byte, 32), nil))
		epoch++
	}
	return length, packet, epoch, m.packets % 224
}

func (m *modelDirection) length(field []byte) []byte {
	key, _, epoch, at := m.keys()
	return xor(field, modelStream(key, 0, modelNonce(0, epoch), 3*at+3)[3*at:])
}

// seal gives a whole packet.
func (m *modelDirection) seal(header byte, contents, aad []byte) []byte {
	_, key, epoch, at := m.keys()
	n := len(contents)
	packet := m.length([]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	m.packets++
	return append(packet, modelSeal(key, modelNonce(uint32(at), epoch), append([]byte{header}, contents...), aad)...)
}

// open gives what is in the rest of a packet, nil if it is not authentic.
func (m *modelDirection) open(rest, aad []byte) []byte {
	_, key, epoch, at := m.keys()
	nonce, sealed := modelNonce(uint32(at), epoch), rest[:len(rest)-16]
	if !bytes.Equal(modelTag(key, nonce, sealed, aad), rest[len(sealed):]) {
		return nil
	}
	m.packets++
	return xor(sealed, modelStream(key, 1, nonce, len(sealed)))
}

// TestModel holds the model to what RFC 8439 prints in 2.3.2 and 2.8.2.
func TestModel(t *testing.T) {
	var key [32]byte
	for i := range key {
		key[i] = byte(i)
	}
	nonce := [12]byte{3: 9, 7: 0x4a}
	if block := modelBlock(key, 1, nonce); hex.EncodeToString(block[:16]) != "10f1e7e4d13b5915500fdd1fa32071c4" {
		t.Errorf("block %x", block)
	}
	for i := range key {
		key[i] = 0x80 + byte(i)
	}
	nonce = [12]byte{7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47}
	aad, _ := hex.DecodeString("50515253c0c1c2c3c4c5c6c7")
	sealed := modelSeal(key, nonce, []byte("Ladies and Gentlemen of the class of '99: If I could offer you "+
		"only one tip for the future, sunscreen would be it."), aad)
	if got := hex.EncodeToString(sealed[len(sealed)-16:]); got != "1ae10b594f09e26a7e902ecbd0600691" {
		t.Errorf("tag %s", got)
	}
}

// TestAgainstModel sends packets of all kinds over three changes of keys, and
// holds each byte to the model.
func TestAgainstModel(t *testing.T) {
	source := chance(t)
	var keys secrets
	for _, d := range []*direction{&keys.initiator, &keys.responder} {
		d.length, d.packet = [32]byte(fill(source, 32)), [32]byte(fill(source, 32))
	}
	a, err := newSession(&keys.id, &keys.initiator, &keys.responder)
	if err != nil {
		t.Fatal(err)
	}
	model := &modelDirection{lengthKey: keys.initiator.length, packetKey: keys.initiator.packet}
	reader := &modelDirection{lengthKey: keys.initiator.length, packetKey: keys.initiator.packet}
	for i := range 3*224 + 2 {
		contents := fill(source, int(source.Uint64()%80))
		aad := fill(source, int(source.Uint64()%3)*9)
		header := byte(source.Uint64())
		got := a.seal(nil, contents, aad, header)
		if want := model.seal(header, contents, aad); !bytes.Equal(got, want) {
			t.Fatalf("packet %d: got %x, want %x", i, got, want)
		}
		reader.length(got[:3])
		if plain := reader.open(got[3:], aad); len(plain) == 0 || plain[0] != header || !bytes.Equal(plain[1:], contents) {
			t.Fatalf("packet %d: the model opens it to %x", i, plain)
		}
	}
}

// modelOutcome is what a whole stream of a peer comes to.
type modelOutcome struct {
	err      error // the kind, or nil
	contents [][]byte
	sent     int // bytes that we have sent
}

// modelRead reads all that a peer sends, from the first byte to the last packet.
func modelRead(cfg Config, ours key, stream []byte) (out modelOutcome) {
	greeting := KeySize + len(cfg.Garbage)
	farewell := TerminatorSize + LengthSize + Expansion
	for _, size := range cfg.Decoys {
		farewell += LengthSize + size + Expansion
	}
	prefix := append(binary.LittleEndian.AppendUint32(nil, cfg.Magic), "version\x00\x00\x00\x00\x00"...)
	head := stream[:min(len(stream), 16)]
	if cfg.Role == Initiator || !bytes.HasPrefix(prefix, head) {
		out.sent = greeting
	}
	switch {
	case bytes.Equal(head, prefix):
		out.err = ErrV1
		return out
	case len(head) == 16 && bytes.Equal(head[4:], prefix[4:]):
		out.err = ErrOtherNetwork
		return out
	case len(stream) < KeySize:
		return out
	}
	shared, err := ours.agree((*[KeySize]byte)(stream), cfg.Role)
	if err != nil {
		out.err = ErrKey
		return out
	}
	out.sent += farewell
	keys, err := derive(&shared, cfg.Magic)
	if err != nil {
		panic(err)
	}
	theirs := keys.responder
	if cfg.Role == Responder {
		theirs = keys.initiator
	}
	stream = stream[KeySize:]
	at := bytes.Index(stream[:min(len(stream), MaxGarbage+TerminatorSize)], theirs.terminator[:])
	if at < 0 {
		if len(stream) >= MaxGarbage+TerminatorSize {
			out.err = ErrGarbage
		}
		return out
	}
	out.packets(&modelDirection{lengthKey: theirs.length, packetKey: theirs.packet}, stream[:at], stream[at+TerminatorSize:])
	return out
}

// packets reads the packets behind the terminator.
func (out *modelOutcome) packets(d *modelDirection, aad, stream []byte) {
	limit, total, open := MaxHandshakeContents, 0, false
	for len(stream) >= LengthSize {
		field := d.length(stream[:3])
		size := int(field[0]) + 256*int(field[1]) + 65536*int(field[2])
		total += LengthSize + size + Expansion
		switch stream = stream[LengthSize:]; {
		case size > limit:
			out.err = ErrOversize
		case !open && total > MaxHandshakeBytes:
			out.err = ErrDecoys
		}
		if out.err != nil || len(stream) < size+Expansion {
			return
		}
		plain := d.open(stream[:size+Expansion], aad)
		if plain == nil {
			out.err = ErrAuthentication
			return
		}
		aad, stream = nil, stream[size+Expansion:]
		switch {
		case plain[0]&0x80 != 0:
		case open:
			out.contents = append(out.contents, plain[1:])
		default:
			open, limit = true, MaxContents
		}
	}
}
