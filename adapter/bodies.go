package adapter

import (
	"context"
	"log/slog"
	"sync"

	"blockgate/adapter/evidence"
	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// wants is what links ask before they take a body: each from its own goroutine,
// while the loop writes.
type wants struct {
	mu     sync.Mutex
	proven map[btc.Hash]bool // the last maxProven bodies that were proven
	order  []btc.Hash        // of proven, oldest first
	urgent btc.Hash          // the block that the window waits for
}

// answer says whether the body of a block that a peer was asked for is still of
// use. A late one is not, and costs the peer nothing.
func (w *wants) answer(hash btc.Hash) link.WantAnswer {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.proven[hash]:
		return link.Unneeded
	case w.urgent == hash:
		return link.Urgent
	default:
		return link.Wanted
	}
}

// asked notes that a block is asked for, perhaps again after it was lost.
func (w *wants) asked(hashes []btc.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, hash := range hashes {
		delete(w.proven, hash)
	}
}

func (w *wants) isProven(hash btc.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.proven[hash] {
		return
	}
	w.proven[hash] = true
	w.order = append(w.order, hash)
	if len(w.order) > maxProven {
		delete(w.proven, w.order[0])
		w.order = w.order[1:]
	}
}

func (w *wants) setUrgent(hash btc.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.urgent = hash
}

// bodyArrived sends a body to the cell, if the brain still wants it.
func (s *shell) bodyArrived(ctx context.Context, a arrived) {
	height, ok := s.brain.Wanted(a.peer, a.block.Hash)
	if !ok {
		a.block.Release()
		return
	}
	s.step(ctx, node.BodyArrived{Peer: a.peer, Hash: a.block.Hash, Size: a.block.Size()})
	what := proving{a.peer, a.block.Hash}
	judging, giveUp := context.WithCancel(ctx)
	s.proving[what] = giveUp
	body := Body{
		Block: a.block, Height: height, MedianTime: s.brain.MedianTimeBefore(a.block.Hash),
		Peer: a.peer, Suspect: s.brain.Suspect(a.peer),
		Doubtful: func() <-chan struct{} { return s.doubt(ctx, what) },
	}
	s.working.Go(func() {
		defer giveUp()
		v := judged{a.peer, body.Block.Hash, body.Block.Sum(), s.config.Cell.Prove(judging, body)}
		s.keepEvidence(body, v.verdict)
		s.minedIn(ctx, body.Block.Hash, v.verdict.Proven)
		a.block.Release()
		select {
		case s.judged <- v:
		case <-ctx.Done():
			v.release()
		}
	})
}

// proving names a body that the cell has.
type proving struct {
	peer node.PeerID
	hash btc.Hash
}

// doubt is word from the cell that a body is doubtful, on its way to the loop, which
// closes alone if nobody else is to send the block.
type doubt struct {
	proving
	alone chan struct{}
}

// doubt tells the loop. It may be called from any goroutine.
func (s *shell) doubt(ctx context.Context, what proving) <-chan struct{} {
	alone := make(chan struct{})
	select {
	case s.doubts <- doubt{what, alone}:
	case <-ctx.Done():
		close(alone)
	}
	return alone
}

func (s *shell) bodyDoubtful(ctx context.Context, d doubt) {
	s.step(ctx, node.BodyDoubtful{Peer: d.peer, Hash: d.hash})
	if !s.brain.Elsewhere(d.peer, d.hash) {
		close(d.alone)
	}
}

// giveUp ends the wait of what a peer has in the cell.
func (s *shell) giveUp(peer node.PeerID) {
	for what, cancel := range s.proving {
		if what.peer == peer {
			cancel()
		}
	}
}

// keepEvidence offers a body that was not proven to the folder of evidence, if a parser
// has said so.
func (s *shell) keepEvidence(body Body, v Verdict) {
	if s.config.Evidence == nil || v.Proven != nil || v.Outcome == node.OutcomeNotJudged || v.Outcome == node.OutcomeOther {
		return
	}
	kept := s.config.Evidence.Offer(func() evidence.Record {
		raw := make([]byte, body.Block.Size())
		body.Block.CopyTo(raw)
		return evidence.Record{
			Network: s.config.Node.Network, Height: body.Height, MedianTime: body.MedianTime, Reason: string(v.Outcome.Reason()),
			Detail: v.Detail, Time: s.now(), Build: s.config.Build, Body: raw,
		}
	})
	if !kept {
		s.log.Warn("evidence dropped", slog.String("block", body.Block.Hash.String()), slog.Uint64("dropped", s.config.Evidence.Stats().Dropped))
	}
}

// bodyJudged names a proven body and tells the brain.
func (s *shell) bodyJudged(ctx context.Context, v judged) {
	delete(s.proving, proving{v.peer, v.hash})
	event := node.BodyJudged{Peer: v.peer, Hash: v.hash, Sum: v.sum, Outcome: v.verdict.Outcome, Detail: v.verdict.Detail}
	if v.verdict.Proven != nil {
		s.lastBody++
		event.Body = s.lastBody
		s.bodies[event.Body] = v.verdict.Proven
		s.wants.isProven(v.hash)
		s.config.Cell.Settled(v.hash, v.sum)
	} else if v.verdict.Outcome != node.OutcomeNotJudged {
		s.notProven(v)
	}
	s.step(ctx, event)
}

// notProven says that a body was not proven and why. It may be the fault of the
// peer or of our parser.
func (s *shell) notProven(v judged) {
	addr := "gone"
	if p, ok := s.peers[v.peer]; ok {
		addr = p.addr
	}
	s.log.Warn("body not proven", slog.String("peer", addr), slog.String("block", v.hash.String()),
		slog.String("reason", string(v.verdict.Outcome.Reason())), slog.String("detail", v.verdict.Detail))
}

// takeBody returns a body that is held and forgets it. The brain names each once.
func (s *shell) takeBody(id node.BodyID) Proven {
	body, ok := s.bodies[id]
	if !ok {
		panic("adapter: the brain named a body that is not held")
	}
	delete(s.bodies, id)
	return body
}
