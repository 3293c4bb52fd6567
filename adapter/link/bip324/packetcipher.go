package bip324

import (
	"crypto/cipher"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

// packetCipher is FSChaCha20Poly1305 of BIP-0324: it seals or opens the packets of one
// direction.
type packetCipher struct {
	aead  cipher.AEAD
	count uint32 // packets under this key; invariant: below rekeyInterval
	epoch uint64 // how often the key has changed

	// Memory of what an interface call would put on the heap each time.
	nonce [nonceSize]byte
	next  [secretSize + tagSize]byte
}

func newPacketCipher(key *[secretSize]byte) (*packetCipher, error) {
	aead, err := chacha20poly1305.New(key[:])
	if err != nil {
		return nil, err
	}
	return &packetCipher{aead: aead}, nil
}

// seal appends the sealed form of plain to dst. They may share memory if plain
// begins where dst ends.
func (c *packetCipher) seal(dst, plain, aad []byte) []byte {
	sealed := c.aead.Seal(dst, c.at(c.count), plain, aad)
	c.step()
	return sealed
}

// open decrypts a sealed packet in place and returns what was sealed.
func (c *packetCipher) open(sealed, aad []byte) ([]byte, error) {
	plain, err := c.aead.Open(sealed[:0], c.at(c.count), sealed, aad)
	if err != nil {
		return nil, ErrAuthentication
	}
	c.step()
	return plain, nil
}

// at returns the nonce of a packet under this key.
//
//	nonce = packet, 4 bytes little-endian || epoch, 8 bytes little-endian
func (c *packetCipher) at(packet uint32) []byte {
	binary.LittleEndian.PutUint32(c.nonce[:], packet)
	binary.LittleEndian.PutUint64(c.nonce[4:], c.epoch)
	return c.nonce[:]
}

// step counts a packet. After the last of an epoch the next key is what 32 zeros
// are encrypted to, under the nonce of a packet that never comes.
func (c *packetCipher) step() {
	if c.count++; c.count < rekeyInterval {
		return
	}
	clear(c.next[:])
	c.aead.Seal(c.next[:0], c.at(^uint32(0)), c.next[:secretSize], nil)
	aead, err := chacha20poly1305.New(c.next[:secretSize])
	if err != nil {
		panic("bip324: " + err.Error()) // it was allowed for the first key, and the size is right
	}
	clear(c.next[:])
	c.aead = aead
	c.count = 0
	c.epoch++
}
