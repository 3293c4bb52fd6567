package node

import (
	"fmt"
	"testing"
	"time"

	"blockgate/internal/btc"
)

func TestSpeed(t *testing.T) {
	var s speed
	if s.perSecond() != 0 || s.blocksIn(time.Hour) != 0 {
		t.Error("a peer that delivered nothing is fast")
	}
	for range 100 {
		s.add(500_000, time.Second/2)
	}
	if got := s.perSecond(); got < 990_000 || got > 1_010_000 {
		t.Errorf("%.0f bytes a second, want a million", got)
	}
	if got := s.blocksIn(keepBusy); got != 4 {
		t.Errorf("%d blocks in %v, want 4", got, keepBusy)
	}
	for range 30 { // it becomes ten times slower
		s.add(500_000, 5*time.Second)
	}
	if got := s.perSecond(); got > 130_000 {
		t.Errorf("%.0f bytes a second after 30 slow blocks", got)
	}
	s = speed{}
	s.add(0, 0)
	if got := s.blocksIn(time.Hour); got != MaxPerPeer {
		t.Errorf("%d blocks for one that took no time, want %d", got, MaxPerPeer)
	}
}

// TestMayOwe: what a peer may owe follows from its speed, between the bounds.
func TestMayOwe(t *testing.T) {
	n := New(Config{Network: btc.Regtest})
	for _, c := range []struct {
		each time.Duration // a block
		want int
	}{{10 * time.Second, minPerPeer}, {time.Second, minPerPeer}, {500 * time.Millisecond, 4}, {100 * time.Millisecond, 20}, {time.Millisecond, DefaultPerPeer}} {
		p := &peer{id: 1, ready: true}
		if got := n.mayOwe(p); got != DefaultPerNewPeer {
			t.Errorf("a new peer may owe %d, want %d", got, DefaultPerNewPeer)
		}
		p.blocks.served = true
		for range 50 {
			p.blocks.speed.add(1_000_000, c.each)
		}
		if got := n.mayOwe(p); got < c.want-1 || got > c.want {
			t.Errorf("%v a block: may owe %d, want %d", c.each, got, c.want)
		}
	}
}

// TestDrips holds the least rate and its grace to their edges.
func TestDrips(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		bytes int
		want  bool
	}{
		{dripGrace - 1, 0, false},
		{dripGrace, 5*minBlockRate - 1, true},
		{dripGrace, 5 * minBlockRate, false},
		{time.Minute, 60*minBlockRate - 1, true},
		{time.Minute, 60 * minBlockRate, false},
	} {
		for _, before := range []int{0, 80} {
			b := peerBlocks{coming: transfer{since: t0, at: t0, bytes: c.bytes + before, before: before}}
			if got := b.drips(t0.Add(c.after)); got != c.want {
				t.Errorf("%d bytes in %v: drips %v, want %v", c.bytes, c.after, got, c.want)
			}
		}
	}
	if b := (peerBlocks{}); b.drips(t0.Add(time.Hour)) {
		t.Error("nothing drips")
	}
}

// TestProgressOfOthers: what a peer says of a block that it does not owe changes nothing.
func TestProgressOfOthers(t *testing.T) {
	n := New(Config{Network: btc.Regtest})
	p := &peer{id: 7, ready: true}
	n.peers.all = append(n.peers.all, p)
	n.now = t0
	for _, e := range []BodyProgress{{Peer: 7, Hash: btc.Hash{1}, Bytes: 9}, {Peer: 7, Bytes: 9}, {Peer: 8, Bytes: 9}, {Peer: 7, Paused: true}} {
		if n.bodyProgress(e); p.blocks.coming != (transfer{}) {
			t.Errorf("%+v: %+v", e, p.blocks.coming)
		}
	}
	p.blocks.owed = []owed{{hash: btc.Hash{1}}, {hash: btc.Hash{2}}}
	at := func(after time.Duration, e BodyProgress) string {
		e.Peer, n.now = 7, t0.Add(after)
		n.bodyProgress(e)
		c := p.blocks.coming
		return fmt.Sprint(c.hash[0], " ", c.since.Sub(t0), " ", c.at.Sub(t0), " ", c.bytes, " ", c.before)
	}
	for _, c := range []struct {
		after time.Duration
		event BodyProgress
		want  string
	}{
		{1, BodyProgress{Hash: btc.Hash{1}, Bytes: 100}, "1 1ns 1ns 100 0"},
		{2, BodyProgress{Hash: btc.Hash{1}, Bytes: 200}, "1 1ns 2ns 200 0"},
		{3, BodyProgress{Hash: btc.Hash{1}, Bytes: 200}, "1 1ns 2ns 200 0"},
		{4, BodyProgress{Hash: btc.Hash{3}, Bytes: 900}, "1 1ns 2ns 200 0"},
		{5, BodyProgress{Hash: btc.Hash{1}, Bytes: 80, Paused: true}, "1 5ns 5ns 80 80"},
		{6, BodyProgress{Hash: btc.Hash{2}, Bytes: 50}, "2 6ns 6ns 50 0"},
		{7, BodyProgress{Bytes: 40}, "2 6ns 7ns 40 0"}, // another packet starts no new clock
	} {
		if got := at(c.after, c.event); got != c.want {
			t.Errorf("%v %+v: %s, want %s", c.after, c.event, got, c.want)
		}
	}
	if p.settle(btc.Hash{2}); p.blocks.coming != (transfer{}) {
		t.Error("a block that came is still coming")
	}
}

// TestUsualSize: how large blocks are thought to be follows what comes, never above the
// largest.
func TestUsualSize(t *testing.T) {
	n := New(Config{Network: btc.Regtest})
	p := &peer{id: 1, ready: true}
	n.peers.all = append(n.peers.all, p)
	n.now = t0
	for _, size := range []int{-1, 1 << 40} {
		p.blocks.owed = []owed{{hash: btc.Hash{1}, since: t0}}
		for range 200 {
			n.bodyMeasured(BodyArrived{Peer: 1, Hash: btc.Hash{1}, Size: size})
		}
	}
	if n.fetch.usual <= btc.MaxBlockSize-sizeMemory || n.fetch.usual > btc.MaxBlockSize {
		t.Errorf("%d bytes, want about %d", n.fetch.usual, btc.MaxBlockSize)
	}
	for range 200 {
		n.bodyMeasured(BodyArrived{Peer: 1, Hash: btc.Hash{1}, Size: 300})
	}
	if n.fetch.usual < 300 || n.fetch.usual > 300+sizeMemory {
		t.Errorf("%d bytes, want about 300", n.fetch.usual)
	}
}
