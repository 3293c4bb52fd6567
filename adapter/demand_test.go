package adapter_test

import (
	"errors"
	"testing"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// TestWake: who orders something, hands a transaction in or asks after one wakes an
// adapter that is idle, and it is idle again once the time is over; who only looks does
// not.
func TestWake(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	w := newWorld(t, chain, fakepeer.Script{})
	requests, pulse := make(chan adapter.Request), &adapter.Pulse{}
	w.config.Demand, w.config.Operator, w.config.Pulse = make(chan bool), requests, pulse
	w.config.Node.IdleAfter, w.config.Node.ConnectOnly = 300*time.Millisecond, true
	desk := w.withTransactions(t.TempDir(), &txCell{txid: btc.Hash{1}})
	w.run()
	isReady := func(record map[string]any) bool { return record["msg"] == "peer ready" }
	dials := 0
	asleep := func(after string) {
		t.Helper()
		eventually(t, "sleep after "+after, func() bool { return pulse.Snapshot().Idle })
		for _, p := range ask(t, requests, adapter.Request{Peers: true, Book: true, Recording: true}).Peers {
			if p.Kind == node.Manual { // a transaction may still go out
				t.Errorf("a peer for blocks while idle after %s", after)
			}
		}
		if _, err := desk.All(t.Context()); err != nil {
			t.Error(err)
		}
		if !ask(t, requests, adapter.Request{}).Status.Idle {
			t.Errorf("awake after nothing but questions behind %s", after)
		}
	}
	asleep("the start")
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"an order, also one that is refused", func() { ask(t, requests, invalidate(btc.Hash{7})) }},
		{"a question after a transaction", func() {
			if _, err := desk.Find(t.Context(), btc.Hash{9}); !errors.Is(err, adapter.ErrTxUnknown) {
				t.Error(err)
			}
		}},
		{"a transaction", func() {
			if _, err := desk.Submit(t.Context(), payment); err != nil {
				t.Error(err)
			}
		}},
	} {
		c.do()
		if ask(t, requests, adapter.Request{}).Status.Idle {
			t.Errorf("asleep after %s", c.name)
		}
		dials++
		w.log.await(t, "peer after "+c.name, nth(dials, isReady))
		eventually(t, "wakefulness after "+c.name, func() bool { return !pulse.Snapshot().Idle })
		asleep(c.name)
	}
	w.stop()
}
