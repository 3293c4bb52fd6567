package node

import (
	"fmt"

	"blockgate/internal/btc"
)

// A branch that forks below what is final is held: whoever has counted on those blocks
// was told that they stay. The operator alone may publish it. Then its bodies are fetched
// and proven as any others, a Reset to the block where it forks begins a new epoch of the
// journal, and its blocks are connected.
//
//	held ──▶ accepted ──▶ all bodies stored ──▶ Reset ──▶ Connect ...

// operatorAcceptReorg lets a held branch be published.
func (n *Node) operatorAcceptReorg(e OperatorAcceptReorg) {
	n.do(OperatorTold{Request: e.Request, Hash: e.Hash, Refused: n.acceptReorg(e.Hash)})
}

// acceptReorg returns why the branch of a block is not accepted, "" if it is.
func (n *Node) acceptReorg(hash btc.Hash) string {
	j := &n.journal
	entry, ok := n.chain.Lookup(hash)
	if !ok {
		return "the header is not known"
	}
	if j.state != ready || j.empty {
		return "the journal is not ready, or empty"
	}
	fork, ok := n.chain.ForkPoint(j.tip, hash)
	if !ok || fork.Height >= j.final {
		return fmt.Sprintf("it does not fork below block %d, up to which the journal is final", j.final)
	}
	root, ok := n.chain.Ancestor(hash, fork.Height+1)
	if ok && root.Hash == j.accepted {
		return ""
	}
	if !ok || !root.Parked || n.isParked(root.Hash) {
		return "no branch with that block is held"
	}
	if need := j.tipHeight - fork.Height; int(need) > MaxStored/2 {
		return fmt.Sprintf("it forks %d blocks below the tip, at most %d can be replaced: begin a journal under another --id", need, MaxStored/2)
	}
	if j.accepted != root.Hash && n.knows(j.accepted) {
		return fmt.Sprintf("the branch of block %d %v is accepted and not published yet", j.acceptedHeight, j.accepted)
	}
	j.accepted, j.acceptedHeight = root.Hash, root.Height
	j.held = fmt.Sprintf("the operator accepted the branch to block %d %v, which forks at block %d, below block %d, which is final; its bodies are not all there yet",
		entry.Height, hash, fork.Height, j.final)
	n.setFree(root.Hash)
	return ""
}

// isAccepted reports whether the block is on a branch that the operator accepted and that
// is not published yet.
func (n *Node) isAccepted(hash btc.Hash) bool {
	j := &n.journal
	return j.accepted != (btc.Hash{}) && n.leadsTo(j.accepted, j.acceptedHeight, hash)
}

// journalReset notes that the journal ends in a block below what was final.
func (n *Node) journalReset(tip btc.Hash, height btc.Height) {
	j := &n.journal
	j.tip, j.tipHeight, j.final = tip, height, height
	j.first = min(j.first, height+1)
	j.accepted, j.acceptedHeight, j.held, j.heldTip = btc.Hash{}, 0, "", btc.Hash{}
}
