package link

import (
	"strconv"
	"testing"
	"time"
)

func TestChoice(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	const all, none = 1<<64 - 1, 0
	for _, tc := range []struct {
		name     string
		only     bool
		services uint64
		refused  time.Duration // before now, or 0 for never
		want     Transport
	}{
		{"advertised", false, ServiceV2, 0, TransportV2},
		{"advertised with others", false, all, 0, TransportV2},
		{"not advertised", false, none, 0, TransportV1},
		{"all others advertised", false, all &^ ServiceV2, 0, TransportV1},
		{"refused just now", false, ServiceV2, 1, TransportV1},
		{"refused nearly an hour ago", false, ServiceV2, FallbackMemory - 1, TransportV1},
		{"refused an hour ago", false, ServiceV2, FallbackMemory, TransportV2},
		{"v2 only, not advertised", true, none, 0, TransportV2},
		{"v2 only, refused", true, none, 1, TransportV2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Choice{Only: tc.only}
			if tc.refused > 0 {
				c.Refused("a", start)
			}
			if got := c.For("a", tc.services, start.Add(tc.refused)); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
			if got := c.For("b", ServiceV2, start); got != TransportV2 {
				t.Errorf("another address: got %d", got)
			}
		})
	}
}

// TestChoiceIsBounded remembers as many as may be, then forgets the oldest alone; and all
// that are past at once.
func TestChoiceIsBounded(t *testing.T) {
	var c Choice
	now := time.Unix(1_700_000_000, 0)
	addr := func(i int) string { return strconv.Itoa(i) }
	for i := range maxFallbacks {
		c.Refused(addr(i), now.Add(time.Duration(i)))
	}
	c.Refused(addr(0), now.Add(maxFallbacks)) // anew
	c.Refused(addr(maxFallbacks), now.Add(maxFallbacks+1))
	for i, want := range map[int]Transport{0: TransportV1, 1: TransportV2, 2: TransportV1, maxFallbacks: TransportV1} {
		if got := c.For(addr(i), ServiceV2, now.Add(maxFallbacks+1)); got != want {
			t.Errorf("address %d: %d, want %d", i, got, want)
		}
	}
	if len(c.refused) != maxFallbacks {
		t.Errorf("%d remembered, want %d", len(c.refused), maxFallbacks)
	}
	c.Refused("late", now.Add(2*FallbackMemory))
	if len(c.refused) != 1 {
		t.Errorf("%d remembered after two hours, want 1", len(c.refused))
	}
}
