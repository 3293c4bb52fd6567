package link

import (
	"math/rand/v2"
	"sync"
	"testing"
)

const mib = 1 << 20

func newTestBudget(tb testing.TB, total, reserved int) *Budget {
	tb.Helper()
	b, err := NewBudget(total, reserved)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestNewBudgetLimits(t *testing.T) {
	tests := []struct {
		name            string
		total, reserved int
		ok              bool
	}{
		{"least", 2 * MinBudget, MinBudget, true},
		{"reserve too small", 2 * MinBudget, MinBudget - 1, false},
		{"rest too small", 2*MinBudget - 1, MinBudget, false},
		{"more", 2*MinBudget + 1, MinBudget, true},
		{"nothing", 0, 0, false},
		{"negative", -1, -1, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := NewBudget(test.total, test.reserved); (err == nil) != test.ok {
				t.Errorf("got %v", err)
			}
		})
	}
	if MinBudget < MaxPayload || MinBudget%ChunkSize != 0 || MinBudget-MaxPayload >= ChunkSize {
		t.Errorf("MinBudget is %d", MinBudget)
	}
}

func TestClaimRoundsUpToChunks(t *testing.T) {
	b := newTestBudget(t, 16*mib, 8*mib)
	for _, test := range []struct{ size, used int }{
		{1, ChunkSize},
		{ChunkSize - 1, ChunkSize},
		{ChunkSize, ChunkSize},
		{ChunkSize + 1, 2 * ChunkSize},
		{MaxPayload, MinBudget},
	} {
		c := b.claim(test.size, false)
		if !b.has(c) || b.InUse() != test.used {
			t.Errorf("claim of %d: granted %t, %d in use, want %d", test.size, b.has(c), b.InUse(), test.used)
		}
		b.release(c)
	}
	if b.InUse() != 0 {
		t.Errorf("%d in use after all", b.InUse())
	}
}

func TestClaimsAreGrantedInOrder(t *testing.T) {
	b := newTestBudget(t, 16*mib, 8*mib)
	first := b.claim(4*mib-1, false)
	second := b.claim(4*mib-1, false)
	big := b.claim(4*mib-1, false)
	small := b.claim(1, false)
	if !b.has(first) || !b.has(second) || b.has(big) || b.has(small) {
		t.Fatal("want the first two granted; the small one must not pass the big one")
	}
	if b.Waiting() != 2 {
		t.Errorf("%d wait, want 2", b.Waiting())
	}
	b.release(first)
	if !b.has(big) || b.has(small) {
		t.Fatal("want the big one granted next")
	}
	b.release(big)
	if !b.has(small) {
		t.Fatal("want the small one granted last")
	}
}

func TestReserveIsForUrgentOnes(t *testing.T) {
	b := newTestBudget(t, 16*mib, 8*mib)
	for range 2 {
		if !b.has(b.claim(4*mib, false)) {
			t.Fatal("the common half is not full yet")
		}
	}
	normal := b.claim(ChunkSize, false)
	if b.has(normal) {
		t.Fatal("a normal claim got into the reserve")
	}
	for range 2 {
		if !b.has(b.claim(4*mib, true)) {
			t.Fatal("the reserve is not open to urgent claims")
		}
	}
	if b.has(b.claim(1, true)) {
		t.Fatal("more than the total was granted")
	}
	if b.InUse() != 16*mib {
		t.Errorf("%d in use", b.InUse())
	}
}

func TestPromote(t *testing.T) {
	b := newTestBudget(t, 16*mib, 8*mib)
	held := []*claim{b.claim(4*mib, false), b.claim(4*mib, false)}
	waiting := b.claim(4*mib, false)
	b.promote(waiting)
	if !b.has(waiting) {
		t.Fatal("a promoted claim must get into the reserve")
	}
	b.promote(waiting) // granted: nothing to do
	b.promote(held[0])
	if b.InUse() != 12*mib {
		t.Errorf("%d in use", b.InUse())
	}
	for _, c := range append(held, waiting) {
		b.release(c)
	}
	if b.InUse() != 0 || b.Waiting() != 0 {
		t.Errorf("%d in use, %d wait", b.InUse(), b.Waiting())
	}
}

func TestReleaseOfWaitingClaim(t *testing.T) {
	for _, urgent := range []bool{false, true} {
		b := newTestBudget(t, 16*mib, 8*mib)
		var held []*claim
		for c := b.claim(4*mib, urgent); b.has(c); c = b.claim(4*mib, urgent) {
			held = append(held, c)
		}
		behind := b.claim(ChunkSize, urgent)
		waiting := b.Waiting()
		b.release(behind)
		if b.Waiting() != waiting-1 || b.InUse() != len(held)*4*mib {
			t.Errorf("urgent %t: %d wait, %d in use", urgent, b.Waiting(), b.InUse())
		}
	}
}

// TestUrgentGoesFirst: while an urgent claim waits, no normal one slips in.
func TestUrgentGoesFirst(t *testing.T) {
	b := newTestBudget(t, 16*mib, 8*mib)
	var held []*claim
	for range 4 {
		held = append(held, b.claim(4*mib, true))
	}
	normal, urgent := b.claim(ChunkSize, false), b.claim(4*mib, true)
	b.release(held[0])
	if !b.has(urgent) || b.has(normal) {
		t.Fatal("want the urgent one")
	}
}

// TestBudgetUnderLoad: many goroutines, never more in use than there is, and
// everyone gets a turn.
func TestBudgetUnderLoad(t *testing.T) {
	b := newTestBudget(t, 12*mib, 4*mib)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for range 200 {
				c := b.claim(1+random.IntN(MaxPayload), random.IntN(4) == 0)
				if random.IntN(8) == 0 {
					b.release(c) // gave up, granted or not
					continue
				}
				<-c.bell
				if used := b.InUse(); used > 12*mib {
					t.Errorf("%d in use", used)
				}
				b.mu.Lock()
				if len(b.urgent) > 0 && b.used <= b.total-b.reserved {
					t.Error("an urgent claim waits beside a free reserve")
				}
				b.mu.Unlock()
				b.release(c)
			}
		})
	}
	all.Wait()
	if b.InUse() != 0 || b.Waiting() != 0 {
		t.Errorf("%d in use, %d wait", b.InUse(), b.Waiting())
	}
}
