package bip324

import (
	"encoding/binary"

	"golang.org/x/crypto/chacha20"
)

// epochSize is how much key stream one key gives: a length for each packet, and the
// key of the next epoch. It is 11 blocks of ChaCha20 and nothing left over.
const epochSize = rekeyInterval*LengthSize + secretSize

// lengthCipher is FSChaCha20 of BIP-0324, for chunks of [LengthSize] bytes: it turns the
// lengths of one direction to and fro. It makes the key stream of an epoch at
// once and forgets each byte after use.
type lengthCipher struct {
	stream [epochSize]byte
	used   int    // bytes of stream; a multiple of LengthSize
	epoch  uint64 // how often the key has changed
}

func newLengthCipher(key *[secretSize]byte) *lengthCipher {
	c := new(lengthCipher)
	c.fill(key)
	return c
}

// fill makes the key stream of an epoch.
//
//	nonce = 4 zero bytes || epoch, 8 bytes little-endian
func (c *lengthCipher) fill(key *[secretSize]byte) {
	var nonce [nonceSize]byte
	binary.LittleEndian.PutUint64(nonce[4:], c.epoch)
	cipher, err := chacha20.NewUnauthenticatedCipher(key[:], nonce[:])
	if err != nil {
		panic("bip324: " + err.Error()) // sizes are right, and newSession has asked whether it is allowed
	}
	clear(c.stream[:])
	cipher.XORKeyStream(c.stream[:], c.stream[:])
	c.used = 0
}

// turn encrypts or decrypts the next length.
func (c *lengthCipher) turn(field *[LengthSize]byte) {
	stream := c.stream[c.used : c.used+LengthSize]
	for i, b := range stream {
		field[i] ^= b
	}
	clear(stream)
	c.used += LengthSize
	if c.used == rekeyInterval*LengthSize {
		next := [secretSize]byte(c.stream[c.used:])
		c.epoch++
		c.fill(&next)
	}
}
