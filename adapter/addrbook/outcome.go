package addrbook

import (
	"slices"
	"time"
)

// Attempt says that an address is dialled now. With count, it is a failure until
// [Book.Good] says otherwise; leave count out when the fault may be ours, as when
// nobody at all can be reached. A second attempt counts only if somebody was reached
// in between: a line of ours that is down costs each address one failure. An address
// that is not in the book is passed over.
//
// Source: AddrManImpl::Attempt_, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) Attempt(a Addr, count bool, now time.Time) {
	e := b.find(a)
	if e == nil {
		return
	}
	e.tried = seconds(now)
	if count && e.counted < b.lastGood {
		e.counted = e.tried
		e.failures = min(e.failures, 254) + 1
	}
}

// Connected says that a peer at the address is connected or was until now: call it
// when it leaves, not while it is there, lest the time tell who our peers are.
//
// Source: AddrManImpl::Connected_, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) Connected(a Addr, now time.Time) {
	if e, at := b.find(a), seconds(now); e != nil && int64(at)-int64(e.seen) > seenStep {
		e.seen = at
	}
}

// SetServices says what services the peer at the address said it has.
func (b *Book) SetServices(a Addr, services uint64) {
	if e := b.find(a); e != nil {
		e.services = services
	}
}

// Good says that a node was reached at the address: the handshake is done. It moves
// to the tried table, and Good returns true. If its slot there is taken, or it is
// there already, or is not in the book, it returns false; in the first case, the
// holder of the slot is to be tested: see [Book.Feeler] and [Book.ResolveCollisions].
//
// Source: AddrManImpl::Good_, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) Good(a Addr, now time.Time) bool {
	at := seconds(now)
	b.lastGood = max(b.lastGood, at)
	id, ok := b.index[a]
	if !ok {
		return false
	}
	e := &b.entries[id]
	e.reached, e.tried, e.failures = at, at, 0
	if e.isTried {
		return false
	}
	p := b.triedPlace(a)
	if _, taken := b.tried.at(p); taken {
		b.collide(a)
		return false
	}
	b.promote(id, p)
	return true
}

// promote moves a new entry to its slot of the tried table. Who held it becomes new
// again, in the slot that its first source gives it; who held that is pushed out.
//
// Source: AddrManImpl::MakeTried, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) promote(id uint32, p place) {
	e := &b.entries[id]
	for e.refs > 0 {
		last := e.places[e.refs-1]
		e.refs--
		b.fresh.clear(last)
	}
	if evicted, taken := b.tried.at(p); taken {
		old := &b.entries[evicted]
		old.isTried = false
		b.tried.clear(p)
		back := b.newPlace(old.addr, old.source)
		b.vacate(back)
		b.refer(back, evicted)
	}
	e.isTried = true
	b.tried.put(p, id)
}

// collide keeps an address that waits for its slot, unless it does already or too
// many do.
func (b *Book) collide(a Addr) {
	if b.waiting < MaxCollisions && !slices.Contains(b.collisions[:b.waiting], a) {
		b.collisions[b.waiting] = a
		b.waiting++
	}
}

// ResolveCollisions decides about the addresses whose slot is taken: the holder keeps
// it if it was reached within 4 hours. It loses it if it was dialled within 4 hours in
// vain, more than a minute ago, or if nobody found the time to test it for 40 minutes.
// Else the newcomer waits on. It returns how many moved to the tried table.
//
// Source: AddrManImpl::ResolveCollisions_, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) ResolveCollisions(now time.Time) (moved int) {
	at, kept := seconds(now), 0
	for _, a := range b.collisions[:b.waiting] {
		switch id, verdict := b.judge(a, at); verdict {
		case waits:
			b.collisions[kept] = a
			kept++
		case wins:
			b.promote(id, b.triedPlace(a))
			moved++
		case loses:
		}
	}
	clear(b.collisions[kept:b.waiting])
	b.waiting = kept
	return moved
}

// judgement is what becomes of an address whose slot is taken.
type judgement uint8

const (
	loses judgement = iota
	waits
	wins
)

func (b *Book) judge(a Addr, now uint32) (uint32, judgement) {
	id, ok := b.index[a]
	if !ok || b.entries[id].isTried {
		return 0, loses
	}
	holder, taken := b.tried.at(b.triedPlace(a))
	if !taken {
		return id, wins
	}
	old := &b.entries[holder]
	switch n := int64(now); {
	case n-int64(old.reached) < replacement:
		return id, loses
	case n-int64(old.tried) < replacement:
		if n-int64(old.tried) > justTried {
			return id, wins
		}
		return id, waits
	case n-int64(b.entries[id].reached) > testWindow:
		return id, wins
	default:
		return id, waits
	}
}

// SetAnchors keeps up to [MaxAnchors] peers that the next run should dial first: block
// relay peers, whom no stranger could make us dial. Set none once they were dialled, so
// that a peer that makes us crash is not dialled for ever.
//
// Source: CConnman::StopNodes and Start, Bitcoin Core v30.0 src/net.cpp.
func (b *Book) SetAnchors(anchors []Addr) {
	clear(b.anchors[:])
	b.anchored = 0
	for _, a := range anchors[:min(len(anchors), MaxAnchors)] {
		if a.wellFormed() {
			b.anchors[b.anchored] = a
			b.anchored++
		}
	}
}

// Anchors returns the peers to dial first. The slice is the caller's.
func (b *Book) Anchors() []Addr { return append([]Addr(nil), b.anchors[:b.anchored]...) }
