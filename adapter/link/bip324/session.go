package bip324

import "fmt"

// decoyBit is set in the header byte of a packet that holds nothing.
const decoyBit = 0x80

// Session turns contents into packets and back. [Handshake.Session] makes one.
//
// Seal on one side, and Length and Open on the other, share nothing: one
// goroutine may send while another receives.
type Session struct {
	id [secretSize]byte

	sendLength *lengthCipher
	sendPacket *packetCipher

	receiveLength *lengthCipher
	receivePacket *packetCipher
	due           int   // what Open takes next, in bytes, or 0
	broken        error // the first error of the receiving side
}

// newSession makes a session of the side that sends with send.
func newSession(id *[secretSize]byte, send, receive *direction) (*Session, error) {
	sealer, err := newPacketCipher(&send.packet)
	if err != nil {
		return nil, fmt.Errorf("cipher: %w", err)
	}
	opener, err := newPacketCipher(&receive.packet)
	if err != nil {
		return nil, fmt.Errorf("cipher: %w", err)
	}
	return &Session{
		id:         *id,
		sendLength: newLengthCipher(&send.length), sendPacket: sealer,
		receiveLength: newLengthCipher(&receive.length), receivePacket: opener,
	}, nil
}

// ID returns what both sides, and nobody else, can compute. People who compare it
// by another way know that nobody sits between them.
func (s *Session) ID() [32]byte { return s.id }

// Length decrypts the first [LengthSize] bytes of a packet and returns how long the
// rest is, in bytes: the contents and [Expansion]. The caller reads that many and
// gives them to [Session.Open].
//
// Contents of more than most bytes, or of more than [MaxContents], are [ErrOversize].
// The length is not authenticated yet: memory is better taken as bytes come.
func (s *Session) Length(field [LengthSize]byte, most int) (int, error) {
	switch {
	case s.broken != nil:
		return 0, s.broken
	case s.due != 0:
		return 0, fmt.Errorf("length before the packet of %d bytes is open: %w", s.due, ErrOrder)
	}
	s.receiveLength.turn(&field)
	size := int(field[0]) | int(field[1])<<8 | int(field[2])<<16
	if limit := min(most, MaxContents); size > limit {
		s.broken = fmt.Errorf("%w: %d bytes, at most %d", ErrOversize, size, limit)
		return 0, s.broken
	}
	s.due = size + Expansion
	return s.due, nil
}

// Open decrypts a packet without its length, in place, and returns the contents, which
// lie in the packet behind its first byte. The contents of a decoy are to be
// thrown away. A packet that is not authentic is [ErrAuthentication]; its memory
// holds nothing of use then.
func (s *Session) Open(packet []byte) (contents []byte, decoy bool, err error) {
	return s.open(packet, nil)
}

func (s *Session) open(packet, aad []byte) (contents []byte, decoy bool, err error) {
	switch {
	case s.broken != nil:
		return nil, false, s.broken
	case s.due == 0 || len(packet) != s.due:
		return nil, false, fmt.Errorf("open %d bytes where %d are due: %w", len(packet), s.due, ErrOrder)
	}
	s.due = 0
	plain, err := s.receivePacket.open(packet, aad)
	if err != nil {
		s.broken = err
		return nil, false, err
	}
	return plain[headerSize:], plain[0]&decoyBit != 0, nil
}

// Seal appends a packet with the given contents to dst and returns the longer
// slice. It does not keep contents, which must not overlap the room of dst. Contents of more than
// [MaxContents] bytes are [ErrOversize], and no packet.
func (s *Session) Seal(dst, contents []byte) ([]byte, error) {
	if len(contents) > MaxContents {
		return dst, fmt.Errorf("%w: %d bytes, at most %d", ErrOversize, len(contents), MaxContents)
	}
	return s.seal(dst, contents, nil, 0), nil
}

// SealDecoy appends a packet that the other side throws away, with size bytes in it.
func (s *Session) SealDecoy(dst []byte, size int) ([]byte, error) {
	if size < 0 || size > MaxContents {
		return dst, fmt.Errorf("%w: decoy of %d bytes", ErrOversize, size)
	}
	return s.seal(dst, make([]byte, size), nil, decoyBit), nil
}

// seal appends a packet of at most maxLength bytes of contents.
func (s *Session) seal(dst, contents, aad []byte, header byte) []byte {
	size := len(contents)
	field := [LengthSize]byte{byte(size), byte(size >> 8), byte(size >> 16)}
	s.sendLength.turn(&field)
	dst = append(dst, field[:]...)
	at := len(dst)
	dst = append(dst, header)
	dst = append(dst, contents...)
	return s.sendPacket.seal(dst[:at], dst[at:], aad)
}
