package addrbook

import (
	"time"

	"blockgate/internal/btc"
)

// Config is what a book is made from.
type Config struct {
	// Network is the network whose nodes the book holds; a file of another is refused.
	Network btc.Network
	// Secret decides which addresses share a bucket. It must be 32 random bytes that
	// nobody else knows; a book from a file keeps its own.
	Secret [32]byte
	// Seed is where chance begins. It should be random, too; the same seed and calls
	// give the same book.
	Seed uint64
	// Systems groups addresses by autonomous system; nil groups by prefix. A book
	// whose file was written with another map is put in order anew.
	Systems *ASMap
}

// Book holds addresses. One goroutine may use it at a time.
type Book struct {
	network btc.Network
	secret  [32]byte
	systems *ASMap
	dice    dice

	index      map[Addr]uint32
	entries    []entry
	free       uint32 // The first free entry, plus 1; 0 if there is none.
	fresh      table  // New addresses.
	tried      table
	collisions [MaxCollisions]Addr // Reached, but its slot in tried is taken.
	waiting    int                 // How many of collisions are in use.
	lastGood   uint32              // When an address was last reached.
	anchors    [MaxAnchors]Addr
	anchored   int // How many of anchors are in use.
}

// New returns an empty book.
func New(cfg Config) *Book {
	return &Book{
		network: cfg.Network, secret: cfg.Secret, systems: cfg.Systems, dice: dice{state: cfg.Seed},
		index: map[Addr]uint32{},
		fresh: newTable(NewBuckets), tried: newTable(TriedBuckets),
		lastGood: 1, // So that failures count from the start, as Core has it.
	}
}

// Group returns the network group of an address: no more than one outbound peer
// should be of a group.
func (b *Book) Group(a Addr) Group { return groupOf(a, b.systems) }

// Len returns how many addresses the book holds.
func (b *Book) Len() int { return len(b.index) }

// Stats are the figures of a book, for the operator.
type Stats struct {
	// Entries counts addresses: New and Tried together.
	Entries, New, Tried int
	// References counts the taken slots of the new table: an address has up to
	// [MaxReferences].
	References int
	// Collisions counts the addresses that wait for a slot in the tried table.
	Collisions int
	// Kinds counts the addresses of each network, by [Kind].
	Kinds [maxKind + 1]int
}

// Stats returns the figures. It walks the whole book.
func (b *Book) Stats() Stats {
	s := Stats{
		Entries: len(b.index), New: len(b.index) - b.tried.count, Tried: b.tried.count,
		References: b.fresh.count, Collisions: b.waiting,
	}
	for i := range b.entries {
		s.Kinds[b.entries[i].addr.kind]++ // Free entries have kind 0.
	}
	s.Kinds[0] = 0
	return s
}

// seconds returns a time as the book counts it: Unix seconds, 1 to 2^32-1.
func seconds(t time.Time) uint32 {
	return uint32(min(max(t.Unix(), 1), 1<<32-1))
}

// before returns now less n seconds, at least 1.
func before(now uint32, n int) uint32 {
	return uint32(max(int64(now)-int64(n), 1))
}

// find returns the entry of an address, nil if there is none.
func (b *Book) find(a Addr) *entry {
	id, ok := b.index[a]
	if !ok {
		return nil
	}
	return &b.entries[id]
}

// create makes an entry and returns its number. It may move all entries.
func (b *Book) create(e entry) uint32 {
	var id uint32
	if b.free != 0 {
		id = b.free - 1
		b.free = b.entries[id].next
		b.entries[id] = e
	} else {
		id = uint32(len(b.entries))
		b.entries = append(b.entries, e)
	}
	b.index[e.addr] = id
	return id
}

// remove forgets an entry that stands in no table.
func (b *Book) remove(id uint32) {
	delete(b.index, b.entries[id].addr)
	b.entries[id] = entry{next: b.free}
	b.free = id + 1
}

// vacate frees a slot of the new table. Who had no other is forgotten.
func (b *Book) vacate(p place) {
	id, taken := b.fresh.at(p)
	if !taken {
		return
	}
	e := &b.entries[id]
	e.drop(p)
	b.fresh.clear(p)
	if e.refs == 0 {
		b.remove(id)
	}
}

// refer puts an entry into a slot of the new table that is free.
func (b *Book) refer(p place, id uint32) {
	e := &b.entries[id]
	e.places[e.refs] = p
	e.refs++
	b.fresh.put(p, id)
}
