package flight_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/flight"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// start is when every test begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// mine returns count regtest headers on genesis.
func mine(count int) []btc.Header {
	params := btc.Regtest.Params()
	headers := []btc.Header{params.Genesis}
	for range count {
		up := &headers[len(headers)-1]
		f := btc.HeaderFields{Version: 4, Prev: up.Hash(), Time: up.Time() + 600, Bits: params.PowLimitBits}
		for {
			h := f.Header()
			if hash := h.Hash(); params.PowLimit.Meets(&hash) {
				headers = append(headers, h)
				break
			}
			f.Nonce++
		}
	}
	return headers[1:]
}

// world is a recorded brain, honest peers that answer at once, and a journal.
type world struct {
	t        testing.TB
	now      time.Time
	brain    *node.Node
	recorder *flight.Recorder
	chain    []btc.Header
	byHash   map[btc.Hash]int
	steps    int
	bodies   node.BodyID
	lie      btc.Hash // the first that sends it sends other bytes
	lied     bool
	done     []node.Append
	queue    []node.Event
	deaf     bool // nobody answers
}

func config(peers int) node.Config {
	cfg := node.Config{Network: btc.Regtest, Seed: 7, Secret: [32]byte{1, 2, 3}, FinalDepth: 6, Window: 8}
	for i := range peers {
		addr, err := addrbook.ParseAddr([]string{"11.0.0.1:1", "12.0.0.1:2", "13.0.0.1:3"}[i])
		if err != nil {
			panic(err)
		}
		cfg.Connect = append(cfg.Connect, addr)
	}
	return cfg
}

func newWorld(t testing.TB, chain []btc.Header) *world {
	t.Helper()
	w := &world{t: t, now: start, chain: chain, byHash: map[btc.Hash]int{}}
	for i := range chain {
		w.byHash[chain[i].Hash()] = i
	}
	cfg := config(2)
	w.recorder = flight.New("v0 test", start, cfg)
	w.brain = node.New(cfg)
	return w
}

func (w *world) preload(headers []btc.Header) {
	w.t.Helper()
	if err := w.brain.Preload(headers, w.now); err != nil {
		w.t.Fatal(err)
	}
	w.recorder.Preloaded(w.now, headers)
}

// step gives the brain an event and all that comes of it.
func (w *world) step(ev node.Event) {
	w.queue = append(w.queue, ev)
	for len(w.queue) > 0 {
		ev, w.queue = w.queue[0], w.queue[1:]
		actions := w.brain.Step(w.now, ev)
		w.recorder.Stepped(w.now, ev, actions)
		w.steps++
		for _, a := range actions {
			if !w.deaf {
				w.answer(a)
			}
		}
	}
}

func (w *world) ticks(n int) {
	for range n {
		w.now = w.now.Add(250 * time.Millisecond)
		w.step(node.Tick{})
	}
}

func (w *world) say(ev node.Event) { w.queue = append(w.queue, ev) }

func (w *world) answer(action node.Action) {
	switch a := action.(type) {
	case node.Dial:
		w.say(node.PeerUp{Peer: a.Peer, Services: 1 | 1<<3, StartHeight: int32(len(w.chain)), UserAgent: "/honest\n/"})
	case node.GetHeaders:
		from := 0
		for i, hash := range a.Locator {
			if at, ok := w.byHash[hash]; ok {
				from = at + 1
				break
			} else if i == len(a.Locator)-1 {
				from = 0
			}
		}
		w.say(node.HeadersReceived{Peer: a.Peer, Headers: w.chain[from:min(len(w.chain), from+btc.MaxHeaders)]})
	case node.GetData:
		for _, hash := range a.Hashes {
			w.body(a.Peer, hash)
		}
	case node.LoadJournal:
		w.say(w.load())
	case node.Store:
		w.say(node.BodyStored{Hash: a.Hash, Body: a.Body})
	case node.Append:
		w.done = append(w.done, a)
		w.say(node.EventAppended{Hash: a.Hash, Kind: a.Kind, Seq: uint64(len(w.done))})
	}
}

func (w *world) load() node.JournalLoaded {
	if len(w.done) == 0 {
		return node.JournalLoaded{Empty: true}
	}
	last := w.done[len(w.done)-1]
	return node.JournalLoaded{Tip: last.Hash, TipHeight: last.Height, TipHeader: last.Header, Final: last.Final, First: 1}
}

func (w *world) body(peer node.PeerID, hash btc.Hash) {
	sum, outcome, body := sha256.Sum256(hash[:]), node.OutcomeProven, node.BodyID(0)
	if hash == w.lie && !w.lied {
		w.lied, outcome, sum = true, node.OutcomeMerkle, [32]byte{6}
	} else {
		w.bodies++
		body = w.bodies
	}
	w.say(node.BodyArrived{Peer: peer, Hash: hash, Size: 285})
	w.say(node.BodyJudged{Peer: peer, Hash: hash, Sum: sum, Body: body, Outcome: outcome})
}

// synced returns a world in which all blocks were published.
func synced(t *testing.T, blocks int) *world {
	t.Helper()
	w := newWorld(t, mine(blocks))
	w.lie = w.chain[blocks/2].Hash()
	w.ticks(400)
	if len(w.done) != blocks {
		t.Fatalf("%d blocks published, want %d", len(w.done), blocks)
	}
	return w
}

// reread writes a recording down and reads it.
func reread(t *testing.T, f *flight.File) *flight.File {
	t.Helper()
	got, err := flight.Decode(f.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if wrong := got.Recode(); wrong != "" {
		t.Fatal(wrong)
	}
	return got
}

func hashesOf(hashes ...btc.Hash) []btc.Hash { return hashes }
