package addrbook

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// table is buckets of slots. A slot holds the number of an entry.
type table struct {
	slots [][BucketSize]uint32
	used  []uint64 // Invariant: bit n of used[b] is set where slots[b][n] holds an entry.
	count int      // How many slots are taken.
}

func newTable(buckets int) table {
	return table{slots: make([][BucketSize]uint32, buckets), used: make([]uint64, buckets)}
}

// place is a slot of a table: bucket * BucketSize + position. 65,536 fit.
type place uint16

func placeOf(bucket, position int) place { return place(bucket*BucketSize + position) }

func (p place) split() (bucket, position int) { return int(p) / BucketSize, int(p) % BucketSize }

func (t *table) at(p place) (id uint32, taken bool) {
	bucket, position := p.split()
	return t.slots[bucket][position], t.used[bucket]>>position&1 == 1
}

// put takes a free slot.
func (t *table) put(p place, id uint32) {
	bucket, position := p.split()
	t.slots[bucket][position] = id
	t.used[bucket] |= 1 << position
	t.count++
}

// clear frees a taken slot.
func (t *table) clear(p place) {
	bucket, position := p.split()
	t.slots[bucket][position] = 0
	t.used[bucket] &^= 1 << position
	t.count--
}

// random returns an entry: of a random bucket among those that are not empty, the
// first from a random slot on. The table must not be empty.
//
// Source: AddrManImpl::Select_, Bitcoin Core v30.0 src/addrman.cpp, which draws
// buckets until one is not empty; the outcome is as likely.
func (t *table) random(d *dice) uint32 {
	full := 0
	for _, used := range t.used {
		if used != 0 {
			full++
		}
	}
	skip := d.below(full)
	for bucket, used := range t.used {
		if used == 0 {
			continue
		}
		if skip == 0 {
			start := d.below(BucketSize)
			offset := bits.TrailingZeros64(bits.RotateLeft64(used, -start))
			return t.slots[bucket][(start+offset)%BucketSize]
		}
		skip--
	}
	panic("addrbook: a random entry of an empty table")
}

// keyed is the first 8 bytes of SHA-256 of the secret and a text. SHA-256 rather than
// SipHash: it is in the standard library and in silicon (about 0.15 us), and the
// secret keeps all of its 256 bits. Nobody sees the hash, and all texts of a tag have
// one length or end in their only variable part, so that its one weakness as a MAC,
// to be prolonged, gives nothing away.
func (b *Book) keyed(tag byte, text []byte) uint64 {
	var buf [32 + 1 + maxHashed]byte
	n := copy(buf[:], b.secret[:])
	buf[n] = tag
	n++
	n += copy(buf[n:], text)
	sum := sha256.Sum256(buf[:n])
	return binary.LittleEndian.Uint64(sum[:])
}

// maxHashed is the most bytes that are hashed with the secret: a bucket and an address.
const maxHashed = 2 + maxAddrSize

// The tags of what is hashed.
const (
	tagNewShare byte = iota
	tagNewBucket
	tagNewPosition
	tagTriedShare
	tagTriedBucket
	tagTriedPosition
)

// newPlace returns where an address stands in the new table if that source named it.
//
// Source: AddrInfo::GetNewBucket and GetBucketPosition, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) newPlace(a Addr, source Group) place {
	var text [2 * len(Group{})]byte
	group := b.Group(a)
	copy(text[:], source[:])
	copy(text[len(source):], group[:])
	share := b.keyed(tagNewShare, text[:]) % NewBucketsPerSource
	text[len(source)] = byte(share)
	bucket := b.keyed(tagNewBucket, text[:len(source)+1]) % NewBuckets
	return b.position(tagNewPosition, int(bucket), a)
}

// triedPlace returns where an address stands in the tried table.
//
// Source: AddrInfo::GetTriedBucket and GetBucketPosition, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) triedPlace(a Addr) place {
	var key [maxAddrSize]byte
	share := b.keyed(tagTriedShare, appendAddr(key[:0], a)) % TriedBucketsPerGroup
	var text [len(Group{}) + 1]byte
	group := b.Group(a)
	copy(text[:], group[:])
	text[len(group)] = byte(share)
	bucket := b.keyed(tagTriedBucket, text[:]) % TriedBuckets
	return b.position(tagTriedPosition, int(bucket), a)
}

func (b *Book) position(tag byte, bucket int, a Addr) place {
	var buf [maxHashed]byte
	binary.LittleEndian.PutUint16(buf[:], uint16(bucket))
	text := appendAddr(buf[:2], a)
	return placeOf(bucket, int(b.keyed(tag, text)%BucketSize))
}
