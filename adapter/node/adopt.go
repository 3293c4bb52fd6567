package node

import (
	"fmt"
	"slices"

	"blockgate/internal/btc"
)

// adoptJournal joins the journal's tip to our header chain, once the first sync
// is over. From then on the journal is ready to be written.
func (n *Node) adoptJournal() {
	j := &n.journal
	if j.state == tipUnknown && (!n.now.Before(j.retry) || n.knows(j.loaded.Tip) && n.sameHeight()) {
		j.state, j.retry = loadNeeded, n.now
		n.loadJournal()
	}
	if j.state != loaded {
		return
	}
	switch {
	case j.loaded.Empty:
		n.adoptEmpty()
	case n.knows(j.loaded.Tip):
		n.adoptTip()
	default:
		j.walk = append(j.walk[:0], j.loaded.TipHeader)
		n.walkDown()
	}
}

func (n *Node) knows(hash btc.Hash) bool {
	_, ok := n.chain.Lookup(hash)
	return ok
}

// adoptEmpty decides where the journal begins. A base that was decided before
// stays while it is on the branch of [Node.startTip].
func (n *Node) adoptEmpty() {
	j := &n.journal
	if !j.adopted || !n.leadsTo(j.tip, j.tipHeight, n.startTip().Hash) {
		below, ok := n.startBelow()
		if !ok {
			return // the chain is not there yet
		}
		j.tip, j.tipHeight = below.Hash, below.Height
		j.first = below.Height + 1
	}
	j.empty = true
	n.journalReady()
}

func (n *Node) adoptTip() {
	j := &n.journal
	if !n.sameHeight() {
		n.tipUnknown(fmt.Sprintf("the journal says height %d of its tip %v, our chain does not", j.loaded.TipHeight, j.loaded.Tip))
		return
	}
	if conflict := n.startConflict(); conflict != "" {
		n.fatal(FatalStartConflict, conflict)
		return
	}
	j.empty = false
	if j.accepted != (btc.Hash{}) && j.loaded.Final < j.final {
		n.journalReset(j.loaded.Tip, j.loaded.TipHeight) // its outcome was not known
		j.final = j.loaded.Final
	}
	j.tip, j.tipHeight = j.loaded.Tip, j.loaded.TipHeight
	j.first = max(1, min(j.loaded.First, j.tipHeight+1)) // lower after a reset
	j.final = max(j.final, j.loaded.Final)
	n.journalReady()
}

func (n *Node) sameHeight() bool {
	e, ok := n.chain.Lookup(n.journal.loaded.Tip)
	return ok && e.Height == n.journal.loaded.TipHeight
}

// journalReady begins to work on the tip. What is below the first block can never
// be disconnected, so it is final.
func (n *Node) journalReady() {
	j := &n.journal
	j.final = max(j.final, j.first-1)
	j.state, j.adopted, j.walk, j.lastErr = ready, true, nil, ""
	n.rebase()
	n.forgetFinal()
}

// walkDown takes the lowest header that the journal gave so far. If we know its
// parent the whole walk goes into our chain, else the parent is fetched.
func (n *Node) walkDown() {
	j := &n.journal
	low := j.walk[len(j.walk)-1]
	height := j.loaded.TipHeight - btc.Height(len(j.walk)) // of its parent
	switch {
	case n.knows(low.Prev()):
		upwards := slices.Clone(j.walk)
		slices.Reverse(upwards)
		if _, err := n.accept(upwards); err != nil {
			n.tipUnknown("the journal's headers break a rule: " + err.Error())
		} else if n.knows(j.loaded.Tip) {
			n.adoptTip()
		} else {
			n.tipUnknown("the journal's tip is not its header's hash")
		}
	case len(j.walk) >= maxWalk || height < max(1, j.loaded.First):
		n.tipUnknown(fmt.Sprintf("block %d of the journal, %v, is not in our chain", height, low.Prev()))
	default:
		j.state = walking
		n.do(FetchHeader{Hash: low.Prev(), Height: height})
	}
}

func (n *Node) journalHeader(e JournalHeader) {
	j := &n.journal
	if j.state != walking || e.Hash != j.walk[len(j.walk)-1].Prev() {
		return
	}
	if !e.Found || e.Header.Hash() != e.Hash {
		n.tipUnknown(fmt.Sprintf("block %v of the journal is not in our chain, and its header cannot be fetched: %s", e.Hash, clip(e.Detail)))
		return
	}
	j.walk = append(j.walk, e.Header)
	n.walkDown()
}

// tipUnknown waits: for headers that make the tip known, or to try all again.
func (n *Node) tipUnknown(why string) {
	j := &n.journal
	j.state, j.walk = tipUnknown, nil
	j.retry = n.now.Add(journalUnknownEvery)
	j.lastErr = why
	n.alarm(AlarmJournalUnknown, j.loaded.Tip.String(), why)
}

// holdDeepForks sets aside the branch of the best header if it leaves ours below
// what is final: only the operator may publish it.
func (n *Node) holdDeepForks() {
	j := &n.journal
	for _, e := range [...]btc.Hash{n.chain.Best().Hash, n.chain.BestComplete().Hash} {
		fork, ok := n.chain.ForkPoint(j.tip, e)
		if !ok || fork.Height >= j.final || n.isAccepted(e) {
			continue
		}
		if j.empty {
			n.beginElsewhere()
			return
		}
		if best, ok := n.chain.Lookup(e); ok && !best.Parked {
			n.hold(best.Hash, best.Height, fork.Height)
		}
	}
}

// beginElsewhere decides anew where a journal begins in which nothing stands yet.
func (n *Node) beginElsewhere() {
	j := &n.journal
	if below, ok := n.startBelow(); ok && below.Hash != j.tip && j.state == ready && j.pending == nil {
		j.final, j.adopted, j.state = 0, false, loaded
		n.adoptEmpty()
	}
}

func (n *Node) hold(tip btc.Hash, height, fork btc.Height) {
	j := &n.journal
	root, ok := n.chain.Ancestor(tip, fork+1)
	if !ok {
		return
	}
	if _, err := n.chain.Park(root.Hash); err != nil {
		panic("node: held branch is not in the header chain: " + err.Error()) // just looked up
	}
	j.heldTip = tip
	j.held = fmt.Sprintf("heavier branch to block %d %v forks at block %d, below block %d, which is final; ours ends in block %d %v",
		height, tip, fork, j.final, j.tipHeight, j.tip)
	n.alarm(AlarmHeld, root.Hash.String(), j.held)
}
