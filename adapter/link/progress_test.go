package link

import (
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// TestProgress: the first bytes of a block are told at once, the following ones not more
// often than the interval, the last ones not at all.
func TestProgress(t *testing.T) {
	inBubble(t, func(r *rig) {
		body := blockBytes(Wanted, 200_000)
		stream := frame("block", body)
		r.send(stream[:frameHeaderSize+btc.HeaderSize])
		if got := r.steps(); len(got) != 0 {
			t.Errorf("told of a header: %v", got)
		}
		header := btc.Header(body)
		at, hash := frameHeaderSize+btc.HeaderSize, header.Hash()
		said := 0
		var last time.Time
		for piece := range slices.Chunk(stream[at:], 4000) {
			r.send(piece)
			at += len(piece)
			for _, s := range r.steps() {
				said++
				if s.hash != hash || s.size != at-frameHeaderSize || s.paused {
					t.Errorf("after %d bytes: %+v", at, s)
				}
				if !last.IsZero() && s.at.Sub(last) < ProgressInterval {
					t.Errorf("%v after the one before", s.at.Sub(last))
				}
				last = s.at
			}
			time.Sleep(60 * time.Millisecond) // 50 pieces, 3 s: each fifth is told
		}
		if said != 10 || r.delivered() != 1 {
			t.Errorf("told %d times, %d delivered; want 10, 1", said, r.delivered())
		}
	})
}

// TestProgressOfEachBlock: a block after another is told of at its own first bytes,
// and one that comes in one piece is not.
func TestProgressOfEachBlock(t *testing.T) {
	inBubble(t, func(r *rig) {
		small := frame("block", blockBytes(Wanted, 1000))
		r.send(slices.Concat(small, small))
		if got := r.steps(); len(got) != 0 || r.delivered() != 2 {
			t.Errorf("%d delivered, told %v", r.delivered(), got)
		}
		large := frame("block", blockBytes(Wanted, 100_000))
		for range 2 {
			r.send(large[:50_000])
			r.send(large[50_000:])
			if got := r.steps(); len(got) == 0 || got[0].size > 50_000 {
				t.Errorf("told %v", got)
			}
		}
		r.send(frame("block", blockBytes(Unneeded, 100_000))[:50_000])
		if got := r.steps(); len(got) != 0 {
			t.Errorf("told of a block that is not needed: %v", got)
		}
	})
}

// TestProgressWhileWaiting: while a block waits for budget that is said, about once a
// second, and then how it comes.
func TestProgressWhileWaiting(t *testing.T) {
	inBubble(t, func(r *rig) {
		full := r.budget.claim(MinBudget, false)
		stream := frame("block", blockBytes(Wanted, 100_000))
		r.send(stream[:50_000])
		time.Sleep(4*recheckInterval + recheckInterval/2)
		got := r.steps()
		if len(got) != 5 || slices.ContainsFunc(got, func(s step) bool { return !s.paused || s.size != btc.HeaderSize }) {
			t.Errorf("told %v", got)
		}
		r.budget.release(full)
		synctest.Wait()
		if got := r.steps(); len(got) == 0 || got[len(got)-1].paused {
			t.Errorf("then told %v", got)
		}
		r.send(stream[50_000:])
		if r.delivered() != 1 {
			t.Errorf("%d delivered", r.delivered())
		}
	})
}

// TestProgressV2: by v2 a long packet may be a block when the peer owes one; which one
// shows when it is whole. Packets that are none do not make more said of them.
func TestProgressV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := agreed(t)
		near, far := fakepeer.Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2}, 1<<20)
		r := &rig{t: t, far: far, budget: newTestBudget(t, 2*MinBudget, MinBudget)}
		var owes atomic.Bool
		r.conn = New(&Encrypted{Conn: near, session: ours}, Config{
			Magic: testMagic, Budget: r.budget, Owes: owes.Load, Progress: r.progress,
			Want:    func(btc.Hash, *btc.Header, int) WantAnswer { return Wanted },
			Deliver: func(b RawBlock) { b.Release() },
		})
		go r.readAll()
		hello, _ := translated(t, theirs, handshake())
		r.send(hello)
		drip := func(packet []byte) {
			for piece := range slices.Chunk(packet, 20_000) {
				r.send(piece)
				time.Sleep(ProgressInterval)
			}
		}
		drip(sealed(t, theirs, nil, CommandOf("addrv2"), make([]byte, 100_000)))
		if got := r.steps(); len(got) != 0 {
			t.Errorf("nothing is owed, told %v", got)
		}
		owes.Store(true)
		drip(sealed(t, theirs, nil, CommandOf("block"), blockBytes(Wanted, 100_000)))
		got := r.steps()
		if len(got) != 5 || got[0].size >= 20_000 || got[4].size < 80_000 || slices.ContainsFunc(got, func(s step) bool { return !s.hash.IsZero() }) {
			t.Errorf("told %v", got)
		}
		for range 20 { // a second's worth at once
			r.send(sealed(t, theirs, nil, CommandOf("whatever"), make([]byte, 20_000)))
		}
		if got := r.steps(); len(got) > 1 {
			t.Errorf("packets at once told %v", got)
		}
		r.conn.End(ReasonLocal, "end of test")
		_ = far.Close()
		synctest.Wait()
	})
}
