package node

import "blockgate/adapter/addrbook"

// Addresses come from feelers. Block-relay peers are not asked and what they tell is
// not heard, as in Core: they stay for days, and who fills a slot must not be the one
// who says who fills the others. A feeler is a stranger that a die chose from the
// book, is there for seconds, and is one source among 1024 buckets; so many of them
// in many groups say who there is. Peers that the operator named are asked while the
// book is poor: on a network without seeds there may be nobody else.

// gossip is what is told of addresses on one connection.
type gossip struct {
	asked bool
	told  bool // has answered
	quota addrbook.Quota
}

// askAddrs asks the peer for addresses if it is one that is asked.
func (n *Node) askAddrs(p *peer) {
	poor := n.cfg.Book.Len() < fewAddresses
	if p.kind != Feeler && (p.kind != Manual || n.cfg.ConnectOnly || !poor) {
		return
	}
	p.gossip.asked = true
	p.gossip.quota.Grant(n.now)
	n.do(AskAddrs{Peer: p.id})
}

// addrsHeard takes in what a peer told that was asked; of others nothing, and it costs
// them nothing. A peer may begin with its own address alone, which is no answer.
func (n *Node) addrsHeard(e AddrsHeard) {
	p := n.peers.byID(e.Peer)
	if p == nil || !p.up || !p.gossip.asked {
		return
	}
	if len(e.Addrs) > addrbook.MaxHeard {
		n.ban(p.id, p.addr, ReasonAddrsTooMany, "")
		return
	}
	heard := append([]addrbook.Heard(nil), e.Addrs...)
	n.cfg.Book.Add(heard, n.cfg.Book.PeerSource(p.addr.at), &p.gossip.quota, n.now)
	p.gossip.told = p.gossip.told || len(e.Addrs) > 1
}

// BookStats returns the figures of the address book.
func (n *Node) BookStats() addrbook.Stats { return n.cfg.Book.Stats() }

// AppendBook appends the address book, as the disk should have it, to file.
func (n *Node) AppendBook(file []byte) []byte { return n.cfg.Book.Append(file) }
