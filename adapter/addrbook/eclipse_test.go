package addrbook

import (
	"testing"
	"time"
)

// siege is an attack on a book: how many addresses there are, of how many groups, and
// who names them.
type siege struct {
	name                          string
	honest, honestGroups          int
	hostile                       int
	hostileGroups, hostileSources int
	mostPicked                    float64 // Share of picks.
}

// bounds are the attacker's most shares of the slots. Each of its groups reaches 8
// buckets of 256 of tried. Each of its sources reaches 64 buckets of 1024 of new, but
// with the addresses of one group one alone.
func (s siege) bounds() (ofNew, ofTried float64) {
	ofNew = float64(s.hostileSources*min(s.hostileGroups, NewBucketsPerSource)) / NewBuckets
	return ofNew, float64(s.hostileGroups*TriedBucketsPerGroup) / TriedBuckets
}

// hostileGroup is the first of the attacker's groups.
const hostileGroup = 50000

// TestEclipse lets an attacker who has 90% of the addresses, from few groups, tell the
// book of them before and after honest peers, and answer when dialled. THREATS M16.
func TestEclipse(t *testing.T) {
	const seed = 20260101
	for _, s := range []siege{
		{name: "1 source, 1 group", hostileSources: 1, hostileGroups: 1, mostPicked: 0.03},
		{name: "2 sources, 4 groups", hostileSources: 2, hostileGroups: 4, mostPicked: 0.08},
		{name: "4 sources, 8 groups", hostileSources: 4, hostileGroups: 8, mostPicked: 0.16},
		{name: "4 sources, 16 groups", hostileSources: 4, hostileGroups: 16, mostPicked: 0.28},
	} {
		s.honest, s.honestGroups, s.hostile = 10000, 3000, 90000
		if s.hostileGroups > 4 && (raceDetector || testing.Short()) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			b := New(testConfig(seed))
			end := s.tell(b)
			inNew, inTried := s.shares(b)
			mostNew, mostTried := s.bounds()
			picked := s.picks(t, b, end)
			mean, worst := s.slots(b, end)
			t.Logf("seed %d: %d%% of %d addresses are the attacker's: it has %.2f%% of the slots of new (bound %.2f%%), %.2f%% of those of tried (bound %.2f%%), %.1f%% of picks, %.2f of 10 outbound slots on average, %d at worst",
				seed, 100*s.hostile/(s.hostile+s.honest), s.hostile+s.honest, 100*inNew, 100*mostNew, 100*inTried, 100*mostTried, 100*picked, mean, worst)
			if inNew > mostNew || inTried > mostTried || picked > s.mostPicked {
				t.Errorf("more than its share: new %.4f of %.4f, tried %.4f of %.4f, picks %.3f of %.3f",
					inNew, mostNew, inTried, mostTried, picked, s.mostPicked)
			}
			if inNew < mostNew/2 || inTried < mostTried/2 {
				t.Errorf("new %.4f, tried %.4f: the attack is too weak to prove anything", inNew, inTried)
			}
			if worst > 7 {
				t.Errorf("%d of 10 outbound slots are the attacker's", worst)
			}
			check(t, b)
		})
	}
}

// siegeRounds is how many months the attack lasts: what nobody names for a month gives
// way, so that the attacker gets another try at the slots of tried.
const siegeRounds = 6

// tell has the attacker name its addresses, a part each month, and honest peers all of
// theirs after it. All of the attacker's that have a slot are reached at once, of the
// honest one in ten. Whoever holds a slot that another wants is alive when a feeler
// comes.
func (s siege) tell(b *Book) (end time.Time) {
	now := t0
	part := s.hostile / siegeRounds
	for round := range siegeRounds {
		now = t0.Add(time.Duration(round) * (horizon + 3600) * time.Second)
		for n := round * part; n < (round+1)*part; n++ {
			a := v4(hostileGroup+n%s.hostileGroups, n/s.hostileGroups%60000)
			from := v4(hostileGroup+100+n/s.hostileGroups%s.hostileSources, 1)
			if got := b.Add(heardNow(a, now), b.PeerSource(from), nil, now); got.New == 1 {
				reach(b, a, now)
			}
		}
		for n := range s.honest {
			a := v4(n*7919%s.honestGroups, n/s.honestGroups)
			b.Add(heardNow(a, now), b.PeerSource(v4(n%1000, 9)), nil, now)
			if n%10 == 0 {
				reach(b, a, now)
			}
		}
	}
	return now
}

// reach says that an address was reached and has a feeler test who is in its way.
func reach(b *Book, a Addr, now time.Time) {
	if b.Good(a, now) || b.waiting == 0 {
		return
	}
	if holder, ok := b.Feeler(anyIP, now); ok && holder.Tried {
		b.Good(holder.Addr, now)
	}
	b.ResolveCollisions(now)
}

func isHostile(a Addr) bool { return int(a.bytes[0]-20)<<8|int(a.bytes[1]) >= hostileGroup }

func (s siege) shares(b *Book) (inNew, inTried float64) {
	for id := range b.entries {
		e := &b.entries[id]
		if e.addr == (Addr{}) || !isHostile(e.addr) {
			continue
		}
		inNew += float64(e.refs) / NewSlots
		if e.isTried {
			inTried += 1. / TriedSlots
		}
	}
	return inNew, inTried
}

func (s siege) picks(t *testing.T, b *Book, end time.Time) float64 {
	t.Helper()
	draws := 20000
	if raceDetector {
		draws = 4000
	}
	hostile := 0
	later := end.Add(time.Hour) // On: nothing was just dialled.
	for range draws {
		c, ok := b.Pick(anyIP, later)
		if !ok {
			t.Fatal("nothing to dial")
		}
		if isHostile(c.Addr) {
			hostile++
		}
	}
	return float64(hostile) / float64(draws)
}

// slots fills 10 outbound slots, one a group, 500 times over (50 under the race detector), and returns how many are
// the attacker's.
func (s siege) slots(b *Book, end time.Time) (mean float64, worst int) {
	runs := 500
	if raceDetector {
		runs = 50
	}
	later := end.Add(time.Hour)
	for range runs {
		var use []Group
		hostile := 0
		for len(use) < 10 {
			c, ok := b.Pick(Wanted{Kinds: IPs, InUse: use}, later)
			if !ok {
				break
			}
			use = append(use, c.Group)
			if isHostile(c.Addr) {
				hostile++
			}
		}
		mean += float64(hostile) / float64(runs)
		worst = max(worst, hostile)
	}
	return mean, worst
}

// TestEclipseOfOneSource lets one source name addresses of all groups. THREATS M13.
func TestEclipseOfOneSource(t *testing.T) {
	b := New(testConfig(3))
	for n := range 200 {
		var addrs []Addr
		for i := range MaxHeard {
			addrs = append(addrs, v4((n*MaxHeard+i)%50000, i+n))
		}
		b.AddDNS("seed.example", addrs, 9, t0)
	}
	reached := 0
	for _, used := range b.fresh.used {
		if used != 0 {
			reached++
		}
	}
	t.Logf("seed 3: one DNS seed that names 200,000 addresses of 50,000 groups has %d slots in %d buckets", b.fresh.count, reached)
	if reached > NewBucketsPerSource || b.fresh.count > NewBucketsPerSource*BucketSize || b.fresh.count < 2000 {
		t.Errorf("one source has %d slots in %d buckets", b.fresh.count, reached)
	}
}
