package adapter_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// ask hands a request to a running adapter and returns its answer.
func ask(t *testing.T, to chan<- adapter.Request, r adapter.Request) adapter.Answer {
	t.Helper()
	answers, late := make(chan adapter.Answer, 1), time.After(patience)
	r.Answer = answers
	select {
	case to <- r:
	case <-late:
		t.Fatal("the adapter takes no request")
	}
	select {
	case a := <-answers:
		return a
	case <-late:
		t.Fatal("the adapter does not answer")
		return adapter.Answer{}
	}
}

// eventually looks at a condition every millisecond until it holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("no %s", what)
		}
	}
}

// invalidate and reconsider make the orders of that name.
func invalidate(hash btc.Hash) adapter.Request {
	return adapter.Request{Order: func(request uint64) node.Event { return node.OperatorInvalidate{Request: request, Hash: hash} }}
}

func reconsider(hash btc.Hash) adapter.Request {
	return adapter.Request{Order: func(request uint64) node.Event { return node.OperatorReconsider{Request: request, Hash: hash} }}
}

// TestOperator: each order gets its own answer, and who looks at the pulse next sees
// what came of it.
func TestOperator(t *testing.T) {
	t.Parallel()
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 5, Witness: true, FirstTime: uint32(time.Now().Add(-24 * time.Hour).Unix())})
	if err := chain.Mine(10); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, chain, fakepeer.Script{})
	requests, pulse := make(chan adapter.Request), &adapter.Pulse{}
	w.config.Operator, w.config.Pulse = requests, pulse
	w.run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)

	var all adapter.Answer
	for begun := time.Now(); ; { // the answer to the last block is on its way
		all = ask(t, requests, adapter.Request{Peers: true, Book: true})
		if len(all.Peers) == 1 && all.Peers[0].State == "ready" && all.Status.JournalHeight == 10 {
			break
		}
		if time.Since(begun) > patience {
			t.Fatalf("%+v", all)
		}
	}
	p := all.Peers[0]
	if p.Addr != w.config.Node.Connect[0] || p.Height != 10 || p.BytesIn < 10*btc.HeaderSize || p.BytesOut == 0 || all.Refused != "" {
		t.Errorf("%+v", all)
	}
	if plain := ask(t, requests, adapter.Request{}); plain.Peers != nil || plain.Status.JournalHeight != 10 {
		t.Errorf("%+v", plain)
	}

	third, _ := chain.At(3)
	for i, c := range []struct {
		r       adapter.Request
		refused string
		parked  bool
	}{
		{reconsider(third), "nothing of it is parked", false},
		{invalidate(btc.Hash{1}), "the header is not known", false},
		{invalidate(third), "", true},
		{invalidate(third), "", true},
		{reconsider(third), "", false},
	} {
		if a := ask(t, requests, c.r); a.Refused != c.refused || (a.Status.Parked != "") != c.parked {
			t.Errorf("order %d: %q, parked %q", i, a.Refused, a.Status.Parked)
		}
		if seen := pulse.Snapshot(); (seen.Status.Parked != "") != c.parked {
			t.Errorf("order %d: the pulse says %q", i, seen.Status.Parked)
		}
	}
	w.stop()
}

// TestPulse: what a run leaves behind for those who do not wait for it.
func TestPulse(t *testing.T) {
	t.Parallel()
	pulse := &adapter.Pulse{}
	if _, _, begun := pulse.Beat(time.Now()); begun || !pulse.Snapshot().Time.IsZero() || pulse.Counts().Dials != 0 {
		t.Error("a pulse before the run")
	}
	chain := fakepeer.First600()
	w := newWorld(t, chain, fakepeer.Script{}, fakepeer.Script{Lie: fakepeer.UnsolicitedTx})
	w.config.Pulse = pulse
	stuck, free := make(chan struct{}, 1000), make(chan struct{})
	w.journal.failStore = func(call int) error {
		if call != 300 {
			return nil
		}
		stuck <- struct{}{}
		<-free
		return errDown
	}
	w.run()
	<-stuck
	eventually(t, "job that takes long", func() bool { _, job, _ := pulse.Beat(time.Now()); return job > 20*time.Millisecond })
	eventually(t, "loop that turns meanwhile", func() bool { loop, _, begun := pulse.Beat(time.Now()); return begun && loop < time.Second })
	if loop, job, _ := pulse.Beat(time.Now().Add(time.Hour)); loop < 59*time.Minute || job < 59*time.Minute {
		t.Errorf("an hour later the loop has not turned for %s, the job takes %s", loop, job)
	}
	close(free)
	eventually(t, "word of the bus that failed, or of the next that did not", func() bool { s := pulse.Snapshot(); return s.Bus || s.BusWhy == errDown.Error() })
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	eventually(t, "end of the sync", func() bool { s := pulse.Snapshot(); return s.Status.JournalHeight == 599 && s.Bus })
	w.stop()
	seen, counted := pulse.Snapshot(), pulse.Counts()
	if _, job, _ := pulse.Beat(time.Now()); job != 0 {
		t.Errorf("the journal is at a job of %s", job)
	}
	if seen.Budget == 0 || seen.Status.BestHeight != 599 || seen.Status.Groups == 0 {
		t.Errorf("%+v", seen)
	}
	if counted.Connects != 599 || counted.Disconnects != 0 || counted.Reorgs != 0 || counted.Bodies["proven"] < 599 || counted.Connected < 2 || counted.Dials < counted.Connected || counted.Headers < 599 {
		t.Errorf("%+v", counted)
	}
	if counted.Received["block"] < 599 || counted.Sent["getdata"] == 0 || counted.BytesIn < 599*200 || counted.BytesOut == 0 {
		t.Errorf("%+v", counted)
	}
	for name := range counted.Received {
		if strings.ContainsAny(name, "\x00\" ") {
			t.Errorf("a command %q", name)
		}
	}
	counted.Bodies["proven"] = 0
	if pulse.Counts().Bodies["proven"] == 0 {
		t.Error("the maps are not the caller's")
	}
}

// TestReorgsAreCounted with their depth.
func TestReorgsAreCounted(t *testing.T) {
	t.Parallel()
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 6, Witness: true, FirstTime: uint32(time.Now().Add(-24 * time.Hour).Unix())})
	if err := chain.Mine(20); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, chain, fakepeer.Script{})
	w.config.Pulse = &adapter.Pulse{}
	w.run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	for _, depth := range []btc.Height{3, 1} {
		height, _ := chain.Tip()
		if err := chain.Fork(height-depth, int(depth)+1); err != nil {
			t.Fatal(err)
		}
		_, tip = chain.Tip()
		w.journal.await(t, tip)
	}
	eventually(t, "count of the last event", func() bool { return w.config.Pulse.Counts().Connects == 20+4+2 })
	w.stop()
	if c := w.config.Pulse.Counts(); c.Reorgs != 2 || c.ReorgDepth != 1 || c.Disconnects != 4 {
		t.Errorf("%+v", c)
	}
}

// TestOperatorOfNobody: a run without an operator does not wait for one, and one that
// ended leaves no order without a bound to wait.
func TestOperatorOfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakepeer.First600())
	w.journal.failLoad = upTo(1, errors.Join(adapter.ErrPermanent))
	if err := w.run().wait(); !errors.Is(err, adapter.ErrPermanent) {
		t.Error(err)
	}
}
