package adapter

import (
	"time"

	"blockgate/adapter/node"
)

// think gives one event to the brain, records it, and returns what is to be done. If the
// brain panics the recording ends with the event on which it did.
func (s *shell) think(event node.Event) []node.Action {
	now := s.clock.at(time.Now())
	done := false
	defer func() {
		if !done && s.config.Crashed != nil {
			s.recorder.Stepped(now, event, nil)
			s.config.Crashed(s.recorder.File())
		}
	}()
	actions := s.brain.Step(now, event)
	s.recorder.Stepped(now, event, actions)
	done = true
	return actions
}
