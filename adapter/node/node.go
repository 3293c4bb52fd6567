package node

import (
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Config is what an operator decides. The zero value of a field means its
// default, where one is named.
type Config struct {
	Network btc.Network
	// Connect are the peers that the operator named, [MaxManual] at most. They are
	// exempt from the diversity rule and from MaxOutbound, and are the only ones that
	// may be in a private network. A ban of one lasts [ManualBanTime] at most.
	Connect []addrbook.Addr
	// ConnectOnly says that no others are dialled.
	ConnectOnly bool
	// MaxOutbound is how many other peers are held; [DefaultOutbound].
	MaxOutbound int
	// Feelers is how many connections at once find out who is there;
	// [DefaultFeelers], none if it is negative.
	Feelers int
	// Anchors is how many block-relay peers the next run dials first;
	// [addrbook.MaxAnchors], which is the most, none if it is negative.
	Anchors int
	// Kinds are the networks whose addresses can be dialled; [addrbook.IPs]. Those in
	// Connect are dialled whatever it says.
	Kinds addrbook.Kinds
	// OnlyPort is the port that IP addresses must have to be dialled, any if it is 0.
	// Those in Connect may have others.
	OnlyPort uint16
	// IdleAfter is how long nobody may want blocks before all peers are let go; never
	// if it is 0. See [ConsumerActive].
	IdleAfter time.Duration
	// Chain holds the headers: a chain of Network with its genesis and no more, which
	// is the node's from then on; nil for one that [headerchain.New] makes.
	Chain *headerchain.Chain
	// Book holds the addresses of the network, and is the node's from then on; nil for
	// an empty one.
	Book *addrbook.Book
	// FixedSeeds are dialled while nobody was ever reached; see
	// [addrbook.FixedSeeds]. The caller keeps them.
	FixedSeeds []addrbook.Addr
	// UseSeeds allows DNS seeds. They are not asked if ConnectOnly is set.
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
	// WindowBytes is how many bytes those blocks may have together, as far as we know;
	// [DefaultWindowBytes].
	WindowBytes int
	// PerPeer is the most blocks that one peer is asked for at once; [DefaultPerPeer].
	// How many it is follows from how fast the peer is.
	PerPeer int
	// PerNewPeer is the same for a peer that has served no block yet, or has sent
	// one that was not proven; [DefaultPerNewPeer].
	PerNewPeer int
	// FinalDepth is how far below its tip the journal is final; [DefaultFinalDepth].
	FinalDepth btc.Height
	// BanTime is how long a ban lasts; [DefaultBanTime].
	BanTime time.Duration
	// Carriers is to how many peers a transaction is announced in a round;
	// [DefaultCarriers].
	Carriers int
	// Observers is how many peers are listened to for it to come back;
	// [DefaultObservers].
	Observers int
	// Seed is for the dice: jitter, and which address is dialled next.
	Seed uint64
	// Secret is for what peers must not foresee: of which headers a presync keeps a
	// bit, and which. Random bytes, new in each run.
	Secret [32]byte
}

func (c Config) withDefaults() Config {
	c.Connect = append([]addrbook.Addr(nil), c.Connect[:min(len(c.Connect), MaxManual)]...)
	c.MaxOutbound = orDefault(c.MaxOutbound, DefaultOutbound, MaxOutboundLimit)
	c.Feelers = noneOrDefault(c.Feelers, DefaultFeelers, MaxFeelers)
	c.Anchors = noneOrDefault(c.Anchors, addrbook.MaxAnchors, addrbook.MaxAnchors)
	if c.Kinds == 0 {
		c.Kinds = addrbook.IPs
	}
	c.Window = orDefault(c.Window, DefaultWindow, MaxWindow)
	c.WindowBytes = max(MinWindowBytes, orDefault(c.WindowBytes, DefaultWindowBytes, MaxWindowBytes))
	c.PerPeer = orDefault(c.PerPeer, DefaultPerPeer, MaxPerPeer)
	c.PerNewPeer = orDefault(c.PerNewPeer, DefaultPerNewPeer, MaxPerPeer)
	c.Carriers = orDefault(c.Carriers, DefaultCarriers, MaxCarriers)
	c.Observers = orDefault(c.Observers, DefaultObservers, MaxObservers)
	if c.FinalDepth <= 0 {
		c.FinalDepth = DefaultFinalDepth
	}
	if c.BanTime <= 0 {
		c.BanTime = DefaultBanTime
	}
	return c
}

// noneOrDefault is orDefault for what may be none: then it is negative.
func noneOrDefault(n, standard, most int) int {
	if n < 0 {
		return -1
	}
	return orDefault(n, standard, most)
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
	slots   slots
	seeds   seeds
	idle    idle
	stale   staleTip
	sync    firstSync
	fetch   fetch
	verdict verdicts
	journal journal
	txs     transactions
	parked  []parked // oldest first; MaxParked at most
	alarms  []alarmSaid
	rate    rate
	// presyncs counts those begun, so that each has a secret of its own.
	presyncs uint64
}

// New returns a node that holds the genesis header. It panics if cfg.Network is
// no network.
func New(cfg Config) *Node {
	cfg = cfg.withDefaults()
	if cfg.Book == nil {
		cfg.Book = addrbook.New(addrbook.Config{Network: cfg.Network, Secret: cfg.Secret, Seed: cfg.Seed})
	}
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
	if n.transactionEvent(ev) || n.operatorEvent(ev) {
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
	case HeadersReceived:
		n.headersReceived(e)
	case BlocksAnnounced:
		n.blocksAnnounced(e)
	case NotFound:
		n.notFound(e)
	case BodyProgress:
		n.bodyProgress(e)
	case BodyArrived:
		n.bodyMeasured(e)
		n.bodyArrived(e)
	case BodyUnneeded:
		n.bodyUnneeded(e)
	case BodyDoubtful:
		n.bodyDoubtful(e)
	case BodyJudged:
		n.bodyJudged(e)
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
	default:
		n.applyToPeers(ev)
	}
}

// operatorEvent does what the operator says, and reports whether it was he.
func (n *Node) operatorEvent(ev Event) bool {
	switch e := ev.(type) {
	case OperatorInvalidate:
		n.operatorInvalidate(e)
	case OperatorReconsider:
		n.operatorReconsider(e)
	case OperatorAcceptReorg:
		n.operatorAcceptReorg(e)
	case OperatorBan:
		n.operatorBan(e)
	case OperatorUnban:
		n.operatorUnban(e)
	case OperatorConnect:
		n.operatorConnect(e)
	default:
		return false
	}
	return true
}

// advance is level-triggered: it looks at where things stand, not at what just
// happened, so an event that is lost or doubled costs time, not truth.
func (n *Node) advance() {
	n.fallIdle()
	n.evictPeers()
	n.dialPeers()
	n.askSeeds()
	n.askHeaders()
	n.finishSync()
	n.checkClock()
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
	n.advanceTransactions()
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
