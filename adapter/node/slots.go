package node

import (
	"slices"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// slots says whom to dial next and when.
//
//	manual        every address that the operator named, always
//	block-relay   Config.MaxOutbound, one a network group: first the anchors, then
//	              from the book; while nobody was ever reached, some fixed seeds
//	feelers       Config.Feelers, one after the other: is somebody there?
//	extra         one beyond the slots, now and then and while the tip looks stale
type slots struct {
	anchors []addrbook.Addr // of the last run, still to be dialled
	next    time.Time       // when the next round of dials is
	refused int             // dials in a row that came to nothing
	feeler  time.Time       // when the next feeler is due
	anchor  time.Time       // when anchors are chosen anew
	extra   time.Time       // when the next extra peer is due
	fixed   bool            // the fixed seeds went into the book
}

// syncs reports whether headers and blocks are talked about on such a connection.
func (k Kind) syncs() bool { return k == Manual || k == BlockRelay || k == Anchor || k == Extra }

// automatic reports whether the peer takes a slot that the node fills by itself for
// blocks: such peers are of different groups, and evicted when they do not keep up.
func (p *peer) automatic() bool { return p.kind.syncs() && p.kind != Manual }

// dialPeers fills the slots.
func (n *Node) dialPeers() {
	for _, p := range slices.Clone(n.peers.all) {
		if !p.up && n.now.Sub(p.since) > dialTimeout {
			n.blameAddress(p)
			n.disconnect(p, ReasonDialTimeout, "")
		}
	}
	if n.idle.on {
		return
	}
	for _, a := range n.peers.manual {
		if n.canDial(a) {
			n.open(Manual, a)
		}
	}
	if n.cfg.ConnectOnly {
		return
	}
	n.chooseAnchors()
	n.fillSlots()
	n.endFeelers()
}

func (n *Node) canDial(a *address) bool {
	return !a.inUse && !n.now.Before(a.next) && !n.peers.bans.has(a, n.now) && !n.peers.inUse(a.at)
}

// fillSlots dials for the slots that are free, in rounds: the less comes of them, the
// rarer.
func (n *Node) fillSlots() {
	s := &n.slots
	if n.now.Before(s.next) {
		return
	}
	s.next = n.now.Add(n.dice.backoff(s.refused/n.cfg.MaxOutbound, dialPace, dialPaceMax))
	n.addFixedSeeds()
	taken := n.peers.count(func(p *peer) bool { return p.kind == BlockRelay || p.kind == Anchor })
	for ; taken < n.cfg.MaxOutbound; taken++ {
		if !n.keepExtra() && !n.dialAnchor() && !n.dialSeed() && !n.dialPicked(BlockRelay) {
			s.next = n.now.Add(nobodyPace)
			break
		}
	}
	if n.feelersDue() {
		n.dialFeeler()
	}
	if taken >= n.cfg.MaxOutbound && n.extraDue() && n.dialPicked(Extra) {
		s.extra = n.now.Add(n.jitter(extraInterval))
	}
}

// jitter returns a random time from half of the mean to one and a half.
func (n *Node) jitter(mean time.Duration) time.Duration {
	return mean/2 + time.Duration(n.dice.below(int(mean)))
}

// dialAnchor dials a block-relay peer of the last run.
func (n *Node) dialAnchor() bool {
	for len(n.slots.anchors) > 0 {
		at := n.slots.anchors[0]
		n.slots.anchors = n.slots.anchors[1:]
		c := addrbook.Candidate{Addr: at, Group: n.cfg.Book.Group(at)}
		if n.mayBePeer(c) {
			n.open(Anchor, &address{at: at})
			return true
		}
	}
	return false
}

// mayDial reports whether an address that the operator did not name can be dialled, is
// free and not banned.
func (n *Node) mayDial(at addrbook.Addr) bool {
	if _, isIP := at.AddrPort(); isIP && n.cfg.OnlyPort != 0 && at.Port() != n.cfg.OnlyPort {
		return false
	}
	return n.cfg.Kinds.Has(at.Kind()) && at.Routable() && !n.peers.inUse(at) && !n.peers.isNamed(at) && !n.txs.inUse(at) && !n.peers.bans.has(&address{at: at}, n.now)
}

// mayBePeer reports whether the candidate may be dialled and is of a group that no
// other automatic peer is of.
func (n *Node) mayBePeer(c addrbook.Candidate) bool {
	if !n.mayDial(c.Addr) {
		return false
	}
	for _, p := range n.peers.all {
		if p.automatic() && p.group == c.Group {
			return false
		}
	}
	return true
}

// wanted says whom the book should name.
func (n *Node) wanted() addrbook.Wanted {
	w := addrbook.Wanted{Kinds: n.cfg.Kinds, Services: servesBlocks}
	for _, p := range n.peers.all {
		if p.automatic() {
			w.InUse = append(w.InUse, p.group)
		}
	}
	return w
}

// dialSeed dials a fixed seed while nobody was ever reached, whatever DNS said.
func (n *Node) dialSeed() bool {
	seeds := n.peers.count(func(p *peer) bool { return p.seed })
	if seeds >= n.cfg.Book.SeedSlots() {
		return false
	}
	for range maxDraws {
		c, ok := n.cfg.Book.PickSeed(n.cfg.FixedSeeds, n.wanted(), n.now)
		if !ok {
			return false
		}
		if n.mayBePeer(c) {
			n.cfg.Book.AddFixed([]addrbook.Addr{c.Addr}, servesBlocks, n.now) // so that it can be tried
			n.open(BlockRelay, &address{at: c.Addr, services: c.Services}).seed = true
			return true
		}
	}
	return false
}

// dialPicked dials an address from the book.
func (n *Node) dialPicked(kind Kind) bool {
	w := n.wanted()
	for range maxDraws {
		c, ok := n.cfg.Book.Pick(w, n.now)
		if !ok {
			return false
		}
		if n.mayBePeer(c) {
			n.open(kind, &address{at: c.Addr, services: c.Services})
			return true
		}
	}
	return false
}

// addFixedSeeds puts the fixed seeds into the book if nobody was ever reached, and
// nobody is, for so long: then all slots may dial them.
func (n *Node) addFixedSeeds() {
	alone := n.peers.readyCount() == 0 && n.now.Sub(n.peers.lonelySince) >= fixedSeedsAfter
	if s := &n.slots; alone && !s.fixed && n.cfg.Book.SeedSlots() > 0 {
		s.fixed = true
		n.cfg.Book.AddFixed(n.cfg.FixedSeeds, servesBlocks, n.now)
	}
}

// feelersDue reports whether it is time for a feeler: now and then, once those who can
// be dialled for blocks are.
func (n *Node) feelersDue() bool {
	if n.cfg.Feelers < 0 || n.now.Before(n.slots.feeler) {
		return false
	}
	return n.peers.count(func(p *peer) bool { return p.kind == Feeler }) < n.cfg.Feelers
}

// dialFeeler dials somebody to find out whether a node is there: the holder of a slot
// of the book that another waits for, or a new address.
func (n *Node) dialFeeler() {
	n.cfg.Book.ResolveCollisions(n.now)
	w := n.wanted()
	for range maxDraws {
		c, ok := n.cfg.Book.Feeler(w, n.now)
		if !ok {
			return
		}
		if n.mayDial(c.Addr) {
			n.open(Feeler, &address{at: c.Addr, services: c.Services})
			n.slots.feeler = n.now.Add(n.jitter(addrbook.FeelerInterval))
			return
		}
	}
}

// endFeelers hangs up on feelers that have done their work.
func (n *Node) endFeelers() {
	for _, p := range slices.Backward(n.peers.all) { // some go meanwhile
		if p.kind == Feeler && p.up && (p.gossip.told || n.now.Sub(p.since) >= feelerWait) {
			n.disconnect(p, ReasonFeelerDone, "")
		}
	}
}

// chooseAnchors keeps who the next run should dial first. None is kept at first, lest a
// peer that makes us crash be dialled for ever.
func (n *Node) chooseAnchors() {
	s := &n.slots
	if s.anchor.IsZero() {
		s.anchors = n.cfg.Book.Anchors()
		s.anchors = s.anchors[:min(len(s.anchors), max(0, n.cfg.Anchors))]
		n.cfg.Book.SetAnchors(nil)
	} else if n.now.Before(s.anchor) {
		return
	}
	s.anchor = n.now.Add(anchorsEvery)
	n.setAnchors(anchorAfter)
}

// Stop says that the process ends in order, so that its peers may be the anchors of
// the next run, however short they were there.
func (n *Node) Stop() { n.setAnchors(0) }

// setAnchors takes for anchors the block-relay peers that served blocks and have been
// there longest, at least so long. With none the last ones stay.
func (n *Node) setAnchors(least time.Duration) {
	var best []addrbook.Addr
	for _, p := range n.peers.all { // who was dialled first comes first
		if p.ready && p.automatic() && p.blocks.served && n.now.Sub(p.since) >= least && len(best) < n.cfg.Anchors {
			best = append(best, p.addr.at)
		}
	}
	if n.idle.on {
		best = n.idle.last[:min(len(n.idle.last), max(0, n.cfg.Anchors))]
	}
	if len(best) > 0 {
		n.cfg.Book.SetAnchors(best)
	}
}

// servesBlocks are the services that we need: NODE_NETWORK and NODE_WITNESS
// (BIP-0144). limitedBlocks are those of a node that keeps the last blocks alone
// (BIP-0159).
const (
	servesBlocks         = addrbook.NodeNetwork | addrbook.NodeWitness
	nodeLimited   uint64 = 1 << 10
	limitedBlocks        = nodeLimited | addrbook.NodeWitness
)

// servesUs reports whether somebody with these services has what we need next.
func (n *Node) servesUs(services uint64) bool {
	return services&servesBlocks == servesBlocks || services&limitedBlocks == limitedBlocks && n.nearTip()
}

// isLimited reports whether the peer keeps the last blocks alone.
func (p *peer) isLimited() bool {
	return p.claim.Services&servesBlocks != servesBlocks && p.claim.Services&limitedBlocks == limitedBlocks
}

// keeps reports whether the peer should have a block of that height, as far as its
// services say. The operator's own are not held to what they say.
func (n *Node) keeps(p *peer, height btc.Height) bool {
	return p.addr.manual || !p.isLimited() || n.chain.Best().Height-height <= limitedDepth
}

// nearTip reports whether all that we need next is among the blocks that every node
// keeps.
func (n *Node) nearTip() bool {
	return n.sync.done && n.journal.adopted && n.chain.Best().Height-n.journal.tipHeight-1 <= limitedDepth
}

// dropLimited lets go of peers that cannot have what we need next.
func (n *Node) dropLimited() {
	if n.nearTip() {
		return
	}
	for _, p := range slices.Backward(n.peers.all) { // some go meanwhile
		if p.ready && p.automatic() && p.isLimited() {
			n.disconnect(p, ReasonServices, "")
		}
	}
}
