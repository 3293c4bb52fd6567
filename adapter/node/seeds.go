package node

import (
	"fmt"
	"strings"
	"time"
)

// seeds says when DNS seeds were asked.
type seeds struct {
	asked int // in a row, with few peers
	next  time.Time
}

// askSeeds asks DNS seeds while there are few peers: at once if nobody was
// ever reached, else after a while, then ever rarer.
func (n *Node) askSeeds() {
	if !n.cfg.UseSeeds || n.cfg.ConnectOnly || n.idle.on {
		return
	}
	if n.peers.readyCount() >= fewPeers {
		n.seeds.asked = 0
		return
	}
	if n.seeds.next.IsZero() && n.cfg.Book.SeedSlots() == 0 {
		n.seeds.next = n.now.Add(seedMin)
	}
	if n.now.Before(n.seeds.next) {
		return
	}
	n.seeds.asked++
	n.seeds.next = n.now.Add(n.dice.backoff(n.seeds.asked, seedMin, seedMax))
	n.do(ResolveSeeds{})
}

// seedsFound puts what a seed answered into the book. Each seed is one source, so that
// none can fill more of the book than its share. Free slots are dialled for at once.
func (n *Node) seedsFound(e SeedsFound) {
	n.cfg.Book.AddDNS(e.Name, e.Addrs, e.Services, n.now)
	n.slots.next = n.now
}

// sayLonely says what was tried when nobody has been ready for long.
func (n *Node) sayLonely() {
	if n.peers.readyCount() > 0 || n.idle.on || n.now.Sub(n.peers.lonelySince) < noPeersAfter {
		return
	}
	n.alarm(AlarmNoPeers, "", n.whatWasTried())
}

func (n *Node) whatWasTried() string {
	var failed []string
	for _, a := range n.peers.manual {
		if a.lastErr != "" && len(failed) < maxSeenErrorsInAlarm {
			failed = append(failed, fmt.Sprintf("%v: %s", a.at, a.lastErr))
		}
	}
	failed = append(failed, n.peers.troubles...)
	failed = failed[:min(len(failed), maxSeenErrorsInAlarm)]
	waited := n.now.Sub(n.peers.lonelySince).Round(time.Second)
	text := fmt.Sprintf("no peer for %v; %d addresses known", waited, len(n.peers.manual)+n.cfg.Book.Len())
	if n.seeds.asked > 0 {
		text += fmt.Sprintf(", DNS seeds asked %d times", n.seeds.asked)
	}
	if len(failed) > 0 {
		text += "; " + strings.Join(failed, "; ")
	}
	return text + "; check --connect, DNS and the firewall"
}
