package node_test

import (
	"fmt"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// town is a node and a network of strangers who all answer, gossip and keep still.
type town struct {
	t       *testing.T
	node    *node.Node
	now     time.Time
	tell    func(of addrbook.Addr) []addrbook.Heard // what a node there tells when asked
	answers func(addrbook.Addr) bool
	dialled map[node.PeerID]node.Dial
	up      map[node.PeerID]addrbook.Addr
	kinds   map[node.Kind]int // dials
	reached map[addrbook.Addr]bool
}

func newTown(t *testing.T, cfg node.Config) *town {
	t.Helper()
	return &town{
		t: t, node: node.New(cfg), now: start, dialled: map[node.PeerID]node.Dial{}, up: map[node.PeerID]addrbook.Addr{},
		kinds: map[node.Kind]int{}, reached: map[addrbook.Addr]bool{},
		tell: func(addrbook.Addr) []addrbook.Heard { return nil }, answers: func(addrbook.Addr) bool { return true },
	}
}

// step does what the node says: handshakes are done at once, and everybody has genesis.
func (w *town) step(e node.Event) {
	w.t.Helper()
	events := []node.Event{e}
	for len(events) > 0 {
		actions := append([]node.Action(nil), w.node.Step(w.now, events[0])...)
		events = events[1:]
		for _, a := range actions {
			if answer := w.answer(a); answer != nil {
				events = append(events, answer)
			}
		}
	}
	if broken := w.node.Broken(); broken != "" {
		w.t.Fatal(broken)
	}
}

func (w *town) answer(a node.Action) node.Event {
	switch a := a.(type) {
	case node.Dial:
		w.kinds[a.Kind]++
		if !w.answers(a.Addr) {
			return node.DialFailed{Peer: a.Peer, Detail: "refused"}
		}
		w.dialled[a.Peer], w.up[a.Peer], w.reached[a.Addr] = a, a.Addr, true
		return node.PeerUp{Peer: a.Peer, Services: 9}
	case node.Disconnect:
		delete(w.up, a.Peer)
	case node.AskAddrs:
		if heard := w.tell(w.up[a.Peer]); heard != nil {
			return node.AddrsHeard{Peer: a.Peer, Addrs: heard}
		}
	case node.GetHeaders:
		return node.HeadersReceived{Peer: a.Peer}
	case node.LoadJournal:
		return node.JournalLoaded{Empty: true}
	}
	return nil
}

func (w *town) pass(d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(time.Second)
		w.step(node.Tick{})
	}
}

// slots returns who holds the block-relay slots.
func (w *town) slots() (all []addrbook.Addr) {
	for _, p := range w.node.Peers(w.now) {
		if p.Kind == node.BlockRelay && p.Up {
			all = append(all, p.Addr)
		}
	}
	return all
}

// honestAt and hostileAt are addresses: 3,000 groups of the honest, few of the others.
func honestAt(n int) addrbook.Addr {
	return ipv4(byte(20+n%3000/256), byte(n%3000%256), byte(n/3000), 1, 8333)
}

func hostileAt(n, groups int) addrbook.Addr {
	return ipv4(90, byte(n%groups), byte(n/groups/250), byte(1+n/groups%250), 8333)
}

func isHostile(a addrbook.Addr) bool {
	at, _ := a.AddrPort()
	return at.Addr().As4()[0] == 90
}

// siege is an attack on a node: how many groups the attacker's addresses are of, and
// how many of a hundred addresses that an honest node names are the attacker's.
type siege struct {
	groups, echoed int
	mostMean       float64 // slots of 10
	most           int
}

// TestEclipse has an attacker own 90% of all addresses, from few network groups: its
// nodes answer, and tell of its own addresses alone, hundreds at a time. DNS seeds
// name nodes as there are: nine of ten are the attacker's. Honest nodes tell what their
// own books hold, in which the attacker has its share of the buckets; or, at worst, what
// there is. Over a day and 8 restarts the slots are filled again and again. M16.
func TestEclipse(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("a day of a network takes seconds")
	}
	for _, s := range []siege{
		{1, 25, 1, 1}, {4, 25, 3.5, 4}, {16, 25, 5.5, 9}, {16, 90, 8.5, 9},
	} {
		t.Run(fmt.Sprintf("%d groups, %d%%", s.groups, s.echoed), func(t *testing.T) {
			mean, worst := s.run(t)
			if worst > s.most || mean > s.mostMean {
				t.Errorf("%.2f slots on average, %d at worst; want at most %.2f, %d", mean, worst, s.mostMean, s.most)
			}
		})
	}
}

// Addresses of the honest and of the attacker, and how often the node starts again.
const siegeHonest, siegeHostile, siegeRestarts = 3000, 27000, 8

func (s siege) run(t *testing.T) (mean float64, worst int) {
	t.Helper()
	cfg := node.Config{Network: btc.Mainnet, Seed: 5, UseSeeds: true, Secret: [32]byte{9}}
	cfg.Book = addrbook.New(addrbook.Config{Network: btc.Mainnet, Secret: [32]byte{8}, Seed: 6})
	all, said, feelers, now := 0, 0, 0, start
	for range siegeRestarts {
		w := newTown(t, cfg)
		w.now = now
		w.tell = func(of addrbook.Addr) (heard []addrbook.Heard) {
			for range addrbook.MaxHeard / 4 {
				said++
				heard = append(heard, addrbook.Heard{Addr: s.named(said, isHostile(of)), Services: 9, Seen: uint32(w.now.Unix()) - 600})
			}
			return heard
		}
		for seed := range 8 {
			e := node.SeedsFound{Name: fmt.Sprint(seed), Services: 9}
			for i := range 25 {
				said += 13
				if i%10 == 0 {
					e.Addrs = append(e.Addrs, honestAt(said%siegeHonest))
				} else {
					e.Addrs = append(e.Addrs, hostileAt(said%siegeHostile, s.groups))
				}
			}
			w.step(e)
		}
		w.pass(2 * time.Hour)
		hostile := 0
		for _, at := range w.slots() {
			if isHostile(at) {
				hostile++
			}
		}
		if len(w.slots()) < node.DefaultOutbound {
			t.Errorf("%d slots are filled", len(w.slots()))
		}
		all, worst, feelers = all+hostile, max(worst, hostile), feelers+w.kinds[node.Feeler]
		now = w.now
		cfg.Seed++
	}
	b := cfg.Book.Stats()
	mean = float64(all) / siegeRestarts
	t.Logf("90%% of the addresses in %d groups, %d%% of what honest nodes name: %.2f of 10 slots on average, %d at worst, of %d restarts in %v; %d feelers; book %d new, %d tried",
		s.groups, s.echoed, mean, worst, siegeRestarts, now.Sub(start), feelers, b.New, b.Tried)
	return mean, worst
}

// named returns the nth address that somebody names.
func (s siege) named(n int, byHostile bool) addrbook.Addr {
	if byHostile || n*37%100 < s.echoed {
		return hostileAt(n%siegeHostile, s.groups)
	}
	return honestAt(n * 7 % siegeHonest)
}

// TestGossipFlood has strangers tell of millions of addresses, at any time and in
// messages that are too long. The book stays within its bounds, who was not asked is not
// heard, and who sends too much in one message is banned. M13.
func TestGossipFlood(t *testing.T) {
	cfg := node.Config{Network: btc.Mainnet, Seed: 5, Secret: [32]byte{9}, MaxOutbound: 3, Feelers: 1}
	cfg.Book = addrbook.New(addrbook.Config{Network: btc.Mainnet, Secret: [32]byte{8}, Seed: 6})
	w := newTown(t, cfg)
	var seeds []addrbook.Addr
	for i := range 60 {
		seeds = append(seeds, honestAt(i*13))
	}
	w.step(node.SeedsFound{Name: "seed", Addrs: seeds, Services: 9})
	if w.kinds[node.Feeler] != 1 || w.kinds[node.BlockRelay] != 3 {
		t.Fatalf("dials: %v", w.kinds)
	}
	said := 0
	flood := func(count int) (heard []addrbook.Heard) {
		for range count {
			said++
			heard = append(heard, addrbook.Heard{Addr: ipv4(byte(20+said>>16%64), byte(said>>8), byte(said), 1, 8333), Services: 9, Seen: uint32(w.now.Unix())})
		}
		return heard
	}
	before := cfg.Book.Len()
	for range 100 { // block-relay peers were not asked
		for id, d := range w.dialled {
			if d.Kind == node.BlockRelay {
				w.step(node.AddrsHeard{Peer: id, Addrs: flood(addrbook.MaxHeard)})
			}
		}
	}
	if got := cfg.Book.Len(); got != before {
		t.Errorf("%d addresses after gossip of those who were not asked, %d before", got, before)
	}
	feeler := node.PeerID(0)
	for id, d := range w.dialled {
		if d.Kind == node.Feeler {
			feeler = id
		}
	}
	w.step(node.AddrsHeard{Peer: feeler, Addrs: flood(addrbook.MaxHeard)})
	if got := cfg.Book.Len() - before; got < 100 || got > addrbook.MaxHeard {
		t.Errorf("%d more addresses after one answer of %d", got, addrbook.MaxHeard)
	}
	for len(w.node.Bans(w.now)) == 0 {
		w.pass(time.Minute)
		for _, p := range w.node.Peers(w.now) {
			if p.Kind == node.Feeler && p.Up {
				w.step(node.AddrsHeard{Peer: p.ID, Addrs: flood(addrbook.MaxHeard + 1)})
			}
		}
		if w.now.Sub(start) > time.Hour {
			t.Fatal("no feeler in an hour")
		}
	}
}

// TestQuotaOfOne lets a feeler tell more than it was asked for: 1,001 addresses count
// and what comes above waits for its turn, 0.1 a second. M13.
func TestQuotaOfOne(t *testing.T) {
	cfg := node.Config{Network: btc.Mainnet, Seed: 5, Secret: [32]byte{9}, MaxOutbound: 1}
	cfg.Book = addrbook.New(addrbook.Config{Network: btc.Mainnet, Secret: [32]byte{8}, Seed: 6})
	w := newTown(t, cfg)
	w.step(node.OperatorConnect{Addr: honestAt(7)}) // asked, and stays
	var id node.PeerID
	for _, p := range w.node.Peers(w.now) {
		id = p.ID
	}
	for n := range 5 {
		var heard []addrbook.Heard
		for i := range addrbook.MaxHeard {
			heard = append(heard, addrbook.Heard{Addr: honestAt(n*addrbook.MaxHeard + i), Services: 9, Seen: uint32(w.now.Unix())})
		}
		w.step(node.AddrsHeard{Peer: id, Addrs: heard})
		if got := cfg.Book.Len(); got > addrbook.QuotaSize+1 {
			t.Fatalf("%d addresses of one peer after %d messages", got, n+1)
		}
	}
}

// TestPrivateAddresses has everybody name what is not publicly routable, and the
// operator too: only his is dialled. M13.
func TestPrivateAddresses(t *testing.T) {
	private := []string{"127.0.0.1:8333", "10.1.2.3:8333", "192.168.1.1:8333", "172.16.0.1:8333", "169.254.1.1:8333", "[::1]:8333", "[fe80::1]:8333", "[fc00::1]:8333"}
	cfg := node.Config{Network: btc.Mainnet, Seed: 5, UseSeeds: true, Connect: []addrbook.Addr{addr("10.9.9.9:8333")}}
	var seeds []addrbook.Addr
	for _, text := range private {
		seeds = append(seeds, addr(text))
	}
	cfg.FixedSeeds = seeds
	cfg.Book = addrbook.New(addrbook.Config{Network: btc.Mainnet, Seed: 6})
	cfg.Book.SetAnchors(seeds[:2])
	w := newTown(t, cfg)
	w.step(node.SeedsFound{Name: "seed", Addrs: seeds, Services: 9})
	w.pass(5 * time.Minute)
	if len(w.reached) != 1 || !w.reached[addr("10.9.9.9:8333")] {
		t.Errorf("dialled: %v", w.reached)
	}
}

// TestOnlyPort passes over addresses whose ports are closed to us.
func TestOnlyPort(t *testing.T) {
	cfg := node.Config{Network: btc.Mainnet, Seed: 5, OnlyPort: 8333}
	cfg.Book = addrbook.New(addrbook.Config{Network: btc.Mainnet, Seed: 6})
	w := newTown(t, cfg)
	for i := range byte(40) {
		w.step(node.SeedsFound{Name: fmt.Sprint(i), Addrs: []addrbook.Addr{ipv4(20, i, 1, 1, 8333+uint16(i%2))}, Services: 9})
	}
	w.pass(10 * time.Minute)
	if len(w.slots()) != node.DefaultOutbound {
		t.Errorf("%d slots are filled", len(w.slots()))
	}
	for at := range w.reached {
		if at.Port() != 8333 {
			t.Errorf("%v was dialled", at)
		}
	}
}

// TestReasonsHaveCosts holds the words of bodies to the table.
func TestReasonsHaveCosts(t *testing.T) {
	for o := node.OutcomeProven; o.Valid(); o++ {
		want := node.Discourages
		if o == node.OutcomeNotJudged {
			want = node.Waits
		}
		if got := o.Reason().Cost(); got != want {
			t.Errorf("%s costs %v, want %v", o.Reason(), got, want)
		}
	}
	for reason, want := range map[node.Reason]node.Cost{
		"": node.Waits, "invalid-header: hash above target": node.Discourages, "no-such-word": node.CostUnknown, node.ReasonFeelerDone: node.Free,
	} {
		if got := reason.Cost(); got != want {
			t.Errorf("%q costs %v, want %v", reason, got, want)
		}
	}
}

// TestConnectionToOurselves ends quietly: nobody is banned, no alarm is said, and another
// address gets the slot. M17.
func TestConnectionToOurselves(t *testing.T) {
	cfg := node.Config{Network: btc.Mainnet, Seed: 5, MaxOutbound: 1, Feelers: -1}
	cfg.Book = addrbook.New(addrbook.Config{Network: btc.Mainnet, Seed: 6})
	w := newTown(t, cfg)
	for i := range byte(9) {
		w.step(node.SeedsFound{Name: fmt.Sprint(i), Addrs: []addrbook.Addr{ipv4(20, i, 1, 1, 8333)}, Services: 9})
	}
	for _, reason := range []node.Reason{"self-connection", "protocol"} { // of the transport
		if reason.Cost() != node.Waits {
			t.Errorf("%q costs %v", reason, reason.Cost())
		}
		for id := range node.PeerID(3) {
			for _, a := range w.node.Step(w.now, node.PeerDown{Peer: id, Reason: reason}) {
				if _, isDial := a.(node.Dial); !isDial {
					t.Errorf("%#v", a)
				}
			}
		}
	}
	w.pass(10 * time.Minute)
	if len(w.node.Bans(w.now)) != 0 || len(w.slots()) != 1 {
		t.Errorf("%v banned, %v in the slots", w.node.Bans(w.now), w.slots())
	}
}

// TestServices lets in who has what we need: whole blocks with witnesses, of old blocks
// too until we are near the tip. What a peer says of its height changes nothing. M22.
func TestServices(t *testing.T) {
	const network, witness, limited = 1, 8, 1024
	for _, c := range []struct {
		services uint64
		atTip    bool
		want     bool
	}{
		{network | witness, false, true},
		{network | witness | limited, false, true},
		{network, false, false},
		{witness, false, false},
		{0, false, false},
		{limited | witness, false, false},
		{limited | witness, true, true},
		{limited, true, false},
		{network | witness, true, true},
		{1 << 63, true, false},
	} {
		cfg := node.Config{Network: btc.Regtest, Seed: 5, MaxOutbound: 2, Feelers: -1}
		cfg.Book = addrbook.New(addrbook.Config{Network: btc.Regtest, Seed: 6})
		n := node.New(cfg)
		var dialled []node.PeerID
		step := func(e node.Event) (gone bool) {
			for _, a := range append([]node.Action(nil), n.Step(start, e)...) {
				switch a := a.(type) {
				case node.Dial:
					dialled = append(dialled, a.Peer)
				case node.Disconnect:
					gone = gone || a.Reason == node.ReasonServices
				case node.LoadJournal:
					n.Step(start, node.JournalLoaded{Empty: true})
				}
			}
			return gone
		}
		for i := range byte(2) {
			step(node.SeedsFound{Name: fmt.Sprint(i), Addrs: []addrbook.Addr{ipv4(20, i, 1, 1, 18444)}, Services: 9})
		}
		if len(dialled) != 2 {
			t.Fatalf("%d dials", len(dialled))
		}
		if c.atTip { // the first peer has all that there is: genesis
			step(node.PeerUp{Peer: dialled[0], Services: 9, StartHeight: 1 << 30})
			step(node.HeadersReceived{Peer: dialled[0]})
		}
		if gone := step(node.PeerUp{Peer: dialled[1], Services: c.services, StartHeight: -1}); gone == c.want {
			t.Errorf("services %b, at the tip %v: let go %v", c.services, c.atTip, gone)
		}
	}
}

// TestHonestQuirks costs nothing: what stands in quirks.txt, and a header dated more than
// two hours ahead, which may be right and our clock wrong.
func TestHonestQuirks(t *testing.T) {
	for _, c := range []struct {
		name string
		does func(tr *tree, id node.PeerID) []node.Event
	}{
		{"a future-dated header", func(tr *tree, id node.PeerID) []node.Event {
			early := tr.mineAt("f", tr.byName["g"], 1, uint32(start.Add(3*time.Hour).Unix()))[0]
			return []node.Event{node.HeadersReceived{Peer: id, Headers: []btc.Header{early.header}}}
		}},
		{"a late block", func(tr *tree, id node.PeerID) []node.Event {
			return []node.Event{node.BodyArrived{Peer: id, Hash: tr.byName["a1"].hash, Size: 80}, node.BodyJudged{Peer: id, Hash: tr.byName["a1"].hash, Outcome: node.OutcomeProven}}
		}},
		{"one behind us", func(tr *tree, id node.PeerID) []node.Event {
			return []node.Event{node.HeadersReceived{Peer: id, Headers: []btc.Header{tr.byName["a1"].header}}, node.BlocksAnnounced{Peer: id, Hashes: []btc.Hash{tr.byName["a1"].hash}}}
		}},
		{"blocks it does not have", func(tr *tree, id node.PeerID) []node.Event {
			return []node.Event{node.NotFound{Peer: id, Hashes: []btc.Hash{tr.byName["a1"].hash, {1}}}}
		}},
		{"addresses that nobody asked for", func(_ *tree, id node.PeerID) []node.Event {
			return []node.Event{node.AddrsHeard{Peer: id, Addrs: []addrbook.Heard{{Addr: honestAt(1)}}}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTree()
			tr.mine("a", tr.byName["g"], 2)
			w := newTown(t, node.Config{Network: btc.Regtest, Seed: 5, Connect: []addrbook.Addr{honestAt(0)}, ConnectOnly: true})
			w.step(node.Tick{})
			id := w.node.Peers(w.now)[0].ID
			w.step(node.HeadersReceived{Peer: id, Headers: []btc.Header{tr.byName["a1"].header, tr.byName["a2"].header}})
			for range 10 {
				for _, e := range c.does(tr, id) {
					w.step(e)
				}
			}
			if _, there := w.up[id]; !there || len(w.node.Bans(w.now)) > 0 {
				t.Errorf("the peer is there: %v; bans: %v", there, w.node.Bans(w.now))
			}
		})
	}
}
