package node

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func ip(i int) addrbook.Addr { return ipPort(i, 18444) }

func host(i int) banned { return banKey(&address{at: ip(i)}) }

func ipPort(i int, port uint16) addrbook.Addr {
	return addrbook.FromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, byte(i >> 16), byte(i >> 8), byte(i)}), port))
}

// TestBansAreBounded: THREATS M15.
func TestBansAreBounded(t *testing.T) {
	b := newBans()
	for i := range MaxBans {
		b.add(host(i), t0.Add(time.Duration(i+1)*time.Hour), t0)
	}
	if len(b.until) != MaxBans || len(b.order) != MaxBans {
		t.Fatalf("%d bans in an order of %d, want %d", len(b.until), len(b.order), MaxBans)
	}
	b.add(host(7), t0.Add(time.Minute), t0) // there already: nothing goes
	if _, ok := b.until[host(0)]; !ok || len(b.until) != MaxBans {
		t.Errorf("a ban that is renewed pushes another out")
	}
	b.add(host(MaxBans), t0.Add(time.Hour), t0)
	if _, ok := b.until[host(0)]; ok || len(b.until) != MaxBans || len(b.order) != MaxBans {
		t.Errorf("%d bans; the oldest is still there: %v", len(b.until), ok)
	}
	b.add(host(MaxBans+1), t0.Add(2*MaxBans*time.Hour), t0.Add(2*MaxBans*time.Hour-1))
	if len(b.until) != 1 || len(b.order) != 1 {
		t.Errorf("%d bans in an order of %d once all but one have ended", len(b.until), len(b.order))
	}
}

// TestManyBans puts in a hundred times as many bans as there may be: with a walk through
// all of them at each this would take minutes. THREATS M15.
func TestManyBans(t *testing.T) {
	b := newBans()
	for i := range 100 * MaxBans {
		b.add(host(i), t0.Add(time.Hour), t0)
		if b.has(&address{at: ip(i + 1)}, t0) {
			t.Fatalf("address %d is banned before it is", i+1)
		}
	}
	if len(b.until) != MaxBans || len(b.order) != MaxBans {
		t.Errorf("%d bans in an order of %d", len(b.until), len(b.order))
	}
}

func TestBanEnds(t *testing.T) {
	b := newBans()
	a := &address{at: ip(1)}
	b.add(banKey(a), t0.Add(time.Hour), t0)
	for _, c := range []struct {
		at   time.Duration
		want bool
	}{{0, true}, {time.Hour - 1, true}, {time.Hour, false}, {time.Hour + 1, false}} {
		if got := b.has(a, t0.Add(c.at)); got != c.want {
			t.Errorf("banned after %v: %v, want %v", c.at, got, c.want)
		}
	}
	other := ipPort(1, 1)
	if !b.has(&address{at: other}, t0) {
		t.Error("another port of a banned address is not banned")
	}
	if b.has(&address{at: other, manual: true}, t0) {
		t.Error("a manual peer is banned for another port of its address")
	}
}

// TestBanOfIPv6 is for a /64, which is what one owner has at least. THREATS M15.
func TestBanOfIPv6(t *testing.T) {
	b := newBans()
	v6 := func(text string) *address { return &address{at: addrbook.FromAddrPort(netip.MustParseAddrPort(text))} }
	b.add(banKey(v6("[2a00:1:2:3::1]:8333")), t0.Add(time.Hour), t0)
	for text, want := range map[string]bool{
		"[2a00:1:2:3::1]:8333": true, "[2a00:1:2:3::1]:1": true, "[2a00:1:2:3:ffff:ffff:ffff:ffff]:8333": true,
		"[2a00:1:2:4::1]:8333": false, "[2a00:1:2:2:ffff:ffff:ffff:ffff]:8333": false,
	} {
		if got := b.has(v6(text), t0); got != want {
			t.Errorf("%s: banned %v, want %v", text, got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	d := dice{1}
	for _, c := range []struct {
		failures int
		want     time.Duration
	}{{0, time.Second}, {1, time.Second}, {2, 2 * time.Second}, {10, 512 * time.Second}, {11, 600 * time.Second}, {1 << 30, 600 * time.Second}} {
		for range 100 {
			if got := d.backoff(c.failures, redialMin, redialMax); got < c.want/2 || got > c.want {
				t.Errorf("after %d failures %v, want %v to %v", c.failures, got, c.want/2, c.want)
			}
		}
	}
}

// TestAlarmIsNotRepeated (W17): no fault fills the log.
func TestAlarmIsNotRepeated(t *testing.T) {
	n := New(Config{Network: btc.Regtest})
	for _, c := range []struct {
		at   time.Duration
		key  string
		want int
	}{{0, "a", 1}, {alarmEvery - 1, "a", 0}, {alarmEvery - 1, "b", 1}, {alarmEvery, "a", 1}, {2*alarmEvery - 1, "a", 0}, {2*alarmEvery + 1, "a", 1}} {
		n.now, n.out = t0.Add(c.at), nil
		n.alarm(AlarmHeld, c.key, "")
		if len(n.out) != c.want {
			t.Errorf("%v %s: %d alarms, want %d", c.at, c.key, len(n.out), c.want)
		}
	}
	for i := range maxAlarms + 1 {
		n.alarm(AlarmHeld, fmt.Sprint("key ", i), "")
	}
	if len(n.alarms) != maxAlarms {
		t.Errorf("%d alarms are remembered, want %d", len(n.alarms), maxAlarms)
	}
}

func TestSuspectsAreBounded(t *testing.T) {
	n := New(Config{Network: btc.Regtest})
	for i := range MaxSuspects + 1 {
		from := judging{peer: PeerID(i), addr: &address{at: ip(i)}}
		n.bodyNotProven(BodyJudged{Hash: btc.Hash{byte(i), byte(i >> 8)}, Outcome: OutcomeMerkle}, from)
	}
	v := &n.verdict
	if len(v.suspects) != MaxSuspects || v.suspects[0].peer != 1 {
		t.Errorf("%d suspects, the oldest is %d; want %d, 1", len(v.suspects), v.suspects[0].peer, MaxSuspects)
	}
	for i := range maxProven + 1 {
		n.rememberProven(btc.Hash{byte(i), byte(i >> 8), 1}, [32]byte{})
	}
	if _, first := v.proven[btc.Hash{0, 0, 1}]; first || len(v.proven) != maxProven || len(v.order) != maxProven {
		t.Errorf("%d proven, want %d; the first is there: %v", len(v.proven), maxProven, first)
	}
}

func TestRate(t *testing.T) {
	var r rate
	if got := r.perSecond(t0); got != 0 {
		t.Errorf("%v before the first block", got)
	}
	for i := range 120 {
		r.count(t0.Add(time.Duration(i) * time.Second))
	}
	for _, c := range []struct {
		at   time.Duration
		want float64
	}{{119 * time.Second, 1}, {149 * time.Second, 0.5}, {10 * time.Minute, 0}} {
		if got := r.perSecond(t0.Add(c.at)); got < c.want-0.1 || got > c.want+0.1 {
			t.Errorf("%v a second after %v, want %v", got, c.at, c.want)
		}
	}
}

func TestOutcomes(t *testing.T) {
	seen := map[Reason]bool{}
	for o := OutcomeProven; o.Valid(); o++ {
		if !strings.HasPrefix(string(o.Reason()), "body-") || seen[o.Reason()] {
			t.Errorf("outcome %d: reason %q", o, o.Reason())
		}
		seen[o.Reason()] = true
	}
	if Outcome(0).Valid() || Outcome(200).Valid() || Outcome(200).Reason() != "body-outcome-200" {
		t.Error("an outcome that is none is valid")
	}
}

func TestClip(t *testing.T) {
	long := make([]byte, maxDetail+1)
	for i := range long {
		long[i] = 'a'
	}
	for in, want := range map[string]string{
		"":                       "",
		"plain words":            "plain words",
		"two\nlines":             `"two\nlines"`,
		string(long[:maxDetail]): string(long[:maxDetail]),
		string(long):             string(long[:maxDetail]) + "...",
	} {
		if got := clip(in); got != want {
			t.Errorf("clip(%q) = %s, want %s", in, got, want)
		}
	}
}
