package adapter

import (
	"context"
	"time"

	"blockgate/adapter/node"
)

// demand is what the loop knows of who wants blocks.
type demand struct {
	wanted bool      // what Config.Demand said last
	woken  time.Time // when somebody asked for something last
}

// demanded tells the brain whether anybody wants blocks.
func (s *shell) demanded(ctx context.Context, wanted bool) {
	s.demand.wanted = wanted
	if wanted {
		s.step(ctx, node.ConsumerActive{})
	} else {
		s.step(ctx, node.ConsumerIdle{})
	}
}

// wake takes what somebody asked for as a wish for blocks that is over at once, so that
// Node.IdleAfter begins anew. Who asks again and again is heard twice in that time.
func (s *shell) wake(ctx context.Context) {
	after, now := s.config.Node.IdleAfter, s.now()
	if after <= 0 || s.demand.wanted || !s.brain.Idle() && now.Sub(s.demand.woken) < after/2 {
		return
	}
	s.demand.woken = now
	s.step(ctx, node.ConsumerActive{})
	s.step(ctx, node.ConsumerIdle{})
}
