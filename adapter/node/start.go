package node

import (
	"fmt"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// StartKind says by what the first block of a new journal is named.
type StartKind uint8

// The kinds of start.
const (
	// StartAuto begins at height 1 on regtest, 144 blocks below the tip of the
	// first sync on mainnet, 2,016 below on other networks.
	StartAuto StartKind = iota
	// StartHeight begins at a height of the best chain.
	StartHeight
	// StartHash begins at a block of the best chain.
	StartHash
)

// Start is where a journal begins that has no event yet. With a journal that has
// some it must agree.
type Start struct {
	Kind   StartKind
	Height btc.Height // of StartHeight, 1 at least
	Hash   btc.Hash   // of StartHash
}

// String names the start as on the command line, "" for StartAuto.
func (s Start) String() string {
	switch s.Kind {
	case StartHeight:
		return fmt.Sprintf("--start-height %d", s.Height)
	case StartHash:
		return fmt.Sprintf("--start-hash %v", s.Hash)
	case StartAuto:
	}
	return ""
}

// startTip returns the tip of the branch on which a journal begins in which nothing
// stands yet: that of the best header, and once a body is stored that of the best
// complete block, since nobody may give the bodies of a branch that has headers alone.
func (n *Node) startTip() headerchain.Entry {
	if len(n.journal.stored) > 0 {
		return n.chain.BestComplete()
	}
	return n.chain.Best()
}

// startBelow returns the block below the first one of a new journal. It is false
// while the branch of [Node.startTip] does not hold it.
func (n *Node) startBelow() (headerchain.Entry, bool) {
	s, tip := n.cfg.Start, n.startTip()
	switch s.Kind {
	case StartHeight:
		return n.chain.Ancestor(tip.Hash, max(1, s.Height)-1)
	case StartHash:
		e, ok := n.chain.Lookup(s.Hash)
		if !ok || !n.leadsTo(e.Hash, e.Height, tip.Hash) {
			return headerchain.Entry{}, false
		}
		return n.chain.Ancestor(tip.Hash, max(0, e.Height-1))
	case StartAuto:
	}
	depth := btc.Height(otherNetStartDepth)
	switch n.cfg.Network {
	case btc.Regtest:
		return n.chain.Ancestor(tip.Hash, 0)
	case btc.Mainnet:
		depth = mainnetStartDepth
	case btc.Testnet3, btc.Testnet4, btc.Signet:
	}
	return n.chain.Ancestor(tip.Hash, max(0, tip.Height-depth-1))
}

// startConflict says how the start flag disagrees with the journal, "" if it does
// not. A journal that has lost its oldest blocks may have begun below its first.
func (n *Node) startConflict() string {
	s, have := n.cfg.Start, n.journal.loaded
	height := max(1, s.Height)
	switch s.Kind {
	case StartAuto:
		return ""
	case StartHash:
		e, ok := n.chain.Lookup(s.Hash)
		at, there := n.chain.Ancestor(have.Tip, e.Height)
		if !ok || !there || at.Hash != s.Hash {
			return fmt.Sprintf("%v is not a block of the journal, which begins at block %d and ends in %v", s, have.First, have.Tip)
		}
		height = max(1, e.Height)
	case StartHeight:
	}
	if height == have.First || have.FirstTrims && height < have.First {
		return ""
	}
	return fmt.Sprintf("%v does not agree with the journal, which begins at block %d", s, have.First)
}
