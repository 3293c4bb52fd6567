package node

import (
	"cmp"
	"fmt"
	"slices"

	"blockgate/adapter/addrbook"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Broken says which bound or invariant does not hold, "" if all do. It is for tests.
func (n *Node) Broken() string {
	f, v, j := &n.fetch, &n.verdict, &n.journal
	for _, table := range []struct {
		name      string
		size, max int
	}{
		{"manual peers", n.ofKinds(Manual), MaxManual},
		{"block-relay peers", n.ofKinds(BlockRelay, Anchor), n.cfg.MaxOutbound},
		{"feelers", n.ofKinds(Feeler), max(0, n.cfg.Feelers)},
		{"extra peers", n.ofKinds(Extra), MaxExtra},
		{"named addresses", len(n.peers.manual), MaxManual},
		{"last peers", len(n.idle.last), n.cfg.MaxOutbound},
		{"troubles", len(n.peers.troubles), maxSeenErrorsInAlarm},
		{"presyncs", n.presyncing(), maxPresyncs},
		{"bans", len(n.peers.bans.until), MaxBans},
		{"order of bans", len(n.peers.bans.order), len(n.peers.bans.until)},
		{"banned ranges", len(n.peers.bans.ranges), MaxOperatorBans},
		{"window", len(f.window), n.cfg.Window},
		{"wants", len(f.wants), maxWants + n.cfg.Window + MaxStoring},
		{"aside", len(f.aside), maxAside},
		{"judging", len(v.judging), maxJudging},
		{"suspects", len(v.suspects), MaxSuspects},
		{"proven", len(v.proven), maxProven},
		{"order of proven", len(v.order), len(v.proven)},
		{"storing", len(j.storing), MaxStoring},
		{"stored", len(j.stored), MaxStored},
		{"parked", len(n.parked), MaxParked},
		{"parked by the operator", n.operatorParked(), maxOperatorParked},
		{"walk", len(j.walk), maxWalk},
		{"alarms", len(n.alarms), maxAlarms},
		{"headers held back", n.keeper.HeldBack(), n.keeper.pruneAt},
	} {
		if table.size > table.max {
			return fmt.Sprintf("%d %s, at most %d may be", table.size, table.name, table.max)
		}
	}
	for _, p := range n.peers.all {
		if len(p.blocks.owed) > n.cfg.PerPeer {
			return fmt.Sprintf("peer %d owes %d blocks", p.id, len(p.blocks.owed))
		}
		if !p.addr.inUse || n.peers.bans.has(p.addr, n.now) {
			return fmt.Sprintf("peer %d on an address that is free or banned", p.id)
		}
	}
	if broken := cmp.Or(n.brokenPeers(), n.brokenTransactions()); broken != "" {
		return broken
	}
	if broken := n.brokenFetch(); broken != "" {
		return broken
	}
	for hash, w := range f.wants {
		if w.hash != hash || len(w.failed) > maxFailed || (w.body != 0) != (w.phase == phaseHeld) {
			return fmt.Sprintf("want %+v", *w)
		}
	}
	return ""
}

// brokenPeers says what is wrong with who is a peer.
func (n *Node) brokenPeers() string {
	groups := map[addrbook.Group]PeerID{}
	for _, p := range n.peers.all {
		switch other, there := groups[p.group]; {
		case p.ready && (!p.up || !p.kind.syncs()):
			return fmt.Sprintf("peer %d of kind %v is ready", p.id, p.kind)
		case p.addr.manual != (p.kind == Manual):
			return fmt.Sprintf("peer %d is %v", p.id, p.kind)
		case p.kind != Manual && !p.addr.at.Routable():
			return fmt.Sprintf("peer %d is at %v, which nobody named", p.id, p.addr.at)
		case p.automatic() && there:
			return fmt.Sprintf("peers %d and %d are of one group", p.id, other)
		case p.automatic():
			groups[p.group] = p.id
		}
		if n.idle.on && p.kind.syncs() || n.cfg.ConnectOnly && p.kind != Manual {
			return fmt.Sprintf("a peer of kind %v, idle %v", p.kind, n.idle.on)
		}
	}
	return ""
}

// brokenFetch says which bound of what is asked for does not hold.
func (n *Node) brokenFetch() string {
	for _, p := range n.peers.all {
		if p.blocks.speed.busy < 0 || p.blocks.coming.bytes < 0 {
			return fmt.Sprintf("peer %d: %+v", p.id, p.blocks)
		}
	}
	for _, w := range n.fetch.wants {
		if len(w.asked) > maxAsked {
			return fmt.Sprintf("block %d is asked of %d", w.height, len(w.asked))
		}
		for _, id := range w.asked {
			if p := n.ready(id); p == nil || p.owes(w.hash) < 0 {
				return fmt.Sprintf("block %d is asked of peer %d, which does not owe it", w.height, id)
			}
		}
	}
	if n.fetch.usual < 0 || n.fetch.usual > btc.MaxBlockSize {
		return fmt.Sprintf("blocks have %d bytes", n.fetch.usual)
	}
	return ""
}

func (n *Node) ofKinds(kinds ...Kind) int {
	return n.peers.count(func(p *peer) bool { return slices.Contains(kinds, p.kind) })
}

// Headers returns how many headers the chain holds, genesis with them.
func (n *Node) Headers() int { return n.chain.Len() }

// Presyncing returns how many presyncs are under way.
func (n *Node) Presyncing() int { return n.presyncing() }

// Held returns how many bodies the node holds.
func (n *Node) Held() int {
	held := 0
	for _, w := range n.fetch.wants {
		if w.body != 0 {
			held++
		}
	}
	return held
}

// HeldBackLimit is from how many headers on a keeper looks which are still there.
const HeldBackLimit = heldBackLimit

// KeepFloor returns the work below which a leaf is not kept.
func KeepFloor(best headerchain.Entry) btc.Work { return keepFloor(best) }

// OurLimit reports whether our clock or limits refused a header.
func OurLimit(err error) bool { return ourLimit(err) }

// TakeFrom returns what a floor of so much work has kept.
func (k *Keeper) TakeFrom(floor btc.Work) []btc.Header { return k.takeFrom(nil, floor) }

// HoldBack puts a header among those that are held back.
func (k *Keeper) HoldBack(hash btc.Hash) { k.back[hash] = struct{}{} }
