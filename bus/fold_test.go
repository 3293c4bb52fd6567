package bus_test

import (
	"errors"
	"math/rand"
	"testing"

	"blockgate/bus"
	"blockgate/internal/btc"
)

// link is an event with only what a fold looks at.
func link(kind bus.Kind, hash, prev byte, height, final btc.Height) *bus.Event {
	return &bus.Event{Kind: kind, Hash: btc.Hash{hash}, Prev: btc.Hash{prev}, Height: height, Final: final}
}

func TestFold(t *testing.T) {
	const connect, disconnect, reset = bus.Connect, bus.Disconnect, bus.Reset
	for _, one := range []struct {
		name   string
		events []*bus.Event
		want   error // of the last event
		tip    byte
		height btc.Height
	}{
		{"extends", []*bus.Event{link(connect, 1, 0, 1, 0), link(connect, 2, 1, 2, 1)}, nil, 2, 2},
		{"begins anywhere", []*bus.Event{link(disconnect, 9, 8, 5, 3), link(connect, 7, 8, 5, 3)}, nil, 7, 5},
		{"reorg", []*bus.Event{link(connect, 1, 0, 1, 0), link(connect, 2, 1, 2, 0), link(disconnect, 2, 1, 2, 0), link(connect, 3, 1, 2, 0)}, nil, 3, 2},
		{"skips", []*bus.Event{link(connect, 1, 0, 1, 0), link(connect, 3, 2, 3, 0)}, bus.ErrGap, 1, 1},
		{"repeats", []*bus.Event{link(connect, 1, 0, 1, 0), link(connect, 1, 0, 1, 0)}, bus.ErrGap, 1, 1},
		{"wrong height", []*bus.Event{link(connect, 1, 0, 1, 0), link(connect, 2, 1, 3, 0)}, bus.ErrGap, 1, 1},
		{"disconnects another", []*bus.Event{link(connect, 1, 0, 1, 0), link(disconnect, 2, 0, 1, 0)}, bus.ErrGap, 1, 1},
		{"disconnects at another height", []*bus.Event{link(connect, 1, 0, 1, 0), link(disconnect, 1, 0, 2, 0)}, bus.ErrGap, 1, 1},
		{"disconnects the final", []*bus.Event{link(connect, 1, 0, 1, 1), link(disconnect, 1, 0, 1, 0)}, bus.ErrFinal, 1, 1},
		{"resets", []*bus.Event{link(connect, 4, 3, 4, 2), link(connect, 5, 4, 5, 4), link(reset, 1, 0, 1, 1), link(connect, 7, 1, 2, 1)}, nil, 7, 2},
		{"begins with a reset", []*bus.Event{link(reset, 1, 0, 1, 1), link(connect, 7, 1, 2, 1)}, nil, 7, 2},
		{"resets to its tip", []*bus.Event{link(connect, 4, 3, 4, 2), link(reset, 4, 3, 4, 4)}, bus.ErrGap, 4, 4},
		{"resets upwards", []*bus.Event{link(connect, 4, 3, 4, 2), link(reset, 6, 5, 6, 6)}, bus.ErrGap, 4, 4},
		{"disconnects below a reset", []*bus.Event{link(connect, 4, 3, 4, 2), link(reset, 2, 1, 2, 2), link(disconnect, 2, 1, 2, 2)}, bus.ErrFinal, 2, 2},
		{"lowers the final", []*bus.Event{link(connect, 1, 0, 1, 1), link(connect, 2, 1, 2, 0)}, bus.ErrFinal, 1, 1},
	} {
		var fold bus.Fold
		if _, _, known := fold.Tip(); known {
			t.Error("the zero fold knows a tip")
		}
		for i, event := range one.events {
			err := fold.Step(event)
			if last := i == len(one.events)-1; last && !errors.Is(err, one.want) || !last && err != nil {
				t.Errorf("%s: event %d: %v, want %v", one.name, i, err, one.want)
			}
		}
		if tip, height, known := fold.Tip(); tip != (btc.Hash{one.tip}) || height != one.height || !known {
			t.Errorf("%s: tip %v at %d", one.name, tip, height)
		}
	}
	fold := bus.FoldAt(btc.Hash{4}, 4, 2)
	if err := fold.Step(link(bus.Connect, 5, 4, 5, 3)); err != nil || fold.Final() != 3 {
		t.Errorf("%v, final %d", err, fold.Final())
	}
}

// A journal from which any one event is missing does not fold.
func TestFoldSeesEveryMissingEvent(t *testing.T) {
	seed := rand.Int63()
	random := rand.New(rand.NewSource(seed))
	var events []*bus.Event
	stack := []byte{0}
	for next := byte(1); next < 200; next++ {
		if len(stack) > 1 && random.Intn(3) == 0 {
			top := len(stack) - 1
			events = append(events, link(bus.Disconnect, stack[top], stack[top-1], btc.Height(top), 0))
			stack = stack[:top]
		}
		events = append(events, link(bus.Connect, next, stack[len(stack)-1], btc.Height(len(stack)), 0))
		stack = append(stack, next)
	}
	for missing := -1; missing < len(events)-1; missing++ {
		fold := bus.FoldAt(btc.Hash{}, 0, 0)
		var err error
		for i, event := range events {
			if i != missing && err == nil {
				err = fold.Step(event)
			}
		}
		if (missing < 0) != (err == nil) || err != nil && !errors.Is(err, bus.ErrGap) {
			t.Fatalf("seed %d, without event %d: %v", seed, missing, err)
		}
	}
}
