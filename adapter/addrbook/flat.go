package addrbook

import "encoding/binary"

// AppendFlat appends the address to b as the file of a book has it: kind, bytes by
// kind, port. [CutFlat] reads it again.
func (a Addr) AppendFlat(b []byte) []byte { return appendAddr(b, a) }

// CutFlat returns the address that b begins with, as [Addr.AppendFlat] wrote it, and
// what follows; ok is false if there is none. It is not said that the address is one
// that a book would take.
func CutFlat(b []byte) (a Addr, rest []byte, ok bool) {
	if len(b) == 0 || Kind(b[0]) > maxKind || b[0] != 0 && sizes[b[0]] == 0 {
		return Addr{}, b, false
	}
	kind := Kind(b[0])
	size := int(sizes[kind])
	if len(b) < 1+size+2 {
		return Addr{}, b, false
	}
	a = Addr{kind: kind, port: binary.LittleEndian.Uint16(b[1+size:])}
	copy(a.bytes[:], b[1:1+size])
	return a, b[1+size+2:], true
}

// Chance returns where chance stands. A book that [Decode] makes of what
// [Book.Append] gives now, with this as [Config.Seed], goes on as this one does, if
// this one has not been used since it was made.
func (b *Book) Chance() uint64 { return b.dice.state }

// Systems returns the map of systems that the book groups by, nil if it has none.
func (b *Book) Systems() *ASMap { return b.systems }

// Append appends the map to b; [ParseASMap] reads it again. A nil map has no bytes.
func (m *ASMap) Append(b []byte) []byte {
	if m == nil {
		return b
	}
	return append(b, m.code...)
}
