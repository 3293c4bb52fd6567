package supervisor

import (
	"context"
	"sync"

	"blockgate/sandbox/frame"
)

// ledger is what outlives an adapter and is shown by the one that is there: what
// was counted, and how the processes that are no parsers are confined. Its zero
// value is ready for use.
type ledger struct {
	mu     sync.Mutex // guards what follows
	reader *life      // the adapter that is told of changes; nil between two
	tally  frame.Tally
	layers [frame.ProcessAdapter + 1]string // status lines; empty: nothing is known
}

// count changes the tally and tells the adapter.
func (g *ledger) count(ctx context.Context, change func(*frame.Tally)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.tally)
	if g.reader != nil {
		g.reader.tell(ctx, frame.Control{Kind: frame.ControlTally, Text: g.tally.String()})
	}
}

// restarted counts a process that was started in the place of one that died.
func (g *ledger) restarted(ctx context.Context, p frame.Process) {
	g.count(ctx, func(t *frame.Tally) { t.Restarts[p]++ })
}

// confined notes the status line of a process that is no parser and tells the
// adapter.
func (g *ledger) confined(ctx context.Context, p frame.Process, line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.layers[p] = line
	if g.reader != nil {
		g.reader.tell(ctx, frame.Control{Kind: frame.ControlLayers, Worker: int(p), Text: line})
	}
}

// present makes an adapter the one that is told, and tells it all.
func (g *ledger) present(ctx context.Context, l *life) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reader = l
	for p, line := range g.layers {
		if line != "" {
			l.tell(ctx, frame.Control{Kind: frame.ControlLayers, Worker: p, Text: line})
		}
	}
	l.tell(ctx, frame.Control{Kind: frame.ControlTally, Text: g.tally.String()})
}

// leave says that an adapter ended.
func (g *ledger) leave(l *life) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reader == l {
		g.reader = nil
	}
}
