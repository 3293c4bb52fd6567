package node

import (
	"errors"
	"slices"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// peerHeaders is where the talk about headers with one peer stands.
type peerHeaders struct {
	asked       time.Time // zero if no getheaders is out
	due         bool      // there is a reason to ask
	poll        time.Time // when to ask without one
	from        btc.Hash  // last header of a full batch: the next begins there
	unconnected int       // messages in a row without a known parent
	answered    bool      // gave all it had, once
	// known is the header with the most work that the peer has shown to have,
	// zero if none. A header says that the peer has the block, too.
	known       btc.Hash
	knownWork   btc.Work
	knownHeight btc.Height
}

// askHeaders sends each peer that there is a reason for one getheaders at a time,
// and lets go who does not answer.
func (n *Node) askHeaders() {
	for _, p := range slices.Backward(n.peers.all) { // some go meanwhile
		if h := &p.headers; p.ready && !h.asked.IsZero() && n.now.Sub(h.asked) >= headersTimeout {
			n.disconnect(p, ReasonHeadersTimeout, "")
		}
	}
	for _, p := range n.peers.all {
		h := &p.headers
		if p.ready && h.asked.IsZero() && (h.due || !n.now.Before(h.poll)) && n.mayAskHeaders() {
			h.asked, h.due = n.now, false
			n.do(GetHeaders{Peer: p.id, Locator: n.locator(h.from)})
		}
	}
}

// mayAskHeaders keeps the first download to one peer at a time, so that the
// headers do not come from all of them: until the best header is near now or one
// peer has given all it has, the next is asked only when none is or all are slow.
func (n *Node) mayAskHeaders() bool {
	best := n.chain.Best().Header
	if !n.sync.firstAnswer.IsZero() || n.now.Sub(time.Unix(int64(best.Time()), 0)) < nearNow {
		return true
	}
	for _, p := range n.peers.all {
		if asked := p.headers.asked; p.ready && !asked.IsZero() && n.now.Sub(asked) < headersHedge {
			return false
		}
	}
	return true
}

// locator returns the hashes by which a peer finds where our chains part. It
// begins below our best header, so that a peer with the same one has something to
// answer and so shows that it has it; after a full batch, with the batch's last.
//
// Source: MaybeSendGetHeaders with pindexStart->pprev, Bitcoin Core v30.0
// src/net_processing.cpp.
func (n *Node) locator(from btc.Hash) []btc.Hash {
	hashes := n.chain.Locator()
	if !from.IsZero() {
		return append([]btc.Hash{from}, hashes...)
	}
	if len(hashes) > 1 {
		return hashes[1:]
	}
	return hashes
}

func (n *Node) headersReceived(e HeadersReceived) {
	p := n.ready(e.Peer)
	if p == nil {
		return
	}
	if len(e.Headers) > btc.MaxHeaders {
		n.ban(p.id, p.addr, ReasonHeadersTooMany, "")
		return
	}
	h := &p.headers
	asked := !h.asked.IsZero()
	h.asked, h.from, h.due = time.Time{}, btc.Hash{}, false
	h.poll = n.now.Add(n.pollTime())
	before := h.knownHeight
	accepted, err := n.accept(e.Headers)
	if !accepted.Last.IsZero() {
		h.unconnected = 0
		n.learn(p, accepted.Last)
	}
	if err != nil && !n.forgiveHeaders(p, err) {
		return
	}
	if err == nil && len(e.Headers) == btc.MaxHeaders && (accepted.New > 0 || h.knownHeight > before) {
		h.due, h.from = true, accepted.Last
		return
	}
	if asked && !h.due {
		n.allHeadersOf(p)
	}
}

func (n *Node) pollTime() time.Duration {
	if n.sync.done {
		return headersPoll
	}
	return headersPollSync
}

// forgiveHeaders decides what a refused header costs. It is false if the peer is
// gone.
func (n *Node) forgiveHeaders(p *peer, err error) bool {
	h := &p.headers
	switch {
	case errors.Is(err, headerchain.ErrUnlinked):
		if h.unconnected++; h.unconnected > maxUnconnected {
			n.disconnect(p, ReasonHeadersUnconnected, err.Error())
			return false
		}
		h.due = true
		return true
	case ourLimit(err):
		return true
	}
	n.ban(p.id, p.addr, invalidHeader(err), err.Error())
	return false
}

func invalidHeader(err error) Reason {
	if refused, ok := errors.AsType[*headerchain.HeaderError](err); ok {
		return reasonInvalidHeader + Reason(refused.Kind.Error())
	}
	return reasonInvalidHeader + "refused"
}

// learn notes that the peer has the block with hash, which is in our chain.
func (n *Node) learn(p *peer, hash btc.Hash) {
	h := &p.headers
	if e, ok := n.chain.Lookup(hash); ok && (h.known.IsZero() || e.Work.Cmp(h.knownWork) > 0) {
		h.known, h.knownWork, h.knownHeight = e.Hash, e.Work, e.Height
	}
}

func (n *Node) blocksAnnounced(e BlocksAnnounced) {
	p := n.ready(e.Peer)
	if p == nil {
		return
	}
	for _, hash := range e.Hashes {
		if _, ok := n.chain.Lookup(hash); ok {
			n.learn(p, hash)
		} else {
			p.headers.due = true
		}
	}
}
