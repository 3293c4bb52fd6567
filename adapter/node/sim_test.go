package node_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/flight"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// TestSimulation runs the node against seeded strangers, a failing journal,
// dying parsers and reorgs, and then lets the failures end: the journal must come
// to the tip of the honest peers. What must hold all the time is checked all the
// time. A failing seed is printed and replays with -run TestSimulation/seed=N.
func TestSimulation(t *testing.T) {
	seeds := 300
	if testing.Short() || raceDetector { // no goroutine is started here
		seeds = 30
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			s := newSim(uint64(seed))
			s.run()
			for _, wrong := range s.judge() {
				t.Errorf("seed %d: %s", seed, wrong)
			}
			if seed%10 == 0 {
				s.replay(t)
			}
			if t.Failed() {
				t.Logf("last of the transcript of seed %d:\n%s", seed, s.tail())
			}
		})
	}
}

// replay writes the run down as an operator would and does all of it again.
func (s *sim) replay(t *testing.T) {
	t.Helper()
	f, err := flight.Decode(s.recorder.File().Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	again, steps, err := f.Replay(nil)
	if err != nil {
		t.Fatalf("seed %d: %v", s.seed, err)
	}
	if got, want := again.Status(s.now), s.node.Status(s.now); !reflect.DeepEqual(got, want) || uint64(steps) != s.recorder.Stats().Entries {
		t.Errorf("seed %d: %d steps end in %+v, want %+v", s.seed, steps, got, want)
	}
}

type kind int

const (
	honest  kind = iota
	slow         // honest, takes seconds
	narrow       // honest, on a line of 60 to 300 kB/s
	flaky        // honest, goes away now and then
	liar         // sends other bytes for some blocks
	silent       // has all headers, sends no body
	mute         // sends nothing
	empty        // has all headers, says notfound
	secret       // announces a heavier branch and keeps its bodies
	rebel        // has a heavier branch that begins with a block that breaks a rule
	garbler      // sends an invalid header
	dripper      // sends bodies at 2 to 40 kB/s, none of them whole
	teaser       // sends the first bytes of each body and no more
	kinds
)

func (k kind) good() bool { return k <= flaky }

// stranger is a peer of the simulation.
type stranger struct {
	at   addrbook.Addr
	kind kind
	tip  *block // what it has
	hide *block // tip of a secret branch, or of a rebel's
	bad  *block // the one that breaks a rule
	id   node.PeerID
	lies node.Outcome
}

// later is something that will happen.
type later struct {
	at    time.Time
	turn  uint64
	peer  node.PeerID // only while this connection lasts, 0 for always
	event func() node.Event
}

type sim struct {
	rng       *rand.Rand
	seed      uint64
	now       time.Time
	node      *node.Node
	recorder  *flight.Recorder
	tree      *tree
	tip       *block // of the honest
	journal   *journal
	bodies    bodies
	strangers []*stranger
	queue     []later
	turns     uint64
	calm      time.Time // when failures end
	lied      map[addrbook.Addr]map[btc.Hash]bool
	proven    map[btc.Hash]bool
	bans      map[addrbook.Addr]node.Reason
	wrong     []string
	log       []string
	asked     int // blocks, again and again
	kept      kept
}

func newSim(seed uint64) *sim {
	s := &sim{
		rng: rand.New(rand.NewPCG(seed, 1)), seed: seed, now: start, tree: newTree(),
		lied: map[addrbook.Addr]map[btc.Hash]bool{}, proven: map[btc.Hash]bool{}, bans: map[addrbook.Addr]node.Reason{},
	}
	s.bodies.in = map[node.BodyID]btc.Hash{}
	s.journal = newJournal(s.tree)
	mined := s.tree.mine("m", s.tree.byName["g"], 20+s.rng.IntN(60))
	s.tip = mined[len(mined)-1]
	s.calm = start.Add(time.Duration(30+s.rng.IntN(60)) * time.Second)
	cfg := node.Config{Network: btc.Regtest, Seed: seed, Window: 4 + s.rng.IntN(28), PerPeer: 1 + s.rng.IntN(16)}
	if seed%2 == 1 { // what the honest have at the start is enough
		cfg.MinimumChainWork = btc.Regtest.Params().PowLimit.Work().Mul(1 + seed%20)
	}
	for i := range 1 + s.rng.IntN(3) { // at least one honest
		s.stranger(i, kind(s.rng.IntN(int(liar))))
	}
	for range s.rng.IntN(9) {
		s.stranger(len(s.strangers), kind(s.rng.IntN(int(kinds))))
	}
	s.rng.Shuffle(len(s.strangers), func(i, j int) { s.strangers[i], s.strangers[j] = s.strangers[j], s.strangers[i] })
	for _, p := range s.strangers {
		cfg.Connect = append(cfg.Connect, p.at)
	}
	s.recorder = flight.New("", s.now, cfg)
	s.node = node.New(cfg)
	s.kept = kept{btc.Regtest.Params().Genesis.Hash(): true}
	return s
}

func (s *sim) stranger(i int, k kind) {
	p := &stranger{at: ipv4(11, byte(i), 0, 1, 18444), kind: k, tip: s.tip}
	p.lies = node.OutcomeWorkerDied + node.Outcome(s.rng.IntN(int(node.OutcomeWitness-node.OutcomeWorkerDied)+1))
	if k == secret || k == rebel {
		back := s.tree.chainTo(s.tip)[s.rng.IntN(int(s.tip.height))]
		mined := s.tree.mine(fmt.Sprintf("s%d-", i), back, int(s.tip.height-back.height)+1+s.rng.IntN(40))
		p.hide = mined[len(mined)-1]
		if k == rebel {
			p.bad = mined[0]
		}
	}
	s.strangers = append(s.strangers, p)
}

func (s *sim) complain(format string, args ...any) {
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

func (s *sim) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf("%8.3f ", s.now.Sub(start).Seconds())+fmt.Sprintf(format, args...))
}

func (s *sim) tail() string {
	out := ""
	for _, line := range s.log[max(0, len(s.log)-150):] {
		out += line + "\n"
	}
	return out
}

func (s *sim) in(wait time.Duration, peer node.PeerID, event func() node.Event) {
	s.turns++
	l := later{s.now.Add(wait), s.turns, peer, event}
	i, _ := slices.BinarySearchFunc(s.queue, l, func(a, b later) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.turn, b.turn))
	})
	s.queue = slices.Insert(s.queue, i, l)
}

// after is a random wait from least to most.
func (s *sim) after(least, most time.Duration) time.Duration {
	return least + time.Duration(s.rng.Int64N(int64(most-least)+1))
}

func (s *sim) chance(percent int) bool { return s.now.Before(s.calm) && s.rng.IntN(100) < percent }

func (s *sim) byID(id node.PeerID) *stranger {
	for _, p := range s.strangers {
		if p.id == id && id != 0 {
			return p
		}
	}
	return nil
}

const simEnd = 20 * time.Minute

func (s *sim) run() {
	s.in(0, 0, s.tick)
	s.in(s.after(time.Second, 10*time.Second), 0, s.mine)
	for len(s.queue) > 0 && s.now.Before(s.calm.Add(simEnd)) && len(s.wrong) == 0 {
		l := s.queue[0]
		s.queue = s.queue[1:]
		s.now = l.at
		if l.peer != 0 && s.byID(l.peer) == nil {
			continue
		}
		if e := l.event(); e != nil {
			s.step(e)
		}
		if s.done() {
			return
		}
	}
}

// done reports whether the journal is where it should be and nothing is under way.
func (s *sim) done() bool {
	tip := s.journal.tip()
	return s.now.After(s.calm.Add(10*time.Second)) && tip == s.tip && len(s.bodies.in) == 0
}

func (s *sim) tick() node.Event {
	s.in(250*time.Millisecond, 0, s.tick)
	return node.Tick{}
}

// mine lets the honest find a block, or a few on a branch that forks below.
func (s *sim) mine() node.Event {
	if s.now.After(s.calm) {
		return nil
	}
	on, count := s.tip, 1
	if s.rng.IntN(3) == 0 {
		count = 1 + s.rng.IntN(5)
		for range count {
			if on.height > 1 {
				on = s.tree.byHash[on.header.Prev()]
			}
		}
		count += s.rng.IntN(2) // 0: a tie
	}
	mined := s.tree.mine(fmt.Sprintf("r%d-", s.turns), on, count)
	if last := mined[len(mined)-1]; last.height > s.tip.height {
		s.tip = last
		s.note("mined %s on %s", last.name, on.name)
		for _, p := range s.strangers {
			s.in(s.after(0, 2*time.Second), 0, func() node.Event { return s.announce(p, last) })
		}
	}
	s.in(s.after(time.Second, 15*time.Second), 0, s.mine)
	return nil
}

func (s *sim) announce(p *stranger, tip *block) node.Event {
	if tip.height <= p.tip.height {
		return nil
	}
	p.tip = tip
	if p.id == 0 || p.kind == mute || !s.isUp(p) {
		return nil
	}
	if s.rng.IntN(2) == 0 {
		return node.BlocksAnnounced{Peer: p.id, Hashes: []btc.Hash{tip.hash}}
	}
	return node.HeadersReceived{Peer: p.id, Headers: []btc.Header{tip.header}}
}

func (s *sim) isUp(p *stranger) bool { return p.id&upBit == 0 }

// upBit marks a stranger whose handshake is not done; ids are small.
const upBit = 1 << 62

func (s *sim) step(e node.Event) {
	if _, ok := e.(node.Tick); !ok {
		s.note("%s", s.showEvent(e))
	}
	actions := slices.Clone(s.node.Step(s.now, e))
	s.recorder.Stepped(s.now, e, actions)
	for _, a := range actions {
		s.note("    %s", s.tree.show(a))
		s.perform(a)
	}
	s.wrong = append(s.wrong, s.journal.wrong...)
	if broken := s.node.Broken(); broken != "" {
		s.complain("%s", broken)
	}
}

func (s *sim) showEvent(e node.Event) string {
	switch e := e.(type) {
	case node.HeadersReceived:
		if len(e.Headers) == 0 {
			return fmt.Sprintf("headers %d none", e.Peer)
		}
		return fmt.Sprintf("headers %d ..%s", e.Peer, s.tree.name(e.Headers[len(e.Headers)-1].Hash()))
	case node.BodyJudged:
		return fmt.Sprintf("judged %d %s %d", e.Peer, s.tree.name(e.Hash), e.Outcome)
	case node.BodyArrived:
		return fmt.Sprintf("arrived %d %s", e.Peer, s.tree.name(e.Hash))
	}
	return fmt.Sprintf("%T", e)
}

func (s *sim) perform(a node.Action) {
	switch a := a.(type) {
	case node.Dial:
		s.dial(a)
	case node.Disconnect:
		if p := s.byID(a.Peer); p != nil {
			p.id = 0
		}
	case node.Ban:
		s.bans[a.Addr] = a.Reason
	case node.GetHeaders:
		if p := s.byID(a.Peer); p != nil {
			s.serveHeaders(p, a.Locator)
		}
	case node.GetData:
		if p := s.byID(a.Peer); p != nil {
			s.asked += len(a.Hashes)
			for _, hash := range a.Hashes {
				s.serveBlock(p, hash)
			}
		}
	case node.KeepHeaders:
		s.keep(a.Headers)
	case node.Drop:
		s.leave(a.Body)
	case node.Alarm:
		if !slices.Contains([]node.AlarmCode{node.AlarmNoPeers, node.AlarmSameBytes, node.AlarmParked, node.AlarmParkedLeads}, a.Code) {
			s.complain("alarm %s: %s", a.Code, a.Detail)
		}
	case node.Fatal:
		s.complain("fatal: %s", a.Detail)
	default:
		s.performJournal(a)
	}
}

func (s *sim) leave(id node.BodyID) {
	if wrong := s.bodies.leave(id); wrong != "" {
		s.complain("%s", wrong)
	}
}

func (s *sim) performJournal(a node.Action) {
	wait := s.after(time.Millisecond, 50*time.Millisecond)
	switch a := a.(type) {
	case node.LoadJournal:
		if s.chance(20) {
			s.in(wait, 0, func() node.Event { return node.JournalFailed{Detail: "down"} })
			return
		}
		s.in(wait, 0, func() node.Event { return s.journal.load() })
	case node.FetchHeader:
		s.in(wait, 0, func() node.Event { return s.journal.headerOf(a) })
	case node.Store:
		s.leave(a.Body)
		if s.chance(3) {
			s.in(wait, 0, func() node.Event { return node.BodyStoreFailed{Hash: a.Hash, Body: a.Body, Detail: "full"} })
			return
		}
		s.in(wait, 0, func() node.Event {
			s.journal.stored[a.Hash] = true
			return node.BodyStored{Hash: a.Hash, Body: a.Body}
		})
	case node.Append:
		if s.chance(5) {
			if s.rng.IntN(2) == 0 { // unknown outcome: it is there
				s.journal.append(a)
			}
			s.in(wait, 0, func() node.Event { return node.EventMoved{Detail: "timeout"} })
			return
		}
		s.journal.append(a)
		s.in(wait, 0, func() node.Event { return node.EventAppended{Hash: a.Hash, Kind: a.Kind} })
	}
}

func (s *sim) dial(a node.Dial) {
	i := slices.IndexFunc(s.strangers, func(p *stranger) bool { return p.at == a.Addr })
	p := s.strangers[i]
	if _, banned := s.bans[p.at]; banned {
		s.complain("dial of banned %v", p.at)
	}
	if s.chance(20) {
		s.in(s.after(0, time.Second), 0, func() node.Event { return node.DialFailed{Peer: a.Peer, Detail: "refused"} })
		return
	}
	p.id = a.Peer | upBit
	s.in(s.after(0, time.Second), p.id, func() node.Event {
		p.id = a.Peer
		if p.kind == flaky {
			s.in(s.after(time.Second, 20*time.Second), p.id, func() node.Event {
				if s.now.After(s.calm) {
					return nil
				}
				p.id = 0
				return node.PeerDown{Peer: a.Peer}
			})
		}
		return node.PeerUp{Peer: a.Peer, Services: 9, StartHeight: int32(p.tip.height)}
	})
}

func (s *sim) serveHeaders(p *stranger, locator []btc.Hash) {
	if p.kind == mute {
		return
	}
	id := p.id
	s.in(s.after(10*time.Millisecond, 300*time.Millisecond), id, func() node.Event {
		tip := p.tip
		if p.hide != nil && p.hide.height > tip.height {
			tip = p.hide
		}
		chain := s.tree.chainTo(tip)
		from := 0
	search:
		for _, hash := range locator {
			for i, b := range chain {
				if b.hash == hash {
					from = i + 1
					break search
				}
			}
		}
		e := node.HeadersReceived{Peer: id}
		for _, b := range chain[from:] {
			e.Headers = append(e.Headers, b.header)
		}
		if p.kind == garbler && len(e.Headers) > 0 && s.rng.IntN(2) == 0 {
			e.Headers[len(e.Headers)-1][74] = 1 // no target of regtest
		}
		return e
	})
}

func (s *sim) serveBlock(p *stranger, hash btc.Hash) {
	id, b := p.id, s.tree.byHash[hash]
	wait := s.after(10*time.Millisecond, 300*time.Millisecond)
	switch {
	case p.kind == silent || p.kind == mute:
		return
	case p.kind == empty:
		s.in(wait, id, func() node.Event { return node.NotFound{Peer: id, Hashes: []btc.Hash{hash}} })
		return
	case p.kind == secret && s.onSecret(p, b):
		return
	case p.kind == dripper || p.kind == teaser:
		s.drip(p, id, hash)
		return
	case p.kind == narrow:
		wait = s.narrow(id, hash)
	case p.kind == slow:
		wait = s.after(time.Second, 6*time.Second)
	}
	lie := p.kind == liar && s.rng.IntN(3) == 0
	s.in(wait, id, func() node.Event {
		if _, ok := s.node.Wanted(id, hash); !ok {
			s.complain("%d asked of %v is not wanted from it", b.height, p.at)
			return nil
		}
		if s.proven[hash] && s.rng.IntN(2) == 0 { // the link may know and not take it
			return node.BodyUnneeded{Peer: id, Hash: hash}
		}
		if lie || s.chance(10) {
			s.in(s.after(time.Millisecond, 100*time.Millisecond), 0, func() node.Event { return node.BodyDoubtful{Peer: id, Hash: b.hash} })
		}
		s.in(s.after(time.Millisecond, 200*time.Millisecond), 0, func() node.Event { return s.judged(p, id, b, lie) })
		return node.BodyArrived{Peer: id, Hash: hash, Size: 100}
	})
}

func (s *sim) onSecret(p *stranger, b *block) bool {
	return b.height <= p.hide.height && s.tree.chainTo(p.hide)[b.height-1] == b && s.tree.chainTo(s.tip)[min(b.height, s.tip.height)-1] != b
}

func (s *sim) judged(p *stranger, id node.PeerID, b *block, lie bool) node.Event {
	e := node.BodyJudged{Peer: id, Hash: b.hash, Sum: sumOf(b.name), Outcome: node.OutcomeProven}
	switch {
	case s.breaksRule(b): // whoever judges it says so
		e.Outcome = node.OutcomeRule
	case lie:
		e.Sum, e.Outcome = sumOf("a lie "+b.name), p.lies
		if s.lied[p.at] == nil {
			s.lied[p.at] = map[btc.Hash]bool{}
		}
		s.lied[p.at][b.hash] = true
	case s.chance(5):
		e.Outcome = node.OutcomeWorkerDied + node.Outcome(s.rng.IntN(3))
	case s.chance(2):
		e.Outcome = node.OutcomeNotJudged
	default:
		s.proven[b.hash] = true
	}
	if e.Outcome == node.OutcomeProven || s.rng.IntN(4) == 0 {
		e.Body = s.bodies.take(b.hash)
	}
	return e
}

func (s *sim) breaksRule(b *block) bool {
	return slices.ContainsFunc(s.strangers, func(p *stranger) bool { return p.bad == b })
}

// judge says what is wrong at the end.
func (s *sim) judge() []string {
	if tip := s.journal.tip(); tip != s.tip {
		at := "nothing"
		if tip != nil {
			at = tip.name
		}
		s.complain("journal ends in %s, want %s; %s", at, s.tip.name, s.tree.rename(s.node.Status(s.now).WaitingFor))
	}
	if len(s.bodies.in) > 0 {
		s.complain("%d bodies left", len(s.bodies.in))
	}
	if most := 40 * len(s.tree.byName); s.asked > most {
		s.complain("%d blocks asked for, %d would be many", s.asked, most)
	}
	for _, p := range s.strangers {
		why, banned := s.bans[p.at]
		if banned && p.kind.good() {
			s.complain("honest %v banned: %s", p.at, why)
		}
		for hash := range s.lied[p.at] {
			if s.proven[hash] && !banned {
				s.complain("%v lied about %s and is not banned", p.at, s.tree.name(hash))
			}
		}
		if banned && p.kind == liar && why != p.lies.Reason() {
			s.complain("%v banned for %s, lied by %s", p.at, why, p.lies.Reason())
		}
	}
	return s.wrong
}
