package adapter

import (
	"context"
	"log/slog"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/flight"
	"blockgate/adapter/node"
)

// Request is what an operator asks of a running adapter, on its way to the loop.
type Request struct {
	// Order makes the event that is to be stepped, with the number under which its
	// [node.OperatorTold] comes back. nil changes nothing.
	Order func(request uint64) node.Event
	// Peers and Book say that the answer is to have the peers and bans, and the figures
	// of the address book.
	Peers, Book bool
	// Recording asks for a copy of what the flight recorder has.
	Recording bool
	// Answer gets one answer; it has room for it.
	Answer chan<- Answer
}

// Answer is where things stand once a [Request] was done.
type Answer struct {
	Refused string // why an order was not obeyed, "" if it was
	Status  node.Status
	Peers   []PeerTraffic
	Bans    []node.BanStatus
	Book    addrbook.Stats
	// Recording is that which was asked for, or nil.
	Recording *flight.File
}

// operator is the loop's side of those who ask.
type operator struct {
	last  uint64
	asked map[uint64]chan<- Answer // orders that are not answered yet, maxOrders at most
}

// requested does what an operator asked for.
func (s *shell) requested(ctx context.Context, r Request) {
	if r.Order == nil {
		r.Answer <- s.shown(r)
		return
	}
	if len(s.operator.asked) >= maxOrders {
		r.Answer <- s.answer("too many orders wait for their answer")
		return
	}
	s.wake(ctx)
	s.operator.last++
	s.operator.asked[s.operator.last] = r.Answer
	s.step(ctx, r.Order(s.operator.last))
}

// operatorTold hands the brain's answer to whoever asked.
func (s *shell) operatorTold(a node.OperatorTold) {
	s.log.Info("operator told", slog.Uint64("request", a.Request), slog.String("refused", a.Refused))
	if asked, ok := s.operator.asked[a.Request]; ok {
		delete(s.operator.asked, a.Request)
		s.pulse.show(s.snapshot(s.now())) // who has the answer sees what came of it
		asked <- s.answer(a.Refused)
	}
}

// shown returns what a request without an order asks for.
func (s *shell) shown(r Request) Answer {
	answer := s.answer("")
	if r.Peers {
		now := s.now()
		answer.Peers, answer.Bans = s.peerTraffic(now), s.brain.Bans(now)
	}
	if r.Book {
		answer.Book = s.brain.BookStats()
	}
	if r.Recording {
		answer.Recording = s.recorder.File()
	}
	return answer
}

func (s *shell) answer(refused string) Answer {
	return Answer{Refused: refused, Status: s.brain.Status(s.now())}
}
