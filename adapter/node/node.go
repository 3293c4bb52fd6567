package node

import (
	"net/netip"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Config is what an operator decides. The zero value of a field means its
// default, where one is named.
type Config struct {
	Network btc.Network
	// Connect are the peers that the operator named, [MaxManual] at most. They are
	// exempt from the diversity rule and from MaxOutbound, not from bans.
	Connect []netip.AddrPort
	// MaxOutbound is how many other peers are held; [DefaultOutbound].
	MaxOutbound int
	// Chain holds the headers: a chain of Network with its genesis and no more, which
	// is the node's from then on; nil for one that [headerchain.New] makes.
	Chain *headerchain.Chain
	// UseSeeds allows DNS seeds. They are asked only if Connect is empty.
	UseSeeds bool
	// MinimumChainWork is the work below which no header of a peer is kept and
	// nothing is fetched or published. It has no default: the network's stands in
	// btc.Params.
	MinimumChainWork btc.Work
	// Start is where the journal begins if there is none.
	Start Start
	// Window is how many blocks may be between chain and journal; [DefaultWindow].
	// The shell has a slot for each and some to spare.
	Window int
	// PerPeer is how many blocks one peer is asked for at once; [DefaultPerPeer].
	PerPeer int
	// PerNewPeer is the same for a peer that has served no block yet, or has sent
	// one that was not proven; [DefaultPerNewPeer].
	PerNewPeer int
	// FinalDepth is how far below its tip the journal is final; [DefaultFinalDepth].
	FinalDepth btc.Height
	// BanTime is how long a ban lasts; [DefaultBanTime].
	BanTime time.Duration
	// Seed is for the dice: jitter, and which address is dialled next.
	Seed uint64
	// Secret is for what peers must not foresee: of which headers a presync keeps a
	// bit, and which. Random bytes, new in each run.
	Secret [32]byte
}

func (c Config) withDefaults() Config {
	c.Connect = append([]netip.AddrPort(nil), c.Connect[:min(len(c.Connect), MaxManual)]...)
	c.MaxOutbound = orDefault(c.MaxOutbound, DefaultOutbound, MaxOutboundLimit)
	c.Window = orDefault(c.Window, DefaultWindow, MaxWindow)
	c.PerPeer = orDefault(c.PerPeer, DefaultPerPeer, MaxPerPeer)
	c.PerNewPeer = orDefault(c.PerNewPeer, DefaultPerNewPeer, MaxPerPeer)
	if c.FinalDepth <= 0 {
		c.FinalDepth = DefaultFinalDepth
	}
	if c.BanTime <= 0 {
		c.BanTime = DefaultBanTime
	}
	return c
}

func orDefault(n, standard, most int) int {
	if n <= 0 {
		return standard
	}
	return min(n, most)
}

// Node is the brain: it decides whom to dial, what to ask, whom to believe and
// what to publish. It does nothing itself. It is not for concurrent use.
type Node struct {
	cfg    Config
	chain  *headerchain.Chain // headers go in by keeper alone
	keeper *Keeper
	dice   dice
	now    time.Time // of this step; never goes back
	out    []Action  // of this step
	dead   bool      // Fatal was said

	peers   peers
	seeds   seeds
	sync    firstSync
	fetch   fetch
	verdict verdicts
	journal journal
	parked  []parked // oldest first; maxParked at most
	alarms  []alarmSaid
	rate    rate
	// presyncs counts those begun, so that each has a secret of its own.
	presyncs uint64
}

// New returns a node that holds the genesis header. It panics if cfg.Network is
// no network.
func New(cfg Config) *Node {
	cfg = cfg.withDefaults()
	if cfg.Chain == nil {
		cfg.Chain = headerchain.New(cfg.Network)
	}
	n := &Node{cfg: cfg, chain: cfg.Chain, dice: dice{cfg.Seed}}
	n.keeper = NewKeeper(n.chain)
	n.fetch = newFetch()
	n.verdict = newVerdicts()
	n.journal = newJournal()
	n.peers = newPeers(cfg.Connect)
	return n
}

// Step takes in one event and returns what to do about it, in that order. now is
// the shell's clock; a time before the last one counts as the last one. The slice
// is good until the next Step, the actions and what they hold are the caller's.
//
// The first step may bring any event; a [Tick] will do.
func (n *Node) Step(now time.Time, ev Event) []Action {
	n.out = n.out[:0]
	if now.After(n.now) {
		n.now = now
	}
	if n.peers.lonelySince.IsZero() {
		n.peers.lonelySince = n.now
	}
	n.apply(ev)
	if !n.dead {
		n.advance()
	}
	return n.out
}

func (n *Node) do(a Action) { n.out = append(n.out, a) }

func (n *Node) apply(ev Event) {
	if n.dead {
		if e, ok := ev.(BodyJudged); ok {
			n.drop(e.Body)
		}
		return
	}
	switch e := ev.(type) {
	case Tick: // advance looks at the time
	case PeerUp:
		n.peerUp(e)
	case DialFailed:
		n.dialFailed(e)
	case PeerDown:
		n.peerDown(e)
	case AddrsFound:
		n.addrsFound(e)
	case HeadersReceived:
		n.headersReceived(e)
	case BlocksAnnounced:
		n.blocksAnnounced(e)
	case NotFound:
		n.notFound(e)
	case BodyArrived:
		n.bodyArrived(e)
	case BodyUnneeded:
		n.bodyUnneeded(e)
	case BodyDoubtful:
		n.bodyDoubtful(e)
	case BodyJudged:
		n.bodyJudged(e)
	case OperatorInvalidate:
		n.operatorInvalidate(e)
	case OperatorReconsider:
		n.operatorReconsider(e)
	case JournalLoaded:
		n.journalLoaded(e)
	case JournalFailed:
		n.journalFailed(e)
	case JournalHeader:
		n.journalHeader(e)
	case BodyStored:
		n.bodyStored(e)
	case BodyStoreFailed:
		n.bodyStoreFailed(e)
	case EventAppended:
		n.eventAppended(e)
	case EventMoved:
		n.eventMoved(e)
	}
}

// advance is level-triggered: it looks at where things stand, not at what just
// happened, so an event that is lost or doubled costs time, not truth.
func (n *Node) advance() {
	n.dialPeers()
	n.askSeeds()
	n.askHeaders()
	n.finishSync()
	n.loadJournal()
	if n.sync.done {
		n.adoptJournal()
	}
	if n.journal.adopted && !n.dead {
		n.retryParked()
		n.holdDeepForks()
		n.fetchBlocks()
		n.storeBodies()
		n.appendNext()
	}
	n.sayLonely()
}

// Wanted reports whether the block with hash, whose header has just come from
// peer, was asked of that peer and is still owed, and its height. It is for the
// shell to decide before the body is read, under the lock that guards Step.
func (n *Node) Wanted(peer PeerID, hash btc.Hash) (btc.Height, bool) {
	p := n.ready(peer)
	if p == nil || n.dead {
		return 0, false
	}
	i := p.owes(hash)
	if i < 0 {
		return 0, false
	}
	return p.blocks.owed[i].height, true
}

// Suspect reports whether the peer has sent a body that was not proven, for a block
// that nobody has sent a proven one for yet, from this connection or one before. The
// shell keeps what it sends from the parsers of others.
func (n *Node) Suspect(peer PeerID) bool { return n.isSuspect(peer) }

// Urgent returns the block that the window waits for, the lowest that is not
// there, or the zero hash. The shell keeps a share of its memory for it.
func (n *Node) Urgent() btc.Hash {
	for _, w := range n.fetch.window {
		if w.phase == phaseMissing {
			return w.hash
		}
	}
	return btc.Hash{}
}

// MedianTimeBefore returns the median time of the parent of the block with hash
// (BIP-0113), in Unix seconds, 0 if the header is not known.
func (n *Node) MedianTimeBefore(hash btc.Hash) uint32 {
	entry, ok := n.chain.Lookup(hash)
	if !ok {
		return 0
	}
	return n.chain.MedianTime(entry.Header.Prev())
}
