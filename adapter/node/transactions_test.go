package node_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// txid is that of a transaction of a test, by name, and wtxid that of its nth witness.
func txid(name string) btc.Hash { return btc.DoubleSHA256([]byte(name)) }

func wtxid(name string, n int) btc.Hash { return btc.DoubleSHA256(fmt.Appendf(nil, "%s %d", name, n)) }

func transactionsOfTests() [3]string { return [...]string{"pay", "fee", "sweep"} }

func (t *tree) nameOrNone(h btc.Hash) string {
	if h.IsZero() {
		return "none"
	}
	return t.name(h)
}

func nameOfTx(id btc.Hash) string { return txNames()[id] }

func txNames() map[btc.Hash]string {
	names := map[btc.Hash]string{}
	for _, name := range transactionsOfTests() {
		names[txid(name)] = name
	}
	return names
}

func (t *tree) showTx(a node.Action) string {
	switch a := a.(type) {
	case node.Announce:
		return fmt.Sprintf("announce %d %s", a.Peer, nameOfTx(a.Txid))
	case node.NoteTransaction:
		return fmt.Sprintf("note %s progress=%d", nameOfTx(a.Txid), a.Progress)
	case node.ForgetTransaction:
		return "forget-tx " + nameOfTx(a.Txid)
	case node.TransactionMoved:
		return fmt.Sprintf("moved %s: %v", nameOfTx(a.Txid), a.State)
	}
	return fmt.Sprintf("%#v", a)
}

// transaction does a command about transactions.
func (w *world) transaction(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	arg := func(i int) string { return d.CmdArgs[i].Key }
	switch d.Cmd {
	case "tx":
		expires, witness, progress, in := "24h", 0, 0, ""
		d.MaybeScanArgs(t, "expires", &expires)
		d.MaybeScanArgs(t, "witness", &witness)
		d.MaybeScanArgs(t, "progress", &progress)
		d.MaybeScanArgs(t, "in", &in)
		after, err := time.ParseDuration(expires)
		if err != nil {
			t.Fatal(err)
		}
		e := node.TransactionKept{
			Txid: txid(arg(0)), Wtxid: wtxid(arg(0), witness), Submitted: w.now, Expires: w.now.Add(after), Progress: node.TxProgress(progress),
		}
		if in != "" {
			e.Blocks = []btc.Hash{w.hash(in)}
		}
		w.step(e)
	case "taken":
		w.step(node.TransactionTaken{Peer: w.peer(t, d), Txid: txid(arg(1))})
	case "heard":
		w.step(node.TransactionHeard{Peer: w.peer(t, d), Txid: txid(arg(1))})
	case "mined":
		w.step(node.TransactionMined{Txid: txid(arg(0)), Block: w.hash(arg(1))})
	case "txs":
		for _, x := range w.node.Transactions() {
			fmt.Fprintf(&w.out, "%s: %v, told %d taken %d of %d, seen by %d, block %s height %d confirmations %d\n",
				nameOfTx(x.Txid), x.State, x.Told, x.Taken, x.Wanted, x.SeenBy, w.tree.nameOrNone(x.Block), x.Height, x.Confirmations)
		}
	}
}

// transactionEvent is one of a few about three transactions.
func (r *fuzzRun) transactionEvent(x byte, b *block) node.Event {
	peer := r.peers[int(x/8)%len(r.peers)]
	id := txid(transactionsOfTests()[int(x/4)%3])
	switch x % 4 {
	case 1:
		return node.TransactionTaken{Peer: peer, Txid: id}
	case 2:
		return node.TransactionHeard{Peer: peer, Txid: id}
	case 3:
		return node.TransactionMined{Txid: id, Block: b.hash}
	}
	return node.TransactionKept{
		Txid: id, Wtxid: btc.Hash{x / 128}, Submitted: r.now, Expires: r.now.Add(time.Duration(x) * time.Minute),
		Progress: node.TxProgress(x / 12 % 3), Blocks: []btc.Hash{b.hash},
	}
}

func TestTxStateText(t *testing.T) {
	for s := node.TxMalformed; s <= node.TxExpired; s++ {
		text, err := json.Marshal(s)
		var back node.TxState
		if err != nil || json.Unmarshal(text, &back) != nil || back != s {
			t.Errorf("%v is %s, and back %v; %v", s, text, back, err)
		}
	}
	for _, text := range []string{`""`, `"no state"`, `"Known"`, `7`} {
		var s node.TxState
		if json.Unmarshal([]byte(text), &s) == nil {
			t.Errorf("%s is %v", text, s)
		}
	}
	if got := (node.TxExpired + 1).String(); got != "no state" {
		t.Errorf("beyond the last: %s", got)
	}
}

// rigTx is a node of named peers with nothing to do but transactions.
type rigTx struct {
	t      *testing.T
	n      *node.Node
	now    time.Time
	dials  map[node.PeerID]node.Dial
	told   map[node.PeerID]btc.Hash
	gone   map[node.PeerID]node.Reason
	forgot int
}

func newRigTx(t *testing.T, cfg node.Config) *rigTx {
	t.Helper()
	cfg.Network = btc.Regtest
	r := &rigTx{t: t, n: node.New(cfg), now: start, dials: map[node.PeerID]node.Dial{}, told: map[node.PeerID]btc.Hash{}, gone: map[node.PeerID]node.Reason{}}
	r.step(node.Tick{})
	return r
}

func (r *rigTx) step(e node.Event) {
	r.t.Helper()
	for _, a := range r.n.Step(r.now, e) {
		switch a := a.(type) {
		case node.Dial:
			r.dials[a.Peer] = a
		case node.Announce:
			if _, again := r.told[a.Peer]; again || r.dials[a.Peer].Kind != node.Carrier {
				r.t.Errorf("announced on connection %d, a %v", a.Peer, r.dials[a.Peer].Kind)
			}
			r.told[a.Peer] = a.Txid
		case node.Disconnect:
			r.gone[a.Peer] = a.Reason
		case node.ForgetTransaction:
			r.forgot++
		case node.GetHeaders:
			if k := r.dials[a.Peer].Kind; k == node.Carrier || k == node.Observer {
				r.t.Errorf("headers are asked of a %v", k)
			}
		}
	}
	if broken := r.n.Broken(); broken != "" {
		r.t.Fatal(broken)
	}
}

// wait lets time pass, in steps of a second at least and 300 at the most.
func (r *rigTx) wait(d time.Duration) {
	r.t.Helper()
	step := max(time.Second, d/300)
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = r.now.Add(step)
		r.step(node.Tick{})
	}
}

// open returns those of a kind that nobody has ended.
func (r *rigTx) open(kind node.Kind) []node.PeerID {
	var ids []node.PeerID
	for id, d := range r.dials {
		if _, over := r.gone[id]; d.Kind == kind && !over {
			ids = append(ids, id)
		}
	}
	return ids
}

func (r *rigTx) end(id node.PeerID) {
	r.t.Helper()
	r.gone[id] = "left"
	r.step(node.PeerDown{Peer: id})
}

func (r *rigTx) keep(n int) btc.Hash {
	r.t.Helper()
	id := txid(fmt.Sprint(n))
	r.step(node.TransactionKept{Txid: id, Wtxid: id, Submitted: r.now, Expires: r.now.Add(time.Hour)})
	return id
}

// Every table of transactions is bounded: their number, their connections, what is
// remembered of observers and of blocks (M03, M09).
func TestTransactionBounds(t *testing.T) {
	cfg := node.Config{Carriers: 1000, Observers: 1000}
	for i := range 20 {
		cfg.Connect = append(cfg.Connect, ipv4(11, byte(i), 0, 1, 1))
	}
	r := newRigTx(t, cfg)
	for i := range node.MaxTransactions + 1 {
		r.keep(i)
	}
	if got := len(r.n.Transactions()); got != node.MaxTransactions {
		t.Errorf("%d are kept, want %d", got, node.MaxTransactions)
	}
	r.wait(30 * time.Second)
	if got := len(r.open(node.Observer)); got != node.MaxObservers {
		t.Errorf("%d observers, want %d", got, node.MaxObservers)
	}
	if got := len(r.open(node.Carrier)); got != 16 {
		t.Errorf("%d carriers, want 16", got)
	}
	id := txid("0")
	for i := range 20 {
		r.step(node.TransactionMined{Txid: id, Block: btc.Hash{byte(i)}})
	}
	for range 30 { // observers come, hear of it, and go
		for _, o := range r.open(node.Observer) {
			r.step(node.PeerUp{Peer: o, Relay: true})
			r.step(node.TransactionHeard{Peer: o, Txid: id})
			r.step(node.TransactionHeard{Peer: o, Txid: id})
			r.end(o)
		}
		r.wait(2 * time.Minute)
	}
	if x, _ := r.n.Transaction(id); x.SeenBy != 8 || x.State != node.TxExpired {
		t.Errorf("%+v", x)
	}
	r.wait(24*time.Hour + time.Minute)
	if len(r.n.Transactions()) != 0 || r.forgot != node.MaxTransactions {
		t.Errorf("%d are left, %d were forgotten", len(r.n.Transactions()), r.forgot)
	}
	if _, ok := r.n.Transaction(id); ok {
		t.Error("it is still known")
	}
	if left := len(r.open(node.Observer)) + len(r.open(node.Carrier)); left != 0 {
		t.Errorf("%d connections are left", left)
	}
}

// Peers that take connections and do nothing, that want no transactions, that hang up or
// that nobody reaches delay a transaction and cost no more than a bounded number of dials;
// an honest one among them hears of it.
func TestCarriersThatFail(t *testing.T) {
	cfg := node.Config{Carriers: 3, Observers: 1}
	for i := range 8 {
		cfg.Connect = append(cfg.Connect, ipv4(11, byte(i), 0, 1, 1))
	}
	r := newRigTx(t, cfg)
	id := r.keep(1)
	dials := 0
	honest := false
	for begin := r.now; !honest && r.now.Sub(begin) < 2*time.Hour; r.wait(time.Second) {
		for _, c := range r.open(node.Carrier) {
			if r.told[c] != (btc.Hash{}) {
				continue
			}
			dials++
			at, _ := r.dials[c].Addr.AddrPort()
			switch host := at.Addr().As4()[1]; {
			case host == 7:
				r.step(node.PeerUp{Peer: c, Relay: true})
				r.step(node.TransactionTaken{Peer: c, Txid: id})
				honest = r.gone[c] == node.ReasonDelivered
			case host%4 == 0:
				r.step(node.PeerUp{Peer: c, Relay: false})
				if r.gone[c] != node.ReasonNoRelay {
					t.Errorf("wants none: %q", r.gone[c])
				}
			case host%4 == 1:
				r.gone[c] = "refused"
				r.step(node.DialFailed{Peer: c, Detail: "refused"})
			case host%4 == 2:
				r.step(node.PeerUp{Peer: c, Relay: true})
				r.end(c)
			default:
				r.step(node.PeerUp{Peer: c, Relay: true}) // and never asks
			}
		}
	}
	if x, _ := r.n.Transaction(id); !honest || x.Taken != 1 || x.State != node.TxAnnounced {
		t.Errorf("%+v", x)
	}
	if dials > 200 {
		t.Errorf("%d dials", dials)
	}
	r.wait(2 * time.Minute)
	for c := range r.told {
		if why := r.gone[c]; why == "" {
			t.Errorf("connection %d of %v is still there", c, r.dials[c].Addr)
		}
	}
}

// Nobody but a carrier of it takes a transaction, and nobody but an observer hears of it.
func TestTransactionWordsOfOthers(t *testing.T) {
	r := newRigTx(t, node.Config{Connect: []addrbook.Addr{ipv4(11, 1, 0, 1, 1), ipv4(11, 2, 0, 1, 1)}, Carriers: 1, Observers: 1})
	id, other := r.keep(1), r.keep(2)
	r.wait(16 * time.Second)
	for _, c := range r.open(node.Carrier) {
		r.step(node.TransactionTaken{Peer: c, Txid: id}) // before its handshake
		r.step(node.TransactionHeard{Peer: c, Txid: id})
		r.step(node.PeerUp{Peer: c, Relay: true})
		wrong := other
		if r.told[c] == other {
			wrong = id
		}
		r.step(node.TransactionTaken{Peer: c, Txid: wrong})
	}
	shown := map[string]int{}
	for _, p := range r.n.Peers(r.now) {
		shown[p.Kind.String()+" "+p.State]++
	}
	if shown["observer dialling"] != 1 || shown["carrier waiting"] != 2 {
		t.Errorf("shown are %v", shown)
	}
	for _, p := range append(r.open(node.Manual), r.open(node.Observer)...) {
		r.step(node.TransactionTaken{Peer: p, Txid: id})
	}
	r.step(node.TransactionHeard{Peer: r.open(node.Manual)[0], Txid: id})
	r.step(node.TransactionHeard{Peer: 999, Txid: id})
	r.step(node.TransactionHeard{Peer: r.open(node.Observer)[0], Txid: btc.Hash{9}})
	r.step(node.TransactionMined{Txid: btc.Hash{9}, Block: btc.Hash{1}})
	for _, x := range r.n.Transactions() {
		if x.Taken != 0 || x.SeenBy != 0 || x.Told != 1 {
			t.Errorf("%+v", x)
		}
	}
}

// Without named peers, carriers and observers go to addresses of the book: of the same
// kind to no two of one group, to none where we are already, and to nobody who is banned.
func TestTransactionPeersFromBook(t *testing.T) {
	book := addrbook.New(addrbook.Config{Network: btc.Mainnet, Seed: 3})
	var addrs []addrbook.Addr
	for group := range byte(12) {
		for host := range byte(3) {
			addrs = append(addrs, ipv4(11, group, 0, host+1, 8333))
		}
	}
	book.AddFixed(addrs, 9, start)
	r := newRigTx(t, node.Config{Book: book, MaxOutbound: 2, Feelers: -1})
	banned := ipv4(11, 5, 0, 1, 8333)
	r.step(node.OperatorBan{Addr: banned, For: 24 * time.Hour})
	for i := range 3 {
		r.keep(i)
	}
	dialled := map[node.Kind]int{}
	for range 600 {
		r.wait(time.Second)
		groups, at := map[string]node.PeerID{}, map[addrbook.Addr]node.PeerID{}
		for id, d := range r.dials {
			if _, over := r.gone[id]; over {
				continue
			}
			if other, there := at[d.Addr]; there {
				t.Fatalf("connections %d and %d go to %v", id, other, d.Addr)
			}
			at[d.Addr] = id
			group := fmt.Sprint(d.Kind, book.Group(d.Addr))
			if other, there := groups[group]; there || d.Addr == banned {
				t.Fatalf("connections %d and %d, %v to %v", id, other, d.Kind, d.Addr)
			}
			groups[group] = id
			if d.Kind == node.Observer && r.told[id] == (btc.Hash{}) {
				r.step(node.PeerUp{Peer: id, Services: 9, Relay: true})
				r.told[id] = btc.Hash{1} // once
			}
		}
		for _, id := range r.open(node.Carrier) {
			dialled[node.Carrier]++
			r.step(node.PeerUp{Peer: id, Services: 9, Relay: true})
			r.step(node.TransactionTaken{Peer: id, Txid: r.told[id]})
		}
	}
	for _, x := range r.n.Transactions() {
		if x.Told < 3 || x.Taken != x.Told || x.State != node.TxAnnounced {
			t.Errorf("%+v", x)
		}
	}
	if len(r.open(node.Observer)) != node.DefaultObservers || dialled[node.Carrier] < 9 {
		t.Errorf("%d observers, %d carriers", len(r.open(node.Observer)), dialled[node.Carrier])
	}
}

// When there is nobody to dial for a transaction, who is named meanwhile is dialled at the
// next round, 2 s later: the book is not searched at each event (M09).
func TestNobodyToTell(t *testing.T) {
	connect := func(r *rigTx, last byte) {
		r.t.Helper()
		r.step(node.OperatorConnect{Request: 1, Addr: ipv4(11, 1, 0, last, 1)})
	}
	ticks := func(r *rigTx, d time.Duration) {
		r.t.Helper()
		for end := r.now.Add(d); r.now.Before(end); {
			r.now = r.now.Add(100 * time.Millisecond)
			r.step(node.Tick{})
		}
	}
	r := newRigTx(t, node.Config{Carriers: 3, Observers: 1})
	r.keep(1) // and nobody is known
	connect(r, 1)
	ticks(r, 1900*time.Millisecond)
	if got := r.open(node.Observer); len(got) != 0 {
		t.Fatalf("%d observers before the next round", len(got))
	}
	ticks(r, 300*time.Millisecond)
	if got := r.open(node.Observer); len(got) != 1 {
		t.Fatalf("%d observers in the next round, want 1", len(got))
	}
	r.step(node.PeerUp{Peer: r.open(node.Observer)[0], Relay: true})
	for range 30 { // the first carrier goes out within a moment
		if len(r.open(node.Carrier)) > 0 {
			break
		}
		ticks(r, 100*time.Millisecond)
	}
	ticks(r, 1400*time.Millisecond) // a second one was wanted, and nobody is left
	connect(r, 2)
	ticks(r, 500*time.Millisecond)
	if got := r.open(node.Carrier); len(got) != 1 {
		t.Fatalf("%d carriers before the next round, want 1", len(got))
	}
	ticks(r, 2*time.Second)
	if got := r.open(node.Carrier); len(got) != 2 {
		t.Fatalf("%d carriers in the next round, want 2", len(got))
	}
}
