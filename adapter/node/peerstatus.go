package node

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// PeerStatus is what an operator wants to know of a peer or a dial. What the peer
// claims is a hint.
type PeerStatus struct {
	ID   PeerID
	Addr addrbook.Addr
	Kind Kind
	// Up says that the handshake is done; the fields below it are of the handshake.
	Up          bool
	Encrypted   bool // by BIP-0324
	Relay       bool
	Services    uint64
	UserAgent   string // clipped, printable
	StartHeight btc.Height
	// Since is when it was dialled, or when the handshake was done.
	Since time.Time
	// Height is that of the header with the most work that it has shown to have.
	Height btc.Height
	// InFlight is how many blocks it owes, MayOwe how many it may, and BytesPerSecond how
	// fast it delivered of late, 0 if it has delivered none.
	InFlight, MayOwe int
	BytesPerSecond   float64
	// Served says that it has sent a block that was proven.
	Served bool
	// Protected says that it stays even if its chain falls behind.
	Protected bool
	// Announced is when it was the first to tell of a better header, zero if never.
	Announced time.Time
	// State is a word: dialling, waiting (a feeler for addresses), syncing (headers),
	// ready, late, behind or suspect; and why, if that is not plain.
	State, Why string
}

// Peers returns the peers and dials at now, in the order in which they were dialled.
func (n *Node) Peers(now time.Time) []PeerStatus {
	all := make([]PeerStatus, 0, len(n.peers.all)+len(n.txs.conns))
	for _, p := range n.peers.all {
		s := PeerStatus{
			ID: p.id, Addr: p.addr.at, Kind: p.kind, Up: p.up, Encrypted: p.claim.Encrypted, Relay: p.claim.Relay,
			Services: p.claim.Services, UserAgent: p.claim.UserAgent, StartHeight: p.startHeight, Since: p.since,
			Height: p.headers.knownHeight, InFlight: len(p.blocks.owed), MayOwe: n.mayOwe(p), BytesPerSecond: p.blocks.speed.perSecond(), Served: p.blocks.served,
			Protected: p.chainSync.protected, Announced: p.announced,
		}
		s.State, s.Why = n.peerState(p, now)
		all = append(all, s)
	}
	return n.appendTxPeers(all)
}

// peerState returns a word for what the peer is doing, and why.
func (n *Node) peerState(p *peer, now time.Time) (state, why string) {
	rounded := func(since time.Time) time.Duration { return max(0, now.Sub(since)).Round(time.Second) }
	h, b := &p.headers, &p.blocks
	switch {
	case !p.up:
		return "dialling", p.addr.lastErr
	case p.kind == Feeler:
		return "waiting", "asked for addresses"
	case n.isSuspect(p.id):
		return "suspect", n.suspicion(p)
	case !b.late.IsZero():
		return "late", fmt.Sprintf("owes %d blocks, late for %v", len(b.owed), rounded(b.late))
	case h.presync != nil:
		return "syncing", fmt.Sprintf("its chain has not shown work enough yet; block %d", h.presync.Height())
	case !h.answered:
		return "syncing", "has not given all its headers"
	case !p.chainSync.deadline.IsZero():
		return "behind", fmt.Sprintf("shows less work than we have; has %v left to show more", max(0, p.chainSync.deadline.Sub(now)).Round(time.Second))
	default:
		return "ready", ""
	}
}

// suspicion says what the peer sent that nobody has proven otherwise yet.
func (n *Node) suspicion(p *peer) string {
	i := slices.IndexFunc(n.verdict.suspects, func(s suspect) bool { return s.addr.at == p.addr.at || s.peer == p.id })
	if i < 0 {
		return ""
	}
	s := &n.verdict.suspects[i]
	return strings.TrimSuffix(joinReason(s.why, s.more), ": ")
}

// BanStatus is a ban as the operator sees it.
type BanStatus struct {
	Who   string // a prefix, or an address with its port
	Until time.Time
}

// Bans returns the bans that stand at now, the operator's ranges first, else the oldest
// first.
func (n *Node) Bans(now time.Time) []BanStatus {
	b := &n.peers.bans
	all := make([]BanStatus, 0, len(b.ranges)+len(b.order))
	for _, r := range b.ranges {
		all = append(all, BanStatus{r.prefix.String(), r.until})
	}
	for _, key := range b.order {
		who := key.within.String()
		if !key.within.IsValid() {
			who = key.addr.String()
		}
		all = append(all, BanStatus{who, b.until[key]})
	}
	return slices.DeleteFunc(all, func(s BanStatus) bool { return !now.Before(s.Until) })
}
