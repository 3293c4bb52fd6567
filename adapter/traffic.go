package adapter

import (
	"math"
	"sync/atomic"
	"time"

	"blockgate/adapter/link"
	"blockgate/adapter/node"
)

// PeerTraffic is a peer as the brain sees it, and what goes over its connection.
type PeerTraffic struct {
	node.PeerStatus
	BytesIn, BytesOut uint64        // payloads of messages
	InPerSecond       float64       // bytes, smoothed over [rateSpan]
	Ping              time.Duration // of the last pong; 0: none yet
}

// traffic counts what goes over one connection. The loop owns all but in and out.
type traffic struct {
	in, out atomic.Uint64
	seen    time.Time // when the rate was taken last
	seenIn  uint64
	rate    float64
}

// tick takes the rate of what came since the tick before into the smoothed one.
func (t *traffic) tick(now time.Time) {
	in, span := t.in.Load(), now.Sub(t.seen)
	if !t.seen.IsZero() && span > 0 {
		weight := 1 - math.Exp(-span.Seconds()/rateSpan.Seconds())
		t.rate += weight * (float64(in-t.seenIn)/span.Seconds() - t.rate)
	}
	t.seen, t.seenIn = now, in
}

// received and wrote count one message of a session, for its peer and for all.
func (s *shell) received(t *traffic) func(link.Command, link.Verdict, int) {
	return func(command link.Command, verdict link.Verdict, size int) {
		t.in.Add(uint64(max(0, size)))
		s.pulse.counts.came(command, verdict, size)
	}
}

func (s *shell) wrote(t *traffic) func(link.Command, int) {
	return func(command link.Command, size int) {
		t.out.Add(uint64(max(0, size)))
		s.pulse.counts.went(command, size)
	}
}

// rates takes the rates of all connections.
func (s *shell) rates(now time.Time) {
	for _, p := range s.peers {
		p.traffic.tick(now)
	}
}

// peerTraffic returns all peers in the order of the brain.
func (s *shell) peerTraffic(now time.Time) []PeerTraffic {
	brain := s.brain.Peers(now)
	all := make([]PeerTraffic, len(brain))
	for i := range brain {
		all[i].PeerStatus = brain[i]
		p, ok := s.peers[brain[i].ID]
		if !ok {
			continue
		}
		all[i].BytesIn, all[i].BytesOut, all[i].InPerSecond = p.traffic.in.Load(), p.traffic.out.Load(), p.traffic.rate
		if p.session != nil {
			all[i].Ping = p.session.Ping()
		}
	}
	return all
}
