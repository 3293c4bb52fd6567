package node_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/flight"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// FuzzStep feeds any sequence of events, likely or not, to a node. It must not panic,
// must keep its bounds and must release every body once. Then all of it goes to another
// node, by way of a recording, which must do the same things.
//
// With -artifacts a run that fails leaves its recording in the output folder: `blockgate
// replay` and `blockgate why --file` read it.
func FuzzStep(f *testing.F) {
	sync := []byte{0, 0, 1, 0, 2, 0, 10, 0, 11, 0, 5, 0, 5, 0, 12, 0, 12, 0, 14, 0}
	f.Add(sync)
	f.Add(slices.Concat(sync, []byte{4, 0, 4, 9, 3, 0, 1, 1, 5, 1, 7, 7, 13, 0, 15, 0, 16, 2, 6, 3, 8, 0, 9, 0}))
	f.Add(slices.Concat(sync, []byte{18, 66, 0, 99, 18, 2, 4, 0, 6, byte(node.OutcomeRule), 0, 99, 4, 0, 6, byte(node.OutcomeDisagree), 14, 0, 15, 0, 11, 4}))
	f.Add(slices.Concat(sync, []byte{19, 1, 0, 40, 0, 40, 1, 1, 1, 2, 1, 3, 19, 6, 19, 7, 19, 12, 19, 20, 19, 27, 0, 200, 0, 255, 3, 2}))
	f.Add(slices.Concat(sync, []byte{23, 200, 24, 0, 0, 100, 1, 2, 24, 1, 24, 2, 24, 3, 25, 4, 0, 200, 4, 0, 26, 0, 24, 140, 19, 48, 0, 255, 0, 255, 18, 70, 25, 12}))
	f.Add([]byte{10, 200, 1, 0, 2, 17, 10, 33, 0, 255, 11, 3, 17, 255})
	world := newFuzzWorld()
	f.Fuzz(func(t *testing.T, script []byte) {
		run := newFuzzRun(world, script[:min(len(script), maxFuzzScript)])
		defer run.keep(t)
		for len(run.script) > 0 {
			run.step(t)
		}
		run.replay(t)
	})
}

// replay does all of it again.
func (r *fuzzRun) replay(t *testing.T) {
	t.Helper()
	f, err := flight.Decode(r.recorder.File().Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	again, steps, err := f.Replay(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.Status(r.now), r.node.Status(r.now); !reflect.DeepEqual(got, want) || uint64(steps) != r.recorder.Stats().Entries {
		t.Fatalf("%d steps end in %+v, want %+v", steps, got, want)
	}
}

// keep writes the recording down if the run failed, with the event that ended it.
func (r *fuzzRun) keep(t *testing.T) {
	t.Helper()
	broken := recover()
	if broken == nil && !t.Failed() {
		return
	}
	if broken != nil {
		r.recorder.Stepped(r.now, r.last, nil)
	}
	path := filepath.Join(t.ArtifactDir(), "recording")
	if err := os.WriteFile(path, r.recorder.File().Append(nil), 0o600); err != nil {
		t.Error(err)
	}
	t.Logf("recorded in %s", path)
	if broken != nil {
		panic(broken)
	}
}

// TestFuzzKnowsEveryEvent wants each event of the closed set to come up.
func TestFuzzKnowsEveryEvent(t *testing.T) {
	world := newFuzzWorld()
	seen := map[string]bool{}
	run := newFuzzRun(world, nil)
	for kind := range byte(fuzzKinds) {
		for x := range 256 {
			run.asked = []node.GetData{{Peer: 1, Hashes: []btc.Hash{{1}}}}
			run.stores = []node.Store{{Body: 1}}
			seen[reflect.TypeOf(run.event(kind, byte(x))).Name()] = true
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^func \((\w+)\) event\(\)`)
	count := 0
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range declared.FindAllSubmatch(source, -1) {
			if count++; !seen[string(match[1])] {
				t.Errorf("no script brings %s", match[1])
			}
		}
	}
	if count < 30 || count != len(seen) {
		t.Errorf("%d events are declared, %d come up", count, len(seen))
	}
}

// maxFuzzScript is how many bytes of a script are played, two an event. To pick from a
// book that is all but empty takes up to 1 ms, an event may pick some five times, all is
// done twice, and the fuzzer, whose counters make it slower by a factor, ends what takes
// 10 s: on a busy machine that has come true with 512.
const maxFuzzScript = 256

// fuzzWorld is the blocks that the scripts speak of.
type fuzzWorld struct {
	tree   *tree
	blocks []*block
}

func newFuzzWorld() *fuzzWorld {
	w := &fuzzWorld{tree: newTree()}
	g := w.tree.byName["g"]
	a := w.tree.mine("a", g, 8)
	b := w.tree.mine("b", a[2], 9)
	w.blocks = slices.Concat([]*block{g}, a, b, w.tree.mine("c", a[0], 12))
	return w
}

type fuzzRun struct {
	*fuzzWorld
	script []byte
	now    time.Time
	node   *node.Node
	bodies bodies
	peers  []node.PeerID // dialled last
	asked  []node.GetData
	stores []node.Store
	append node.Append
	fetch  node.FetchHeader

	last     node.Event
	recorder *flight.Recorder
}

func newFuzzRun(w *fuzzWorld, script []byte) *fuzzRun {
	r := &fuzzRun{fuzzWorld: w, script: script, now: start, peers: []node.PeerID{1}}
	r.bodies.in = map[node.BodyID]btc.Hash{}
	cfg := node.Config{
		Network: btc.Regtest, UseSeeds: true, Window: 1 + int(r.take()%8), PerPeer: 1 + int(r.take()%4), FinalDepth: 4, MaxOutbound: 3,
	}
	if r.take()%2 == 0 {
		cfg.Connect = []addrbook.Addr{addr("127.0.0.2:1"), addr("127.0.0.3:1"), addr("11.0.0.1:1")}
	}
	if r.take()%2 == 0 {
		cfg.Feelers, cfg.IdleAfter = 2, time.Minute
		cfg.FixedSeeds = []addrbook.Addr{ipv4(12, 0, 0, 1, 1), ipv4(13, 0, 0, 1, 1), ipv4(127, 0, 0, 1, 1)}
	}
	if from := r.take(); from%4 == 3 {
		cfg.Start = node.Start{Kind: node.StartHeight, Height: btc.Height(from % 16)}
	}
	r.recorder = flight.New("", r.now, cfg)
	r.node = node.New(cfg)
	return r
}

func (r *fuzzRun) take() byte {
	if len(r.script) == 0 {
		return 0
	}
	b := r.script[0]
	r.script = r.script[1:]
	return b
}

func (r *fuzzRun) step(t *testing.T) {
	t.Helper()
	e := r.event(r.take(), r.take())
	r.last = e
	actions := r.node.Step(r.now, e)
	r.recorder.Stepped(r.now, e, actions)
	for _, a := range actions {
		r.note(t, a)
	}
	if broken := r.node.Broken(); broken != "" {
		t.Fatalf("after %#v: %s", e, broken)
	}
	if len(r.bodies.in) != r.node.Held() {
		t.Fatalf("after %#v: %d bodies are in, %d held", e, len(r.bodies.in), r.node.Held())
	}
	r.node.Status(r.now)
	for _, p := range r.node.Peers(r.now) {
		if p.State == "" || !p.Kind.Valid() {
			t.Fatalf("after %#v: peer %+v", e, p)
		}
	}
	r.node.Bans(r.now)
}

func (r *fuzzRun) note(t *testing.T, a node.Action) {
	t.Helper()
	wrong := ""
	switch a := a.(type) {
	case node.Disconnect:
		if a.Reason.Cost() == node.CostUnknown {
			t.Fatalf("%q is not in the table of reasons", a.Reason)
		}
	case node.Ban:
		if a.Reason != node.ReasonOperator && a.Reason.Cost() != node.Discourages {
			t.Fatalf("ban for %q", a.Reason)
		}
	case node.Dial:
		r.peers = append(r.peers[max(0, len(r.peers)-6):], a.Peer)
	case node.GetData:
		r.asked = append(r.asked[max(0, len(r.asked)-8):], a)
	case node.Drop:
		wrong = r.bodies.leave(a.Body)
	case node.Store:
		wrong = r.bodies.leave(a.Body)
		r.stores = append(r.stores, a)
	case node.Append:
		r.append = a
	case node.FetchHeader:
		r.fetch = a
	}
	if wrong != "" {
		t.Fatal(wrong)
	}
}

// fuzzKinds is how many kinds of events event knows.
const fuzzKinds = 27

func (r *fuzzRun) event(kind, x byte) node.Event {
	peer := r.peers[int(x)%len(r.peers)]
	b := r.blocks[int(x)%len(r.blocks)]
	switch kind % fuzzKinds {
	case 0:
		r.now = r.now.Add(time.Duration(x) * time.Duration(x) * 10 * time.Millisecond)
	case 1:
		return node.PeerUp{Peer: peer, Services: uint64(x | 9), StartHeight: int32(int8(x)), Relay: x%2 == 0}
	case 2:
		e := node.HeadersReceived{Peer: peer}
		for _, b := range r.tree.chainTo(r.blocks[(int(x)/4+8)%len(r.blocks)])[:] {
			e.Headers = append(e.Headers, b.header)
		}
		return e
	case 3:
		return node.PeerDown{Peer: peer, Reason: "unrequested-tx", Ban: x%3 == 0}
	case 4, 5, 6:
		if len(r.asked) == 0 {
			return node.BodyArrived{Peer: peer, Hash: b.hash}
		}
		ask := r.asked[int(x)%len(r.asked)]
		hash := ask.Hashes[int(x/8)%len(ask.Hashes)]
		if kind%fuzzKinds == 4 {
			return node.BodyArrived{Peer: ask.Peer, Hash: hash}
		}
		e := node.BodyJudged{Peer: ask.Peer, Hash: hash, Sum: sumOf("honest"), Outcome: node.OutcomeProven}
		if kind%fuzzKinds == 6 {
			e.Outcome, e.Sum = node.Outcome(x), [32]byte{x}
		}
		if x&64 == 0 {
			e.Body = r.bodies.take(hash)
		}
		return e
	case 7:
		if x&32 != 0 {
			return node.BodyUnneeded{Peer: peer, Hash: b.hash}
		}
		return node.NotFound{Peer: peer, Hashes: []btc.Hash{b.hash}}
	case 8:
		return node.DialFailed{Peer: peer, Detail: "refused \x00"}
	case 19:
		e := node.BodyProgress{Peer: peer, Bytes: int(x) << 12, Paused: x&16 != 0}
		if len(r.asked) > 0 && x&32 != 0 {
			ask := r.asked[int(x)%len(r.asked)]
			e.Peer, e.Hash = ask.Peer, ask.Hashes[0]
		}
		return e
	case 9:
		return node.BlocksAnnounced{Peer: peer, Hashes: []btc.Hash{b.hash, {x}}}
	case 18:
		if x&96 == 96 {
			return node.OperatorAcceptReorg{Hash: b.hash}
		}
		if x&64 == 0 {
			return node.OperatorReconsider{Hash: b.hash}
		}
		return node.OperatorInvalidate{Hash: b.hash}
	case 10:
		return node.SeedsFound{Name: "seed", Services: 9, Addrs: []addrbook.Addr{ipv4(8, x, 1, 1, 1), {}}}
	}
	return r.peerEvent(kind, x, b)
}

// peerEvent is about addresses, bans and consumers.
func (r *fuzzRun) peerEvent(kind, x byte, b *block) node.Event {
	at := ipv4(8, x, 1, 1, 1)
	switch kind % fuzzKinds {
	case 23:
		e := node.AddrsHeard{Peer: r.peers[int(x)%len(r.peers)], Addrs: []addrbook.Heard{{Addr: at, Services: 9, Seen: uint32(r.now.Unix())}, {}}}
		for i := range x {
			e.Addrs = append(e.Addrs, addrbook.Heard{Addr: ipv4(20+i%8, i, x, 1, 1), Services: 9})
		}
		return e
	case 20:
		if x%2 == 0 {
			return node.ConsumerIdle{}
		}
		return node.ConsumerActive{}
	case 21:
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{8, x, 1, 1}), int(x%33))
		switch x % 4 {
		case 0:
			return node.OperatorUnban{Prefix: prefix}
		case 1:
			return node.OperatorUnban{Addr: at}
		case 2:
			return node.OperatorBan{Prefix: prefix, For: time.Duration(x) * time.Minute}
		}
		return node.OperatorBan{Addr: at}
	case 22:
		if x == 0 {
			return node.OperatorConnect{}
		}
		return node.OperatorConnect{Addr: ipv4(8, x%16, 1, 1, 1)}
	}
	return r.journalEvent(kind, x, b)
}

func (r *fuzzRun) journalEvent(kind, x byte, b *block) node.Event {
	switch kind % fuzzKinds {
	case 11:
		if x%4 == 0 {
			return node.JournalLoaded{Tip: b.hash, TipHeight: b.height, TipHeader: b.header, First: btc.Height(x % 16), Final: btc.Height(x % 8)}
		}
		return node.JournalLoaded{Empty: true}
	case 12, 13:
		if len(r.stores) == 0 {
			return node.BodyStored{Hash: b.hash, Body: node.BodyID(x)}
		}
		s := r.stores[0]
		r.stores = r.stores[1:]
		if kind%fuzzKinds == 12 {
			return node.BodyStored{Hash: s.Hash, Body: s.Body}
		}
		return node.BodyStoreFailed{Hash: s.Hash, Body: s.Body}
	case 14:
		return node.EventAppended{Hash: r.append.Hash, Kind: r.append.Kind}
	case 15:
		return node.EventMoved{}
	case 16:
		return node.JournalFailed{Detail: "down"}
	case 17:
		e := node.JournalHeader{Hash: r.fetch.Hash, Found: x%8 != 0}
		if found := r.tree.byHash[r.fetch.Hash]; found != nil {
			e.Header = found.header
		}
		return e
	case 24:
		return r.transactionEvent(x, b)
	case 25:
		return node.OperatorAcceptReorg{Request: uint64(x), Hash: b.hash}
	case 26:
		if len(r.asked) == 0 {
			return node.BodyDoubtful{Peer: r.peers[0], Hash: b.hash}
		}
		ask := r.asked[int(x)%len(r.asked)]
		return node.BodyDoubtful{Peer: ask.Peer, Hash: ask.Hashes[int(x/8)%len(ask.Hashes)]}
	}
	return node.Tick{}
}
