package node

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// journal is where the journal on the bus stands, as far as we know, and what is
// on its way to it. One goroutine in the whole world writes it, by intent; that
// it was us is checked by the sequence number of each Append, and if it was not,
// or if the outcome is unknown, the journal is loaded again.
//
//	loadNeeded ──▶ loading ──▶ loaded ──▶ ready ──▶ (Append ...) ──┐
//	    ▲                        │ ▲                               │
//	    │                        ▼ │ tip not in our chain          │
//	    │                      walking ──▶ unknown                 │
//	    └──────────────────────────────────────┴───────────────────┘
type journal struct {
	state    journalState
	retry    time.Time // not loaded before
	failures int       // in a row
	lastErr  string

	loaded  JournalLoaded // the last answer
	adopted bool          // was ready once: base and tip are known
	// empty says that nothing is published: tip is the block below the first.
	empty     bool
	tip       btc.Hash
	tipHeight btc.Height
	first     btc.Height // the lowest in the journal
	final     btc.Height // never falls; first-1 at least

	walk    []btc.Header // from the journal's tip downwards; maxWalk at most
	storing []storing    // MaxStoring at most
	stored  map[btc.Hash]storedBlock
	count   uint64   // of stores, gives their order
	pending *Append  // nil if none is out
	held    string   // what is held back, "" if nothing
	heldTip btc.Hash // the tip of that branch when it was seen last
	// accepted is the lowest block of the held branch that the operator has accepted,
	// zero for none; it stands on a block below what is final.
	accepted       btc.Hash
	acceptedHeight btc.Height
}

type journalState uint8

const (
	loadNeeded journalState = iota
	loading
	loaded
	walking
	tipUnknown
	ready
)

type storing struct {
	hash   btc.Hash
	height btc.Height
	body   BodyID
}

// storedBlock is a block whose parts the journal has and whose event may come.
type storedBlock struct {
	hash   btc.Hash
	height btc.Height
	turn   uint64
}

func newJournal() journal { return journal{stored: map[btc.Hash]storedBlock{}} }

func (n *Node) loadJournal() {
	j := &n.journal
	if j.state == loadNeeded && j.pending == nil && !n.now.Before(j.retry) {
		j.state = loading
		n.do(LoadJournal{})
	}
}

// reload asks for the journal again, ever more rarely while it fails.
func (n *Node) reload(detail string) {
	j := &n.journal
	j.failures++
	j.lastErr = clip(detail)
	j.retry = n.now.Add(n.dice.backoff(j.failures, journalMin, journalMax))
	j.state = loadNeeded
}

func (n *Node) journalFailed(e JournalFailed) {
	if n.journal.state == loading {
		n.reload(e.Detail)
	}
}

func (n *Node) journalLoaded(e JournalLoaded) {
	j := &n.journal
	if j.state != loading {
		return
	}
	j.loaded, j.state = e, loaded
	if e.Empty && j.adopted && !j.empty {
		n.alarm(AlarmJournalEmptied, "", "the journal had events and has none: it begins anew")
		j.adopted, j.final = false, 0
	}
}

// storeBodies hands proven bodies to the journal, parents first: one goes when
// its parent is complete, stored or on its way, so that a stored block never waits
// for a body that may not come.
func (n *Node) storeBodies() {
	j := &n.journal
	if j.state != ready || n.chain.BestComplete().Height-j.tipHeight > maxBacklog {
		return
	}
	for _, w := range n.fetch.window {
		if len(j.storing) >= MaxStoring || len(j.stored)+len(j.storing) >= MaxStored {
			return
		}
		if w.phase == phaseHeld && n.parentStored(w) {
			n.do(Store{Body: w.body, Hash: w.hash, Height: w.height})
			j.storing = append(j.storing, storing{w.hash, w.height, w.body})
			w.phase, w.body = phaseStoring, 0
		}
	}
}

func (n *Node) parentStored(w *want) bool {
	if _, ok := n.journal.stored[w.prev]; ok {
		return true
	}
	if slices.ContainsFunc(n.journal.storing, func(s storing) bool { return s.hash == w.prev }) {
		return true
	}
	parent, ok := n.chain.Lookup(w.prev)
	return ok && parent.Complete
}

// storeEnded takes the store that ended out of those under way.
func (n *Node) storeEnded(hash btc.Hash, body BodyID) (storing, bool) {
	j := &n.journal
	i := slices.IndexFunc(j.storing, func(s storing) bool { return s.hash == hash && s.body == body })
	if i < 0 {
		return storing{}, false
	}
	s := j.storing[i]
	j.storing = slices.Delete(j.storing, i, i+1)
	delete(n.fetch.wants, hash)
	n.fetch.window = slices.DeleteFunc(n.fetch.window, func(w *want) bool { return w.hash == hash })
	return s, true
}

func (n *Node) bodyStored(e BodyStored) {
	s, ok := n.storeEnded(e.Hash, e.Body)
	if !ok {
		return
	}
	n.journal.count++
	n.journal.stored[s.hash] = storedBlock{s.hash, s.height, n.journal.count}
	n.complete(s.hash)
}

// bodyStoreFailed loads the journal again; the block is fetched again meanwhile.
func (n *Node) bodyStoreFailed(e BodyStoreFailed) {
	if _, ok := n.storeEnded(e.Hash, e.Body); ok && n.journal.state == ready {
		n.reload(e.Detail)
	}
}

// complete marks a stored block. Its header may be gone since it was asked for, if
// the side branches overflowed; then nothing leads to it any more.
func (n *Node) complete(hash btc.Hash) {
	if _, err := n.chain.Complete(hash); err != nil && !errors.Is(err, headerchain.ErrUnknown) {
		panic("node: cannot complete a stored block: " + err.Error()) // no other error is known
	}
}

// rebase makes the journal's tip, its ancestors and what is stored the complete
// blocks, and nothing else.
func (n *Node) rebase() {
	j := &n.journal
	if err := n.chain.Rebase(j.tip); err != nil {
		panic("node: journal tip is not in the header chain: " + err.Error()) // looked up before
	}
	inOrder := make([]storedBlock, 0, len(j.stored))
	for _, s := range j.stored {
		inOrder = append(inOrder, s)
	}
	slices.SortFunc(inOrder, func(a, b storedBlock) int { return cmp.Compare(a.turn, b.turn) })
	for _, s := range inOrder {
		n.complete(s.hash)
	}
	n.parkAgain()
}

// appendNext appends the next event on the way from the journal's tip to the best
// complete tip: down to where they fork, tip first, then up. There is one event out
// at a time and the way is found anew for each, so a tip that moves midway is
// followed from wherever the journal stands.
func (n *Node) appendNext() {
	j := &n.journal
	target := n.chain.BestComplete()
	if j.state != ready || j.pending != nil || target.Hash == j.tip {
		return
	}
	down, up, ok := n.chain.Path(j.tip, target.Hash)
	if ok && len(up) == 0 {
		return // our branch is parked: it stays published until another one replaces it
	}
	if !ok { // the side branches overflowed in the middle of a reorg: walk the journal again
		n.reload("the header of the journal's tip is gone")
		return
	}
	for i := range up {
		if _, ok := j.stored[up[i].Hash]; !ok {
			n.rebase() // complete for an older journal: it has to be fetched again
			return
		}
	}
	var next Append
	if len(down) > 0 && down[len(down)-1].Height <= j.final {
		fork, ok := n.chain.Lookup(down[len(down)-1].Header.Prev())
		if !ok || !n.isAccepted(target.Hash) {
			return // held
		}
		next = n.event(Reset, &fork, &target)
		next.Final = fork.Height
	} else if len(down) > 0 {
		next = n.event(DisconnectBlock, &down[0], &target)
	} else {
		next = n.event(Connect, &up[0], &target)
		next.Final = max(j.final, up[0].Height-n.cfg.FinalDepth)
	}
	j.pending = &next
	n.do(next)
}

func (n *Node) event(kind EventKind, e, target *headerchain.Entry) Append {
	return Append{
		Kind: kind, Hash: e.Hash, Prev: e.Header.Prev(), Height: e.Height, Header: e.Header, Work: e.Work,
		Best: target.Hash, BestWork: target.Work, Final: n.journal.final,
	}
}

func (n *Node) eventAppended(e EventAppended) {
	j := &n.journal
	if j.pending == nil || j.pending.Hash != e.Hash || j.pending.Kind != e.Kind {
		return
	}
	done := *j.pending
	j.pending, j.failures, j.lastErr, j.empty = nil, 0, "", false
	switch done.Kind {
	case Connect:
		j.tip, j.tipHeight = done.Hash, done.Height
		n.rate.count(n.now)
	case DisconnectBlock:
		j.tip, j.tipHeight = done.Prev, done.Height-1
	case Reset:
		n.journalReset(done.Hash, done.Height)
	}
	if done.Final > j.final {
		j.final = done.Final
		n.forgetFinal()
	}
}

func (n *Node) eventMoved(e EventMoved) {
	if n.journal.pending == nil {
		return
	}
	n.journal.pending = nil
	if e.Stale {
		n.forgetStored(func(storedBlock) bool { return true })
	}
	n.reload(e.Detail)
}

// forgetFinal lets go of stored blocks that can be connected no more.
func (n *Node) forgetFinal() {
	n.forgetStored(func(s storedBlock) bool { return s.height <= n.journal.final && !n.isAccepted(s.hash) })
}

// forgetStored lets go of the stored blocks that match, in the order of their
// stores.
func (n *Node) forgetStored(match func(storedBlock) bool) {
	j := &n.journal
	var done []storedBlock
	for _, s := range j.stored {
		if match(s) {
			done = append(done, s)
		}
	}
	slices.SortFunc(done, func(a, b storedBlock) int { return cmp.Compare(a.turn, b.turn) })
	for _, s := range done {
		delete(j.stored, s.hash)
		n.do(Forget{Hash: s.hash})
	}
}
