package link

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// message is what is known of a message before its payload.
type message struct {
	command Command
	size    uint32 // payload bytes
	void    bool   // a packet of v2 that holds no message: it has no command
}

// String returns command and size.
func (m message) String() string { return fmt.Sprintf("%s of %d bytes", m.command, m.size) }

func oversize(m message, most uint32) error {
	return &EndError{ReasonOversize, fmt.Sprintf("%s, at most %d", m, most)}
}

// transport turns a socket into messages. It decides nothing.
type transport interface {
	// next returns the next message, or one that is void. The caller then takes all of its payload
	// by Read and Discard, and no more.
	next() (message, error)
	io.Reader
	Discard(n int) (int, error)
	// sums reports whether check looks at the sum it gets.
	sums() bool
	// check is called with the SHA-256 of the payload after its last byte.
	check(sum [sha256.Size]byte) error
	// send writes one whole v1 frame.
	send(frame []byte) error
}

// frameHeaderSize is the length in bytes of what stands before a payload.
//
//	0       4         16       20         24
//	+-------+---------+--------+----------+
//	| magic | command | length | checksum |   numbers are little-endian
//	+-------+---------+--------+----------+
const frameHeaderSize = 24

// v1 is the transport without encryption.
type v1 struct {
	magic    uint32
	sock     net.Conn
	in       *bufio.Reader
	head     [frameHeaderSize]byte
	checksum [4]byte // of the message that next returned
}

func newV1(sock net.Conn, magic uint32) *v1 {
	return &v1{magic: magic, sock: sock, in: bufio.NewReaderSize(sock, readBufferSize)}
}

func (t *v1) next() (message, error) {
	h := &t.head
	if _, err := io.ReadFull(t.in, h[:]); err != nil {
		return message{}, err
	}
	t.checksum = [4]byte(h[20:])
	return parseFrameHeader(h, t.magic)
}

func parseFrameHeader(h *[frameHeaderSize]byte, want uint32) (message, error) {
	if magic := binary.LittleEndian.Uint32(h[:]); magic != want {
		return message{}, &EndError{ReasonWrongMagic, fmt.Sprintf("%08x, want %08x", magic, want)}
	}
	return message{command: Command(h[4:16]), size: binary.LittleEndian.Uint32(h[16:])}, nil
}

func (t *v1) Read(p []byte) (int, error) { return t.in.Read(p) }

func (t *v1) Discard(n int) (int, error) { return t.in.Discard(n) }

func (t *v1) sums() bool { return true }

func (t *v1) check(sum [sha256.Size]byte) error {
	if checksumOf(sum) != t.checksum {
		return &EndError{Reason: ReasonBadChecksum}
	}
	return nil
}

func (t *v1) send(frame []byte) error {
	_, err := t.sock.Write(frame)
	return err
}

// checksumOf returns the checksum of a payload whose SHA-256 is sum.
func checksumOf(sum [sha256.Size]byte) [4]byte {
	second := sha256.Sum256(sum[:])
	return [4]byte(second[:])
}

// appendFrameHeader appends the header of a v1 frame to b.
func appendFrameHeader(b []byte, magic uint32, m message, sum [sha256.Size]byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, magic)
	b = append(b, m.command[:]...)
	b = binary.LittleEndian.AppendUint32(b, m.size)
	checksum := checksumOf(sum)
	return append(b, checksum[:]...)
}

// appendFrame appends a v1 frame to b.
func appendFrame(b []byte, magic uint32, command Command, payload []byte) []byte {
	m := message{command: command, size: uint32(len(payload))}
	b = appendFrameHeader(b, magic, m, sha256.Sum256(payload))
	return append(b, payload...)
}
