package adapter

import (
	"slices"
	"testing"
	"time"

	"blockgate/adapter/flight"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// TestCrashIsRecorded has a brain panic, by taking it away: what it was told last is
// handed on before the process dies of it.
func TestCrashIsRecorded(t *testing.T) {
	var crashed *flight.File
	cfg := node.Config{Network: btc.Regtest}
	s := &shell{
		brain: node.New(cfg), recorder: flight.New("test", time.Now(), cfg),
		config: Config{Crashed: func(f *flight.File) { crashed = f }},
	}
	s.think(node.Tick{})
	if crashed != nil {
		t.Error("nothing crashed")
	}
	s.brain = nil
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic went nowhere")
			}
		}()
		s.think(node.JournalFailed{Detail: "the last word"})
	}()
	if crashed == nil {
		t.Fatal("no recording")
	}
	var events []node.Event
	for e := range crashed.Entries() {
		events = append(events, e.Event)
	}
	if want := []node.Event{node.Tick{}, node.JournalFailed{Detail: "the last word"}}; !slices.Equal(events, want) {
		t.Errorf("%v, want %v", events, want)
	}
}
