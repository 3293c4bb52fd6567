package addrbook

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"blockgate/internal/btc"
)

// The file. Numbers are little-endian.
//
//	"bgaddrs"                7   what it is
//	version                  1   1
//	network                  1
//	secret                  32
//	sum of the map          32   of systems; zeroes without one
//	anchors                  1   0 to MaxAnchors, then each address
//	tried entries            4   by slot, ascending
//	new entries              4   by first slot, ascending; each with its slots
//	checksum                32   SHA-256 of all before
//
//	address                      kind 1, bytes by kind, port 2
//	entry                        address, source 8, services 8, seen 4, tried 4,
//	                             reached 4, failures 1
//	new entry                    entry, slots 1, each slot 2, ascending
//
// There is one spelling of each book: what decodes encodes to the same bytes.
const (
	fileName       = "bgaddrs"
	fileVersion    = 1
	fileHeaderSize = len(fileName) + 1 + 1 + 32 + 32
	checksumSize   = sha256.Size
	maxAddrSize    = 1 + 32 + 2
	// minEntrySize and maxEntrySize are of an entry in the file; a new one has more.
	minEntrySize = 1 + 4 + 2 + factsSize
	maxEntrySize = maxAddrSize + factsSize + 1 + 2*MaxReferences
	factsSize    = len(Group{}) + 8 + 3*4 + 1
)

var (
	// ErrCorrupt says that bytes are not a whole address book. The text has the offset.
	ErrCorrupt = errors.New("address book is corrupt")
	// ErrVersion says that a later version wrote the address book.
	ErrVersion = errors.New("address book has another version")
	// ErrOtherNetwork says that the address book is of another network.
	ErrOtherNetwork = errors.New("address book is of another network")
)

// Append appends the whole book, at most [MaxFileSize] bytes, to file. It has the
// secret: nobody else should read it.
func (b *Book) Append(file []byte) []byte {
	start := len(file)
	sum := b.systems.sumOf()
	file = append(file, fileName...)
	file = append(file, fileVersion, byte(b.network))
	file = append(file, b.secret[:]...)
	file = append(file, sum[:]...)
	file = append(file, byte(b.anchored))
	for _, a := range b.anchors[:b.anchored] {
		file = appendAddr(file, a)
	}
	file = b.appendTried(file)
	file = b.appendNew(file)
	checksum := sha256.Sum256(file[start:])
	return append(file, checksum[:]...)
}

func (b *Book) appendTried(file []byte) []byte {
	file = binary.LittleEndian.AppendUint32(file, uint32(b.tried.count))
	for n := range TriedSlots {
		if id, taken := b.tried.at(place(n)); taken {
			file = b.entries[id].append(file)
		}
	}
	return file
}

func (b *Book) appendNew(file []byte) []byte {
	file = binary.LittleEndian.AppendUint32(file, uint32(len(b.index)-b.tried.count))
	for n := range NewSlots {
		id, taken := b.fresh.at(place(n))
		if !taken {
			continue
		}
		e := &b.entries[id]
		places := e.places
		slices.Sort(places[:e.refs])
		if places[0] != place(n) {
			continue // It stands at its first slot.
		}
		file = append(e.append(file), e.refs)
		for _, p := range places[:e.refs] {
			file = binary.LittleEndian.AppendUint16(file, uint16(p))
		}
	}
	return file
}

func (e *entry) append(file []byte) []byte {
	file = appendAddr(file, e.addr)
	file = append(file, e.source[:]...)
	file = binary.LittleEndian.AppendUint64(file, e.services)
	for _, t := range [...]uint32{e.seen, e.tried, e.reached} {
		file = binary.LittleEndian.AppendUint32(file, t)
	}
	return append(file, e.failures)
}

// appendAddr appends an address as the file has it. Its length follows from its
// first byte.
func appendAddr(b []byte, a Addr) []byte {
	b = append(b, byte(a.kind))
	b = append(b, a.bytes[:sizes[a.kind]]...)
	return binary.LittleEndian.AppendUint16(b, a.port)
}

// Decode reads a book that [Book.Append] wrote, and keeps nothing of file. The secret
// is the file's. If the book was written with another map of systems, entries move to
// where they belong now, and some are lost to others that stand there.
//
// It returns [ErrCorrupt] with the offset of the fault, [ErrVersion] or
// [ErrOtherNetwork]; then begin with an empty book.
func Decode(file []byte, cfg Config) (*Book, error) {
	if len(file) > MaxFileSize {
		return nil, fmt.Errorf("%w: offset %d: longer than any", ErrCorrupt, MaxFileSize)
	}
	b, d := New(cfg), decoder{file: file}
	same := d.header(b)
	d.anchors(b)
	d.tried(b, same)
	d.fresh(b, same)
	if d.err == nil && d.at != len(d.file) {
		d.fail("bytes after the end")
	}
	if d.err != nil {
		return nil, d.err
	}
	return b, nil
}

// decoder reads the file. After a fault it reads zeroes.
type decoder struct {
	file []byte
	at   int
	err  error
}

func (d *decoder) fail(text string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: offset %d: %s", ErrCorrupt, d.at, text)
	}
}

// take returns the next n bytes, nil after a fault or if there are fewer.
func (d *decoder) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	if len(d.file)-d.at < n {
		d.fail("ends too early")
		return nil
	}
	d.at += n
	return d.file[d.at-n : d.at]
}

func (d *decoder) number(size int) uint64 {
	var b [8]byte
	copy(b[:size], d.take(size))
	return binary.LittleEndian.Uint64(b[:])
}

// header reads what stands before the entries, and takes the checksum off the end. It
// reports whether the file was written with the map of systems that the book has.
func (d *decoder) header(b *Book) (same bool) {
	if !slices.Equal(d.take(len(fileName)), []byte(fileName)) {
		d.at = 0
		d.fail("no address book")
	}
	if v := d.number(1); d.err == nil && v != fileVersion {
		d.err = fmt.Errorf("%w: %d, want %d", ErrVersion, v, fileVersion)
	}
	if end := len(d.file) - checksumSize; d.err == nil && end < d.at {
		d.fail("ends too early")
	} else if d.err == nil {
		if sum := sha256.Sum256(d.file[:end]); !slices.Equal(sum[:], d.file[end:]) {
			d.at = end
			d.fail("checksum differs")
		}
		d.file = d.file[:end]
	}
	if n := btc.Network(d.number(1)); d.err == nil && n != b.network {
		d.err = fmt.Errorf("%w: %v, want %v", ErrOtherNetwork, n, b.network)
	}
	copy(b.secret[:], d.take(len(b.secret)))
	var sum [32]byte
	copy(sum[:], d.take(len(sum)))
	return sum == b.systems.sumOf()
}

func (d *decoder) anchors(b *Book) {
	n := d.number(1)
	if n > MaxAnchors {
		d.fail("too many anchors")
		return
	}
	for range n {
		b.anchors[b.anchored] = d.addr()
		b.anchored++
	}
}

// addr reads an address that is well formed.
func (d *decoder) addr() Addr {
	kind := Kind(d.number(1))
	if d.err != nil {
		return Addr{}
	}
	if kind > maxKind || sizes[kind] == 0 {
		d.fail("network of an address is not known")
		return Addr{}
	}
	a := Addr{kind: kind}
	copy(a.bytes[:], d.take(int(sizes[kind])))
	a.port = uint16(d.number(2))
	if d.err == nil && !a.wellFormed() {
		d.fail("address is malformed")
	}
	return a
}

// count reads how many entries follow: no more than there are slots, nor than the
// bytes that are left could hold.
func (d *decoder) count(slots int) int {
	n := d.number(4)
	if n > uint64(slots) || n > uint64((len(d.file)-d.at)/minEntrySize) {
		d.fail("more entries than can be")
		return 0
	}
	return int(n)
}

// entry reads an entry that the book has not.
func (d *decoder) entry(b *Book) entry {
	e := entry{addr: d.addr()}
	copy(e.source[:], d.take(len(e.source)))
	e.services = d.number(8)
	e.seen, e.tried, e.reached = uint32(d.number(4)), uint32(d.number(4)), uint32(d.number(4))
	e.failures = uint8(d.number(1))
	if d.err != nil {
		return e
	}
	if b.find(e.addr) != nil {
		d.fail("address is there twice")
	}
	if !mayName(Source{group: e.source}, e.addr) {
		d.fail("address is not publicly routable")
	}
	return e
}

func (d *decoder) tried(b *Book, same bool) {
	last := -1
	for range d.count(TriedSlots) {
		e := d.entry(b)
		if d.err != nil {
			return
		}
		p := b.triedPlace(e.addr)
		_, taken := b.tried.at(p)
		if same && (taken || int(p) <= last) {
			d.fail("tried entry out of order")
			return
		}
		last = int(p)
		if !taken {
			e.isTried = true
			b.tried.put(p, b.create(e))
		}
	}
}

func (d *decoder) fresh(b *Book, same bool) {
	last := -1
	for range d.count(NewSlots) {
		e := d.entry(b)
		places, n := d.places(b, e.addr, same)
		if d.err != nil {
			return
		}
		if same && int(places[0]) <= last {
			d.fail("new entry out of order")
			return
		}
		last = int(places[0])
		if !same {
			d.rebucket(b, e)
			continue
		}
		id := b.create(e)
		for _, p := range places[:n] {
			b.refer(p, id)
		}
	}
}

// places reads the slots of a new entry: ascending and, with the same map, free and
// where the address belongs in its bucket. Which bucket depends on who named it, too,
// of whom the file has only the first.
func (d *decoder) places(b *Book, a Addr, same bool) (places [MaxReferences]place, n int) {
	n = int(d.number(1))
	if d.err == nil && (n < 1 || n > MaxReferences) {
		d.fail("number of slots out of range")
	}
	last := -1
	for i := range places[:min(n, MaxReferences)] {
		p := place(d.number(2))
		if d.err != nil {
			return places, n
		}
		bucket, _ := p.split()
		if int(p) <= last || p != b.position(tagNewPosition, bucket, a) {
			d.fail("slot is not the address's")
			return places, n
		}
		if _, taken := b.fresh.at(p); taken && same {
			d.fail("slot is taken")
			return places, n
		}
		places[i], last = p, int(p)
	}
	return places, n
}

// rebucket puts a new entry where its first source gives it a slot under the map that
// the book has, unless another stands there.
func (d *decoder) rebucket(b *Book, e entry) {
	p := b.newPlace(e.addr, e.source)
	if _, taken := b.fresh.at(p); !taken {
		b.refer(p, b.create(e))
	}
}
