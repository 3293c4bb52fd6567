package bip324

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ellswift"
)

const mainnet = 0xd9b4bef9

// row is a line of a file of vectors, by the names of its first line.
type row map[string]string

func (r row) bytes(t *testing.T, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(r[name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

func (r row) number(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(r[name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func vectors(t *testing.T, name string, want int) []row {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(plain).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, line := range lines[1:] {
		r := row{}
		for i, name := range lines[0] {
			r[name] = line[i]
		}
		rows = append(rows, r)
	}
	if len(rows) != want {
		t.Fatalf("%d vectors, want %d", len(rows), want)
	}
	return rows
}

// vectorSide is the side of the connection that a packet vector is about.
type vectorSide struct {
	role   Role
	ours   key
	theirs [KeySize]byte
}

func sideOf(t *testing.T, r row) vectorSide {
	t.Helper()
	private, _ := btcec.PrivKeyFromBytes(r.bytes(t, "in_priv_ours"))
	side := vectorSide{
		role:   Responder,
		ours:   key{private, [KeySize]byte(r.bytes(t, "in_ellswift_ours"))},
		theirs: [KeySize]byte(r.bytes(t, "in_ellswift_theirs")),
	}
	if r.number(t, "in_initiating") == 1 {
		side.role = Initiator
	}
	return side
}

// TestPacketVectors goes through the official packet vectors: each key, each
// secret, and the packet, sealed by one side and opened by the other.
func TestPacketVectors(t *testing.T) {
	for i, r := range vectors(t, "packet_encoding.csv.gz", 7) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			same := func(name string, got []byte) {
				if want := r.bytes(t, name); !bytes.Equal(got, want) {
					t.Errorf("%s: got %x, want %x", name, got, want)
				}
			}
			side := sideOf(t, r)
			x, err := ellswift.EllswiftECDHXOnly(side.theirs, side.ours.private)
			if err != nil {
				t.Fatal(err)
			}
			same("mid_x_shared", x[:])
			same("mid_x_ours", decoded(t, side.ours.public[:]))
			same("mid_x_theirs", decoded(t, side.theirs[:]))
			shared, err := side.ours.agree(&side.theirs, side.role)
			if err != nil {
				t.Fatal(err)
			}
			same("mid_shared_secret", shared[:])
			keys, err := derive(&shared, mainnet)
			if err != nil {
				t.Fatal(err)
			}
			same("out_session_id", keys.id[:])
			same("mid_initiator_l", keys.initiator.length[:])
			same("mid_initiator_p", keys.initiator.packet[:])
			same("mid_responder_l", keys.responder.length[:])
			same("mid_responder_p", keys.responder.packet[:])
			send, receive := &keys.initiator, &keys.responder
			if side.role == Responder {
				send, receive = receive, send
			}
			same("mid_send_garbage_terminator", send.terminator[:])
			same("mid_recv_garbage_terminator", receive.terminator[:])
			testPacketVector(t, r, keys.id, send, receive)
		})
	}
}

func testPacketVector(t *testing.T, r row, id [secretSize]byte, send, receive *direction) {
	t.Helper()
	us, err := newSession(&id, send, receive)
	if err != nil {
		t.Fatal(err)
	}
	them, err := newSession(&id, receive, send)
	if err != nil {
		t.Fatal(err)
	}
	for range r.number(t, "in_idx") {
		if got := mustOpen(t, them, us.seal(nil, nil, nil, 0)); len(got) != 0 {
			t.Fatalf("opened to %x", got)
		}
	}
	contents := bytes.Repeat(r.bytes(t, "in_contents"), r.number(t, "in_multiply"))
	aad := r.bytes(t, "in_aad")
	packet := us.seal(nil, contents, aad, byte(r.number(t, "in_ignore"))*decoyBit)
	if want := r.bytes(t, "out_ciphertext"); len(want) > 0 && !bytes.Equal(packet, want) {
		t.Errorf("packet %x, want %x", packet, want)
	}
	if end := r.bytes(t, "out_ciphertext_endswith"); !bytes.HasSuffix(packet, end) {
		t.Errorf("packet ends with %x, want %x", packet[len(packet)-len(end):], end)
	}
	// Not by Length and open of the session: one vector is longer than a message can be.
	field := [LengthSize]byte(packet)
	them.receiveLength.turn(&field)
	if size := int(field[0]) | int(field[1])<<8 | int(field[2])<<16; size != len(contents) {
		t.Errorf("length %d, want %d", size, len(contents))
	}
	plain, err := them.receivePacket.open(packet[LengthSize:], aad)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(plain[headerSize:], contents) || int(plain[0]>>7) != r.number(t, "in_ignore") {
		t.Error("opened to something else")
	}
}

// TestVectorHandshake gives the keys of the vectors to a handshake.
func TestVectorHandshake(t *testing.T) {
	for i, r := range vectors(t, "packet_encoding.csv.gz", 7) {
		side := sideOf(t, r)
		h := newHandshake(Config{Role: side.role, Magic: mainnet}, side.ours)
		sent := h.Start()
		used, reply, err := h.Feed(side.theirs[:])
		if used != KeySize || err != nil {
			t.Fatalf("vector %d: used %d, error %v", i, used, err)
		}
		sent = append(sent, reply...)
		want := append(r.bytes(t, "in_ellswift_ours"), r.bytes(t, "mid_send_garbage_terminator")...)
		if !bytes.HasPrefix(sent, want) || len(sent) != len(want)+LengthSize+Expansion {
			t.Errorf("vector %d: sent %x, want %x and a version packet", i, sent, want)
		}
		if id := h.session.ID(); !bytes.Equal(id[:], r.bytes(t, "out_session_id")) {
			t.Errorf("vector %d: id %x", i, id)
		}
		if used, _, err = h.Feed(r.bytes(t, "mid_recv_garbage_terminator")); used != TerminatorSize || err != nil || h.stage != wantLength {
			t.Errorf("vector %d: terminator: used %d, error %v, stage %d", i, used, err, h.stage)
		}
	}
}

func fields(t *testing.T, u, v []byte) (a, b btcec.FieldVal) {
	t.Helper()
	a.SetByteSlice(u)
	b.SetByteSlice(v)
	return *a.Normalize(), *b.Normalize()
}

func decoded(t *testing.T, public []byte) []byte {
	t.Helper()
	u, v := fields(t, public[:secretSize], public[secretSize:])
	x, err := ellswift.XSwiftEC(&u, &v)
	if err != nil {
		t.Fatal(err)
	}
	return x.Bytes()[:]
}

// TestDecodeVectors holds the library's decoding of keys to the official vectors.
func TestDecodeVectors(t *testing.T) {
	for i, r := range vectors(t, "ellswift_decode.csv.gz", 76) {
		if got, want := decoded(t, r.bytes(t, "ellswift")), r.bytes(t, "x"); !bytes.Equal(got, want) {
			t.Errorf("vector %d, %s: got %x, want %x", i, r["comment"], got, want)
		}
	}
}

// TestEncodeVectors holds the library's eight encodings to the official vectors.
func TestEncodeVectors(t *testing.T) {
	for i, r := range vectors(t, "xswiftec_inv.csv.gz", 32) {
		for branch := range 8 {
			u, x := fields(t, r.bytes(t, "u"), r.bytes(t, "x"))
			want := r.bytes(t, "case"+strconv.Itoa(branch)+"_t")
			got := ellswift.XSwiftECInv(&u, &x, branch)
			switch {
			case got == nil && len(want) > 0, got != nil && !bytes.Equal(got.Bytes()[:], want):
				t.Errorf("vector %d, case %d: got %v, want %x", i, branch, got, want)
			}
		}
	}
}
