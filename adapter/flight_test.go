package adapter_test

import (
	"testing"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/flight"
)

// recording asks a running adapter for what it recorded.
func recording(t *testing.T, requests chan<- adapter.Request) *flight.File {
	t.Helper()
	answers := make(chan adapter.Answer, 1)
	select {
	case requests <- adapter.Request{Recording: true, Answer: answers}:
	case <-time.After(patience):
		t.Fatal("nobody takes the request")
	}
	select {
	case a := <-answers:
		if a.Recording == nil {
			t.Fatal("no recording")
		}
		return a.Recording
	case <-time.After(patience):
		t.Fatal("no answer")
	}
	return nil
}

// TestRecordingReplays syncs with liars over real connections, has what happened written
// down, and does all of it again with a fresh brain.
func TestRecordingReplays(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]fakepeer.Lie{"honest": 0, "wrong bodies": fakepeer.WrongBody, "bad checksums": fakepeer.BadChecksum} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain := fakepeer.First600()
			honest, liar := untilAsked()
			w := newWorld(t, chain, fakepeer.Script{Gate: honest}, fakepeer.Script{Lie: lie, Gate: liar})
			requests := make(chan adapter.Request)
			w.config.Operator = requests
			w.run()
			_, tip := chain.Tip()
			w.journal.await(t, tip)
			f := recording(t, requests)
			w.stop()
			again, err := flight.Decode(f.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			brain, steps, err := again.Replay(nil)
			if err != nil {
				t.Fatal(err)
			}
			if s := brain.Status(time.Now()); s.BestHeight != 599 || s.JournalHeight < 598 || steps < 4*599 {
				t.Errorf("%d steps end in %+v", steps, s)
			}
			story, err := again.Why("300")
			if err != nil {
				t.Fatal(err)
			}
			if len(story.Lines) < 8 {
				t.Errorf("block 300: %s", story)
			}
			t.Logf("%d steps, %d bytes", steps, len(f.Append(nil)))
		})
	}
}

// TestRecordingWithLoadedHeaders starts the second time with what the first kept.
func TestRecordingWithLoadedHeaders(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	first := newWorld(t, chain, fakepeer.Script{})
	kept := &shelf{}
	first.config.Headers = kept
	first.run()
	part, _ := chain.At(100)
	first.journal.await(t, part)
	first.stop()
	second := newWorld(t, chain, fakepeer.Script{})
	requests := make(chan adapter.Request)
	second.journal.events, second.config.Headers, second.config.Operator = first.journal.events, kept, requests
	second.run()
	_, tip := chain.Tip()
	second.journal.await(t, tip)
	f := recording(t, requests)
	second.stop()
	if f.Start.Count < 100 {
		t.Errorf("%d headers were loaded", f.Start.Count)
	}
	if _, _, err := f.Replay(nil); err != nil {
		t.Error(err)
	}
}
