package fakepeer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"blockgate/internal/btc"
)

// frameHeaderSize is the length of what stands before a payload: magic 4,
// command 12, length 4, checksum 4.
const frameHeaderSize = 24

// What a peer claims to be.
const (
	protocolVersion  = 70016
	services         = 1<<0 | 1<<3 // NODE_NETWORK, NODE_WITNESS
	defaultUserAgent = "/Satoshi:30.0.0/"
)

// Inventory types.
const (
	inventorySize = 4 + btc.HashSize
	plainBlock    = 2
	witnessBlock  = 1<<30 | 2 // BIP-0144
)

var (
	errRequest  = errors.New("message is not as the protocol has it")
	errTooLarge = errors.New("message is too large")
)

// newFrame returns a v1 frame.
func newFrame(magic uint32, command string, payload []byte) []byte {
	var name [12]byte
	copy(name[:], command)
	sum := btc.DoubleSHA256(payload)
	b := make([]byte, 0, frameHeaderSize+len(payload))
	b = binary.LittleEndian.AppendUint32(b, magic)
	b = append(b, name[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, sum[:4]...)
	return append(b, payload...)
}

// readFrame reads a frame into buf, which is maxRequest long. The payload is a
// part of buf.
func readFrame(in io.Reader, magic uint32, buf []byte) (command string, payload []byte, err error) {
	var h [frameHeaderSize]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return "", nil, err
	}
	command = string(bytes.TrimRight(h[4:16], "\x00"))
	size := binary.LittleEndian.Uint32(h[16:])
	switch {
	case binary.LittleEndian.Uint32(h[:]) != magic:
		return "", nil, fmt.Errorf("magic %x: %w", h[:4], errRequest)
	case size > uint32(len(buf)):
		return "", nil, fmt.Errorf("%q of %d bytes: %w", command, size, errTooLarge)
	}
	payload = buf[:size]
	if _, err := io.ReadFull(in, payload); err != nil {
		return "", nil, fmt.Errorf("read %q: %w", command, err)
	}
	if sum := btc.DoubleSHA256(payload); [4]byte(sum[:]) != [4]byte(h[20:]) {
		return "", nil, fmt.Errorf("checksum of %q: %w", command, errRequest)
	}
	return command, payload, nil
}

// versionMessage returns the payload of a version message.
func versionMessage(bits uint64, height btc.Height, userAgent string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, protocolVersion)
	b = binary.LittleEndian.AppendUint64(b, bits)
	b = binary.LittleEndian.AppendUint64(b, uint64(time.Now().Unix()))
	b = append(b, make([]byte, 2*26)...) // both addresses: not told
	b = binary.LittleEndian.AppendUint64(b, rand.Uint64())
	b = btc.AppendCompactSize(b, uint64(len(userAgent)))
	b = append(b, userAgent...)
	b = binary.LittleEndian.AppendUint32(b, uint32(height))
	return append(b, 1)
}

// headersMessage returns the payload of a headers message.
func headersMessage(headers []btc.Header) []byte {
	b := btc.AppendCompactSize(nil, uint64(len(headers)))
	for _, h := range headers {
		b = append(append(b, h[:]...), 0)
	}
	return b
}

// inventory returns the payload of an inv or notfound message.
func inventory(kind uint32, hashes ...btc.Hash) []byte {
	b := btc.AppendCompactSize(nil, uint64(len(hashes)))
	for _, h := range hashes {
		b = append(binary.LittleEndian.AppendUint32(b, kind), h[:]...)
	}
	return b
}

// item is an entry of a getdata.
type item struct {
	kind uint32
	hash btc.Hash
}

// parseGetData reads the payload of a getdata message.
func parseGetData(b []byte) ([]item, error) {
	count, used, err := btc.CompactSize(b)
	if err != nil {
		return nil, fmt.Errorf("getdata: %w", err)
	}
	b = b[used:]
	if uint64(len(b)) != count*inventorySize || count > maxRequest {
		return nil, fmt.Errorf("getdata of %d entries in %d bytes: %w", count, len(b), errRequest)
	}
	items := make([]item, 0, len(b)/inventorySize)
	for ; len(b) > 0; b = b[inventorySize:] {
		items = append(items, item{binary.LittleEndian.Uint32(b), btc.Hash(b[4:inventorySize])})
	}
	return items, nil
}

// parseGetHeaders reads the payload of a getheaders message.
func parseGetHeaders(b []byte) (locator []btc.Hash, stop btc.Hash, err error) {
	if len(b) < 4 {
		return nil, stop, fmt.Errorf("getheaders of %d bytes: %w", len(b), errRequest)
	}
	b = b[4:] // the protocol version
	count, used, err := btc.CompactSize(b)
	if err != nil {
		return nil, stop, fmt.Errorf("getheaders: %w", err)
	}
	b = b[used:]
	if count > maxLocator || uint64(len(b)) != (count+1)*btc.HashSize {
		return nil, stop, fmt.Errorf("getheaders of %d hashes in %d bytes: %w", count, len(b), errRequest)
	}
	for ; len(b) > btc.HashSize; b = b[btc.HashSize:] {
		locator = append(locator, btc.Hash(b[:btc.HashSize]))
	}
	return locator, btc.Hash(b), nil
}
