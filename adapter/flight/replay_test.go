package flight_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/flight"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

func TestReplaysExactly(t *testing.T) {
	w := synced(t, 60)
	f := reread(t, w.recorder.File())
	if f.Lost != "" || f.Start.Build != "v0 test" || !f.Start.Began.Equal(start) {
		t.Errorf("%+v", f.Start)
	}
	again, steps, err := f.Replay(nil)
	if err != nil {
		t.Fatal(err)
	}
	if steps != w.steps {
		t.Errorf("%d steps, want %d", steps, w.steps)
	}
	if got, want := again.Status(w.now), w.brain.Status(w.now); !reflect.DeepEqual(got, want) || int(got.JournalHeight) != 60 {
		t.Errorf("%+v, want %+v", got, want)
	}
	// The two go on alike.
	if got, want := again.Step(w.now.Add(time.Hour), node.Tick{}), w.brain.Step(w.now.Add(time.Hour), node.Tick{}); !reflect.DeepEqual(got, want) || len(got) == 0 {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestReplayNoticesEveryChange leaves out one event after the other, and changes the
// settings: a replay that does something else says so.
func TestReplayNoticesEveryChange(t *testing.T) {
	w := synced(t, 20)
	f := w.recorder.File()
	var entries []flight.Entry
	for e := range f.Entries() {
		entries = append(entries, e)
	}
	noticed, told := 0, 0
	for left := range entries {
		if _, tick := entries[left].Event.(node.Tick); tick || len(entries[left].Actions) == 0 {
			continue
		}
		told++
		r := flight.New("", start, config(2))
		for i, e := range entries {
			if i != left {
				r.Stepped(e.Now, e.Event, e.Actions)
			}
		}
		var diverged *flight.DivergedError
		if _, _, err := r.File().Replay(nil); errors.As(err, &diverged) && diverged.Step >= min(left, 1) && diverged.Error() != "" {
			noticed++
		}
	}
	if noticed != told || told < 20 {
		t.Errorf("%d of %d noticed", noticed, told)
	}
	f.Start.Config.Seed++
	f.Start.Config.Connect = f.Start.Config.Connect[:1]
	if _, _, err := f.Replay(nil); err == nil {
		t.Error("other settings, same actions")
	}
}

// TestReplayLooksAtWhatIsCut changes a header in the middle of what a KeepHeaders
// names: the recording has a few of them and a checksum over all.
func TestReplayLooksAtWhatIsCut(t *testing.T) {
	chain := mine(50)
	for _, changed := range []int{-1, 0, 49, 20} {
		r := flight.New("", start, config(1))
		brain := node.New(config(1))
		for _, ev := range []node.Event{node.Tick{}, node.PeerUp{Peer: 1, Services: 9}, node.HeadersReceived{Peer: 1, Headers: chain}} {
			actions := brain.Step(start, ev)
			for i, a := range actions {
				if keep, ok := a.(node.KeepHeaders); ok && changed >= 0 {
					if len(keep.Headers) != 50 {
						t.Fatal(len(keep.Headers))
					}
					keep.Headers = append([]btc.Header(nil), keep.Headers...)
					keep.Headers[changed][70]++
					actions[i] = keep
				}
			}
			r.Stepped(start, ev, actions)
		}
		_, steps, err := reread(t, r.File()).Replay(nil)
		if (err == nil) != (changed < 0) || steps < 2 {
			t.Errorf("header %d changed: %d steps, %v", changed, steps, err)
		}
	}
}

// TestReplayWithLoadedHeaders records a brain that had headers from the disk.
func TestReplayWithLoadedHeaders(t *testing.T) {
	chain := mine(120)
	w := newWorld(t, chain)
	w.preload(chain[:30])
	w.preload(chain[30:100])
	w.ticks(100)
	if _, steps, err := reread(t, w.recorder.File()).Replay(nil); err != nil || steps != w.steps {
		t.Errorf("%d of %d steps, %v", steps, w.steps, err)
	}
	if len(w.done) != 120 {
		t.Errorf("%d published", len(w.done))
	}
}

// TestReplayBringsHeaders records one that had more than a recording holds: whoever
// replays it brings them. Headers that were there before count as others do.
func TestReplayBringsHeaders(t *testing.T) {
	chain := mine(btc.MaxHeaders)
	for _, count := range []int{flight.MaxInline - 1, flight.MaxInline, flight.MaxInline + 1} {
		w := newWorld(t, chain)
		w.deaf = true
		for left := count; left > 0; left -= len(chain) {
			w.preload(chain[:min(left, len(chain))])
		}
		w.ticks(3)
		f := reread(t, w.recorder.File())
		if inline := len(f.Start.Headers) == count; inline != (count <= flight.MaxInline) || f.Start.Count != count {
			t.Errorf("%d of %d are held", len(f.Start.Headers), count)
		}
		_, _, err := f.Replay(nil)
		if bring := errors.Is(err, flight.ErrHeaders); bring != (count > flight.MaxInline) || err != nil && !bring {
			t.Errorf("%d headers: %v", count, err)
		}
		if _, steps, err := f.Replay(func(n int) ([]btc.Header, error) { return chain[:n], nil }); err != nil || steps != w.steps {
			t.Errorf("%d headers: %d steps, %v", count, steps, err)
		}
		if count <= flight.MaxInline {
			continue
		}
		if _, _, err := f.Replay(func(n int) ([]btc.Header, error) { return chain[:n-1], nil }); !errors.Is(err, flight.ErrHeaders) {
			t.Errorf("too few headers: %v", err)
		}
		gone := errors.New("gone")
		if _, _, err := f.Replay(func(int) ([]btc.Header, error) { return nil, gone }); !errors.Is(err, gone) {
			t.Errorf("no headers: %v", err)
		}
	}
}

// TestReplayWithABook records a brain that dials from an address book: what it dials
// is by chance, and the same again.
func TestReplayWithABook(t *testing.T) {
	cfg := config(0)
	cfg.Book = addrbook.New(addrbook.Config{Network: btc.Regtest, Secret: [32]byte{9}, Seed: 5})
	var found []addrbook.Addr
	for i := range 500 {
		addr, err := addrbook.ParseAddr(fmt.Sprintf("%d.%d.0.1:18444", 20+i%100, i/2))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, addr)
	}
	for i := range 10 {
		cfg.Book.AddDNS(fmt.Sprint("seed", i), found[50*i:50*i+50], 9, start)
	}
	recorder := flight.New("", start, cfg)
	brain := node.New(cfg)
	dialled := map[addrbook.Addr]bool{}
	now := start
	for range 2000 {
		now = now.Add(time.Second)
		actions := brain.Step(now, node.Tick{})
		recorder.Stepped(now, node.Tick{}, actions)
		for _, a := range actions {
			if d, ok := a.(node.Dial); ok {
				dialled[d.Addr] = true
				failed := node.DialFailed{Peer: d.Peer, Detail: "refused"}
				recorder.Stepped(now, failed, brain.Step(now, failed))
			}
		}
	}
	if len(dialled) < 50 {
		t.Fatalf("%d addresses dialled", len(dialled))
	}
	f := reread(t, recorder.File())
	if _, _, err := f.Replay(nil); err != nil {
		t.Error(err)
	}
	f.Start.Chance++
	var diverged *flight.DivergedError
	if _, _, err := f.Replay(nil); !errors.As(err, &diverged) {
		t.Errorf("another chance: %v", err)
	}
	f.Start.Book = f.Start.Book[1:]
	if _, _, err := f.Replay(nil); !errors.Is(err, addrbook.ErrCorrupt) {
		t.Errorf("no book: %v", err)
	}
}
