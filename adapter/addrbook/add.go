package addrbook

import "time"

// Heard is an address as somebody named it.
type Heard struct {
	// Addr is where a node should be.
	Addr Addr
	// Services are the services that the node should have: a hint.
	Services uint64
	// Seen is when somebody last saw it, in Unix seconds, as claimed.
	Seen uint32
}

// Added says what became of addresses that were heard; the counts add up to as many
// as there were.
type Added struct {
	// New counts the addresses that took a slot.
	New int
	// Known counts those that were there already, or whose slot is taken by a better.
	Known int
	// Unroutable counts those that strangers may not name.
	Unroutable int
	// OverQuota counts those that the source was not granted, or beyond [MaxHeard].
	OverQuota int
}

// Quota is how many addresses a peer may still name: 1 at first, one more each
// [QuotaRefill], at most [QuotaSize]. It belongs to one connection; the zero Quota
// starts when it is first used.
//
// Source: Peer::m_addr_token_bucket, Bitcoin Core v30.0 src/net_processing.cpp.
type Quota struct {
	saved   time.Duration // One address costs QuotaRefill of it.
	since   time.Time
	started bool
}

// Grant allows [QuotaSize] addresses more: call it when addresses are asked for.
func (q *Quota) Grant(now time.Time) {
	q.refill(now)
	q.saved += QuotaSize * QuotaRefill
}

// refill adds what the time since the last call is worth. Grants may exceed
// QuotaSize; nothing is added to them until they are spent.
func (q *Quota) refill(now time.Time) {
	const full = QuotaSize * QuotaRefill
	if !q.started {
		*q = Quota{saved: QuotaRefill, since: now, started: true}
		return
	}
	passed := max(now.Sub(q.since), 0)
	q.since = now
	if q.saved < full {
		q.saved = min(q.saved+min(passed, full), full)
	}
}

// take spends one address; false if there is none.
func (q *Quota) take() bool {
	if q.saved < QuotaRefill {
		return false
	}
	q.saved -= QuotaRefill
	return true
}

// Add takes in what a peer told: at most [MaxHeard] addresses, as many as its quota
// allows, in random order, so that a peer cannot choose which. A nil quota allows
// all. It may change the order of heard and keeps nothing of it. Times that cannot be
// are replaced. From [ManualSource], what is not publicly routable is taken too.
//
// Source: ProcessMessage (addr, addrv2), Bitcoin Core v30.0 src/net_processing.cpp.
func (b *Book) Add(heard []Heard, source Source, quota *Quota, now time.Time) Added {
	var added Added
	if over := len(heard) - MaxHeard; over > 0 {
		heard, added.OverQuota = heard[:MaxHeard], over
	}
	if source == (Source{}) {
		added.OverQuota += len(heard)
		return added
	}
	b.shuffle(heard)
	if quota != nil {
		quota.refill(now)
	}
	at := seconds(now)
	for _, h := range heard {
		switch {
		case quota != nil && !quota.take():
			added.OverQuota++
		case !mayName(source, h.Addr):
			added.Unroutable++
		default:
			if h.Seen <= oldestClaim || int64(h.Seen) > int64(at)+maxAhead {
				h.Seen = before(at, wrongClaim)
			}
			added.count(b.add(h, source, penalty(source, h.Addr), at))
		}
	}
	return added
}

func (a *Added) count(isNew bool) {
	if isNew {
		a.New++
	} else {
		a.Known++
	}
}

// mayName reports whether a source may name an address.
func mayName(source Source, a Addr) bool {
	return a.Routable() || source.group[0] == classManual && a.wellFormed()
}

// penalty returns by how many seconds an address counts as older than its source
// says: gossip is second-hand, but of a peer about its own address.
func penalty(source Source, a Addr) int {
	if source.from == (Addr{}) || source.from.kind == a.kind && source.from.bytes == a.bytes {
		return 0
	}
	return gossipPenalty
}

func (b *Book) shuffle(heard []Heard) {
	for i := len(heard) - 1; i > 0; i-- {
		j := b.dice.below(i + 1)
		heard[i], heard[j] = heard[j], heard[i]
	}
}

// AddDNS takes in what a DNS seed answered under its name: at most [MaxHeard] addresses,
// of which services are supposed, seen 3 to 7 days ago. All are of one source.
//
// Source: ThreadDNSAddressSeed, Bitcoin Core v30.0 src/net.cpp.
func (b *Book) AddDNS(name string, addrs []Addr, services uint64, now time.Time) Added {
	over := max(len(addrs)-MaxHeard, 0)
	source := func(Addr) Source { return DNSSource(name) }
	added := b.addAged(addrs[:len(addrs)-over], services, source, [2]int{dnsAgeMin, dnsAgeMax}, now)
	added.OverQuota += over
	return added
}

// AddFixed takes in the fixed seeds: at most [MaxSeeds], seen 7 to 14 days ago. Each
// is a source of its own.
//
// Source: ConvertSeeds, Bitcoin Core v30.0 src/net.cpp.
func (b *Book) AddFixed(seeds []Addr, services uint64, now time.Time) Added {
	return b.addAged(seeds, services, seedSource, [2]int{seedAgeMin, seedAgeMax}, now)
}

func (b *Book) addAged(addrs []Addr, services uint64, source func(Addr) Source, age [2]int, now time.Time) Added {
	var added Added
	if over := len(addrs) - MaxSeeds; over > 0 {
		addrs, added.OverQuota = addrs[:MaxSeeds], over
	}
	at := seconds(now)
	for _, a := range addrs {
		if !a.Routable() {
			added.Unroutable++
			continue
		}
		seen := before(at, age[0]+b.dice.below(age[1]-age[0]))
		added.count(b.add(Heard{Addr: a, Services: services, Seen: seen}, source(a), 0, at))
	}
	return added
}

// add gives an address a slot of the new table, or one more; false if it gets none.
//
// Source: AddrManImpl::AddSingle, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) add(h Heard, source Source, late int, now uint32) bool {
	id, known := b.index[h.Addr]
	if !known {
		return b.addUnknown(h, source, late, now)
	}
	if !b.refresh(&b.entries[id], h, late, now) {
		return false
	}
	p := b.newPlace(h.Addr, source.group)
	holder, taken := b.fresh.at(p)
	if taken && (holder == id || !b.entries[holder].terrible(now)) {
		return false
	}
	b.vacate(p)
	b.refer(p, id)
	return true
}

// addUnknown makes an entry if its slot is free or its holder can spare it.
func (b *Book) addUnknown(h Heard, source Source, late int, now uint32) bool {
	p := b.newPlace(h.Addr, source.group)
	if holder, taken := b.fresh.at(p); taken {
		if old := &b.entries[holder]; !old.terrible(now) && old.refs <= 1 {
			return false
		}
	}
	b.vacate(p)
	id := b.create(entry{addr: h.Addr, source: source.group, services: h.Services, seen: before(h.Seen, late)})
	b.refer(p, id)
	return true
}

// refresh takes in what is new about a known address, and reports whether it may get
// one more slot: the more it has, the less likely.
//
// Source: AddrManImpl::AddSingle, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) refresh(e *entry, h Heard, late int, now uint32) bool {
	step := int64(offlineStep)
	if int64(now)-int64(h.Seen) < 24*60*60 {
		step = onlineStep
	}
	if int64(e.seen) < int64(h.Seen)-step-int64(late) {
		e.seen = before(h.Seen, late)
	}
	e.services |= h.Services
	switch {
	case h.Seen <= e.seen, e.isTried, e.refs == MaxReferences:
		return false
	default:
		return b.dice.below(1<<e.refs) == 0
	}
}
