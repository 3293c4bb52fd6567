package flight

import (
	"fmt"
	"hash/crc32"
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// DivergedError says at which step a replay did other things than the recording.
type DivergedError struct {
	Step  int // from 0 on
	Now   time.Time
	Event node.Event
	Got   []node.Action
	Want  []node.Action // of long lists the last few
}

// Error names the step and what was done.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("step %d at %s: %T gives %v, recorded are %v", e.Step, e.Now.Format(time.RFC3339Nano), e.Event, e.Got, e.Want)
}

// Replay gives a new brain all that was recorded and wants it to do the same, to the
// last byte. It returns the brain as it is then and how many steps it took. more is
// that of [Start.New].
//
// The error is [ErrLost] for a recording that cannot be replayed, [ErrHeaders], or a
// [*DivergedError], which a recording of another build may well come to.
func (f *File) Replay(more func(count int) ([]btc.Header, error)) (n *node.Node, steps int, err error) {
	if f.Lost != "" {
		return nil, 0, fmt.Errorf("%w: %s", ErrLost, f.Lost)
	}
	if n, err = f.Start.New(more); err != nil {
		return nil, 0, err
	}
	again := newReplayer()
	for e := range f.Entries() {
		if got := n.Step(e.Now, e.Event); !again.same(&e, got) {
			return n, steps, &DivergedError{Step: steps, Now: e.Now, Event: e.Event, Got: got, Want: e.Actions}
		}
		steps++
	}
	return n, steps, nil
}

// replayer compares what is done with what was recorded.
type replayer struct {
	full, brief codec
	actions     *kinds[node.Action]
	table       *crc32.Table
}

func newReplayer() *replayer {
	return &replayer{full: codec{plain: true}, brief: codec{plain: true, brief: true}, actions: newActions(), table: crc32.MakeTable(crc32.Castagnoli)}
}

func (r *replayer) same(e *Entry, got []node.Action) bool {
	if len(got) != len(e.Actions) {
		return false
	}
	r.full.out = r.full.out[:0]
	for i, a := range got {
		r.actions.put(&r.full, a)
		r.brief.out = r.brief.out[:0]
		r.actions.put(&r.brief, a)
		mine := len(r.brief.out)
		r.actions.put(&r.brief, e.Actions[i])
		if string(r.brief.out[:mine]) != string(r.brief.out[mine:]) {
			return false
		}
	}
	return len(got) == 0 || crc32.Checksum(r.full.out, r.table) == e.sum
}
