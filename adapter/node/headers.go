package node

import (
	"errors"
	"fmt"
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
	// tooNew says that the last header that it gave beyond what we have is more than two
	// hours ahead of our clock.
	tooNew bool
	// idle counts messages that brought nothing, flat full batches in a row that showed no
	// more work, invs the messages that announced blocks.
	idle, invs minute
	flat       int
	// presync is under way if not nil, until presyncEnds at the latest. One that
	// begins anew since the peer went over to another branch has the same end.
	presync     *headerchain.Presync
	presyncEnds time.Time
	// askedFrom is the first header of the locator that was sent last. agreed is that of
	// the last one that was answered by no header: the peer's tip is an ancestor of it, or
	// it itself. Zero if there was none.
	askedFrom, agreed btc.Hash
	// known is the header with the most work that the peer has shown to have,
	// zero if none. A header says that the peer has the block, too.
	known       btc.Hash
	knownWork   btc.Work
	knownHeight btc.Height
}

// askHeaders sends each peer that there is a reason for one getheaders at a time,
// and lets go who does not answer. Who is in the middle of something comes first.
func (n *Node) askHeaders() {
	n.dropSilentPeers()
	for _, p := range n.peers.all {
		h := &p.headers
		if !p.ready || !h.asked.IsZero() || !h.due {
			continue
		}
		if h.presync != nil || !h.from.IsZero() && n.mayAskHeaders() {
			n.getHeaders(p)
		}
	}
	for _, p := range n.peers.all {
		h := &p.headers
		if p.ready && h.asked.IsZero() && (h.due || !n.now.Before(h.poll)) && n.mayAskHeaders() {
			n.getHeaders(p)
		}
	}
}

func (n *Node) dropSilentPeers() {
	for _, p := range slices.Backward(n.peers.all) { // some go meanwhile
		h := &p.headers
		switch {
		case !p.ready:
		case !h.asked.IsZero() && n.now.Sub(h.asked) >= headersTimeout:
			n.disconnect(p, ReasonHeadersTimeout, "")
		case h.presync != nil && !n.now.Before(h.presyncEnds):
			n.disconnect(p, ReasonPresyncTimeout, "")
		}
	}
}

func (n *Node) getHeaders(p *peer) {
	h := &p.headers
	h.asked, h.due = n.now, false
	if n.sync.begun.IsZero() {
		n.sync.begun = n.now
	}
	if h.presync != nil {
		n.do(GetHeaders{Peer: p.id, Locator: h.presync.Locator()})
		return
	}
	locator := n.locator(h.from)
	h.askedFrom = locator[0]
	n.do(GetHeaders{Peer: p.id, Locator: locator})
}

// mayAskHeaders keeps the first download to few peers, so that the headers do not
// come from all of them: until the best header is near now or one peer has given all
// it has, there is one, and one more for each [headersWiden] that passes, so that none
// can hold us up with headers that lead nowhere. Who is slow does not count.
func (n *Node) mayAskHeaders() bool {
	best := n.chain.Best().Header
	if !n.sync.firstAnswer.IsZero() || n.now.Sub(time.Unix(int64(best.Time()), 0)) < nearNow {
		return true
	}
	busy := 0
	for _, p := range n.peers.all {
		if asked := p.headers.asked; p.ready && !asked.IsZero() && n.now.Sub(asked) < headersHedge {
			busy++
		}
	}
	return busy == 0 || busy < 1+int(n.now.Sub(n.sync.begun)/headersWiden)
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
	if h.isAnnouncement(e.Headers) {
		return // the answer is still to come
	}
	asked := !h.asked.IsZero()
	if isUninvited(e.Headers, asked) && n.isIdle(p, e.Headers) {
		return
	}
	h.asked, h.from, h.due = time.Time{}, btc.Hash{}, false
	h.poll = n.now.Add(n.pollTime())
	if h.presync == nil || n.readPresync(p, e.Headers) {
		n.takeHeaders(p, e.Headers, asked)
	}
	if h.presync != nil {
		return
	}
	h.presyncEnds = time.Time{}
	if h.from.IsZero() {
		n.chain.Release(uint64(p.id))
	}
}

// takeHeaders looks at headers that are no part of a presync. What shows no work
// enough is not kept.
//
// Source: ProcessHeadersMessage, Bitcoin Core v30.0 src/net_processing.cpp.
func (n *Node) takeHeaders(p *peer, headers []btc.Header, asked bool) {
	h := &p.headers
	claim, err := n.chain.Weigh(headers)
	if err == nil && !claim.Known && claim.Work.Cmp(n.workThreshold()) < 0 {
		n.lowWork(p, headers, &claim, asked)
		return
	}
	full := len(headers) == btc.MaxHeaders
	before := h.knownWork
	var accepted headerchain.Accepted
	if err == nil {
		accepted, err = n.take(p, headers, full)
	}
	if err != nil && !n.forgiveHeaders(p, err) {
		return
	}
	more := h.knownWork.Cmp(before) > 0
	if !more && accepted.New == 0 && len(headers) > 0 && !isUninvited(headers, asked) && n.isIdle(p, headers) {
		return
	}
	if err == nil && full && (accepted.New > 0 || more) {
		if n.goesOn(p, more) {
			h.due, h.from = true, accepted.Last
		}
		return
	}
	if asked && !h.due {
		if len(headers) == 0 {
			h.agreed = h.askedFrom
		}
		n.allHeadersOf(p)
	}
}

// goesOn reports whether more is asked for after a full batch. A branch that leads to
// more work may begin with less, but not for ever (THREATS H08).
func (n *Node) goesOn(p *peer, moreWork bool) bool {
	h := &p.headers
	if h.flat++; moreWork {
		h.flat = 0
	}
	if h.flat > maxFlat {
		n.disconnect(p, ReasonHeadersLoop, "")
		return false
	}
	return true
}

// isUninvited reports whether headers are neither an answer nor an announcement. They are
// taken, and counted as if they brought nothing.
func isUninvited(headers []btc.Header, asked bool) bool { return !asked && len(headers) > maxAnnounced }

// isIdle counts a headers message that brought nothing or that nobody asked for. It is
// true if the peer is gone since there were too many.
func (n *Node) isIdle(p *peer, headers []btc.Header) bool {
	if p.headers.idle.count(n.now) <= maxIdleHeaders {
		return false
	}
	n.disconnect(p, ReasonHeadersFlood, fmt.Sprintf("the last of %d headers", len(headers)))
	return true
}

// minute counts what happens within a minute from the first time on.
type minute struct {
	since time.Time
	times int
}

func (m *minute) count(now time.Time) int {
	if m.since.IsZero() || now.Sub(m.since) >= time.Minute {
		*m = minute{since: now}
	}
	m.times++
	return m.times
}

// within returns how often it happened in the minute that runs.
func (m *minute) within(now time.Time) int {
	if now.Sub(m.since) >= time.Minute {
		return 0
	}
	return m.times
}

// take gives a peer's headers to the chain and has the new ones kept. If there is
// more to come, they stay whatever others send meanwhile.
func (n *Node) take(p *peer, headers []btc.Header, more bool) (done headerchain.Accepted, err error) {
	best := n.chain.Best().Hash
	if more {
		done, err = n.acceptHeld(uint64(p.id), headers)
	} else {
		done, err = n.accept(headers)
	}
	if err == nil {
		p.headers.tooNew = false
	}
	if n.chain.Best().Hash != best {
		p.announced = n.now
	}
	if !done.Last.IsZero() {
		p.headers.unconnected = 0
		n.learn(p, done.Last)
	}
	return done, err
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
	case errors.Is(err, headerchain.ErrTimeTooNew):
		h.tooNew, h.poll = true, n.now.Add(tooNewRetry)
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
		n.endWaits(p)
	}
}

// blocksAnnounced takes an inv message: nothing of it is kept but that there is a reason
// to ask for headers, once, however many hashes there are (THREATS M01, M03). A peer whose
// reasons came to nothing again and again waits for its next poll.
func (n *Node) blocksAnnounced(e BlocksAnnounced) {
	p := n.ready(e.Peer)
	if p == nil {
		return
	}
	h := &p.headers
	if h.invs.count(n.now) > maxInvs {
		n.disconnect(p, ReasonInvFlood, "")
		return
	}
	for _, hash := range e.Hashes {
		if _, ok := n.chain.Lookup(hash); ok {
			n.learn(p, hash)
		} else if h.idle.within(n.now) < maxIdleInvs {
			h.due = true
		} else if soon := n.now.Add(idleInvWait); soon.Before(h.poll) {
			h.poll = soon
		}
	}
}
