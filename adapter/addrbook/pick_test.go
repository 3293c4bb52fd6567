package addrbook

import (
	"math"
	"slices"
	"testing"
	"time"

	"blockgate/internal/btc"
)

func TestPickWanted(t *testing.T) {
	all := []Addr{v4(1, 1), at(t, "[2600::1]:8333"), at(t, onion+":8333"), at(t, i2p+":0"), at(t, "[fc01::1]:8333")}
	b := New(testConfig(1))
	for _, a := range all {
		put(t, b, a, a, t0)
	}
	b.find(all[1]).services = NodeNetwork
	for _, c := range []struct {
		name string
		want Wanted
		may  []Addr
	}{
		{"nothing", Wanted{}, nil},
		{"IPv4", Wanted{Kinds: OnlyIPv4}, all[:1]},
		{"IPv6", Wanted{Kinds: OnlyIPv6}, all[1:2]},
		{"onions", Wanted{Kinds: OnlyOnion}, all[2:3]},
		{"IPs", Wanted{Kinds: IPs}, all[:2]},
		{"whatever it says", Wanted{Kinds: 255}, all[:3]},
		{"what cannot be dialled", Wanted{Kinds: 1<<I2P | 1<<CJDNS}, nil},
		{"services", Wanted{Kinds: IPs, Services: NodeNetwork | NodeWitness}, all[:1]},
		{"services that none has", Wanted{Kinds: IPs, Services: NodeP2PV2}, nil},
		{"another group", Wanted{Kinds: IPs, InUse: []Group{b.Group(v4(1, 2))}}, all[1:2]},
		{"no group left", Wanted{Kinds: IPs, InUse: []Group{b.Group(v4(1, 2)), b.Group(all[1])}}, nil},
	} {
		seen := map[Addr]bool{}
		for range 200 {
			if got, ok := b.Pick(c.want, t0); ok {
				seen[got.Addr] = true
				if got.Group != b.Group(got.Addr) || got.Tried || got.Services&NodeNetwork == 0 {
					t.Errorf("%s: %+v", c.name, got)
				}
			}
		}
		if len(seen) != len(c.may) || slices.ContainsFunc(c.may, func(a Addr) bool { return !seen[a] }) {
			t.Errorf("%s: %v, want %v", c.name, seen, c.may)
		}
	}
	if _, ok := New(testConfig(1)).Pick(anyIP, t0); ok {
		t.Error("an empty book has one")
	}
}

func TestOnePerGroup(t *testing.T) { // THREATS M16.
	b := New(testConfig(1))
	for n := range 4000 {
		b.Add(heardNow(v4(n%20, n), t0), b.PeerSource(v4(n%300, 1)), nil, t0)
	}
	var use []Group
	for range 20 {
		got, ok := b.Pick(Wanted{Kinds: IPs, InUse: use}, t0)
		if !ok {
			continue // 100 looks may all meet groups in use.
		}
		if slices.Contains(use, got.Group) {
			t.Fatal("two peers of a group")
		}
		use = append(use, got.Group)
	}
	if len(use) < 15 {
		t.Errorf("%d groups of 20", len(use))
	}
}

func TestPickPassesOverForeignPorts(t *testing.T) {
	if len(foreignPorts) != 85 {
		t.Errorf("%d ports, Core has 85", len(foreignPorts))
	}
	for text, want := range map[string]bool{"8.8.8.8:22": true, "8.8.8.8:8333": false, "[2600::1]:22": true, onion + ":22": false} {
		if foreignPort(at(t, text)) != want {
			t.Errorf("%s", text)
		}
	}
	b := New(testConfig(1))
	ssh, node := at(t, "8.8.8.8:22"), v4(1, 1)
	put(t, b, ssh, ssh, t0)
	if got, ok := b.Pick(anyIP, t0); !ok || got.Addr != ssh {
		t.Errorf("with no other, %v", got)
	}
	put(t, b, node, node, t0)
	for range 200 {
		if got, _ := b.Pick(anyIP, t0); got.Addr != node {
			t.Fatalf("%v, with %v there", got.Addr, node)
		}
	}
}

func TestPickPassesOverJustTried(t *testing.T) {
	b := New(testConfig(1))
	one, other := v4(1, 1), v4(2, 2)
	put(t, b, one, one, t0)
	put(t, b, other, other, t0)
	b.Attempt(one, true, t0)
	for range 200 {
		if got, _ := b.Pick(anyIP, t0); got.Addr != other {
			t.Fatalf("%v was just dialled", got.Addr)
		}
	}
	b.Attempt(other, true, t0)
	for after, want := range map[time.Duration]bool{0: false, (leastRest - 1) * time.Second: false, leastRest * time.Second: true} {
		if _, ok := b.Pick(anyIP, t0.Add(after)); ok != want {
			t.Errorf("%v after all were dialled one is picked: %v", after, ok)
		}
	}
}

// TestHalfAndHalf checks that tables are drawn alike, however many are in them.
func TestHalfAndHalf(t *testing.T) {
	b := New(testConfig(5))
	for n := range 20000 {
		b.Add(heardNow(v4(n%2000, n), t0), b.PeerSource(v4(n%1000, 1)), nil, t0)
	}
	reached := 0
	for n := 0; reached < 20; n++ {
		if b.Good(v4(n%2000, n), t0.Add(-24*time.Hour)) {
			reached++
		}
	}
	const draws = 20000
	tried := 0
	for range draws {
		if got, ok := b.Pick(anyIP, t0); ok && got.Tried {
			tried++
		}
	}
	// Five standard deviations of a fair coin.
	if off := math.Abs(float64(tried) - draws/2); off > 5*math.Sqrt(draws)/2 {
		t.Errorf("seed 5: %d of %d draws from 20 tried of %d", tried, draws, b.Stats().Entries)
	}
	for range 100 {
		if got, _ := b.Pick(Wanted{Kinds: IPs, NewOnly: true}, t0); got.Tried {
			t.Fatal("a tried address, though only new ones are wanted")
		}
	}
}

// TestEachIsDrawn checks the distribution within a table: a chi-square test over the
// buckets, of which each that is not empty is as likely.
func TestEachIsDrawn(t *testing.T) {
	b := New(testConfig(9))
	for n := range 3000 {
		b.Add(heardNow(v4(n%1500, n), t0), b.PeerSource(v4(n%700, 1)), nil, t0)
	}
	full := 0
	for _, used := range b.fresh.used {
		if used != 0 {
			full++
		}
	}
	counts := map[int]int{}
	const draws = 200000
	for range draws {
		id := b.fresh.random(&b.dice)
		e := &b.entries[id]
		bucket, _ := e.places[0].split()
		if e.refs == 1 {
			counts[bucket]++
		}
	}
	if len(counts) != full {
		t.Fatalf("%d of %d buckets were drawn", len(counts), full)
	}
	mean := float64(draws) / float64(full)
	chi := 0.0
	for _, n := range counts {
		chi += (float64(n) - mean) * (float64(n) - mean) / mean
	}
	// Mean full-1, deviation sqrt(2*full): six of them.
	if limit := float64(full) + 6*math.Sqrt(2*float64(full)); chi > limit {
		t.Errorf("seed 9: chi-square %.0f of %d buckets, the limit is %.0f", chi, full, limit)
	}
}

func TestFailuresMakeRare(t *testing.T) {
	b := New(testConfig(3))
	good, bad := v4(1, 1), v4(2, 2)
	put(t, b, good, good, t0)
	put(t, b, bad, bad, t0)
	b.find(bad).failures = 2
	drawn := 0
	const draws = 20000
	for range draws {
		if got, _ := b.Pick(anyIP, t0); got.Addr == bad {
			drawn++
		}
	}
	// Let p be the chance that bad is taken when it comes up: 0.66^2 = 0.4356, then
	// 1.2 and 1.44 times as much, and so on. Good is taken whenever it comes up.
	want, left, p := 0.0, 1.0, 0.4356
	for left > 1e-9 {
		want += left / 2 * min(p, 1)
		left *= (1 - min(p, 1)) / 2
		p *= 1.2
	}
	if got := float64(drawn) / draws; math.Abs(got-want) > 0.02 {
		t.Errorf("seed 3: an address with 2 failures is drawn %.3f of the time, want %.3f", got, want)
	}
}

func TestFeeler(t *testing.T) {
	b := New(testConfig(1))
	holder, rival := collision(t, b)
	got, ok := b.Feeler(anyIP, t0)
	if !ok || got.Addr != holder || !got.Tried {
		t.Errorf("%+v, want the holder %v, for whose slot %v waits", got, holder, rival)
	}
	if got, ok := b.Feeler(Wanted{Kinds: IPs, InUse: []Group{b.Group(holder)}}, t0); !ok || got.Addr != holder {
		t.Errorf("%+v: groups do not matter to a feeler", got)
	}
	if got, ok := b.Feeler(Wanted{Kinds: OnlyOnion}, t0); ok {
		t.Errorf("%+v, but only onions can be dialled", got)
	}
	b = New(testConfig(1))
	put(t, b, v4(1, 1), v4(1, 1), t0)
	put(t, b, v4(2, 2), v4(2, 2), t0)
	b.Good(v4(1, 1), t0)
	for range 100 {
		if got, ok := b.Feeler(anyIP, t0); !ok || got.Addr != v4(2, 2) {
			t.Fatalf("%+v: a feeler tries the new", got)
		}
	}
}

func TestSeedSlots(t *testing.T) { // THREATS M16: whoever answers for DNS.
	seeds, err := FixedSeeds(btc.Mainnet)
	if err != nil {
		t.Fatal(err)
	}
	b := New(testConfig(1))
	var liars []Addr
	for n := range 1000 {
		liars = append(liars, v4(n%3, n))
	}
	for n := range 8 {
		b.AddDNS(SeedNames(btc.Mainnet)[n][0], liars, 9, t0)
	}
	if b.SeedSlots() != MinSeedSlots {
		t.Errorf("%d slots for fixed seeds with nobody tried", b.SeedSlots())
	}
	var use []Group
	for range 5 {
		got, ok := b.PickSeed(seeds, Wanted{Kinds: IPs, Services: 9, InUse: use}, t0)
		if !ok || !slices.Contains(seeds, got.Addr) || slices.Contains(use, got.Group) || got.Addr.Kind() == TorV3 {
			t.Errorf("%+v, %v", got, ok)
		}
		use = append(use, got.Group)
	}
	b.Good(liars[0], t0)
	if b.find(liars[0]) != nil && b.SeedSlots() != 0 {
		t.Errorf("%d slots for fixed seeds with one tried", b.SeedSlots())
	}
	if _, ok := b.PickSeed(nil, anyIP, t0); ok {
		t.Error("a seed of none")
	}
}

func TestPickSeedPassesOverJustTried(t *testing.T) {
	b := New(testConfig(1))
	seeds := []Addr{v4(1, 1), v4(2, 2), at(t, "127.0.0.1:1")}
	b.AddFixed(seeds, 9, t0)
	b.Attempt(seeds[0], true, t0)
	for range 50 {
		if got, ok := b.PickSeed(seeds, anyIP, t0); !ok || got.Addr != seeds[1] || got.Services != 9 {
			t.Fatalf("%+v, %v", got, ok)
		}
	}
	b.Attempt(seeds[1], true, t0)
	if got, ok := b.PickSeed(seeds, anyIP, t0); ok {
		t.Errorf("%+v was just dialled", got)
	}
	if _, ok := b.PickSeed(seeds, anyIP, t0.Add(recentTry*time.Second)); !ok {
		t.Error("10 minutes on, no seed")
	}
}

// TestFixedSeedsAreSpread checks that each fixed seed is a source of its own: all of
// them find a slot, which 849 addresses of one source would not.
func TestFixedSeedsAreSpread(t *testing.T) {
	seeds, err := FixedSeeds(btc.Mainnet)
	if err != nil {
		t.Fatal(err)
	}
	b := New(testConfig(1))
	b.AddFixed(seeds, 9, t0)
	buckets := 0
	for _, used := range b.fresh.used {
		if used != 0 {
			buckets++
		}
	}
	if got := b.Stats().Entries; got < len(seeds)*98/100 || buckets < 500 {
		t.Errorf("%d of %d seeds in %d buckets", got, len(seeds), buckets)
	}
	check(t, b)
}

func TestNoAllocation(t *testing.T) {
	b := New(testConfig(1))
	fill(b, 20000)
	for n := range 500 {
		b.Good(v4(n, 1), t0)
	}
	want := Wanted{Kinds: IPs, InUse: []Group{b.Group(v4(1, 1)), b.Group(v4(2, 1))}}
	n := 600
	for name, do := range map[string]func(){
		"Pick":     func() { b.Pick(want, t0) },
		"Feeler":   func() { b.Feeler(want, t0) },
		"Attempt":  func() { b.Attempt(v4(n, 1), true, t0) },
		"Good":     func() { b.Good(v4(n, 1), t0); n++ },
		"Resolve":  func() { b.ResolveCollisions(t0) },
		"Services": func() { b.SetServices(v4(n, 1), 9); b.Connected(v4(n, 1), t0) },
	} {
		if got := testing.AllocsPerRun(200, do); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	book := New(testConfig(1))
	fill(book, 60000)
	b.ReportAllocs()
	for b.Loop() {
		book.Pick(anyIP, t0)
	}
}

func BenchmarkAdd(b *testing.B) {
	book := New(testConfig(1))
	n := 0
	b.ReportAllocs()
	heard := heardNow(v4(1, 1), t0)
	for b.Loop() {
		heard[0].Addr = v4(n%50000, n/50000)
		book.Add(heard, book.PeerSource(v4(n*7%50000, 9)), nil, t0)
		n++
	}
}

// TestDrawEnds checks how many entries a draw looks at when all have the least chance:
// each is 1.2 times as likely as the one before, and none after the 46th is let pass.
func TestDrawEnds(t *testing.T) {
	b := New(testConfig(4))
	a := v4(1, 1)
	put(t, b, a, a, t0)
	e := b.find(a)
	e.failures, e.tried = maxChanceFailures, seconds(t0)
	if e.chance(seconds(t0)) != chances[maxChanceFailures]/100 {
		t.Fatalf("chance %d", e.chance(seconds(t0)))
	}
	want, left, p := 0.0, 1.0, math.Pow(0.66, maxChanceFailures)/100
	for left > 0 {
		want += left
		left *= 1 - min(p, 1)
		p *= 1.2
	}
	const draws = 5000
	total := 0
	for range draws {
		before := b.dice
		b.draw(true, seconds(t0))
		rolls := 0
		for ; before != b.dice; rolls++ {
			before.roll()
		}
		looked := rolls / 3 // The bucket, the slot, the chance.
		if rolls%3 != 0 || looked > 46 {
			t.Fatalf("seed 4: %d rolls for %d entries", rolls, looked)
		}
		total += looked
	}
	if got := float64(total) / draws; math.Abs(got-want) > 0.5 {
		t.Errorf("seed 4: a draw looks at %.1f entries, want %.1f", got, want)
	}
}
