package node

import (
	"fmt"
	"slices"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// What the peers say together is counted by network group, so that whoever has many
// addresses in few groups has few votes.

// groups returns the ready peers, those of one group in one slice.
func (n *Node) groups() [][]*peer {
	var groups [][]*peer
	var keys []addrbook.Group // of each
	for _, p := range n.peers.all {
		if !p.ready {
			continue
		}
		key := n.groupOf(p.addr)
		i := slices.Index(keys, key)
		if i < 0 {
			keys = append(keys, key)
			groups = append(groups, []*peer{p})
		} else {
			groups[i] = append(groups[i], p)
		}
	}
	return groups
}

// addNetwork fills in what is to be said of the peers and of times.
func (n *Node) addNetwork(s *Status, now time.Time) {
	best := n.chain.Best()
	s.BestHash, s.BestAge = best.Hash, age(best.Header, now)
	if tip, ok := n.chain.Lookup(s.JournalTip); ok {
		s.TipAge = age(tip.Header, now)
	}
	groups := n.groups()
	s.Groups = len(groups)
	heights := make([]btc.Height, 0, len(groups))
	for _, group := range groups {
		highest := btc.Height(0)
		for _, p := range group {
			highest = max(highest, p.headers.knownHeight)
		}
		heights = append(heights, highest)
		if slices.ContainsFunc(group, func(p *peer) bool { return n.leadsTo(s.JournalTip, s.JournalHeight, p.headers.known) }) {
			s.GroupsAgree++
		}
	}
	if len(heights) > 0 {
		slices.Sort(heights)
		s.PeersHeight = heights[(len(heights)-1)/2]
	}
	s.Clock = n.clockText(groups)
	for i := range n.parked {
		s.ParkedHashes = append(s.ParkedHashes, n.parked[i].hash)
	}
	s.HeldHash = n.journal.heldTip
}

func age(h btc.Header, now time.Time) time.Duration {
	return max(0, now.Sub(time.Unix(int64(h.Time()), 0)))
}

// clockText says that our clock must be wrong, "" if it need not be: of most network
// groups that answered a peer's last header was more than two hours ahead of it. No
// time that a peer claims moves our clock.
func (n *Node) clockText(groups [][]*peer) string {
	spoke, ahead := 0, 0
	for _, group := range groups {
		tooNew := slices.ContainsFunc(group, func(p *peer) bool { return p.headers.tooNew })
		if tooNew {
			ahead++
		}
		if tooNew || slices.ContainsFunc(group, func(p *peer) bool { return p.headers.answered }) {
			spoke++
		}
	}
	if ahead == 0 || 2*ahead <= spoke {
		return ""
	}
	return fmt.Sprintf("the headers of %d of %d network groups are more than two hours ahead of our clock, which says %s: set the clock of this machine (timedatectl, chronyc tracking)",
		ahead, spoke, n.now.UTC().Format(time.RFC3339))
}

// checkClock says so to a human.
func (n *Node) checkClock() {
	if !slices.ContainsFunc(n.peers.all, func(p *peer) bool { return p.ready && p.headers.tooNew }) {
		return
	}
	if text := n.clockText(n.groups()); text != "" {
		n.alarm(AlarmClock, "", text)
	}
}
