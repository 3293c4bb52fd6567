package addrbook

import (
	"reflect"
	"runtime"
	"testing"
	"time"
)

func TestAddOutcomes(t *testing.T) {
	peer := v4(1, 1)
	for _, c := range []struct {
		name   string
		heard  Addr
		source func(*Book) Source
		want   Added
	}{
		{"from a peer", v4(2, 2), func(b *Book) Source { return b.PeerSource(peer) }, Added{New: 1}},
		{"of itself", peer, func(b *Book) Source { return b.PeerSource(peer) }, Added{New: 1}},
		{"from DNS", v4(2, 2), func(*Book) Source { return DNSSource("seed.example") }, Added{New: 1}},
		{"from nobody", v4(2, 2), func(*Book) Source { return Source{} }, Added{OverQuota: 1}},
		{"private from a peer", at(t, "192.168.1.1:8333"), func(b *Book) Source { return b.PeerSource(peer) }, Added{Unroutable: 1}},
		{"private from its own network", at(t, "192.168.1.1:8333"), func(b *Book) Source { return b.PeerSource(at(t, "192.168.1.2:8333")) }, Added{Unroutable: 1}},
		{"loopback from DNS", at(t, "127.0.0.1:8333"), func(*Book) Source { return DNSSource("seed.example") }, Added{Unroutable: 1}},
		{"no address", Addr{}, func(*Book) Source { return ManualSource() }, Added{Unroutable: 1}},
		{"loopback from the operator", at(t, "127.0.0.1:8333"), func(*Book) Source { return ManualSource() }, Added{New: 1}},
		{"port 0", at(t, "8.8.8.8:0"), func(b *Book) Source { return b.PeerSource(peer) }, Added{Unroutable: 1}},
		{"onion", at(t, onion+":8333"), func(b *Book) Source { return b.PeerSource(peer) }, Added{New: 1}},
		{"i2p", at(t, i2p+":0"), func(b *Book) Source { return b.PeerSource(peer) }, Added{New: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New(testConfig(1))
			if got := b.Add(heardNow(c.heard, t0), c.source(b), nil, t0); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			check(t, b)
			if got := b.Stats().Entries; got != c.want.New {
				t.Errorf("%d entries", got)
			}
		})
	}
}

func TestAddDNSAndFixedRefuseUnroutable(t *testing.T) { // THREATS M13.
	b := New(testConfig(1))
	bad := []Addr{at(t, "127.0.0.1:8333"), at(t, "[fe80::1]:8333"), at(t, "10.1.2.3:8333"), v4(1, 1)}
	if got := b.AddDNS("seed.example", bad, 9, t0); got != (Added{New: 1, Unroutable: 3}) {
		t.Errorf("DNS: %+v", got)
	}
	if got := b.AddFixed(bad, 9, t0); got.Unroutable != 3 || got.New+got.Known != 1 {
		t.Errorf("fixed: %+v", got)
	}
	check(t, b)
}

func TestAddLimits(t *testing.T) { // THREATS M13: at most 1000 a message.
	for _, n := range []int{MaxHeard - 1, MaxHeard, MaxHeard + 1} {
		b := New(testConfig(1))
		var heard []Heard
		var addrs []Addr
		for i := range n {
			heard = append(heard, heardNow(v4(i%500, i), t0)...)
			addrs = append(addrs, v4(i%500, i))
		}
		got := b.Add(heard, b.PeerSource(v4(1, 1)), nil, t0)
		if got.OverQuota != max(n-MaxHeard, 0) || got.New+got.Known != min(n, MaxHeard) {
			t.Errorf("%d addresses: %+v", n, got)
		}
		if got := b.AddDNS("seed.example", addrs, 9, t0); got.OverQuota != max(n-MaxHeard, 0) || got.New+got.Known != min(n, MaxHeard) {
			t.Errorf("%d addresses of DNS: %+v", n, got)
		}
		check(t, b)
	}
	b := New(testConfig(1))
	for _, n := range []int{MaxSeeds - 1, MaxSeeds, MaxSeeds + 1} {
		if got := b.AddFixed(make([]Addr, n), 9, t0); got.OverQuota != max(n-MaxSeeds, 0) {
			t.Errorf("%d seeds: %+v", n, got)
		}
	}
}

func TestQuota(t *testing.T) { // THREATS M13: 0.1 a second, 1000 saved up.
	var q Quota
	spend := func(now time.Time) (n int) {
		q.refill(now)
		for q.take() {
			n++
		}
		return n
	}
	for _, c := range []struct {
		name  string
		after time.Duration
		grant bool
		want  int
	}{
		{"at first", 0, false, 1},
		{"at once", 0, false, 0},
		{"just before", QuotaRefill - 1, false, 0},
		{"after 10 s", 1, false, 1},
		{"after 25 s", 25 * time.Second, false, 2},
		{"the rest", 5 * time.Second, false, 1},
		{"full, less one", 999 * QuotaRefill, false, 999},
		{"full", 1000 * QuotaRefill, false, 1000},
		{"not fuller", 1001 * QuotaRefill, false, 1000},
		{"for ever", 100 * 365 * 24 * time.Hour, false, 1000},
		{"granted", 0, true, 1000},
		{"granted on top", 3 * QuotaRefill, true, 1003},
		{"the clock goes back", -time.Hour, false, 0},
		{"and on", QuotaRefill, false, 1},
	} {
		t0 := q.since
		if t0.IsZero() {
			t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		now := t0.Add(c.after)
		if c.grant {
			q.Grant(now)
		}
		if got := spend(now); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestQuotaIsSpentByAdd(t *testing.T) {
	b := New(testConfig(1))
	var q Quota
	heard := func() (h []Heard) {
		for i := range 1000 {
			h = append(h, heardNow(v4(i%500, i), t0)...)
		}
		return h
	}
	if got := b.Add(heard(), b.PeerSource(v4(1, 1)), &q, t0); got.OverQuota != 999 || got.New != 1 {
		t.Errorf("unasked: %+v", got)
	}
	q.Grant(t0)
	if got := b.Add(heard(), b.PeerSource(v4(1, 1)), &q, t0); got.OverQuota != 0 {
		t.Errorf("asked: %+v", got)
	}
	if got := b.Add(heard(), b.PeerSource(v4(1, 1)), &q, t0.Add(time.Minute)); got.OverQuota != 994 {
		t.Errorf("a minute on: %+v", got)
	}
}

func TestClaimedTimes(t *testing.T) { // THREATS M14: a time far in the future is replaced.
	now := seconds(t0)
	for _, c := range []struct {
		name       string
		seen, want uint32
	}{
		{"now", now, now - gossipPenalty},
		{"10 minutes ahead", now + maxAhead, now + maxAhead - gossipPenalty},
		{"further ahead", now + maxAhead + 1, now - wrongClaim - gossipPenalty},
		{"the last", 1<<32 - 1, now - wrongClaim - gossipPenalty},
		{"never", 0, now - wrongClaim - gossipPenalty},
		{"1973", oldestClaim, now - wrongClaim - gossipPenalty},
		{"just after", oldestClaim + 1, oldestClaim + 1 - gossipPenalty},
	} {
		b := New(testConfig(1))
		b.Add([]Heard{{Addr: v4(2, 2), Seen: c.seen}}, b.PeerSource(v4(1, 1)), nil, t0)
		if got := b.find(v4(2, 2)).seen; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	b := New(testConfig(1))
	put(t, b, v4(2, 2), v4(2, 2), t0)
	if got := b.find(v4(2, 2)).seen; got != now {
		t.Errorf("of itself: %d, want %d", got, now)
	}
}

func TestHeardAgain(t *testing.T) {
	now := seconds(t0)
	for _, c := range []struct {
		name               string
		before, said, want uint32
	}{
		{"older", now, now - 1, now},
		{"an hour later, online", now - onlineStep - gossipPenalty, now, now - onlineStep - gossipPenalty},
		{"more than an hour later", now - onlineStep - gossipPenalty - 1, now, now - gossipPenalty},
		{"a day later, offline", now - 3*86400 - gossipPenalty, now - 2*86400, now - 3*86400 - gossipPenalty},
		{"more than a day later", now - 3*86400 - gossipPenalty - 1, now - 2*86400, now - 2*86400 - gossipPenalty},
	} {
		b := New(testConfig(1))
		put(t, b, v4(2, 2), v4(2, 2), t0)
		b.find(v4(2, 2)).seen = c.before
		b.Add([]Heard{{Addr: v4(2, 2), Services: 1 << 40, Seen: c.said}}, b.PeerSource(v4(1, 1)), nil, t0)
		e := b.find(v4(2, 2))
		if e.seen != c.want || e.services != 1<<40|9 {
			t.Errorf("%s: seen %d, want %d; services %x", c.name, e.seen, c.want, e.services)
		}
	}
}

func TestReferences(t *testing.T) {
	b := New(testConfig(1))
	a := v4(300, 1)
	most := 0
	for n := range 20000 {
		now := t0.Add(time.Duration(n) * time.Second)
		b.Add([]Heard{{Addr: a, Seen: seconds(now)}}, b.PeerSource(v4(n%250, 1)), nil, now)
		most = max(most, int(b.find(a).refs))
	}
	check(t, b)
	if most != MaxReferences {
		t.Errorf("an address that 250 sources name has %d slots, want %d", most, MaxReferences)
	}
	// The chance of one more slot halves with each: 1, 1/2, ... so the eighth comes
	// after 255 hearings on average.
	total := 0
	const runs = 50
	for seed := range uint64(runs) {
		b := New(testConfig(seed))
		for n := 0; b.find(a) == nil || b.find(a).refs < MaxReferences; n++ {
			now := t0.Add(time.Duration(n) * time.Second)
			b.Add([]Heard{{Addr: a, Seen: seconds(now)}}, b.PeerSource(v4(n%250, 1)), nil, now)
			total++
		}
	}
	if mean := total / runs; mean < 200 || mean > 330 {
		t.Errorf("the eighth slot came after %d hearings, want about 255", mean)
	}
}

func TestTerrible(t *testing.T) {
	now := seconds(t0)
	for _, c := range []struct {
		name string
		e    entry
		want bool
	}{
		{"fresh", entry{seen: now}, false},
		{"10 minutes ahead", entry{seen: now + maxAhead}, false},
		{"further ahead", entry{seen: now + maxAhead + 1}, true},
		{"30 days ago", entry{seen: now - horizon}, false},
		{"longer ago", entry{seen: now - horizon - 1}, true},
		{"longer ago, dialled a minute ago", entry{seen: now - horizon - 1, tried: now - justTried}, false},
		{"longer ago, dialled before", entry{seen: now - horizon - 1, tried: now - justTried - 1}, true},
		{"2 failures", entry{seen: now, failures: retries - 1}, false},
		{"3 failures", entry{seen: now, failures: retries}, true},
		{"3 failures, once reached", entry{seen: now, failures: retries, reached: 1}, false},
		{"9 failures since a week", entry{seen: now, failures: maxFailures - 1, reached: now - minFail - 1}, false},
		{"10 failures within a week", entry{seen: now, failures: maxFailures, reached: now - minFail}, false},
		{"10 failures since a week", entry{seen: now, failures: maxFailures, reached: now - minFail - 1}, true},
	} {
		if got := c.e.terrible(now); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestChance(t *testing.T) {
	now := seconds(t0)
	want := float64(certain)
	for failures := range 12 {
		e := entry{failures: uint8(failures)}
		if got := float64(e.chance(now)); got < want*0.999 || got > want*1.001 {
			t.Errorf("%d failures: %.0f, want %.0f", failures, got, want)
		}
		if failures < maxChanceFailures {
			want *= 0.66
		}
	}
	for ago, want := range map[uint32]uint64{recentTry: certain, recentTry - 1: certain / 100, 0: certain / 100} {
		if got := (&entry{tried: now - ago}).chance(now); got != want {
			t.Errorf("dialled %d s ago: %d, want %d", ago, got, want)
		}
	}
}

// fill puts addresses of many groups from many sources into a book until both tables
// are as full as such get.
func fill(b *Book, rounds int) {
	for n := range rounds {
		a := v4(n%50000, n/50000+1)
		b.Add(heardNow(a, t0), b.PeerSource(v4(n*7%50000, 9)), nil, t0)
	}
}

func TestEvictionFromNew(t *testing.T) {
	b := New(testConfig(1))
	fill(b, 40000)
	check(t, b)
	holder := b.entries[0].addr
	p := b.entries[0].places[0]
	// Find an address that wants the same slot.
	var rival Addr
	source := b.PeerSource(v4(0, 9))
	for n := 0; ; n++ {
		rival = v4(n%50000, 1000+n/50000)
		if b.newPlace(rival, source.group) == p {
			break
		}
	}
	if got := b.Add(heardNow(rival, t0), source, nil, t0); got.Known != 1 || b.find(holder) == nil {
		t.Errorf("a good holder lost its slot: %+v", got)
	}
	later := t0.Add((horizon + 1) * time.Second)
	if got := b.Add(heardNow(rival, later), source, nil, later); got.New != 1 || b.find(holder) != nil {
		t.Errorf("a holder not seen for 30 days kept its slot: %+v", got)
	}
	check(t, b)
}

func TestSecondSlotYields(t *testing.T) {
	b := New(testConfig(1))
	a := v4(300, 1)
	for n := 0; b.find(a) == nil || b.find(a).refs < 2; n++ {
		b.Add(heardNow(a, t0.Add(time.Duration(n)*time.Second)), b.PeerSource(v4(n%250, 1)), nil, t0.Add(time.Duration(n)*time.Second))
	}
	p := b.find(a).places[1]
	bucket, _ := p.split()
	for n := 0; ; n++ {
		rival, source := v4(n%40000, 2), b.PeerSource(v4(n%977, 9))
		if b.newPlace(rival, source.group) != p {
			continue
		}
		if got := b.Add(heardNow(rival, t0), source, nil, t0); got.New != 1 {
			t.Fatalf("a second slot in bucket %d is not given up: %+v", bucket, got)
		}
		break
	}
	if e := b.find(a); e == nil || e.refs != 1 {
		t.Errorf("%+v", e)
	}
	check(t, b)
}

func TestMemory(t *testing.T) {
	if got := int(reflect.TypeFor[entry]().Size()); got*5/4+94 > EntrySizeBytes {
		t.Errorf("an entry has %d bytes: with growth and index %d, the stated bound is %d", got, got*5/4+94, EntrySizeBytes)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b := New(testConfig(1))
	full := fillTables(b)
	runtime.GC()
	runtime.ReadMemStats(&after)
	check(t, b)
	const tables = (NewSlots+TriedSlots)*4 + (NewBuckets+TriedBuckets)*8
	if got, most := int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(MaxEntries*EntrySizeBytes+tables); got > most {
		t.Errorf("a full book takes %d bytes, the stated bound is %d", got, most)
	} else {
		t.Logf("a full book of %d addresses takes %.1f MiB", full, float64(got)/(1<<20))
	}
	if s := b.Stats(); s.Entries != full || s.Entries > MaxEntries || s.References > NewSlots || s.Tried > TriedSlots {
		t.Errorf("%+v", s)
	}
	// What comes after finds no room: the count does not grow.
	fill(b, 60000)
	if got := len(b.entries); got > MaxEntries {
		t.Errorf("%d entries", got)
	}
	check(t, b)
}

// fillTables fills each slot of both tables with an address of its own, by hand.
func fillTables(b *Book) (entries int) {
	e := entry{source: Group{1}, seen: seconds(t0)}
	missing := TriedSlots
	for n := 0; missing > 0; n++ {
		e.addr = v4(n%12000, n/12000) // Below 100.64.0.0/10: all are routable.
		if p := b.triedPlace(e.addr); b.isFree(&b.tried, p) {
			e.isTried = true
			b.tried.put(p, b.create(e))
			missing--
			entries++
		}
	}
	e.isTried = false
	n := 0
	for bucket := range NewBuckets {
		for b.fresh.used[bucket] != 1<<64-1 {
			e.addr = v4(n%12000, 1000+n/12000)
			n++
			if p := b.position(tagNewPosition, bucket, e.addr); b.isFree(&b.fresh, p) {
				b.refer(p, b.create(e))
				entries++
			}
		}
	}
	return entries
}

func (b *Book) isFree(t *table, p place) bool {
	_, taken := t.at(p)
	return !taken
}

func TestStats(t *testing.T) {
	b := New(testConfig(1))
	put(t, b, v4(1, 1), v4(1, 1), t0)
	put(t, b, at(t, "[2600::1]:1"), v4(1, 1), t0)
	put(t, b, at(t, onion+":1"), v4(1, 1), t0)
	put(t, b, at(t, i2p+":0"), v4(1, 1), t0)
	b.Good(v4(1, 1), t0)
	want := Stats{Entries: 4, New: 3, Tried: 1, References: 3}
	want.Kinds[IPv4], want.Kinds[IPv6], want.Kinds[TorV3], want.Kinds[I2P] = 1, 1, 1, 1
	if got := b.Stats(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestSeconds(t *testing.T) {
	for when, want := range map[time.Time]uint32{
		{}: 1, time.Unix(-1, 0): 1, time.Unix(0, 0): 1, time.Unix(1, 0): 1, time.Unix(2, 0): 2,
		time.Unix(1<<32-1, 0): 1<<32 - 1, time.Unix(1<<32, 0): 1<<32 - 1,
	} {
		if got := seconds(when); got != want {
			t.Errorf("%v: %d, want %d", when, got, want)
		}
	}
	if before(10, 9) != 1 || before(10, 10) != 1 || before(10, 1<<40) != 1 || before(10, 8) != 2 {
		t.Error("a time before the beginning")
	}
}

// TestNothingNew checks that who names an address with no later time than is known
// gives it no slot more.
func TestNothingNew(t *testing.T) {
	for _, c := range []struct {
		later uint32
		want  bool
	}{{0, false}, {1, true}} {
		b := New(testConfig(1))
		a := v4(300, 1)
		put(t, b, a, a, t0)
		for n := range 50 {
			b.Add([]Heard{{Addr: a, Seen: seconds(t0) + c.later}}, b.PeerSource(v4(n, 1)), nil, t0)
		}
		if got := b.find(a).refs > 1; got != c.want {
			t.Errorf("named %d s later by 50: more than one slot: %v", c.later, got)
		}
	}
}
