package addrbook

import (
	"slices"
	"testing"
	"time"
)

// collision reaches addresses until one finds its slot of the tried table taken, and
// returns who holds the slot and who waits for it. All were reached at t0 less a day.
func collision(t testing.TB, b *Book) (holder, rival Addr) {
	t.Helper()
	then := t0.Add(-24 * time.Hour)
	for n := range 50000 {
		a := v4(n%500, n)
		if got := b.Add(heardNow(a, then), b.PeerSource(a), nil, then); got.New != 1 {
			continue
		}
		if !b.Good(a, then) && b.waiting == 1 {
			id, _ := b.tried.at(b.triedPlace(a))
			return b.entries[id].addr, a
		}
	}
	t.Fatal("no collision")
	return Addr{}, Addr{}
}

func TestGood(t *testing.T) {
	b := New(testConfig(1))
	a := v4(1, 1)
	if b.Good(a, t0) {
		t.Error("a stranger was moved")
	}
	put(t, b, a, a, t0)
	b.Attempt(a, true, t0)
	if !b.Good(a, t0) {
		t.Error("not moved")
	}
	if e := b.find(a); !e.isTried || e.refs != 0 || e.failures != 0 || e.reached != seconds(t0) || e.tried != seconds(t0) {
		t.Errorf("%+v", e)
	}
	if b.Good(a, t0.Add(time.Hour)) {
		t.Error("moved again")
	}
	if e := b.find(a); e.reached != seconds(t0.Add(time.Hour)) {
		t.Errorf("%+v", e)
	}
	if s := b.Stats(); s.Tried != 1 || s.New != 0 || s.References != 0 {
		t.Errorf("%+v", s)
	}
	check(t, b)
}

func TestAttempt(t *testing.T) {
	b := New(testConfig(1))
	a, other := v4(1, 1), v4(2, 2)
	b.Attempt(a, true, t0) // A stranger: nothing happens.
	put(t, b, a, a, t0)
	put(t, b, other, other, t0)
	failures := func() int { return int(b.find(a).failures) }
	b.Attempt(a, false, t0)
	if failures() != 0 || b.find(a).tried != seconds(t0) {
		t.Errorf("uncounted: %+v", b.find(a))
	}
	b.Attempt(a, true, t0)
	b.Attempt(a, true, t0.Add(time.Minute)) // Nobody was reached since: our line may be down.
	if failures() != 1 {
		t.Errorf("%d failures with nobody reached since the first", failures())
	}
	for n := range 300 {
		now := t0.Add(time.Duration(n+2) * time.Minute)
		b.Good(other, now)
		b.Attempt(a, true, now.Add(time.Second))
		if want := min(n+2, 255); failures() != want {
			t.Fatalf("%d failures, want %d", failures(), want)
		}
	}
}

func TestConnectedAndServices(t *testing.T) {
	b := New(testConfig(1))
	a := v4(1, 1)
	b.Connected(a, t0)
	b.SetServices(a, 1)
	put(t, b, a, a, t0)
	for _, c := range []struct{ after, want uint32 }{{seenStep - 1, 0}, {seenStep, 0}, {seenStep + 1, seenStep + 1}} {
		b.Connected(a, t0.Add(time.Duration(c.after)*time.Second))
		if got := b.find(a).seen - seconds(t0); got != c.want {
			t.Errorf("after %d s: seen after %d, want %d", c.after, got, c.want)
		}
	}
	b.SetServices(a, 77)
	if b.find(a).services != 77 {
		t.Error("services are not kept")
	}
}

// TestBeforeEvict follows the holder of a slot that another waits for. THREATS M16.
func TestBeforeEvict(t *testing.T) {
	day := -24 * time.Hour
	for _, c := range []struct {
		name    string
		reached time.Duration // When the holder was last reached, from t0.
		tried   time.Duration // When it was last dialled.
		rival   time.Duration // When the rival was reached.
		moved   bool
		waits   bool
	}{
		{"reached within 4 h", -4*time.Hour + time.Second, -4*time.Hour + time.Second, 0, false, false},
		{"reached 4 h ago", -4 * time.Hour, -4 * time.Hour, 0, false, true},
		{"dialled in vain a minute ago", day, -time.Minute, 0, false, true},
		{"dialled in vain before", day, -time.Minute - time.Second, 0, true, false},
		{"dialled in vain within 4 h", day, -4*time.Hour + time.Second, 0, true, false},
		{"not dialled for 4 h", day, -4 * time.Hour, 0, false, true},
		{"not dialled, waits for 40 min", day, day, -40 * time.Minute, false, true},
		{"not dialled, waits for longer", day, day, -40*time.Minute - time.Second, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New(testConfig(1))
			holder, rival := collision(t, b)
			h, r := b.find(holder), b.find(rival)
			h.reached, h.tried, r.reached = seconds(t0.Add(c.reached)), seconds(t0.Add(c.tried)), seconds(t0.Add(c.rival))
			before := b.Stats().Tried
			moved := b.ResolveCollisions(t0)
			if (moved == 1) != c.moved || (b.waiting == 1) != c.waits {
				t.Fatalf("%d moved, %d wait", moved, b.waiting)
			}
			if b.find(rival).isTried != c.moved || b.find(holder).isTried == c.moved || b.Stats().Tried != before {
				t.Errorf("holder tried: %v, rival tried: %v", b.find(holder).isTried, b.find(rival).isTried)
			}
			check(t, b)
		})
	}
}

func TestCollisionsOfTheGone(t *testing.T) {
	b := New(testConfig(1))
	holder, rival := collision(t, b)
	if b.Good(rival, t0) || b.waiting != 1 {
		t.Errorf("%d wait: one that waits may not wait twice", b.waiting)
	}
	for b.find(rival).refs > 1 {
		b.vacate(b.find(rival).places[0])
	}
	b.vacate(b.find(rival).places[0])
	if b.ResolveCollisions(t0) != 0 || b.waiting != 0 || !b.find(holder).isTried {
		t.Error("one that is gone waits on")
	}
	check(t, b)
}

func TestCollisionWithAFreeSlot(t *testing.T) {
	b := New(testConfig(1))
	holder, rival := collision(t, b)
	id := b.index[holder]
	p := b.triedPlace(holder)
	b.tried.clear(p)
	b.entries[id].isTried = false
	b.remove(id)
	if b.ResolveCollisions(t0) != 1 || !b.find(rival).isTried {
		t.Error("the slot is free, and the rival waits on")
	}
	check(t, b)
}

func TestMaxCollisions(t *testing.T) {
	b := New(testConfig(1))
	for n := 0; n < 200000 && b.waiting < MaxCollisions; n++ {
		a := v4(n%500, n%60000)
		b.Add(heardNow(a, t0), b.PeerSource(a), nil, t0)
		b.Good(a, t0)
	}
	if b.waiting != MaxCollisions {
		t.Fatalf("%d wait", b.waiting)
	}
	waiting := b.collisions
	for n := range 60000 {
		a := v4(n%500, n)
		b.Add(heardNow(a, t0), b.PeerSource(a), nil, t0)
		b.Good(a, t0)
	}
	if b.waiting != MaxCollisions || b.collisions != waiting {
		t.Errorf("%d wait; who waited was pushed out: %v", b.waiting, b.collisions != waiting)
	}
	if got := b.Stats().Collisions; got != MaxCollisions {
		t.Errorf("%d in the figures", got)
	}
	check(t, b)
}

func TestAnchors(t *testing.T) {
	b := New(testConfig(1))
	for n := range MaxAnchors + 2 {
		var anchors []Addr
		for i := range n {
			anchors = append(anchors, v4(i, 1))
		}
		b.SetAnchors(anchors)
		if got := b.Anchors(); !slices.Equal(got, anchors[:min(n, MaxAnchors)]) {
			t.Errorf("%d anchors: %v", n, got)
		}
	}
	b.SetAnchors([]Addr{{}, v4(1, 1)})
	if got := b.Anchors(); !slices.Equal(got, []Addr{v4(1, 1)}) {
		t.Errorf("%v", got)
	}
	b.SetAnchors(nil)
	if got := b.Anchors(); len(got) != 0 || b.anchors != [MaxAnchors]Addr{} {
		t.Errorf("%v", got)
	}
}
