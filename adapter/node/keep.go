package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Preload takes in headers that an earlier run was told to keep by [KeepHeaders],
// in that order, in batches as they come; a batch may hold several branches. It is
// for before the first Step, and yields no actions. The slice stays the caller's.
//
// All rules are checked again. Headers that our clock or our limits refuse now are
// passed over, and so are those that stand upon them: peers are asked for them. Any
// other refusal means that these are not the headers of this network that were
// kept; the error is a [*headerchain.HeaderError], whose Index is that in headers.
func (n *Node) Preload(headers []btc.Header, now time.Time) error {
	for at := 0; at < len(headers); {
		_, err := n.chain.Accept(headers[at:], now)
		if err == nil {
			return nil
		}
		refused, ok := errors.AsType[*headerchain.HeaderError](err)
		if !ok {
			return fmt.Errorf("take in kept headers: %w", err)
		}
		at += refused.Index
		switch {
		case errors.Is(err, headerchain.ErrDiscontinuous): // another branch begins
		case ourLimit(err), n.passedOver && errors.Is(err, headerchain.ErrUnlinked):
			n.passedOver = true
			at++
		default:
			refused.Index = at
			return refused
		}
	}
	return nil
}

// accept gives headers to the chain and has the new ones kept.
func (n *Node) accept(headers []btc.Header) (headerchain.Accepted, error) {
	done, err := n.chain.Accept(headers, n.now)
	if done.New > 0 { // known ones come first: the child of a new one is new
		n.do(KeepHeaders{Headers: slices.Clone(headers[done.Known : done.Known+done.New])})
	}
	return done, err
}

// ourLimit reports whether a header was refused by our clock or our limits, which
// is no fault of the header.
func ourLimit(err error) bool {
	return errors.Is(err, headerchain.ErrTimeTooNew) || errors.Is(err, headerchain.ErrSideFull) || errors.Is(err, headerchain.ErrChainFull)
}
