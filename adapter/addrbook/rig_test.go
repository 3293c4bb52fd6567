package addrbook

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"blockgate/internal/btc"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var testSecret = [32]byte{7, 1, 7}

func testConfig(seed uint64) Config {
	secret := testSecret
	binary.LittleEndian.PutUint64(secret[8:], seed)
	return Config{Network: btc.Mainnet, Secret: secret, Seed: seed}
}

// at returns the address that a text names.
func at(t testing.TB, text string) Addr {
	t.Helper()
	a, err := ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// v4 returns host n of a routable IPv4 /16.
func v4(group, n int) Addr {
	return FromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{
		byte(20 + group>>8), byte(group), byte(n >> 8), byte(n),
	}), 8333))
}

// heardNow is one address, seen now.
func heardNow(a Addr, now time.Time) []Heard {
	return []Heard{{Addr: a, Services: NodeNetwork | NodeWitness, Seen: seconds(now)}}
}

// put adds an address that a peer at from tells of itself or of another.
func put(t testing.TB, b *Book, a, from Addr, now time.Time) {
	t.Helper()
	if got := b.Add(heardNow(a, now), b.PeerSource(from), nil, now); got.New != 1 {
		t.Fatalf("add %v: %+v", a, got)
	}
}

var anyIP = Wanted{Kinds: IPs}

// check holds a book to its invariants.
func check(t testing.TB, b *Book) {
	t.Helper()
	live := 0
	for id := range b.entries {
		e := &b.entries[id]
		if e.addr == (Addr{}) {
			continue
		}
		live++
		if got, ok := b.index[e.addr]; !ok || got != uint32(id) {
			t.Fatalf("%v: index has %d, %v", e.addr, got, ok)
		}
		if e.isTried != (e.refs == 0) || e.refs > MaxReferences {
			t.Fatalf("%v: tried %v with %d slots", e.addr, e.isTried, e.refs)
		}
		for _, p := range e.places[:e.refs] {
			if got, taken := b.fresh.at(p); !taken || got != uint32(id) {
				t.Fatalf("%v: slot %d holds %d, %v", e.addr, p, got, taken)
			}
			if bucket, _ := p.split(); b.position(tagNewPosition, bucket, e.addr) != p {
				t.Fatalf("%v: slot %d is not its own", e.addr, p)
			}
		}
		if e.isTried {
			if got, taken := b.tried.at(b.triedPlace(e.addr)); !taken || got != uint32(id) {
				t.Fatalf("%v: tried slot holds %d, %v", e.addr, got, taken)
			}
		}
	}
	checkCounts(t, b, live)
}

func checkCounts(t testing.TB, b *Book, live int) {
	t.Helper()
	free := 0
	for f := b.free; f != 0; f = b.entries[f-1].next {
		free++
	}
	if live != len(b.index) || live+free != len(b.entries) || live > MaxEntries {
		t.Fatalf("%d entries, %d in the index, %d free of %d", live, len(b.index), free, len(b.entries))
	}
	refs, tried := 0, 0
	for id := range b.entries {
		refs += int(b.entries[id].refs)
		if b.entries[id].isTried {
			tried++
		}
	}
	if refs != b.fresh.count || tried != b.tried.count {
		t.Fatalf("%d of %d slots, %d of %d tried", refs, b.fresh.count, tried, b.tried.count)
	}
}
