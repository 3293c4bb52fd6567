package node

import (
	"fmt"
	"slices"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// verdicts is what we know about bodies: who sent what, and which bytes are the
// block. Nobody is blamed because a parser failed on his bytes; he is when other
// bytes are proven, since a header commits to one byte string only.
type verdicts struct {
	judging  []judging     // with the parsers; maxJudging at most
	usual    time.Duration // what it took of late until a body was proven
	suspects []suspect     // oldest first; MaxSuspects at most
	proven   map[btc.Hash][32]byte
	order    []btc.Hash // of proven, oldest first; maxProven at most
}

// judging is a body that is with the parsers. The peer may go meanwhile.
type judging struct {
	peer  PeerID
	hash  btc.Hash
	addr  *address
	since time.Time
	// doubtful says that a parser failed on it, or has had it for long: the block is
	// asked of another peer meanwhile.
	doubtful bool
	// givenUp says that its peer was banned, so that nobody waits for it.
	givenUp bool
}

// suspect is a body that was not proven, and who sent it.
type suspect struct {
	peer PeerID
	addr *address
	hash btc.Hash
	sum  [32]byte
	why  Reason
	more string
	// doubted says that strangers to each other sent these bytes: then they are held
	// against nobody until it is known who is right.
	doubted bool
}

func newVerdicts() verdicts { return verdicts{proven: map[btc.Hash][32]byte{}} }

// isJudging reports whether the parsers have a body of the block that may still be it.
func (n *Node) isJudging(hash btc.Hash) bool {
	return slices.ContainsFunc(n.verdict.judging, func(j judging) bool { return j.hash == hash && !j.givenUp })
}

// isJudgingOf reports whether the parsers have a body of the block from that peer.
func (n *Node) isJudgingOf(id PeerID, hash btc.Hash) bool {
	return slices.ContainsFunc(n.verdict.judging, func(j judging) bool { return j.peer == id && j.hash == hash })
}

// mayHedge reports whether another body of that block may come, though the parsers have
// one: all that they have are doubtful, or the window waits for the block and has done so
// for long.
func (n *Node) mayHedge(w *want) bool {
	copies, doubtful, last := 0, 0, time.Time{}
	for _, j := range n.verdict.judging {
		if j.hash != w.hash || j.givenUp {
			continue
		}
		copies, last = copies+1, j.since // in the order in which they came
		if j.doubtful {
			doubtful++
		}
	}
	if copies >= maxCopies {
		return false
	}
	return copies == doubtful || n.Urgent() == w.hash && n.now.Sub(last) >= min(max(hedgeFactor*n.verdict.usual, hedgeMin), hedgeMax)
}

// bodyDoubtful notes that a parser failed on a body: advance asks another peer.
func (n *Node) bodyDoubtful(e BodyDoubtful) {
	for i := range n.verdict.judging {
		if j := &n.verdict.judging[i]; j.peer == e.Peer && j.hash == e.Hash {
			j.doubtful = true
		}
	}
}

// isDoubted reports whether a body of the peer is doubtful.
func (n *Node) isDoubted(id PeerID) bool {
	return slices.ContainsFunc(n.verdict.judging, func(j judging) bool { return j.peer == id && j.doubtful })
}

// isTrusted reports whether nothing that the peer sent is doubtful or was not proven.
func (n *Node) isTrusted(id PeerID) bool { return !n.isSuspect(id) && !n.isDoubted(id) }

// Elsewhere reports whether somebody but that peer is to send a block, or has sent a
// body that may be it.
func (n *Node) Elsewhere(peer PeerID, hash btc.Hash) bool {
	if w := n.fetch.wants[hash]; w != nil && slices.ContainsFunc(w.asked, func(id PeerID) bool { return id != peer }) {
		return true
	}
	return slices.ContainsFunc(n.verdict.judging, func(j judging) bool {
		return j.hash == hash && j.peer != peer && !j.doubtful && !j.givenUp
	})
}

// giveUpBodies lets the bodies go that a banned address has with the parsers, so that others
// are asked for these blocks at once.
func (n *Node) giveUpBodies() {
	var said []PeerID
	for i := range n.verdict.judging {
		j := &n.verdict.judging[i]
		if j.givenUp || !n.peers.bans.has(j.addr, n.now) {
			continue
		}
		j.givenUp = true
		if !slices.Contains(said, j.peer) {
			said = append(said, j.peer)
			n.do(GiveUp{Peer: j.peer})
		}
	}
}

// delivered notes that a peer sent a block that it owed. It is false if it did not
// owe it.
func (n *Node) delivered(id PeerID, hash btc.Hash) (*peer, bool) {
	p := n.ready(id)
	if p == nil || !p.settle(hash) {
		return nil, false
	}
	p.blocks.late, p.blocks.stalls, p.blocks.notFound = time.Time{}, 0, 0
	if w := n.fetch.wants[hash]; w != nil {
		w.unask(p.id)
	}
	return p, true
}

func (n *Node) bodyUnneeded(e BodyUnneeded) { n.delivered(e.Peer, e.Hash) }

func (n *Node) bodyArrived(e BodyArrived) {
	p, owed := n.delivered(e.Peer, e.Hash)
	if !owed {
		return
	}
	v := &n.verdict
	if len(v.judging) >= maxJudging {
		v.judging = slices.Delete(v.judging, 0, 1)
	}
	v.judging = append(v.judging, judging{peer: p.id, hash: e.Hash, addr: p.addr, since: n.now})
}

func (n *Node) expireJudging() {
	n.verdict.judging = slices.DeleteFunc(n.verdict.judging, func(j judging) bool {
		return n.now.Sub(j.since) >= judgeTimeout
	})
}

// isSuspect reports whether the peer, or one before it at its address, sent a body
// that was not proven, for a block that nobody has sent a proven one for yet.
func (n *Node) isSuspect(id PeerID) bool {
	if len(n.verdict.suspects) == 0 {
		return false
	}
	p := n.ready(id)
	return slices.ContainsFunc(n.verdict.suspects, func(s suspect) bool {
		return !s.doubted && (s.peer == id || p != nil && s.addr.at == p.addr.at)
	})
}

// bodyJudged does what DESIGN calls the verdict. It takes e.Body over.
func (n *Node) bodyJudged(e BodyJudged) {
	v := &n.verdict
	i := slices.IndexFunc(v.judging, func(j judging) bool { return j.peer == e.Peer && j.hash == e.Hash })
	if i < 0 {
		n.drop(e.Body) // given up, or never announced
		return
	}
	from := v.judging[i]
	v.judging = slices.Delete(v.judging, i, i+1)
	switch {
	case e.Outcome == OutcomeProven:
		v.usual += (n.now.Sub(from.since) - v.usual) / hedgeMemory
		n.bodyProven(e)
	case e.Outcome == OutcomeNotJudged || !e.Outcome.Valid():
		n.drop(e.Body)
		if w := n.fetch.wants[e.Hash]; w != nil && !from.givenUp {
			w.retry = n.now.Add(retryMin)
		}
	case e.Outcome == OutcomeRule:
		n.drop(e.Body)
		n.bodyBreaksRule(e)
	case e.Outcome == OutcomeDisagree:
		n.drop(e.Body)
		n.bodyDisagreed(e)
	default:
		n.drop(e.Body)
		n.bodyNotProven(e, from)
	}
}

// bodyProven keeps the body if it is wanted, and settles who lied.
func (n *Node) bodyProven(e BodyJudged) {
	n.rememberProven(e.Hash, e.Sum)
	n.settleSuspects(e.Hash, e.Sum)
	n.acquit(e.Hash)
	if p := n.ready(e.Peer); p != nil {
		p.blocks.served = true
	}
	w := n.fetch.wants[e.Hash]
	if e.Body == 0 || w == nil || w.phase != phaseMissing {
		n.drop(e.Body)
		return
	}
	w.phase, w.body = phaseHeld, e.Body
	w.asked, w.failed, w.tries, w.retry = nil, nil, 0, time.Time{}
	n.fetch.stall = max(stallMin, n.fetch.stall*85/100)
}

func (n *Node) rememberProven(hash btc.Hash, sum [32]byte) {
	v := &n.verdict
	if _, there := v.proven[hash]; there {
		return
	}
	if len(v.order) >= maxProven {
		delete(v.proven, v.order[0])
		v.order = slices.Delete(v.order, 0, 1)
	}
	v.proven[hash] = sum
	v.order = append(v.order, hash)
}

// settleSuspects bans who sent other bytes than those proven and clears who sent
// the same.
func (n *Node) settleSuspects(hash btc.Hash, sum [32]byte) {
	var liars []suspect
	n.verdict.suspects = slices.DeleteFunc(n.verdict.suspects, func(s suspect) bool {
		if s.hash == hash && s.sum != sum {
			liars = append(liars, s)
		}
		return s.hash == hash
	})
	for _, s := range liars {
		n.ban(s.peer, s.addr, s.why, s.more)
	}
}

// bodyNotProven keeps who sent which bytes until some are proven.
func (n *Node) bodyNotProven(e BodyJudged, from judging) {
	if w := n.fetch.wants[e.Hash]; w != nil {
		w.fail(from.peer, n.now.Add(failTime))
	}
	height := btc.Height(-1)
	if entry, ok := n.chain.Lookup(e.Hash); ok {
		height = entry.Height
	}
	s := suspect{from.peer, from.addr, e.Hash, e.Sum, e.Outcome.Reason(), fmt.Sprintf("block %d: %s", height, clip(e.Detail)), false}
	if proven, ok := n.verdict.proven[e.Hash]; ok {
		if proven != e.Sum {
			n.ban(s.peer, s.addr, s.why, s.more)
		}
		return
	}
	s.doubted = n.doubtOurselves(s)
	v := &n.verdict
	if len(v.suspects) >= MaxSuspects {
		v.suspects = slices.Delete(v.suspects, 0, 1)
	}
	v.suspects = append(v.suspects, s)
}

// doubtOurselves says so if strangers to each other sent the same bytes: then the
// bytes may be right and our parser wrong. Nobody is blamed; the block is asked
// of the others, then of all again, ever more rarely. It reports whether it did.
func (n *Node) doubtOurselves(s suspect) bool {
	for i := range n.verdict.suspects {
		other := &n.verdict.suspects[i]
		if other.hash == s.hash && other.sum == s.sum && n.groupOf(other.addr) != n.groupOf(s.addr) {
			n.alarm(AlarmSameBytes, s.hash.String(), fmt.Sprintf(
				"%v and %v sent the same bytes for %s, %v, and no parser proved them: %s",
				other.addr.at, s.addr.at, s.more, s.hash, s.why))
			other.doubted = true
			return true
		}
	}
	return false
}

func (n *Node) groupOf(a *address) addrbook.Group { return n.cfg.Book.Group(a.at) }
