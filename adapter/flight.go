package adapter

import (
	"time"

	"blockgate/adapter/node"
)

// think gives one event to the brain, records it, and returns what is to be done.
func (s *shell) think(event node.Event) []node.Action {
	now := s.clock.at(time.Now())
	actions := s.brain.Step(now, event)
	s.recorder.Stepped(now, event, actions)
	return actions
}
