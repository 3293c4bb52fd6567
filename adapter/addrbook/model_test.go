package addrbook

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is the book as slow and obvious maps: places to addresses, addresses to facts.
// It knows Core's rules, and asks the book only where an address would stand and what
// chance said.
type model struct {
	facts   map[Addr]*modelFacts
	fresh   map[place]Addr
	tried   map[place]Addr
	waiting []Addr
	good    uint32
}

type modelFacts struct {
	source               Group
	services             uint64
	seen, tried, reached uint32
	counted              uint32
	failures             int
	isTried              bool
}

func (m *model) refs(a Addr) (n int) {
	for _, other := range m.fresh {
		if other == a {
			n++
		}
	}
	return n
}

func (m *model) terrible(a Addr, now int64) bool {
	f := m.facts[a]
	recently := f.tried != 0 && now-int64(f.tried) <= 60
	future := int64(f.seen) > now+600
	old := now-int64(f.seen) > 30*86400
	never := f.reached == 0 && f.failures >= 3
	dead := now-int64(f.reached) > 7*86400 && f.failures >= 10
	return !recently && (future || old || never || dead)
}

func (m *model) free(p place) {
	a, ok := m.fresh[p]
	if !ok {
		return
	}
	delete(m.fresh, p)
	if m.refs(a) == 0 && !m.facts[a].isTried {
		delete(m.facts, a)
	}
}

// add returns whether the address took a slot; lucky says what chance would say, once
// it is asked.
func (m *model) add(b *Book, h Heard, s Source, now uint32, lucky func(int) bool) bool {
	late := int64(0)
	if s.from != (Addr{}) && s.from.ip() != h.Addr.ip() {
		late = 7200
	}
	if h.Seen <= 100_000_000 || int64(h.Seen) > int64(now)+600 {
		h.Seen = now - 5*86400
	}
	p := b.newPlace(h.Addr, s.group)
	holder, taken := m.fresh[p]
	f := m.facts[h.Addr]
	if f == nil {
		if taken && !m.terrible(holder, int64(now)) && m.refs(holder) < 2 {
			return false
		}
		m.free(p)
		m.facts[h.Addr] = &modelFacts{source: s.group, services: h.Services, seen: uint32(int64(h.Seen) - late)}
		m.fresh[p] = h.Addr
		return true
	}
	interval := int64(86400)
	if int64(now)-int64(h.Seen) < 86400 {
		interval = 3600
	}
	if int64(f.seen) < int64(h.Seen)-interval-late {
		f.seen = uint32(int64(h.Seen) - late)
	}
	f.services |= h.Services
	if h.Seen <= f.seen || f.isTried || m.refs(h.Addr) == 8 || !lucky(m.refs(h.Addr)) {
		return false
	}
	if taken && (holder == h.Addr || !m.terrible(holder, int64(now))) {
		return false
	}
	m.free(p)
	m.fresh[p] = h.Addr
	return true
}

func (m *model) attempt(a Addr, count bool, now uint32) {
	if f := m.facts[a]; f != nil {
		f.tried = now
		if count && f.counted < m.good {
			f.counted = now
			f.failures++
		}
	}
}

func (m *model) goodAt(b *Book, a Addr, now uint32) bool {
	m.good = max(m.good, now)
	f := m.facts[a]
	if f == nil {
		return false
	}
	f.reached, f.tried, f.failures = now, now, 0
	if f.isTried {
		return false
	}
	if _, taken := m.tried[b.triedPlace(a)]; taken {
		if len(m.waiting) < 10 && !slices.Contains(m.waiting, a) {
			m.waiting = append(m.waiting, a)
		}
		return false
	}
	m.promote(b, a)
	return true
}

func (m *model) promote(b *Book, a Addr) {
	for p, other := range m.fresh {
		if other == a {
			delete(m.fresh, p)
		}
	}
	p := b.triedPlace(a)
	if old, taken := m.tried[p]; taken {
		back := b.newPlace(old, m.facts[old].source)
		m.free(back)
		m.facts[old].isTried = false
		m.fresh[back] = old
	}
	m.facts[a].isTried = true
	m.tried[p] = a
}

func (m *model) resolve(b *Book, now int64) {
	var kept []Addr
	for _, a := range m.waiting {
		f := m.facts[a]
		if f == nil || f.isTried {
			continue
		}
		holder, taken := m.tried[b.triedPlace(a)]
		if !taken {
			m.promote(b, a)
			continue
		}
		h := m.facts[holder]
		switch {
		case now-int64(h.reached) < 4*3600:
		case now-int64(h.tried) < 4*3600 && now-int64(h.tried) > 60, now-int64(h.tried) >= 4*3600 && now-int64(f.reached) > 40*60:
			m.promote(b, a)
		default:
			kept = append(kept, a)
		}
	}
	m.waiting = kept
}

func (m *model) compare(b *Book) error {
	if len(m.facts) != len(b.index) || len(m.fresh) != b.fresh.count || len(m.tried) != b.tried.count || len(m.waiting) != b.waiting {
		return fmt.Errorf("%d addresses, %d new, %d tried, %d wait; want %d, %d, %d, %d",
			len(b.index), b.fresh.count, b.tried.count, b.waiting, len(m.facts), len(m.fresh), len(m.tried), len(m.waiting))
	}
	for a, f := range m.facts {
		e := b.find(a)
		if e == nil {
			return fmt.Errorf("%v is not there", a)
		}
		got := modelFacts{e.source, e.services, e.seen, e.tried, e.reached, e.counted, int(e.failures), e.isTried}
		if got != *f || int(e.refs) != m.refs(a) {
			return fmt.Errorf("%v: %+v with %d slots, want %+v with %d", a, got, e.refs, *f, m.refs(a))
		}
	}
	for p, a := range m.fresh {
		if id, taken := b.fresh.at(p); !taken || b.entries[id].addr != a {
			return fmt.Errorf("new slot %d is not %v", p, a)
		}
	}
	for p, a := range m.tried {
		if id, taken := b.tried.at(p); !taken || b.entries[id].addr != a {
			return fmt.Errorf("tried slot %d is not %v", p, a)
		}
	}
	return nil
}

// narrow makes collisions likely: of so many addresses, the first few hundred that
// share few slots of the tried table.
func narrow(b *Book) []Addr {
	byPlace := map[place][]Addr{}
	for n := range 4000 {
		a := v4(n%5, n)
		byPlace[b.triedPlace(a)] = append(byPlace[b.triedPlace(a)], a)
	}
	var some []Addr
	for n := range place(TriedSlots - 1) {
		if at := byPlace[n]; len(at) >= 3 {
			some = append(some, at...)
		}
		if len(some) > 60 {
			break
		}
	}
	return some
}

func TestAgainstModel(t *testing.T) {
	addrs := narrow(New(testConfig(1)))
	rapid.Check(t, func(t *rapid.T) {
		b := New(testConfig(1))
		m := &model{facts: map[Addr]*modelFacts{}, fresh: map[place]Addr{}, tried: map[place]Addr{}, good: 1}
		now := t0
		addr := rapid.SampledFrom(addrs)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 30, 61, 2500, 15000, 90000, 700000}).Draw(t, "pass")) * time.Second)
			sec := seconds(now)
			a := addr.Draw(t, "address")
			switch rapid.SampledFrom([]string{"add", "add", "add", "good", "good", "attempt", "resolve", "save"}).Draw(t, "step") {
			case "add":
				ago := rapid.SampledFrom([]int64{-700, -599, 0, 3700, 90000, 2_500_000, 2_600_000, 1_700_000_000}).Draw(t, "ago")
				h := Heard{Addr: a, Services: rapid.Uint64().Draw(t, "services"), Seen: uint32(int64(sec) - ago)}
				s := b.PeerSource(rapid.SampledFrom(addrs[:12]).Draw(t, "source"))
				before := b.dice
				got := b.Add([]Heard{h}, s, nil, now)
				lucky := func(refs int) bool { d := before; return d.below(1<<refs) == 0 }
				if want := m.add(b, h, s, sec, lucky); (got.New == 1) != want || got.New+got.Known != 1 {
					t.Fatalf("add %v: %+v, want %v", a, got, want)
				}
			case "good":
				if got, want := b.Good(a, now), m.goodAt(b, a, sec); got != want {
					t.Fatalf("good %v: %v, want %v", a, got, want)
				}
			case "attempt":
				count := rapid.Bool().Draw(t, "count")
				b.Attempt(a, count, now)
				m.attempt(a, count, sec)
			case "resolve":
				b.ResolveCollisions(now)
				m.resolve(b, int64(sec))
			case "save":
				if again, err := Decode(b.Append(nil), testConfig(1)); err != nil || !bytes.Equal(again.Append(nil), b.Append(nil)) {
					t.Fatalf("save: %v", err)
				}
			}
			if err := m.compare(b); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSameSeedSameBook checks that nothing but the calls and the seed decides.
func TestSameSeedSameBook(t *testing.T) {
	run := func(seed uint64) ([]byte, []Addr) {
		cfg := testConfig(1)
		cfg.Seed = seed
		b := New(cfg)
		var picks []Addr
		for n := range 3000 {
			now := t0.Add(time.Duration(n) * time.Second)
			var heard []Heard
			for i := range 5 {
				heard = append(heard, heardNow(v4((n+i*31)%200, n%40+i), now)...)
			}
			b.Add(heard, b.PeerSource(v4(n%100, 1)), nil, now)
			if c, ok := b.Pick(anyIP, now); ok {
				picks = append(picks, c.Addr)
				b.Attempt(c.Addr, true, now)
				if n%3 == 0 {
					b.Good(c.Addr, now)
				}
			}
			b.ResolveCollisions(now)
		}
		return b.Append(nil), picks
	}
	file, picks := run(1)
	again, samePicks := run(1)
	other, _ := run(2)
	if !bytes.Equal(file, again) || fmt.Sprint(picks) != fmt.Sprint(samePicks) {
		t.Error("the same seed gave another book")
	}
	if bytes.Equal(file, other) {
		t.Error("another seed gave the same book")
	}
}
