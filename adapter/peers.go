package adapter

import (
	"context"
	"errors"
	"log/slog"

	"blockgate/adapter/dialer"
	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/adapter/session"
	"blockgate/internal/btc"
)

// peer is a dial and the session that it becomes.
type peer struct {
	addr    string // for people: as the operator named it, or its address
	kind    node.Kind
	cancel  context.CancelFunc
	session *session.Session // nil while dialling
	traffic traffic
}

// end ends the dial or the session.
func (p *peer) end(reason link.Reason, detail string) {
	if p.session != nil {
		p.session.Close(reason, detail)
		return
	}
	p.cancel()
}

// dialled is a connection on its way to the loop.
type dialled struct {
	peer node.PeerID
	conn dialer.Conn
}

// dial connects in a goroutine of its own; the loop starts the session. The dialer has
// deadlines of its own.
func (s *shell) dial(ctx context.Context, a node.Dial) {
	target := dialer.Target{Addr: a.Addr, Name: s.config.Names[a.Addr], Services: a.Services, Manual: a.Kind == node.Manual}
	dialCtx, cancel := context.WithCancel(ctx)
	s.peers[a.Peer] = &peer{addr: target.String(), kind: a.Kind, cancel: cancel}
	s.working.Go(func() {
		defer cancel()
		conn, err := s.dialer.Dial(dialCtx, target)
		if err != nil {
			s.notReached(ctx, a, target, err)
			s.post(ctx, node.DialFailed{Peer: a.Peer, Detail: err.Error()})
			return
		}
		select {
		case s.dialled <- dialled{a.Peer, conn}:
		case <-ctx.Done():
			_ = conn.Socket.Close()
		}
	})
}

// notReached says why a dial came to nothing: aloud if the operator named the peer, or if
// it is the proxy that failed.
func (s *shell) notReached(ctx context.Context, a node.Dial, target dialer.Target, err error) {
	level := slog.LevelDebug
	if a.Kind == node.Manual || errors.Is(err, dialer.ErrProxy) {
		level = slog.LevelWarn
	}
	if ctx.Err() == nil {
		s.log.Log(ctx, level, "peer not reached", slog.String("peer", target.String()), slog.String("kind", a.Kind.String()), slog.String("error", err.Error()))
	}
}

// connected starts the session on a new connection, if it is still wanted.
func (s *shell) connected(ctx context.Context, d dialled) {
	p, ok := s.peers[d.peer]
	if !ok {
		_ = d.conn.Socket.Close()
		return
	}
	up := false // touched by the session's events only, one after the other
	p.session = session.Start(ctx, d.conn.Socket, session.Config{
		Params:     s.config.Params,
		Manual:     p.kind == node.Manual,
		Brief:      p.kind == node.Feeler,
		Purpose:    purposeOf(p.kind),
		Waits:      s.waits,
		BestHeight: s.brain.Status(s.now()).BestHeight,
		Budget:     s.budget,
		Want:       func(hash btc.Hash, _ *btc.Header, _ int) link.WantAnswer { return s.want(d.peer, hash) },
		Progress:   func(hash btc.Hash, size int, paused bool) { s.bodyProgress(d.peer, hash, size, paused) },
		Count:      s.received(&p.traffic),
		Sent:       s.wrote(&p.traffic),
		Events:     func(event session.Event) { s.sessionEvent(ctx, d.peer, p, &up, event) },
	})
	s.working.Go(func() { <-p.session.Done() })
}

// want answers a link that has a block's header in hand. The brain hears of a body
// that is thrown away, so that the peer owes it no longer; if the queue is full it
// finds out by the clock.
func (s *shell) want(id node.PeerID, hash btc.Hash) link.WantAnswer {
	answer := s.wants.answer(hash)
	if answer == link.Unneeded {
		select {
		case s.events <- node.BodyUnneeded{Peer: id, Hash: hash}:
		default:
		}
	}
	return answer
}

// bodyProgress tells the brain how far a body has come. If the queue is full it hears
// of the next step.
func (s *shell) bodyProgress(id node.PeerID, hash btc.Hash, size int, paused bool) {
	select {
	case s.events <- node.BodyProgress{Peer: id, Hash: hash, Bytes: size, Paused: paused}:
	default:
	}
}

// sessionEvent turns what a session tells into what the brain hears.
func (s *shell) sessionEvent(ctx context.Context, id node.PeerID, p *peer, up *bool, event session.Event) {
	switch e := event.(type) {
	case session.Ready:
		*up = true
		s.log.InfoContext(ctx, "peer ready", slog.String("peer", p.addr), slog.String("kind", p.kind.String()), slog.String("transport", transportName(e.Encrypted)),
			slog.String("user_agent", e.UserAgent), slog.Int("start_height", int(e.StartHeight)))
		s.post(ctx, node.PeerUp{
			Peer: id, Services: e.Services, StartHeight: e.StartHeight, UserAgent: e.UserAgent, Relay: e.Relay, Encrypted: e.Encrypted,
		})
	case session.Headers:
		s.post(ctx, node.HeadersReceived{Peer: id, Headers: e.Headers})
	case session.BlockInv:
		s.post(ctx, node.BlocksAnnounced{Peer: id, Hashes: e.Hashes})
	case session.NotFound:
		s.post(ctx, node.NotFound{Peer: id, Hashes: e.Hashes})
	case session.Addrs:
		s.post(ctx, node.AddrsHeard{Peer: id, Addrs: e.Addrs})
	case *session.Block:
		select {
		case s.blocks <- arrived{id, e.Block}:
		case <-ctx.Done():
			e.Block.Release()
		}
	case session.TxTaken, session.TxHeard:
		s.txEvent(ctx, id, event)
	case session.Closed:
		s.sessionClosed(ctx, id, p.addr, *up, e)
	}
}

// transportName names the transport for people, as Bitcoin Core does.
func transportName(encrypted bool) string {
	if encrypted {
		return "v2"
	}
	return "v1"
}

func (s *shell) sessionClosed(ctx context.Context, id node.PeerID, addr string, up bool, e session.Closed) {
	if e.Reason != link.ReasonLocal && ctx.Err() == nil {
		s.log.InfoContext(ctx, "peer gone", slog.String("peer", addr), slog.String("reason", e.Reason.String()), slog.String("detail", e.Detail))
	}
	if !up && !e.Reason.Ban() {
		s.post(ctx, node.DialFailed{Peer: id, Detail: e.Reason.String() + " " + e.Detail})
		return
	}
	s.post(ctx, node.PeerDown{Peer: id, Reason: node.Reason(e.Reason.String()), Ban: e.Reason.Ban(), Detail: e.Detail})
}

// disconnect ends a connection or a dial that the brain has forgotten.
func (s *shell) disconnect(ctx context.Context, a node.Disconnect) {
	p, ok := s.peers[a.Peer]
	if !ok {
		return
	}
	delete(s.peers, a.Peer)
	level := slog.LevelInfo
	if a.Reason == node.ReasonFeelerDone { // every two minutes
		level = slog.LevelDebug
	}
	s.log.Log(ctx, level, "peer dropped", slog.String("peer", p.addr), slog.String("reason", string(a.Reason)))
	p.end(link.ReasonLocal, string(a.Reason))
}

func (s *shell) getHeaders(a node.GetHeaders) {
	if p, ok := s.peers[a.Peer]; ok && p.session != nil {
		s.sent(p, p.session.GetHeaders(a.Locator, a.Stop))
	}
}

func (s *shell) askAddrs(a node.AskAddrs) {
	if p, ok := s.peers[a.Peer]; ok && p.session != nil {
		s.sent(p, p.session.GetAddr())
	}
}

func (s *shell) getData(a node.GetData) {
	s.wants.asked(a.Hashes)
	if p, ok := s.peers[a.Peer]; ok && p.session != nil {
		s.sent(p, p.session.GetData(a.Hashes))
	}
}

// sent notes that a request could not be queued. The session has ended or is
// ending, so the brain hears of it by PeerDown.
func (s *shell) sent(p *peer, err error) {
	if err != nil {
		s.log.Debug("request not sent", slog.String("peer", p.addr), slog.String("error", err.Error()))
	}
}
