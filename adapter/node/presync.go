package node

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// A chain that has not shown work enough costs nothing that stays: one message of it
// is forgotten, of a longer chain the headers are read twice, by a presync for each
// peer. Nobody is blamed for a chain with little work: an honest peer may be on the
// way to a better one. It is let go for what no honest peer does.
//
//	message ──▶ Weigh ──▶ enough work, or known ──▶ chain
//	              │
//	              ├──▶ too little, fewer than 2,000 headers ──▶ forgotten
//	              └──▶ too little, 2,000 headers ──▶ presync ──▶ chain

// workThreshold returns the work that a peer's branch must have to be kept.
func (n *Node) workThreshold() btc.Work { return n.chain.WorkThreshold(n.cfg.MinimumChainWork) }

// lowWork takes headers of a branch with too little work.
//
// Source: TryLowWorkHeadersSync, Bitcoin Core v30.0 src/net_processing.cpp.
func (n *Node) lowWork(p *peer, headers []btc.Header, claim *headerchain.Claim, asked bool) {
	h := &p.headers
	h.unconnected = 0
	n.learn(p, claim.Parent.Hash)
	if asked && len(headers) > maxAnnounced && n.isIdle(p, headers) {
		return
	}
	switch {
	case len(headers) == btc.MaxHeaders && n.presyncing() < maxPresyncs:
		n.beginPresync(p, claim.Parent.Hash)
		n.readPresync(p, headers)
	case len(headers) < btc.MaxHeaders && asked:
		n.allHeadersOf(p)
	}
}

func (n *Node) beginPresync(p *peer, parent btc.Hash) {
	n.presyncs++
	secret := sha256.Sum256(binary.LittleEndian.AppendUint64(n.cfg.Secret[:], n.presyncs))
	n.chain.Hold(uint64(p.id), parent)
	p.headers.presync = n.chain.NewPresync(parent, n.workThreshold(), n.now, secret)
	if p.headers.presyncEnds.IsZero() { // one that begins anew has no more time
		blocks := max(0, n.now.Unix()-int64(n.chain.MedianTime(parent))) / btc.BlockSpacing
		p.headers.presyncEnds = n.now.Add(presyncTimeout + time.Duration(blocks)*presyncPerBlock)
	}
}

// readPresync gives a message to the peer's presync and what is ready to the chain.
// It reports whether the headers are still to be taken as any others: the presync is
// over, without fault.
//
// Source: IsContinuationOfLowWorkHeadersSync, Bitcoin Core v30.0
// src/net_processing.cpp.
func (n *Node) readPresync(p *peer, headers []btc.Header) bool {
	h := &p.headers
	if err := h.presync.Next(headers); err != nil {
		return n.endPresync(p, err)
	}
	for ready := h.presync.Ready(); len(ready) > 0; ready = h.presync.Ready() {
		if _, err := n.take(p, ready, true); err != nil {
			h.presync = nil
			if n.forgiveHeaders(p, err) && !h.due {
				n.allHeadersOf(p)
			}
			return false
		}
	}
	h.due = true
	if !h.presync.Done() {
		return false
	}
	h.presync = nil
	if len(headers) == btc.MaxHeaders {
		h.from = headers[len(headers)-1].Hash()
		return false
	}
	h.due = false
	n.allHeadersOf(p)
	return false
}

// endPresync decides what a presync that cannot go on costs the peer, and reports
// whether the headers are to be taken as any others.
func (n *Node) endPresync(p *peer, err error) bool {
	h := &p.headers
	h.presync = nil
	switch {
	case errors.Is(err, headerchain.ErrPresyncShort):
		h.poll = n.now.Add(lowWorkPoll)
		n.allHeadersOf(p)
	case errors.Is(err, headerchain.ErrPresyncMoved):
		return true
	case errors.Is(err, headerchain.ErrPresyncTooLong):
		n.disconnect(p, ReasonPresyncTooLong, err.Error())
	case errors.Is(err, headerchain.ErrPresyncDifficulty):
		n.disconnect(p, ReasonPresyncDifficulty, err.Error())
	case errors.Is(err, headerchain.ErrPresyncMismatch):
		n.disconnect(p, ReasonPresyncMismatch, err.Error())
	default:
		n.ban(p.id, p.addr, invalidHeader(err), err.Error())
	}
	return false
}

// isAnnouncement reports whether headers are no answer to what a presync asked, but
// tell of new blocks. If they are an answer all the same, of a peer that has gone over
// to a short branch, the wait for the answer ends it.
func (h *peerHeaders) isAnnouncement(headers []btc.Header) bool {
	return h.presync != nil && len(headers) > 0 && len(headers) <= maxAnnounced && !h.presync.Follows(headers)
}

// presyncing returns how many presyncs are under way.
func (n *Node) presyncing() int {
	count := 0
	for _, p := range n.peers.all {
		if p.headers.presync != nil {
			count++
		}
	}
	return count
}

// foremostPresync returns the presync that has come furthest, or nil.
func (n *Node) foremostPresync() *headerchain.Presync {
	var best *headerchain.Presync
	for _, p := range n.peers.all {
		next := p.headers.presync
		if next != nil && (best == nil || next.Pass() > best.Pass() || next.Pass() == best.Pass() && next.Height() > best.Height()) {
			best = next
		}
	}
	return best
}

func (n *Node) presyncHeight() btc.Height {
	if p := n.foremostPresync(); p != nil {
		return p.Height()
	}
	return 0
}

// presyncProgress says how far the presync has come, "" if there is none.
func (n *Node) presyncProgress() string {
	p := n.foremostPresync()
	if p == nil {
		return ""
	}
	return fmt.Sprintf("pass %d of 2, block %d of %s", p.Pass(), p.Height(), p.Time().UTC().Format(time.DateOnly))
}
