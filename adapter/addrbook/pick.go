package addrbook

import (
	"slices"
	"time"
)

// Kinds is a set of networks.
type Kinds uint8

// The sets that are dialled: IP addresses, all that a Tor proxy reaches, and each alone.
const (
	OnlyIPv4  Kinds = 1 << IPv4
	OnlyIPv6  Kinds = 1 << IPv6
	OnlyOnion Kinds = 1 << TorV3
	IPs             = OnlyIPv4 | OnlyIPv6
	Dialable        = IPs | OnlyOnion
)

// Has reports whether the set has the network.
func (k Kinds) Has(kind Kind) bool { return kind <= maxKind && k>>kind&1 == 1 }

// Wanted says whom to dial.
type Wanted struct {
	// Kinds are the networks that can be dialled. None if zero. What is not in
	// [Dialable] is not dialled, whatever it says.
	Kinds Kinds
	// Services must all be claimed by the node; 0 wants none.
	Services uint64
	// InUse are the groups of the outbound peers, none of which gets another. The
	// caller keeps it.
	InUse []Group
	// NewOnly passes over the tried table, as a feeler does.
	NewOnly bool
}

// Candidate is an address to dial.
type Candidate struct {
	// Addr is where to dial.
	Addr Addr
	// Group is its network group: it belongs into [Wanted.InUse] while it is a peer.
	Group Group
	// Services are those that it is said to have: a hint.
	Services uint64
	// Tried says that a node was reached there once.
	Tried bool
}

// Pick returns an address to dial: from the new and the tried table half and half,
// and of them those that failed or were just dialled more rarely, never within 3 s. It
// looks at 100 addresses at the most; with none that is wanted, it returns false. It
// allocates nothing.
//
// Source: ThreadOpenConnections, Bitcoin Core v30.0 src/net.cpp.
func (b *Book) Pick(want Wanted, now time.Time) (Candidate, bool) {
	at := seconds(now)
	for n := range maxPicks {
		e := b.draw(want.NewOnly, at)
		if e == nil {
			return Candidate{}, false
		}
		rest := int64(at) - int64(e.tried)
		if !b.wanted(want, e.addr, e.services) || rest < leastRest ||
			n < recentPicks && rest < recentTry ||
			n < badPortPicks && foreignPort(e.addr) {
			continue
		}
		return b.candidate(e), true
	}
	return Candidate{}, false
}

func (b *Book) candidate(e *entry) Candidate {
	return Candidate{Addr: e.addr, Group: b.Group(e.addr), Services: e.services, Tried: e.isTried}
}

func (b *Book) wanted(want Wanted, a Addr, services uint64) bool {
	return (want.Kinds & Dialable).Has(a.kind) && services&want.Services == want.Services &&
		!slices.Contains(want.InUse, b.Group(a))
}

// draw returns a random entry by chance, nil if there is none. Each one that it lets
// pass makes the next 1.2 times as likely: the least chance is 2^-12, so the 46th is
// certain.
//
// Source: AddrManImpl::Select_, Bitcoin Core v30.0 src/addrman.cpp.
func (b *Book) draw(newOnly bool, now uint32) *entry {
	from := b.choose(newOnly)
	if from == nil {
		return nil
	}
	const one = 1 << 20
	for factor := uint64(one); ; factor += factor / 5 {
		e := &b.entries[from.random(&b.dice)]
		// At most 2^30 * 2^33, for factor stops growing once the product is certain.
		if e.chance(now)*factor/one > b.dice.roll()%certain {
			return e
		}
	}
}

// choose returns the table to draw from: nil if it is empty, and the other one if one
// of the two is.
func (b *Book) choose(newOnly bool) *table {
	switch {
	case newOnly || b.tried.count == 0:
		if b.fresh.count == 0 {
			return nil
		}
		return &b.fresh
	case b.fresh.count == 0 || b.dice.below(2) == 0:
		return &b.tried
	default:
		return &b.fresh
	}
}

// Feeler returns whom a feeler should dial: the holder of a slot of the tried table
// that another waits for, so that it is tested; else a new address. Groups do not
// matter to a feeler; kinds and services do.
//
// Source: ThreadOpenConnections, Bitcoin Core v30.0 src/net.cpp.
func (b *Book) Feeler(want Wanted, now time.Time) (Candidate, bool) {
	want.NewOnly, want.InUse = true, nil
	if b.waiting > 0 {
		waiting := b.collisions[b.dice.below(b.waiting)]
		if holder, taken := b.tried.at(b.triedPlace(waiting)); taken {
			if e := &b.entries[holder]; b.wanted(want, e.addr, e.services) {
				return b.candidate(e), true
			}
		}
	}
	return b.Pick(want, now)
}

// SeedSlots returns how many outbound slots should dial what [Book.PickSeed] says:
// [MinSeedSlots] while nobody was ever reached, whatever gossip or DNS said, else 0.
// So whoever answers for DNS cannot alone choose the first peers.
func (b *Book) SeedSlots() int {
	if b.tried.count == 0 {
		return MinSeedSlots
	}
	return 0
}

// PickSeed returns a fixed seed to dial, from the list and not from the tables, where
// others may have taken its slot. It looks at 100 at the most, and passes over those
// that were dialled within 10 minutes. The caller keeps seeds.
func (b *Book) PickSeed(seeds []Addr, want Wanted, now time.Time) (Candidate, bool) {
	if len(seeds) == 0 {
		return Candidate{}, false
	}
	at := seconds(now)
	for range maxPicks {
		a := seeds[b.dice.below(len(seeds))]
		e := b.find(a)
		if !a.Routable() || !b.wanted(want, a, want.Services) || e != nil && int64(at)-int64(e.tried) < recentTry {
			continue
		}
		if e != nil {
			return b.candidate(e), true
		}
		return Candidate{Addr: a, Group: b.Group(a), Services: want.Services}, true
	}
	return Candidate{}, false
}

// foreignPorts are the ports of well-known protocols that a browser would not speak
// HTTP to either: a crowd of nodes dialling one could harm who listens there.
//
// Source: IsBadPort, Bitcoin Core v30.0 src/netbase.cpp.
var foreignPorts = [...]uint16{ //nolint:gochecknoglobals // a table, never written
	1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
	110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530,
	531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3306, 3389, 3659, 4045,
	5060, 5061, 5432, 5900, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6697, 10080, 27017,
}

func foreignPort(a Addr) bool {
	return (a.kind == IPv4 || a.kind == IPv6) && slices.Contains(foreignPorts[:], a.port)
}
