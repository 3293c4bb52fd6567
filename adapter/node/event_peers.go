package node

import (
	"net/netip"
	"time"

	"blockgate/adapter/addrbook"
)

// OperatorBan brings the operator's word that nobody at an address is to be dialled:
// at Addr, any port, or within Prefix if that is valid. For is how long, Config.BanTime
// if it is 0. One [OperatorTold] with the same Request answers it.
type OperatorBan struct {
	Request uint64
	Prefix  netip.Prefix
	Addr    addrbook.Addr
	For     time.Duration
}

// OperatorUnban ends all bans, the operator's and others, of that address or within
// that prefix. One [OperatorTold] with the same Request answers it.
type OperatorUnban struct {
	Request uint64
	Prefix  netip.Prefix
	Addr    addrbook.Addr
}

// OperatorConnect names a peer as [Config.Connect] does, until the process ends, and
// lifts bans of it. One [OperatorTold] with the same Request answers it.
type OperatorConnect struct {
	Request uint64
	Addr    addrbook.Addr
}

// ConsumerActive says that somebody wants blocks from now on.
type ConsumerActive struct{}

// ConsumerIdle says that nobody wants blocks any more. So it is at the start.
type ConsumerIdle struct{}

// AskAddrs asks a peer for addresses: [AddrsHeard] may follow, more than once.
type AskAddrs struct{ Peer PeerID }

func (OperatorBan) event()     {}
func (OperatorUnban) event()   {}
func (OperatorConnect) event() {}
func (ConsumerActive) event()  {}
func (ConsumerIdle) event()    {}

func (AskAddrs) action() {}

// applyToPeers takes in what is about who is dialled.
func (n *Node) applyToPeers(ev Event) {
	switch e := ev.(type) {
	case AddrsHeard:
		n.addrsHeard(e)
	case SeedsFound:
		n.seedsFound(e)
	case ConsumerActive:
		n.consumerActive()
	case ConsumerIdle:
		n.consumerIdle()
	}
}
