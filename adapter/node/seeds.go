package node

import (
	"fmt"
	"strings"
	"time"

	"blockgate/adapter/addrbook"
)

// seeds says when DNS seeds were asked.
type seeds struct {
	asked int // in a row, with few peers
	next  time.Time
}

// askSeeds asks DNS seeds while there are few peers: at once, then ever rarer.
func (n *Node) askSeeds() {
	if !n.cfg.UseSeeds || len(n.cfg.Connect) > 0 {
		return
	}
	if n.peers.readyCount() >= fewPeers {
		n.seeds.asked = 0
		return
	}
	if n.now.Before(n.seeds.next) {
		return
	}
	n.seeds.asked++
	n.seeds.next = n.now.Add(n.dice.backoff(n.seeds.asked, seedMin, seedMax))
	n.do(ResolveSeeds{})
}

func (n *Node) seedsFound(e SeedsFound) {
	for _, at := range e.Addrs[:min(len(e.Addrs), MaxAddresses)] {
		if at.Routable() && n.peers.find(at) == nil {
			n.addAddress(at, e.Services)
		}
	}
}

func (n *Node) addAddress(at addrbook.Addr, services uint64) {
	fresh := &address{at: at, services: services}
	if len(n.peers.addrs) < len(n.cfg.Connect)+MaxAddresses {
		n.peers.addrs = append(n.peers.addrs, fresh)
		return
	}
	for i, a := range n.peers.addrs {
		if !a.manual && !a.inUse && a.failures >= deadFailures {
			n.peers.addrs[i] = fresh
			return
		}
	}
}

// sayLonely says what was tried when nobody has been ready for long.
func (n *Node) sayLonely() {
	if n.peers.readyCount() > 0 || n.now.Sub(n.peers.lonelySince) < noPeersAfter {
		return
	}
	n.alarm(AlarmNoPeers, "", n.whatWasTried())
}

func (n *Node) whatWasTried() string {
	var failed []string
	for _, a := range n.peers.addrs {
		if a.lastErr != "" && len(failed) < maxSeenErrorsInAlarm {
			failed = append(failed, fmt.Sprintf("%v: %s", a.at, a.lastErr))
		}
	}
	waited := n.now.Sub(n.peers.lonelySince).Round(time.Second)
	text := fmt.Sprintf("no peer for %v; %d addresses known", waited, len(n.peers.addrs))
	if n.seeds.asked > 0 {
		text += fmt.Sprintf(", DNS seeds asked %d times", n.seeds.asked)
	}
	if len(failed) > 0 {
		text += "; " + strings.Join(failed, "; ")
	}
	return text + "; check --connect, DNS and the firewall"
}
