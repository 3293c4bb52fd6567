package bip324

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Role says who opened the connection.
type Role uint8

// The roles.
const (
	// Initiator opened the connection and speaks first.
	Initiator Role = iota
	// Responder says nothing until it is clear that the peer does not speak v1.
	Responder
)

// Config is what a [Handshake] is made of.
type Config struct {
	// Role is ours.
	Role Role
	// Magic is that of the network, as in a v1 frame read little-endian.
	Magic uint32
	// Entropy is from the system's generator, for this handshake alone.
	Entropy [EntropySize]byte
	// Garbage is sent behind our key: bytes of chance, [MaxGarbage] at most and better no
	// more than [MaxSentGarbage]. The handshake keeps it.
	Garbage []byte
	// Decoys are the sizes of decoys that are sent before our version packet: what
	// the peer may refuse, [MaxHandshakeBytes] in all, is not sent.
	Decoys []int
}

// Handshake takes a connection from the first byte to a [Session].
//
// One goroutine uses it. After an error it is of no use, and returns that error again.
type Handshake struct {
	cfg   Config
	ours  key
	stage stage
	part  []byte // what has come of the current part
	due   int    // how long a packet in part must get

	sent       bool // our key and garbage
	terminator [TerminatorSize]byte
	aad        []byte // their garbage, until the first packet is open
	packets    int    // bytes of packets so far
	session    *Session
	broken     error
}

// stage is which part of what the peer sends comes next.
type stage uint8

const (
	wantKey stage = iota
	wantTerminator
	wantLength
	wantPacket
	wantNothing
)

// New prepares a handshake. It returns [ErrConfig] or [ErrEntropy] and then asks for
// another configuration or other entropy.
func New(cfg Config) (*Handshake, error) {
	if len(cfg.Garbage) > MaxGarbage {
		return nil, fmt.Errorf("%w: garbage of %d bytes, at most %d", ErrConfig, len(cfg.Garbage), MaxGarbage)
	}
	total := LengthSize + Expansion
	for _, size := range cfg.Decoys {
		if size < 0 || size > MaxHandshakeContents {
			return nil, fmt.Errorf("%w: decoy of %d bytes, at most %d", ErrConfig, size, MaxHandshakeContents)
		}
		total += LengthSize + size + Expansion
	}
	if total > MaxHandshakeBytes {
		return nil, fmt.Errorf("%w: decoys of %d bytes, at most %d", ErrConfig, total, MaxHandshakeBytes)
	}
	ours, err := newKey(&cfg.Entropy)
	if err != nil {
		return nil, err
	}
	clear(cfg.Entropy[:])
	return newHandshake(cfg, ours), nil
}

func newHandshake(cfg Config, ours key) *Handshake { return &Handshake{cfg: cfg, ours: ours} }

// Start returns what to send before anything has come: key and garbage of an
// initiator, nothing of a responder. It is called once.
func (h *Handshake) Start() []byte {
	if h.cfg.Role == Responder {
		return nil
	}
	return h.greeting(nil)
}

// Session returns the session once the peer's version packet is in, nil before.
func (h *Handshake) Session() *Session {
	if h.stage != wantNothing {
		return nil
	}
	return h.session
}

// Feed takes bytes from the peer. It returns how many of them belong to the
// handshake: all, unless the handshake is over; the rest belongs to the session. What is in
// reply is to be sent, also when there is an error.
func (h *Handshake) Feed(p []byte) (used int, reply []byte, err error) {
	for h.broken == nil && h.stage != wantNothing && used < len(p) {
		n := min(h.missing(), len(p)-used)
		h.part = append(h.part, p[used:used+n]...)
		used += n
		reply, h.broken = h.advance(reply)
	}
	return used, reply, h.broken
}

// missing returns how many bytes to take at once: never more than the current
// part can have, and at least one.
func (h *Handshake) missing() int {
	switch h.stage {
	case wantKey:
		if len(h.part) < v1PrefixSize {
			return 1 // a responder answers the first byte that v1 would not send
		}
		return KeySize - len(h.part)
	case wantTerminator:
		return max(1, TerminatorSize-len(h.part))
	case wantLength:
		return LengthSize - len(h.part)
	case wantPacket:
		return h.due - len(h.part)
	case wantNothing:
	}
	return 0
}

// advance looks at the part after it has grown.
func (h *Handshake) advance(reply []byte) ([]byte, error) {
	switch h.stage {
	case wantKey:
		return h.keyGrew(reply)
	case wantTerminator:
		return reply, h.garbageGrew()
	case wantLength:
		return reply, h.lengthGrew()
	case wantPacket:
		return reply, h.packetGrew()
	case wantNothing:
	}
	return reply, nil
}

// v1PrefixSize is how many bytes tell the transports apart: magic and command of
// the message that opens v1. A key begins so once in 2^128 times.
const v1PrefixSize = magicSize + CommandSize

// v1Command is the command of the message that opens v1.
const v1Command = "version\x00\x00\x00\x00\x00"

func (h *Handshake) keyGrew(reply []byte) ([]byte, error) {
	var magic [magicSize]byte
	binary.LittleEndian.PutUint32(magic[:], h.cfg.Magic)
	network := h.part[:min(len(h.part), magicSize)]
	command := h.part[len(network):min(len(h.part), v1PrefixSize)]
	ourNetwork := bytes.HasPrefix(magic[:], network)
	version := bytes.HasPrefix([]byte(v1Command), command)
	if len(command) == CommandSize && version {
		if ourNetwork {
			return reply, ErrV1
		}
		return reply, fmt.Errorf("%w: magic %x", ErrOtherNetwork, network)
	}
	if !h.sent && !(ourNetwork && version) {
		reply = h.greeting(reply)
	}
	if len(h.part) < KeySize {
		return reply, nil
	}
	return h.keyReceived(reply)
}

// greeting appends our key and garbage.
func (h *Handshake) greeting(dst []byte) []byte {
	h.sent = true
	dst = append(dst, h.ours.public[:]...)
	return append(dst, h.cfg.Garbage...)
}

// keyReceived makes the session and appends our terminator and version packet.
func (h *Handshake) keyReceived(reply []byte) ([]byte, error) {
	shared, err := h.ours.agree((*[KeySize]byte)(h.part), h.cfg.Role)
	if err != nil {
		return reply, err
	}
	keys, err := derive(&shared, h.cfg.Magic)
	if err != nil {
		return reply, err
	}
	send, receive := &keys.initiator, &keys.responder
	if h.cfg.Role == Responder {
		send, receive = receive, send
	}
	h.session, err = newSession(&keys.id, send, receive)
	if err != nil {
		return reply, err
	}
	h.terminator = receive.terminator
	reply = h.farewell(append(reply, send.terminator[:]...))
	*keys = secrets{}
	h.next(wantTerminator)
	return reply, nil
}

// farewell appends our decoys and the version packet, which is empty. The first
// of them vouches for our garbage.
func (h *Handshake) farewell(dst []byte) []byte {
	aad := h.cfg.Garbage
	for _, size := range h.cfg.Decoys {
		dst = h.session.seal(dst, make([]byte, size), aad, decoyBit)
		aad = nil
	}
	h.cfg.Garbage = nil
	return h.session.seal(dst, nil, aad, 0)
}

func (h *Handshake) garbageGrew() error {
	if bytes.HasSuffix(h.part, h.terminator[:]) {
		h.aad = bytes.Clone(h.part[:len(h.part)-TerminatorSize])
		h.next(wantLength)
		return nil
	}
	if len(h.part) == MaxGarbage+TerminatorSize {
		return ErrGarbage
	}
	return nil
}

func (h *Handshake) lengthGrew() error {
	if len(h.part) < LengthSize {
		return nil
	}
	rest, err := h.session.Length([LengthSize]byte(h.part), MaxHandshakeContents)
	if err != nil {
		return err
	}
	h.packets += LengthSize + rest
	if h.packets > MaxHandshakeBytes {
		return fmt.Errorf("%w: over %d bytes", ErrDecoys, MaxHandshakeBytes)
	}
	h.due = rest
	h.next(wantPacket)
	return nil
}

// packetGrew opens a packet that is whole. What the version packet says has no
// meaning yet.
func (h *Handshake) packetGrew() error {
	if len(h.part) < h.due {
		return nil
	}
	_, decoy, err := h.session.open(h.part, h.aad)
	if err != nil {
		return err
	}
	h.aad = nil
	if decoy {
		h.next(wantLength)
		return nil
	}
	h.next(wantNothing)
	h.part = nil
	return nil
}

// next begins a part.
func (h *Handshake) next(s stage) {
	h.stage = s
	h.part = h.part[:0]
}
