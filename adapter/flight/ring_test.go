package flight_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/flight"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// entries returns all of a recording.
func entries(f *flight.File) []flight.Entry { return slices.Collect(f.Entries()) }

func TestRingKeepsTheLast(t *testing.T) {
	r := flight.New("", start, config(1))
	const room = 4 * flight.ChunkRoom
	r.SetMax(room)
	now, lost := start, uint64(0)
	for i := range uint64(60_000) {
		now = now.Add(10 * time.Millisecond)
		r.Stepped(now, node.BodyStored{Hash: btc.Hash{byte(i), byte(i >> 8), byte(i >> 16)}, Body: node.BodyID(i)}, nil)
		s := r.Stats()
		if s.Bytes > room || s.Entries != i+1 {
			t.Fatalf("%+v", s)
		}
		if s.Lost != "" && lost == 0 {
			lost = i
		}
	}
	if lost < 3*flight.ChunkRoom/50 {
		t.Fatalf("something was forgotten after %d events", lost)
	}
	f := reread(t, r.File())
	if !strings.HasPrefix(f.Lost, "the ring was full at 2026-01-01T00:") {
		t.Errorf("lost %q", f.Lost)
	}
	if _, _, err := f.Replay(nil); !errors.Is(err, flight.ErrLost) {
		t.Errorf("replay: %v", err)
	}
	got := entries(f)
	if first := got[0].Now; !first.Equal(f.Since()) || !first.Equal(r.Stats().Since) {
		t.Errorf("first at %v, since %v", first, f.Since())
	}
	if len(got) < 2*flight.ChunkRoom/50 {
		t.Errorf("%d entries left", len(got))
	}
	for i, e := range got {
		body := node.BodyID(60_000 - len(got) + i)
		if want := start.Add(time.Duration(body+1) * 10 * time.Millisecond); e.Event.(node.BodyStored).Body != body || !e.Now.Equal(want) {
			t.Fatalf("entry %d is %+v", i, e)
		}
	}
}

// TestRingOfHours keeps a day once it was full, however quiet it is then.
func TestRingOfHours(t *testing.T) {
	r := flight.New("", start, config(1))
	r.SetMax(4 * flight.ChunkRoom)
	now := start
	for range 100_000 {
		now = now.Add(time.Millisecond)
		r.Stepped(now, node.EventMoved{Detail: "filled up with something"}, nil)
	}
	full := r.Stats()
	now = now.Add(flight.MaxAge - time.Minute)
	for range 40_000 { // ends the open chunk
		r.Stepped(now, node.EventMoved{Detail: "filled up with something"}, nil)
	}
	if s := r.Stats(); full.Lost == "" || s.Bytes != full.Bytes {
		t.Errorf("%+v, then %+v", full, s)
	}
	now = now.Add(2 * time.Minute)
	for range 20_000 {
		r.Stepped(now, node.EventMoved{Detail: "filled up with something"}, nil)
	}
	if s := r.Stats(); now.Sub(s.Since) > flight.MaxAge || s.Since.Before(now.Add(-3*time.Minute)) {
		t.Errorf("%v at %v", s.Since, now)
	}
	reread(t, r.File())
}

// TestNothingFlushesTheRing lets a stranger send the largest messages that there are:
// once the ring has been full, each of them takes little, and what is needed of them is
// there.
func TestNothingFlushesTheRing(t *testing.T) { // W12
	headers, hashes := mine(btc.MaxHeaders), make([]btc.Hash, 50_000)
	for i := range hashes {
		hashes[i] = btc.Hash{byte(i), byte(i >> 8), 1}
	}
	addr, err := addrbook.ParseAddr("11.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	heard := slices.Repeat([]addrbook.Heard{{Addr: addr, Services: 1 << 60, Seen: 1 << 30}}, 1000)
	long := strings.Repeat("x", 1<<20)
	r := flight.New("", start, config(1))
	r.SetMax(8 * flight.ChunkRoom)
	for range 15 {
		r.Stepped(start, node.HeadersReceived{Peer: 1, Headers: headers}, nil)
	}
	if r.Stats().Lost == "" {
		t.Fatal("15 messages of 160 kB are in 2 MB")
	}
	mark := start.Add(time.Second)
	for i := range 1000 {
		now := mark.Add(time.Duration(i) * time.Millisecond)
		r.Stepped(now, node.HeadersReceived{Peer: 1, Headers: headers}, nil)
		r.Stepped(now, node.BlocksAnnounced{Peer: 1, Hashes: hashes[:1+i%2*49_999]}, nil)
		r.Stepped(now, node.AddrsHeard{Peer: 1, Addrs: heard}, nil)
		r.Stepped(now, node.DialFailed{Peer: 1, Detail: long}, nil)
	}
	f := reread(t, r.File())
	if f.Since().After(mark) {
		t.Fatalf("back to %v only", f.Since())
	}
	last := entries(f)
	for _, e := range last[len(last)-4:] {
		switch e := e.Event.(type) {
		case node.HeadersReceived:
			if !slices.Equal(e.Headers, headers[len(headers)-flight.MaxBriefHeaders:]) {
				t.Errorf("%d headers", len(e.Headers))
			}
		case node.BlocksAnnounced:
			if !slices.Equal(e.Hashes, hashes[len(hashes)-flight.MaxBriefHashes:]) {
				t.Errorf("%d hashes", len(e.Hashes))
			}
		case node.AddrsHeard:
			if len(e.Addrs) != flight.MaxBriefAddrs {
				t.Errorf("%d addresses", len(e.Addrs))
			}
		case node.DialFailed:
			if len(e.Detail) != flight.MaxBriefText {
				t.Errorf("%d bytes", len(e.Detail))
			}
		}
	}
}

// TestCutAtTheLimits looks at lists that just fit, and at those that do not.
func TestCutAtTheLimits(t *testing.T) {
	headers := mine(flight.MaxBriefHeaders + 1)
	for _, full := range []bool{false, true} {
		r := flight.New("", start, config(1))
		r.SetMax(2 * flight.ChunkRoom)
		for range 30_000 * map[bool]int{true: 1}[full] {
			r.Stepped(start, node.EventMoved{Detail: "filled up with something"}, nil)
		}
		for _, n := range []int{flight.MaxBriefHeaders - 1, flight.MaxBriefHeaders, flight.MaxBriefHeaders + 1} {
			r.Stepped(start, node.HeadersReceived{Peer: 1, Headers: headers[:n]}, []node.Action{node.KeepHeaders{Headers: headers[:n]}})
			all := entries(r.File())
			e := all[len(all)-1]
			cut := headers[max(0, n-flight.MaxBriefHeaders):n]
			want := headers[:n]
			if full {
				want = cut
			}
			if got := e.Event.(node.HeadersReceived).Headers; !slices.Equal(got, want) {
				t.Errorf("full %v: %d of %d headers are there", full, len(got), n)
			}
			if got := e.Actions[0].(node.KeepHeaders).Headers; !slices.Equal(got, cut) {
				t.Errorf("full %v: %d of %d headers are kept", full, len(got), n)
			}
		}
	}
}

func TestTimes(t *testing.T) {
	r := flight.New("", start, config(1))
	r.SetMax(64 * flight.ChunkRoom)
	now := start
	times := []time.Time{now}
	for _, d := range []time.Duration{
		0, 1, -1, time.Microsecond, -time.Microsecond, time.Microsecond + 1, 250 * time.Millisecond, 999, -24 * time.Hour,
		flight.MaxSince - 1, flight.MaxSince, flight.MaxSince + 1, -flight.MaxSince, 1 - flight.MaxSince, time.Hour,
	} {
		now = now.Add(d)
		times = append(times, now)
	}
	times = append(times, time.Time{}, start)
	for _, at := range times {
		r.Stepped(at, node.Tick{}, nil)
	}
	f := reread(t, r.File())
	var got []time.Time
	for e := range f.Entries() {
		got = append(got, e.Now)
	}
	if !slices.EqualFunc(got, times, time.Time.Equal) || f.Lost != "" {
		t.Errorf("%v\nwant %v\n%s", got, times, f.Lost)
	}
}

// TestWhatCannotBeReplayed says why, and keeps on telling.
func TestWhatCannotBeReplayed(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		spoil      func(*flight.Recorder)
	}{
		{"no code", "<nil> has no code", func(r *flight.Recorder) { r.Stepped(start, nil, nil) }},
		{"an action without a code", "<nil> has no code", func(r *flight.Recorder) { r.Stepped(start, node.Tick{}, []node.Action{nil}) }},
		{"batches", "headers were loaded in more than 65536 batches", func(r *flight.Recorder) {
			for i := range flight.MaxLoads + 1 {
				if r.Preloaded(start, nil); i < flight.MaxLoads && r.Stats().Lost != "" {
					t.Fatal(i)
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := flight.New("", start, config(1))
			tt.spoil(r)
			r.Stepped(start.Add(time.Hour), node.Tick{}, nil)
			f := reread(t, r.File())
			if f.Lost != tt.want {
				t.Errorf("%q, want %q", f.Lost, tt.want)
			}
			if all := entries(f); len(all) == 0 || all[len(all)-1].Event != (node.Tick{}) {
				t.Errorf("%v", all)
			}
			if _, _, err := f.Replay(nil); !errors.Is(err, flight.ErrLost) {
				t.Error(err)
			}
		})
	}
}

// BenchmarkStepped is what recording costs: a tick, which is most of what happens, and
// what a block brings, seven steps.
func BenchmarkStepped(b *testing.B) {
	hash := btc.Hash{1, 2, 3}
	get := []node.Action{node.GetData{Peer: 1, Hashes: []btc.Hash{hash}}}
	store := []node.Action{node.Store{Body: 1, Hash: hash, Height: 900_000}}
	add := []node.Action{node.Append{Kind: node.Connect, Hash: hash, Best: hash}}
	chain := mine(1)
	keep := []node.Action{node.KeepHeaders{Headers: chain}, get[0]}
	events := []struct {
		ev      node.Event
		actions []node.Action
	}{
		{node.BlocksAnnounced{Peer: 1, Hashes: []btc.Hash{hash}}, nil},
		{node.HeadersReceived{Peer: 1, Headers: chain}, keep},
		{node.BodyArrived{Peer: 1, Hash: hash, Size: 2_000_000}, nil},
		{node.BodyJudged{Peer: 1, Hash: hash, Body: 1, Outcome: node.OutcomeProven}, store},
		{node.BodyStored{Hash: hash, Body: 1}, add},
		{node.EventAppended{Hash: hash, Kind: node.Connect, Seq: 1}, nil},
		{node.Tick{}, nil},
	}
	full := func(b *testing.B) *flight.Recorder {
		b.Helper()
		r := flight.New("", start, config(1))
		r.SetMax(4 * flight.ChunkRoom)
		for range 40_000 {
			r.Stepped(start, node.EventMoved{Detail: "filled up with something"}, nil)
		}
		return r
	}
	b.Run("tick", func(b *testing.B) {
		r, now := full(b), start
		b.ReportAllocs()
		for b.Loop() {
			now = now.Add(250 * time.Millisecond)
			r.Stepped(now, node.Tick{}, nil)
		}
	})
	b.Run("block", func(b *testing.B) {
		r, now := full(b), start
		b.ReportAllocs()
		for b.Loop() {
			now = now.Add(time.Second)
			hash[0]++
			for i := range events {
				r.Stepped(now, events[i].ev, events[i].actions)
			}
		}
	})
}

// TestNoAllocation holds what the benchmark shows: a full ring allocates nothing.
func TestNoAllocation(t *testing.T) {
	r := flight.New("", start, config(1))
	r.SetMax(4 * flight.ChunkRoom)
	hashes := []btc.Hash{{1}, {2}}
	actions := []node.Action{node.GetData{Peer: 1, Hashes: hashes}, node.Store{Hash: hashes[0]}}
	var ev node.Event = node.BlocksAnnounced{Peer: 1, Hashes: hashes}
	fill := func() {
		for range 20_000 {
			r.Stepped(start, ev, actions)
		}
	}
	for range 10 {
		fill()
	}
	if r.Stats().Lost == "" {
		t.Fatal("the ring is not full")
	}
	if got := testing.AllocsPerRun(10, fill); got > 0 {
		t.Errorf("%v allocations in 20,000 steps", got)
	}
}

// BenchmarkBrain is a sync of 500 blocks from two peers, alone and recorded.
func BenchmarkBrain(b *testing.B) {
	w := newWorld(b, mine(500))
	w.ticks(600)
	all := entries(w.recorder.File())
	for _, recorded := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "recorded"}[recorded], func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				brain, r := node.New(config(2)), flight.New("", start, config(2))
				b.StartTimer()
				for i := range all {
					actions := brain.Step(all[i].Now, all[i].Event)
					if recorded {
						r.Stepped(all[i].Now, all[i].Event, actions)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/step")
		})
	}
	b.Logf("%d steps, %d bytes", len(all), w.recorder.Stats().Bytes)
}
