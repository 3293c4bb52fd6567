package btc

import "encoding/binary"

// HeaderSize is the length of a block header in bytes.
const HeaderSize = 80

// Header is a block header as it stands on the wire.
//
//	0       4           36           68     72     76     80
//	+-------+-----------+------------+------+------+-------+
//	|version| prev hash | merkle root| time | bits | nonce |
//	+-------+-----------+------------+------+------+-------+
//
// All numbers are little-endian. The zero Header is no header of any network.
type Header [HeaderSize]byte

// Version returns the block version, a signed number (BIP-0009 uses its bits).
func (h *Header) Version() int32 { return int32(binary.LittleEndian.Uint32(h[0:])) }

// Prev returns the hash of the parent header.
func (h *Header) Prev() Hash { return Hash(h[4:36]) }

// MerkleRoot returns the root of the tree of transaction ids.
func (h *Header) MerkleRoot() Hash { return Hash(h[36:68]) }

// Time returns the header's timestamp in Unix seconds.
func (h *Header) Time() uint32 { return binary.LittleEndian.Uint32(h[68:]) }

// Bits returns the target in compact form; see [TargetFromCompact].
func (h *Header) Bits() uint32 { return binary.LittleEndian.Uint32(h[72:]) }

// Nonce returns the number that miners vary.
func (h *Header) Nonce() uint32 { return binary.LittleEndian.Uint32(h[76:]) }

// Hash returns the block hash: the double SHA-256 of the 80 bytes.
func (h *Header) Hash() Hash { return DoubleSHA256(h[:]) }

// HeaderFields are the parts of a header, for those who build one.
type HeaderFields struct {
	Version    int32
	Prev       Hash
	MerkleRoot Hash
	Time       uint32 // Unix seconds
	Bits       uint32 // compact target
	Nonce      uint32
}

// Header returns the 80 bytes that the fields stand for.
func (f HeaderFields) Header() Header {
	var h Header
	binary.LittleEndian.PutUint32(h[0:], uint32(f.Version))
	copy(h[4:36], f.Prev[:])
	copy(h[36:68], f.MerkleRoot[:])
	binary.LittleEndian.PutUint32(h[68:], f.Time)
	binary.LittleEndian.PutUint32(h[72:], f.Bits)
	binary.LittleEndian.PutUint32(h[76:], f.Nonce)
	return h
}

// Height is the number of ancestors of a block: 0 for genesis.
type Height int32
