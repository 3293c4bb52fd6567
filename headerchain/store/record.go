package store

import (
	"encoding/binary"
	"hash/crc32"

	"blockgate/internal/btc"
)

// recordSize is the length of a record in bytes; the parts begin at sinceAt and
// sumAt.
const (
	sinceAt    = btc.HeaderSize
	sumAt      = sinceAt + 4
	recordSize = sumAt + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // a table

// offsetOf returns where the record with that number begins.
func offsetOf(number int) int64 { return lineSize + int64(number)*recordSize }

// sumOf returns the checksum of a record. It uses the place of the checksum for
// the number.
func sumOf(seed uint32, record []byte, number int) uint32 {
	binary.LittleEndian.PutUint32(record[sumAt:], uint32(number))
	return crc32.Update(seed, castagnoli, record[:recordSize])
}

// appendRecord adds the record with that number to b.
func appendRecord(b []byte, seed uint32, header *btc.Header, since, number int) []byte {
	at := len(b)
	b = append(b, header[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(since))
	b = append(b, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[at+sumAt:], sumOf(seed, b[at:], number))
	return b
}

// checkRecord reports whether the checksum of the record with that number is
// right, and if so how many were on the disk when it was written. It destroys the
// checksum.
func checkRecord(record []byte, seed uint32, number int) (since int, ok bool) {
	sum := binary.LittleEndian.Uint32(record[sumAt:])
	if sumOf(seed, record, number) != sum {
		return 0, false
	}
	return int(binary.LittleEndian.Uint32(record[sinceAt:])), true
}
