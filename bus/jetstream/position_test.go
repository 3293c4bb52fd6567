package jetstream

import "testing"

func TestPositionMovesOverOwnMessagesOnly(t *testing.T) {
	p := newPosition(10)
	want := func(what string, last uint64, lost bool) {
		t.Helper()
		if gotLast, gotLost := p.end(); gotLast != last || gotLost != lost {
			t.Errorf("%s: %d, lost %v, want %d, %v", what, gotLast, gotLost, last, lost)
		}
	}
	want("new", 10, false)
	p.acked(11, false)
	want("the next", 11, false)
	p.acked(14, false)
	p.acked(13, false)
	want("behind a gap", 11, false) // 12 may be an event of somebody else
	p.acked(12, false)
	want("the gap was ours, too", 14, false)
	p.acked(5, true)
	want("known before", 14, false)
	p.acked(16, true)
	want("known before, behind a gap", 14, false)
	p.acked(14, false)
	want("a sequence for the second time", 14, true)
}

func TestPositionHoldsABoundedNumber(t *testing.T) {
	p := newPosition(0)
	for seq := uint64(2); seq < 10*maxOwn; seq++ {
		p.acked(seq, false)
	}
	if len(p.own) > maxOwn {
		t.Errorf("%d are held", len(p.own))
	}
	if last, _ := p.end(); last != 0 {
		t.Errorf("moved to %d over a gap", last)
	}
}
