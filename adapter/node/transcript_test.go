package node_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// TestTranscripts replays testdata/*.txt: what happens, and below it what the node
// does about it. Rewrite with `go test ./adapter/node -rewrite` and read the diff.
//
//	new [stored=(blocks,...)] [keep] shows what is to be kept too; more of new:
//	    [open: others are dialled beside those of connect] [seeds] [feelers=N] [fixed=(addr,...)] [anchors=(addr,...)]
//	    [book=(addr,...): new to the book] [only-port=N] [idle-after=MINUTES] [connect=(addr,...)] [min-work=N] [final-depth=N] [start-height=N] [start-hash=NAME] [seeds] [manual-journal] ...
//	mine branch on=NAME count=N [ahead=DURATION: of the clock, the first block]    blocks branch<height>...
//	up peer [height=N] [services=N]        down peer [ban reason]     dialfailed peer
//	headers peer block... | first..last    inv peer block...      notfound peer block...
//	body peer block... [bytes=TEXT] [outcome=NAME] [size=N]    arrived | unneeded peer block    tick DURATION
//	progress peer [block] bytes=N [paused]
//	has peer block             it answers each getheaders as if that were its tip
//	addrs addr... [seed=NAME]   gossip peer addr...   consumer active|idle   peers   bans   book
//	op-ban addr|prefix [for=MINUTES]   op-unban addr|prefix   op-connect addr
//	loaded-empty   loaded tip [first=N] [final=N] [trims]   load-failed
//	suspect peer   invalidate block   reconsider block   accept-reorg block
//	journal block...   puts a journal there   moved [stale] [there] | stored | store-failed   status [network]   wanted peer block   until WORD
//
//	tx NAME [expires=DURATION] [witness=N] [progress=N] [in=block]   txs   up peer relay
//	taken peer NAME    heard peer NAME    mined NAME block
//
// Unless manual-journal is said a journal answers at once; auto-journal lets it
// answer what it was asked, and from then on.
//
// reannounce shows M04, hedge, stall and withheld M05, mutated M06, liars W02 and W18.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		w := &world{tree: newTree(), now: start}
		w.journal = newJournal(w.tree)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.out.Reset()
			w.command(t, d)
			for _, wrong := range w.journal.wrong {
				t.Errorf("%s: %s", d.Pos, wrong)
			}
			if w.out.Len() == 0 {
				return "nothing\n"
			}
			return w.out.String()
		})
	})
}

// world is a node in a transcript and what stands around it.
type world struct {
	tree    *tree
	node    *node.Node
	now     time.Time
	journal *journal
	manual  bool // the transcript answers for the journal
	asked   []node.Action
	tips    map[node.PeerID]*block // of peers that answer getheaders by themselves
	bodies  bodies
	keeps   bool // show what is to be kept
	kept    kept
	out     strings.Builder
}

func (w *world) command(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	args := func(i int) string { return d.CmdArgs[i].Key }
	switch d.Cmd {
	case "new":
		w.create(t, d)
	case "mine":
		var on string
		var count int
		d.ScanArgs(t, "on", &on)
		d.ScanArgs(t, "count", &count)
		mined := w.tree.mineAt(args(0), w.tree.byName[on], count, w.ahead(t, d))
		fmt.Fprintf(&w.out, "%s..%s\n", mined[0].name, mined[len(mined)-1].name)
	case "tick":
		w.tick(t, args(0))
	case "status":
		w.status(d.HasArg("network"))
	case "until":
		w.until(t, args(0))
	case "peers":
		w.showPeers()
	case "bans":
		w.showBans()
	case "book":
		s := w.node.BookStats()
		fmt.Fprintf(&w.out, "%d new, %d tried, anchors %v\n", s.New, s.Tried, w.anchors(t))
	case "has":
		w.tips[w.peer(t, d)] = w.tree.byName[args(1)]
	case "manual-journal":
		w.manual = true
	case "auto-journal":
		w.manual = false
		asked := w.asked
		w.asked = nil
		for _, a := range asked {
			if answer := w.answer(a); answer != nil {
				w.step(answer)
			}
		}
	case "progress":
		w.step(w.progress(t, d))
	case "wanted":
		height, ok := w.node.Wanted(w.peer(t, d), w.tree.byName[args(1)].hash)
		fmt.Fprintf(&w.out, "%d %v\n", height, ok)
	case "suspect":
		fmt.Fprintf(&w.out, "%v\n", w.node.Suspect(w.peer(t, d)))
	case "invalidate":
		w.step(node.OperatorInvalidate{Hash: w.hash(args(0))})
	case "accept-reorg":
		w.step(node.OperatorAcceptReorg{Request: 7, Hash: w.hash(args(0))})
	case "reconsider":
		w.step(node.OperatorReconsider{Hash: w.hash(args(0))})
	case "body", "judged":
		w.body(t, d)
	case "journal":
		w.journal = newJournal(w.tree)
		for _, b := range w.blocks(t, d, 0) {
			w.journal.stored[b.hash] = true
			w.journal.append(node.Append{Kind: node.Connect, Hash: b.hash, Prev: b.header.Prev(), Height: b.height, Header: b.header})
		}
		fmt.Fprintf(&w.out, "%d events\n", len(w.journal.events))
	case "tx", "taken", "heard", "mined", "txs":
		w.transaction(t, d)
	default:
		w.step(w.event(t, d))
	}
}

// progress reads: peer [block] bytes=N [paused].
func (w *world) progress(t *testing.T, d *datadriven.TestData) node.BodyProgress {
	t.Helper()
	e := node.BodyProgress{Peer: w.peer(t, d), Paused: d.HasArg("paused")}
	d.ScanArgs(t, "bytes", &e.Bytes)
	if b := w.tree.byName[d.CmdArgs[1].Key]; b != nil {
		e.Hash = b.hash
	}
	return e
}

// hash returns that of a block, or one that no block has.
func (w *world) hash(name string) btc.Hash {
	if b := w.tree.byName[name]; b != nil {
		return b.hash
	}
	return btc.Hash{1}
}

func (w *world) create(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	cfg := node.Config{
		Network: btc.Regtest, Seed: 1, PerNewPeer: node.DefaultPerPeer, UseSeeds: d.HasArg("seeds"),
		ConnectOnly: !d.HasArg("seeds") && !d.HasArg("open"), Feelers: -1, // none unless said
	}
	for _, a := range d.CmdArgs {
		number := func() int {
			v, err := strconv.Atoi(a.Vals[0])
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		switch a.Key {
		case "connect":
			for _, at := range a.Vals {
				cfg.Connect = append(cfg.Connect, addr(at))
			}
		case "min-work":
			cfg.MinimumChainWork = btc.Regtest.Params().PowLimit.Work().Mul(uint64(number()))
		case "final-depth":
			cfg.FinalDepth = btc.Height(number())
		case "start-height":
			cfg.Start = node.Start{Kind: node.StartHeight, Height: btc.Height(number())}
		case "start-hash":
			cfg.Start = node.Start{Kind: node.StartHash, Hash: w.tree.byName[a.Vals[0]].hash}
		case "ban-time":
			cfg.BanTime = time.Duration(number()) * time.Minute
		case "window":
			cfg.Window = number()
		case "window-bytes":
			cfg.WindowBytes = number()
		case "per-peer":
			cfg.PerPeer = number()
		case "per-new-peer":
			cfg.PerNewPeer = number()
		case "carriers":
			cfg.Carriers = number()
		case "observers":
			cfg.Observers = number()
		case "max-outbound":
			cfg.MaxOutbound = number()
		default:
			w.createSlots(t, a, &cfg)
		}
	}
	w.manual = d.HasArg("manual-journal")
	w.bodies = bodies{in: map[node.BodyID]btc.Hash{}}
	w.node = node.New(cfg)
	w.tips = map[node.PeerID]*block{}
	w.keeps = d.HasArg("keep")
	w.kept = kept{btc.Regtest.Params().Genesis.Hash(): true}
	w.preload(t, d)
	w.step(node.Tick{})
}

// createSlots reads what is about who is dialled.
func (w *world) createSlots(t *testing.T, a datadriven.CmdArg, cfg *node.Config) {
	t.Helper()
	var addrs []addrbook.Addr
	number := 0
	for _, text := range a.Vals {
		if at, err := addrbook.ParseAddr(text); err == nil {
			addrs = append(addrs, at)
		} else if n, err := strconv.Atoi(text); err == nil {
			number = n
		}
	}
	book := func() *addrbook.Book {
		if cfg.Book == nil {
			cfg.Book = addrbook.New(addrbook.Config{Network: btc.Regtest, Seed: 1})
		}
		return cfg.Book
	}
	switch a.Key {
	case "feelers":
		cfg.Feelers = number
	case "fixed":
		cfg.FixedSeeds = addrs
	case "anchors":
		book().SetAnchors(addrs)
	case "book":
		for i, at := range addrs { // each of a source of its own
			book().AddDNS(strconv.Itoa(i), []addrbook.Addr{at}, 9, w.now)
		}
	case "only-port":
		cfg.OnlyPort = uint16(number)
	case "idle-after":
		cfg.IdleAfter = time.Duration(number) * time.Minute
	}
}

// peersEvent is about addresses, consumers and the operator's word on peers.
func (w *world) peersEvent(t *testing.T, d *datadriven.TestData) node.Event {
	t.Helper()
	text := ""
	if len(d.CmdArgs) > 0 {
		text = d.CmdArgs[0].Key
	}
	at, _ := addrbook.ParseAddr(text)
	prefix, _ := netip.ParsePrefix(text)
	minutes := 0
	d.MaybeScanArgs(t, "for", &minutes)
	switch d.Cmd {
	case "addrs":
		e := node.SeedsFound{Name: "seed", Services: 9}
		d.MaybeScanArgs(t, "seed", &e.Name)
		for _, a := range d.CmdArgs {
			if len(a.Vals) == 0 {
				e.Addrs = append(e.Addrs, addr(a.Key))
			}
		}
		return e
	case "gossip":
		e := node.AddrsHeard{Peer: w.peer(t, d)}
		for _, a := range d.CmdArgs[1:] {
			e.Addrs = append(e.Addrs, addrbook.Heard{Addr: addr(a.Key), Services: 9, Seen: uint32(w.now.Unix())})
		}
		return e
	case "consumer":
		if text == "active" {
			return node.ConsumerActive{}
		}
		return node.ConsumerIdle{}
	case "op-ban":
		return node.OperatorBan{Request: 7, Addr: at, Prefix: prefix, For: time.Duration(minutes) * time.Minute}
	case "op-unban":
		return node.OperatorUnban{Request: 7, Addr: at, Prefix: prefix}
	case "op-connect":
		return node.OperatorConnect{Request: 7, Addr: at}
	}
	return w.journalEvent(t, d)
}

func (w *world) showPeers() {
	for _, p := range w.node.Peers(w.now) {
		fmt.Fprintf(&w.out, "%d %v %v %s", p.ID, p.Addr, p.Kind, p.State)
		if p.Why != "" {
			fmt.Fprintf(&w.out, ": %s", p.Why)
		}
		fmt.Fprintf(&w.out, " height=%d in-flight=%d served=%v protected=%v\n", p.Height, p.InFlight, p.Served, p.Protected)
	}
}

// anchors returns those that the disk would have.
func (w *world) anchors(t *testing.T) []addrbook.Addr {
	t.Helper()
	book, err := addrbook.Decode(w.node.AppendBook(nil), addrbook.Config{Network: btc.Regtest})
	if err != nil {
		t.Fatal(err)
	}
	return book.Anchors()
}

func (w *world) showBans() {
	for _, b := range w.node.Bans(w.now) {
		fmt.Fprintf(&w.out, "%s for %v\n", b.Who, b.Until.Sub(w.now))
	}
}

func (w *world) peer(t *testing.T, d *datadriven.TestData) node.PeerID {
	t.Helper()
	id, err := strconv.ParseUint(d.CmdArgs[0].Key, 10, 64)
	if err != nil {
		t.Fatalf("%s: peer: %v", d.Pos, err)
	}
	return node.PeerID(id)
}

// blocks reads names and ranges like a1..a5 from argument number from on.
func (w *world) blocks(t *testing.T, d *datadriven.TestData, from int) []*block {
	t.Helper()
	var out []*block
	for _, a := range d.CmdArgs[from:] {
		if len(a.Vals) > 0 || a.Key == "spoil" {
			continue
		}
		first, last, isRange := strings.Cut(a.Key, "..")
		lo, hi := w.tree.byName[first], w.tree.byName[last]
		if !isRange {
			hi = lo
		}
		if lo == nil || hi == nil {
			t.Fatalf("%s: no block %s", d.Pos, a.Key)
		}
		out = append(out, w.tree.chainTo(hi)[lo.height-1:]...)
	}
	return out
}

func (w *world) hashes(t *testing.T, d *datadriven.TestData) []btc.Hash {
	t.Helper()
	var out []btc.Hash
	for _, b := range w.blocks(t, d, 1) {
		out = append(out, b.hash)
	}
	return out
}

func (w *world) event(t *testing.T, d *datadriven.TestData) node.Event {
	t.Helper()
	switch d.Cmd {
	case "up":
		e := node.PeerUp{Peer: w.peer(t, d), Services: 9, Relay: d.HasArg("relay")}
		d.MaybeScanArgs(t, "height", &e.StartHeight)
		d.MaybeScanArgs(t, "services", &e.Services)
		return e
	case "down":
		e := node.PeerDown{Peer: w.peer(t, d)}
		if len(d.CmdArgs) > 1 {
			e.Reason, e.Ban = node.Reason(d.CmdArgs[1].Key), true
		}
		return e
	case "dialfailed":
		return node.DialFailed{Peer: w.peer(t, d), Detail: "connection refused"}
	case "headers":
		e := node.HeadersReceived{Peer: w.peer(t, d)}
		for _, b := range w.blocks(t, d, 1) {
			e.Headers = append(e.Headers, b.header)
		}
		if d.HasArg("spoil") {
			last := &e.Headers[len(e.Headers)-1]
			last[72] = 0 // another target than the rules demand
		}
		return e
	case "inv":
		return node.BlocksAnnounced{Peer: w.peer(t, d), Hashes: w.hashes(t, d)}
	case "notfound":
		return node.NotFound{Peer: w.peer(t, d), Hashes: w.hashes(t, d)}
	case "arrived":
		return node.BodyArrived{Peer: w.peer(t, d), Hash: w.hashes(t, d)[0], Size: 100}
	case "doubtful":
		return node.BodyDoubtful{Peer: w.peer(t, d), Hash: w.hashes(t, d)[0]}
	case "unneeded":
		return node.BodyUnneeded{Peer: w.peer(t, d), Hash: w.hashes(t, d)[0]}
	}
	return w.peersEvent(t, d)
}

func (w *world) journalEvent(t *testing.T, d *datadriven.TestData) node.Event {
	t.Helper()
	switch d.Cmd {
	case "loaded-empty":
		return node.JournalLoaded{Empty: true}
	case "loaded":
		tip := w.tree.byName[d.CmdArgs[0].Key]
		e := node.JournalLoaded{Tip: tip.hash, TipHeight: tip.height, TipHeader: tip.header, First: 1, FirstTrims: d.HasArg("trims")}
		d.MaybeScanArgs(t, "first", &e.First)
		d.MaybeScanArgs(t, "final", &e.Final)
		return e
	case "load-failed":
		return node.JournalFailed{Detail: "connection refused"}
	case "moved":
		w.manual = false
		if d.HasArg("there") { // it was written all the same
			for _, a := range w.asked {
				if a, ok := a.(node.Append); ok {
					w.journal.append(a)
				}
			}
		}
		return node.EventMoved{Detail: "wrong last sequence", Stale: d.HasArg("stale")}
	case "stored", "store-failed":
		for i, a := range w.asked {
			if s, ok := a.(node.Store); ok {
				w.asked = append(w.asked[:i:i], w.asked[i+1:]...)
				if d.Cmd == "stored" {
					w.journal.stored[s.Hash] = true
					return node.BodyStored{Hash: s.Hash, Body: s.Body}
				}
				return node.BodyStoreFailed{Hash: s.Hash, Body: s.Body, Detail: "no space"}
			}
		}
		t.Fatalf("%s: nothing to store", d.Pos)
	}
	t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	return nil
}

// body lets bodies arrive, unless they have, and be judged.
func (w *world) body(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	outcome, bytes, size := "proven", "honest", 100
	arrives := d.Cmd == "body"
	d.MaybeScanArgs(t, "size", &size)
	d.MaybeScanArgs(t, "outcome", &outcome)
	d.MaybeScanArgs(t, "bytes", &bytes)
	for _, b := range w.blocks(t, d, 1) {
		if arrives {
			w.step(node.BodyArrived{Peer: w.peer(t, d), Hash: b.hash, Size: size})
		}
		e := node.BodyJudged{Peer: w.peer(t, d), Hash: b.hash, Sum: sumOf(b.name + bytes), Outcome: outcomes[outcome], Detail: "a detail"}
		if e.Outcome == node.OutcomeProven {
			e.Body = w.bodies.take(b.hash)
		}
		w.step(e)
	}
}

var outcomes = map[string]node.Outcome{
	"proven": node.OutcomeProven, "not-judged": node.OutcomeNotJudged, "died": node.OutcomeWorkerDied,
	"hung": node.OutcomeWorkerHung, "nonsense": node.OutcomeWorkerNonsense, "malformed": node.OutcomeMalformed,
	"merkle": node.OutcomeMerkle, "mutated": node.OutcomeMutated, "coinbase": node.OutcomeCoinbase,
	"witness": node.OutcomeWitness, "rule": node.OutcomeRule, "disagree": node.OutcomeDisagree,
	"other": node.OutcomeOther,
}

// tick lets time pass in steps of at most a second, as the shell does.
func (w *world) tick(t *testing.T, text string) {
	t.Helper()
	left, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	const step = time.Second
	for ; left > 0; left -= step {
		w.now = w.now.Add(min(left, step))
		before := w.out.Len()
		w.step(node.Tick{})
		if said := w.out.String()[before:]; said != "" && left > step {
			fmt.Fprintf(&w.out, "-- %v to go\n", left-step)
		}
	}
}

// until lets time pass, at most two hours, until an action shows that word.
func (w *world) until(t *testing.T, word string) {
	t.Helper()
	const most = 2 * 60 * 60
	begin := w.now
	for range most {
		w.now = w.now.Add(time.Second)
		before := w.out.Len()
		w.step(node.Tick{})
		if strings.Contains(w.out.String()[before:], word) {
			return
		}
	}
	t.Errorf("no %q since %v", word, begin.Sub(start))
}

func (w *world) step(e node.Event) {
	events := []node.Event{e}
	for len(events) > 0 {
		actions := append([]node.Action(nil), w.node.Step(w.now, events[0])...)
		events = events[1:]
		for _, a := range actions {
			if _, keep := a.(node.KeepHeaders); !keep || w.keeps {
				fmt.Fprintln(&w.out, w.tree.show(a))
			}
			w.account(a)
			if ask, ok := a.(node.GetHeaders); ok && w.tips[ask.Peer] != nil {
				events = append(events, w.tree.headersAfter(ask, w.tips[ask.Peer]))
			} else if w.manual {
				w.asked = append(w.asked, a)
			} else if answer := w.answer(a); answer != nil {
				events = append(events, answer)
			}
		}
	}
}

func (w *world) account(a node.Action) {
	wrong := ""
	switch a := a.(type) {
	case node.KeepHeaders:
		wrong = w.kept.add(a.Headers)
	case node.Drop:
		wrong = w.bodies.leave(a.Body)
	case node.Store:
		wrong = w.bodies.leave(a.Body)
	}
	if wrong != "" {
		w.journal.complain("%s", wrong)
	}
}

// answer is the journal's.
func (w *world) answer(a node.Action) node.Event {
	switch a := a.(type) {
	case node.LoadJournal:
		return w.journal.load()
	case node.FetchHeader:
		return w.journal.headerOf(a)
	case node.Store:
		w.journal.stored[a.Hash] = true
		return node.BodyStored{Hash: a.Hash, Body: a.Body}
	case node.Append:
		w.journal.append(a)
		return node.EventAppended{Hash: a.Hash, Kind: a.Kind, Seq: uint64(len(w.journal.events))}
	}
	return nil
}

// ahead is the time of the first block to mine, 0 for what follows its parent's.
func (w *world) ahead(t *testing.T, d *datadriven.TestData) uint32 {
	t.Helper()
	text := ""
	if d.MaybeScanArgs(t, "ahead", &text); text == "" {
		return 0
	}
	by, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(w.now.Add(by).Unix())
}

func (w *world) network(s *node.Status) {
	fmt.Fprintf(&w.out, "peers=%d groups=%d agree=%d best-age=%v tip-age=%v done=%v\n", s.PeersHeight, s.Groups, s.GroupsAgree, s.BestAge, s.TipAge, s.CaughtUp)
	if s.Clock != "" {
		fmt.Fprintln(&w.out, "clock:", s.Clock)
	}
	for _, hash := range s.ParkedHashes {
		fmt.Fprintln(&w.out, "parked:", w.tree.name(hash))
	}
	if s.HeldHash != (btc.Hash{}) {
		fmt.Fprintln(&w.out, "held:", w.tree.name(s.HeldHash))
	}
}

func (w *world) status(network bool) {
	s := w.node.Status(w.now)
	if network {
		w.network(&s)
		return
	}
	fmt.Fprintf(&w.out, "best=%d complete=%d journal=%d (%s) final=%d peers=%d syncing=%v rate=%.2f left=%v\nwaiting for %s\n",
		s.BestHeight, s.CompleteHeight, s.JournalHeight, w.tree.name(s.JournalTip), s.FinalHeight, s.Peers, s.Syncing,
		s.BlocksPerSecond, s.Left.Round(time.Second), w.tree.rename(s.WaitingFor))
	if s.Parked != "" {
		fmt.Fprintln(&w.out, "parked:", w.tree.rename(s.Parked))
	}
	if s.NotReady != "" {
		fmt.Fprintln(&w.out, "not ready:", w.tree.rename(s.NotReady))
	}
	if s.Held != "" {
		fmt.Fprintln(&w.out, "held:", w.tree.rename(s.Held))
	}
}
