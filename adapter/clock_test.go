package adapter

import (
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter/flight"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// TestClock compares what is told with what a wall clock does that is put forward and
// back. A machine's time with a monotonic reading cannot be made up, so it is taken
// from a bubble, and the wall clock's error is put into what was told before.
func TestClock(t *testing.T) {
	for _, tt := range []struct {
		name  string
		error time.Duration // of what was told, before
		turns int           // of 250 ms
		want  time.Duration // the error afterwards
	}{
		{"right", 0, 4, 0},
		{"behind by little", -time.Second, 1, -875 * time.Millisecond},
		{"behind, caught up", -time.Second, 8, 0},
		{"just no step", -clockStep, 1, -clockStep + 125*time.Millisecond},
		{"a step", -clockStep - time.Nanosecond, 1, 0},
		{"ahead by little", time.Second, 1, 875 * time.Millisecond},
		{"ahead, caught up", time.Second, 8, 0},
		{"ahead by an hour", time.Hour, 4, time.Hour - 500*time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c clock
				if got := c.at(time.Now()); !got.Equal(time.Now()) {
					t.Fatalf("begins at %v", got)
				}
				c.told = c.told.Add(tt.error)
				for range tt.turns {
					before := c.told
					time.Sleep(250 * time.Millisecond)
					got := c.at(time.Now())
					if got.Location() != time.UTC || got.Nanosecond()%1000 != 0 {
						t.Fatalf("%#v cannot be written down", got)
					}
					if !got.After(before) {
						t.Fatalf("%v after %v", got, before)
					}
				}
				if got := time.Until(c.told); got != tt.want {
					t.Errorf("off by %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// TestClockNeverGoesBack asks often: what is told is in order, and all of it comes to
// pass.
func TestClockNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, last := clock{}, time.Time{}
		for i := range 10_000 {
			got := c.at(time.Now())
			if got.Before(last) {
				t.Fatalf("%v after %v", got, last)
			}
			last = got
			time.Sleep(time.Duration(i % 1777))
		}
		if off := time.Since(last); off < 0 || off > 10*time.Microsecond {
			t.Errorf("off by %v", off)
		}
	})
}

// TestClockCanBeReplayed: what the machine says has a monotonic reading and spoils a
// recording, what the brain is told does not.
func TestClockCanBeReplayed(t *testing.T) {
	var c clock
	r := flight.New("", time.Now(), node.Config{Network: btc.Regtest})
	r.Stepped(c.at(time.Now()), node.Tick{}, nil)
	if s := r.Stats(); s.Lost != "" {
		t.Errorf("lost: %s", s.Lost)
	}
	r.Stepped(time.Now(), node.Tick{}, nil)
	if s := r.Stats(); s.Lost != "the clock was a monotonic one" {
		t.Errorf("lost: %q", s.Lost)
	}
}
