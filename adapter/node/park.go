package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// parked is a block whose branch fork choice skips: by our parsers' word it breaks a
// rule, or the operator said so. It lives in memory alone, so that the next start, with
// a better parser perhaps, judges anew.
type parked struct {
	hash     btc.Hash
	height   btc.Height
	why      string
	operator bool      // it is not tried again by itself
	tries    int       // how often it was judged so
	retry    time.Time // when it is judged again
	lifted   bool      // it has another chance just now: the branch counts as any other
}

// bodyBreaksRule parks the branch of a block that is proven and, as all parsers that
// were asked say, breaks a rule. Whoever sent it sent the block: nobody is blamed.
func (n *Node) bodyBreaksRule(e BodyJudged) {
	n.rememberProven(e.Hash, e.Sum)
	n.settleSuspects(e.Hash, e.Sum)
	if p := n.ready(e.Peer); p != nil {
		p.blocks.served = true
	}
	entry, ok := n.chain.Lookup(e.Hash)
	switch {
	case !ok: // the side branches overflowed meanwhile
	case entry.Complete || n.isHeldBody(e.Hash):
		n.alarm(AlarmDisagree, e.Hash.String(), fmt.Sprintf("block %d %v was proven before and is now said to break a rule: %s", entry.Height, e.Hash, clip(e.Detail)))
	default:
		n.park(&entry, clip(e.Detail))
	}
}

// isHeldBody reports whether a body of the block is proven and on its way.
func (n *Node) isHeldBody(hash btc.Hash) bool {
	w := n.fetch.wants[hash]
	return w != nil && w.phase != phaseMissing
}

// bodyDisagreed says that parsers contradict each other about a body. The bytes are
// not at fault, so it is judged again, ever more rarely.
func (n *Node) bodyDisagreed(e BodyJudged) {
	n.alarm(AlarmDisagree, e.Hash.String(), fmt.Sprintf("block %v: %s", e.Hash, clip(e.Detail)))
	if w := n.fetch.wants[e.Hash]; w != nil {
		w.tries++
		w.retry = n.now.Add(n.dice.backoff(w.tries, retryMin, retryMax))
	}
}

// park parks the branch of a block by our parsers' word.
func (n *Node) park(entry *headerchain.Entry, why string) {
	i := n.parkedAt(entry.Hash)
	if i >= 0 && !n.parked[i].lifted {
		return // another copy of it
	}
	if i < 0 {
		if len(n.parked) >= MaxParked {
			n.unparkOldest()
		}
		n.parked = append(n.parked, parked{hash: entry.Hash, height: entry.Height})
		i = len(n.parked) - 1
	}
	p := &n.parked[i]
	p.why, p.lifted = why, false
	p.tries++
	p.retry = n.now.Add(n.dice.backoff(p.tries, parkMin, parkMax))
	n.setParked(p.hash)
	n.alarm(AlarmParked, p.hash.String(), p.String())
}

// String says what is parked and why.
func (p *parked) String() string { return fmt.Sprintf("block %d %v: %s", p.height, p.hash, p.why) }

func (n *Node) parkedAt(hash btc.Hash) int {
	return slices.IndexFunc(n.parked, func(p parked) bool { return p.hash == hash })
}

// isParked reports whether the block itself is parked, and has no other chance.
func (n *Node) isParked(hash btc.Hash) bool {
	i := n.parkedAt(hash)
	return i >= 0 && !n.parked[i].lifted
}

// isLifted reports whether the block is parked and has another chance just now.
func (n *Node) isLifted(hash btc.Hash) bool {
	i := n.parkedAt(hash)
	return i >= 0 && n.parked[i].lifted
}

// standsOnLifted reports whether an ancestor of the block has another chance just now.
func (n *Node) standsOnLifted(e *headerchain.Entry) bool {
	return slices.ContainsFunc(n.parked, func(p parked) bool {
		return p.lifted && p.height < e.Height && n.leadsTo(p.hash, p.height, e.Hash)
	})
}

// setParked parks a block in the header chain. One that left the chain, because the
// side branches overflowed, is parked already in a way.
func (n *Node) setParked(hash btc.Hash) {
	if _, err := n.chain.Park(hash); err != nil && !errors.Is(err, headerchain.ErrUnknown) {
		panic("node: cannot park a block: " + err.Error()) // it has a parent
	}
}

// setFree ends the parking of a block in the header chain, unless the branch is set
// aside for another reason, too.
func (n *Node) setFree(hash btc.Hash) {
	aside := slices.ContainsFunc(n.fetch.aside, func(a aside) bool { return a.root == hash })
	if !aside && !n.isParked(hash) {
		_, _ = n.chain.Unpark(hash) // one that left the chain is free
	}
}

// unparkOldest makes room for another verdict. The operator's words stay: they are
// fewer than there is room.
func (n *Node) unparkOldest() {
	i := slices.IndexFunc(n.parked, func(p parked) bool { return !p.operator })
	hash := n.parked[i].hash
	n.parked = slices.Delete(n.parked, i, i+1)
	n.setFree(hash)
}

// retryParked gives blocks whose time has come another chance, and forgets those that
// left the chain.
func (n *Node) retryParked() {
	n.parked = slices.DeleteFunc(n.parked, func(p parked) bool { return !p.operator && !n.knows(p.hash) })
	for i := range n.parked {
		p := &n.parked[i]
		if !p.operator && !p.lifted && !n.now.Before(p.retry) {
			p.lifted = true
			n.setFree(p.hash)
		}
	}
	if lead := n.parkedLead(); lead != "" {
		n.alarm(AlarmParkedLeads, "", lead)
	}
}

// acquit forgets that a block broke a rule: it was proven now.
func (n *Node) acquit(hash btc.Hash) {
	if i := n.parkedAt(hash); i >= 0 && !n.parked[i].operator {
		n.parked = slices.Delete(n.parked, i, i+1)
		n.setFree(hash)
	}
}

// parkAgain parks what the header chain freed when the journal's tip became its best
// complete one. What the journal has published in spite of our parsers' word stays.
func (n *Node) parkAgain() {
	n.parked = slices.DeleteFunc(n.parked, func(p parked) bool {
		return !p.operator && n.leadsTo(p.hash, p.height, n.journal.tip)
	})
	for _, p := range n.parked {
		if !p.lifted {
			n.setParked(p.hash)
		}
	}
}

// leadsTo reports whether the block at a height is tip or an ancestor of it.
func (n *Node) leadsTo(hash btc.Hash, height btc.Height, tip btc.Hash) bool {
	at, ok := n.chain.Ancestor(tip, height)
	return ok && at.Hash == hash
}

// parkedLead names the parked branch that leads ours by so much work that we may be the
// ones who are wrong, "" if none does.
func (n *Node) parkedLead() string {
	best, ours := n.chain.Best(), n.chain.BestComplete()
	for i := range n.parked {
		p := &n.parked[i]
		if n.leadsTo(p.hash, p.height, best.Hash) && best.Work.Sub(ours.Work).Cmp(blockWork(best).Mul(parkedLeadBlocks)) >= 0 {
			return fmt.Sprintf("the branch to block %d %v has the work of %d blocks more than ours, which ends in block %d %v, and is parked at %v",
				best.Height, best.Hash, parkedLeadBlocks, ours.Height, ours.Hash, p)
		}
	}
	return ""
}

// parkedText names all that is parked, "" if nothing is.
func (n *Node) parkedText() string {
	texts := make([]string, len(n.parked))
	for i := range n.parked {
		texts[i] = n.parked[i].String()
	}
	return strings.Join(texts, "; ")
}

// operatorInvalidate parks a block, and with it its branch, until the operator takes
// it back or the process ends. What is published stays until a branch with all its
// bodies replaces it.
func (n *Node) operatorInvalidate(e OperatorInvalidate) {
	entry, ok := n.chain.Lookup(e.Hash)
	refuse := ""
	switch i := n.parkedAt(e.Hash); {
	case !ok:
		refuse = "the header is not known"
	case entry.Height <= n.chain.Base().Height:
		refuse = "it is the first block"
	case n.journal.adopted && entry.Height <= n.journal.final && n.leadsTo(entry.Hash, entry.Height, n.journal.tip):
		refuse = fmt.Sprintf("the journal is final up to block %d", n.journal.final)
	case i >= 0:
		n.parked[i].operator, n.parked[i].lifted, n.parked[i].why = true, false, operatorWhy
	case n.operatorParked() >= maxOperatorParked:
		refuse = fmt.Sprintf("%d blocks are invalidated already", maxOperatorParked)
	default:
		if len(n.parked) >= MaxParked {
			n.unparkOldest()
		}
		n.parked = append(n.parked, parked{hash: entry.Hash, height: entry.Height, why: operatorWhy, operator: true})
	}
	if refuse == "" {
		n.setParked(e.Hash)
	}
	n.do(OperatorTold{Request: e.Request, Hash: e.Hash, Refused: refuse})
}

func (n *Node) operatorParked() (count int) {
	for i := range n.parked {
		if n.parked[i].operator {
			count++
		}
	}
	return count
}

// operatorReconsider frees a block, those that it stands on and those that stand on
// it: they are judged again as if they had never been.
func (n *Node) operatorReconsider(e OperatorReconsider) {
	entry, ok := n.chain.Lookup(e.Hash)
	var free []btc.Hash
	n.parked = slices.DeleteFunc(n.parked, func(p parked) bool {
		related := p.hash == e.Hash || ok && (n.leadsTo(p.hash, p.height, e.Hash) || n.leadsTo(e.Hash, entry.Height, p.hash))
		if related {
			free = append(free, p.hash)
		}
		return related
	})
	for _, hash := range free {
		n.setFree(hash)
	}
	refuse := ""
	if len(free) == 0 {
		refuse = "nothing of it is parked"
	}
	n.do(OperatorTold{Request: e.Request, Hash: e.Hash, Refused: refuse})
}
