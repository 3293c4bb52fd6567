package bus

import (
	"errors"
	"fmt"

	"blockgate/internal/btc"
)

var (
	// ErrGap says that an event does not link to the tip: events are missing, or
	// the writer is broken. A reader stops there and fetches again.
	ErrGap = errors.New("gap in the journal")
	// ErrFinal says that an event takes back what was final, or lowers the final
	// height.
	ErrFinal = errors.New("event takes back what was final")
)

// Fold is the journal folded to a tip: connect extends it, disconnect takes it
// away, and reset goes back to a block further down, below what was final.
//
// The zero Fold knows no tip: the first event may be any, and sets it. A reader
// that knows where it stands begins with [FoldAt].
type Fold struct {
	known  bool
	tip    btc.Hash
	height btc.Height
	final  btc.Height
}

// FoldAt returns a fold that stands on a tip with a final height, 0 if none is
// known.
func FoldAt(tip btc.Hash, height, final btc.Height) Fold {
	return Fold{known: true, tip: tip, height: height, final: final}
}

// Tip returns where the fold stands; known is false before the first event.
func (f *Fold) Tip() (hash btc.Hash, height btc.Height, known bool) { return f.tip, f.height, f.known }

// Final returns the highest final height that an event said.
func (f *Fold) Final() btc.Height { return f.final }

// Step puts an event on the fold. The event must be well formed, see
// [Event.Check].
//
// It returns [ErrGap] or [ErrFinal] and then leaves the fold as it was.
func (f *Fold) Step(e *Event) error {
	if f.known {
		if err := f.links(e); err != nil {
			return err
		}
	}
	if e.Final < f.final && e.Kind != Reset {
		return fmt.Errorf("%w: %v of %d (sequence %d) lowers it from %d to %d", ErrFinal, e.Kind, e.Height, e.Seq, f.final, e.Final)
	}
	f.tip, f.height = e.Tip()
	f.known, f.final = true, e.Final
	return nil
}

func (f *Fold) links(e *Event) error {
	switch {
	case e.Kind == Connect && (e.Prev != f.tip || e.Height != f.height+1):
		return fmt.Errorf("%w: connect of %d %v (sequence %d) has parent %v, the tip is %d %v",
			ErrGap, e.Height, e.Hash, e.Seq, e.Prev, f.height, f.tip)
	case e.Kind == Disconnect && (e.Hash != f.tip || e.Height != f.height):
		return fmt.Errorf("%w: disconnect of %d %v (sequence %d), the tip is %d %v",
			ErrGap, e.Height, e.Hash, e.Seq, f.height, f.tip)
	case e.Kind == Reset && e.Height >= f.height:
		return fmt.Errorf("%w: reset to %d %v (sequence %d), the tip is %d %v", ErrGap, e.Height, e.Hash, e.Seq, f.height, f.tip)
	case e.Kind == Disconnect && e.Height <= f.final:
		return fmt.Errorf("%w: disconnect of %d (sequence %d), final up to %d", ErrFinal, e.Height, e.Seq, f.final)
	}
	return nil
}
