package node

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"blockgate/internal/btc"
)

// Status is what an operator wants to know. All of it is by value.
type Status struct {
	BestHeight     btc.Height // best header
	CompleteHeight btc.Height // best complete tip
	// PresyncHeight is how far the headers of a peer were read whose chain has not
	// shown work enough yet, or that are read for the second time; 0 if there are none.
	PresyncHeight btc.Height
	JournalHeight btc.Height // what the journal was last seen to end in
	JournalTip    btc.Hash
	FinalHeight   btc.Height
	Peers         int // ready
	// Syncing says that headers are not all there or that the journal lags.
	Syncing bool
	// BlocksPerSecond is how fast the journal grew over the last minute.
	BlocksPerSecond float64
	// Left is how long the rest takes at that rate, 0 if there is no rate.
	Left time.Duration
	// WaitingFor is the one thing that has to happen next, "new blocks" if all is
	// done.
	WaitingFor string
	// NotReady says why readers had better not rely on us: a heavier branch is held or
	// parked. It is "" if nothing of that kind is known.
	NotReady string
	// Parked names the blocks whose branches are not followed because they break a
	// rule or the operator said so, "" if there are none.
	Parked string
	// ParkedHashes are the blocks that Parked names, oldest first, [MaxParked] at most.
	// The slice is the caller's.
	ParkedHashes []btc.Hash
	// Held names the branch that only the operator may publish, "" if there is none.
	Held string
	// HeldHash is the tip of that branch: what [OperatorAcceptReorg] names. It is zero
	// if there is none.
	HeldHash btc.Hash
	// BestHash is the best header, BestAge how long ago it says that it was made, by our
	// clock; not negative. TipAge is the same for JournalTip, 0 if its header is not known.
	BestHash        btc.Hash
	BestAge, TipAge time.Duration
	// PeersHeight is the median over the network groups of the highest block that a peer
	// of the group has shown the header of; 0 if none has shown any.
	PeersHeight btc.Height
	// Groups is how many network groups the ready peers are of, GroupsAgree of how many
	// of them a peer has shown to have JournalTip on its best chain.
	Groups, GroupsAgree int
	// Clock says what is wrong with our clock as most network groups see it, and what to
	// do; "" if nothing is.
	Clock string
	// CaughtUp says that all is done and nothing is on its way: we wait for new blocks.
	CaughtUp bool
	// Idle says that nobody has wanted blocks for so long that all peers were let go: see
	// Config.IdleAfter. It is as good as ready.
	Idle bool
}

// Status returns where things stand at now.
func (n *Node) Status(now time.Time) Status {
	j := &n.journal
	s := Status{
		BestHeight: n.chain.Best().Height, CompleteHeight: n.chain.BestComplete().Height,
		JournalHeight: j.tipHeight, JournalTip: j.tip, FinalHeight: j.final,
		PresyncHeight: n.presyncHeight(), Peers: n.peers.readyCount(), Held: j.held, WaitingFor: n.waitingFor(),
		Parked: n.parkedText(), NotReady: cmp.Or(n.parkedLead(), j.held),
	}
	if !j.adopted {
		s.JournalHeight, s.JournalTip, s.FinalHeight = j.loaded.TipHeight, j.loaded.Tip, j.loaded.Final
	}
	lag := max(0, s.BestHeight-s.JournalHeight)
	s.Syncing = !n.sync.done || !j.adopted || lag > syncedLag
	s.Idle, s.CaughtUp = n.idle.on, !s.Syncing && lag == 0 && j.pending == nil && len(j.storing) == 0
	n.addNetwork(&s, now)
	if s.BlocksPerSecond = n.rate.perSecond(now); s.BlocksPerSecond > 0 {
		s.Left = time.Duration(float64(lag) / s.BlocksPerSecond * float64(time.Second))
	}
	return s
}

func (n *Node) waitingFor() string {
	j := &n.journal
	switch {
	case n.dead:
		return "the operator"
	case j.state == loadNeeded || j.state == loading:
		return because("the bus", j.lastErr)
	case n.idle.on:
		return "somebody who wants blocks"
	case n.peers.readyCount() == 0:
		return "peers"
	case !n.sync.done && !n.enoughWork() && n.allAnswered():
		return "minimum chain work"
	case !n.sync.done:
		return because("headers", n.presyncProgress())
	case j.state == tipUnknown:
		return because("the journal's tip to be known", j.lastErr)
	case j.state == walking:
		return "the bus"
	case j.state == loaded:
		return "the block of " + n.cfg.Start.String()
	}
	if j.pending != nil || len(j.storing) > 0 {
		return "the bus"
	}
	return n.waitingForBlock()
}

func because(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}

// waitingForBlock names the lowest block of the window that is not there and who
// owes it.
func (n *Node) waitingForBlock() string {
	for _, w := range n.fetch.window {
		if w.phase != phaseMissing {
			continue
		}
		if n.isJudging(w.hash) {
			return fmt.Sprintf("the parser: block %d", w.height)
		}
		for _, id := range slices.Backward(w.asked) {
			if p := n.ready(id); p != nil {
				return fmt.Sprintf("block %d from %v", w.height, p.addr.at)
			}
		}
		return fmt.Sprintf("block %d from a peer that has it", w.height)
	}
	if lead := n.parkedLead(); lead != "" {
		return "the operator: " + lead
	}
	return "new blocks"
}

// rate counts blocks over the last minute, in buckets of [rateBucket].
type rate struct {
	counts [rateBuckets]int
	newest int64 // number of the newest bucket, in buckets since 1970
	since  time.Time
}

func (r *rate) bucket(now time.Time) int64 { return now.UnixNano() / int64(rateBucket) }

func (r *rate) count(now time.Time) {
	if r.since.IsZero() {
		r.since = now
	}
	b := r.bucket(now)
	for ; r.newest < b; r.newest++ {
		if b-r.newest > rateBuckets {
			r.newest = b - rateBuckets
		}
		r.counts[(r.newest+1)%rateBuckets] = 0
	}
	r.counts[b%rateBuckets]++
}

func (r *rate) perSecond(now time.Time) float64 {
	total, oldest := 0, r.bucket(now)-rateBuckets
	for b := max(oldest+1, r.newest-rateBuckets+1); b <= r.newest; b++ {
		total += r.counts[b%rateBuckets]
	}
	span := min(now.Sub(r.since), rateBuckets*rateBucket)
	return float64(total) / max(span, time.Second).Seconds()
}
