package node

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Keeper gives headers to a chain and says which of them belong on the disk: the
// best chain, and every branch that is at most [KeepBlocks] blocks' work behind it.
// All others are held in memory alone, so that whoever mines cheap branches far
// below the tip fills no disk; they are bounded by [headerchain.MaxSideHeaders].
// One that comes within reach later is kept then.
//
// What it says to keep comes in order, a parent always before its children, and the
// best header is always among what was kept. It is not for concurrent use.
type Keeper struct {
	chain *headerchain.Chain
	// passedOver says that Preload left headers out.
	passedOver bool
	// back are the headers of the chain that were never said to be kept, and some
	// that are not in the chain any more: those go when there are pruneAt.
	back    map[btc.Hash]struct{}
	pruneAt int
	// most is at least the work of each header in back.
	most btc.Work
}

// NewKeeper returns a keeper of chain, whose headers are taken as kept. Later ones
// must come by the keeper.
func NewKeeper(chain *headerchain.Chain) *Keeper {
	return &Keeper{chain: chain, back: make(map[btc.Hash]struct{}), pruneAt: heldBackLimit}
}

// Preload takes in headers that an earlier run was told to keep, in that order, in
// batches as they come; a batch may hold several branches. The slice stays the
// caller's.
//
// All rules are checked again. Headers that our clock or our limits refuse now are
// passed over, and so are those that stand upon them. Any other refusal means that
// these are not the headers of this network that were kept; the error is a
// [*headerchain.HeaderError], whose Index is that in headers.
func (k *Keeper) Preload(headers []btc.Header, now time.Time) error {
	for at := 0; at < len(headers); {
		_, err := k.chain.Accept(headers[at:], now)
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
		case ourLimit(err), k.passedOver && errors.Is(err, headerchain.ErrUnlinked):
			k.passedOver = true
			at++
		default:
			refused.Index = at
			return refused
		}
	}
	return nil
}

// Accept gives headers to [headerchain.Chain.Accept], returns what that says, and
// in keep the headers that are to be kept now: some of these, none, or also some
// from before. The slice is the caller's.
func (k *Keeper) Accept(headers []btc.Header, now time.Time) (done headerchain.Accepted, keep []btc.Header, err error) {
	done, err = k.chain.Accept(headers, now)
	return done, k.taken(headers, done), err
}

// AcceptHeld does what Accept does, by [headerchain.Chain.AcceptHeld].
func (k *Keeper) AcceptHeld(holder uint64, headers []btc.Header, now time.Time) (done headerchain.Accepted, keep []btc.Header, err error) {
	done, err = k.chain.AcceptHeld(holder, headers, now)
	return done, k.taken(headers, done), err
}

// taken returns what is to be kept after the chain has taken headers in.
func (k *Keeper) taken(headers []btc.Header, done headerchain.Accepted) (keep []btc.Header) {
	if done.New == 0 {
		return nil
	}
	// Known ones come first: the child of a new one is new.
	news := headers[done.Known : done.Known+done.New]
	best := k.chain.Best()
	last, floor := best, keepFloor(best)
	if !done.TipMoved {
		last, _ = k.chain.Lookup(done.Last)
	}
	if last.Work.Cmp(floor) >= 0 {
		keep = append(k.take(nil, news[0].Prev()), news...)
		k.mark(news, last.Hash, false)
	} else {
		k.mark(news, last.Hash, true)
		if last.Work.Cmp(k.most) > 0 {
			k.most = last.Work
		}
	}
	keep = k.takeFrom(keep, floor)
	k.prune()
	return keep
}

// mark notes whether a run of headers, the last of which has that hash, is held
// back.
func (k *Keeper) mark(run []btc.Header, last btc.Hash, held bool) {
	if !held && len(k.back) == 0 {
		return
	}
	for i := range run {
		hash := last
		if i+1 < len(run) {
			hash = run[i+1].Prev()
		}
		if held {
			k.back[hash] = struct{}{}
		} else {
			delete(k.back, hash) // it was there before, went, and came again
		}
	}
}

// HeldBack returns how many headers of the chain are not kept, at most: some may
// have gone.
func (k *Keeper) HeldBack() int { return len(k.back) }

// keepFloor returns the work below which a leaf is not kept: that of best, less
// KeepBlocks times what its own block is worth.
func keepFloor(best headerchain.Entry) btc.Work {
	return best.Work.Sub(blockWork(best).Mul(KeepBlocks)) // 0 at least
}

// blockWork returns what one block of the chain is worth.
func blockWork(e headerchain.Entry) btc.Work {
	target, err := btc.TargetFromCompact(e.Header.Bits())
	if err != nil {
		panic("node: header without a target: " + err.Error()) // the chain checked it
	}
	return target.Work()
}

// take appends the branch that ends in hash to keep, as far as it was held back,
// lowest first.
func (k *Keeper) take(keep []btc.Header, hash btc.Hash) []btc.Header {
	start := len(keep)
	for {
		if _, held := k.back[hash]; !held {
			break
		}
		delete(k.back, hash)
		e, ok := k.chain.Lookup(hash)
		if !ok {
			break
		}
		keep = append(keep, e.Header)
		hash = e.Header.Prev()
	}
	slices.Reverse(keep[start:])
	return keep
}

// takeFrom appends every branch that was held back and has work enough now: the
// floor falls when the tip's own block is worth much more than the one before.
func (k *Keeper) takeFrom(keep []btc.Header, floor btc.Work) []btc.Header {
	if len(k.back) == 0 || k.most.Cmp(floor) < 0 {
		return keep
	}
	var near []headerchain.Entry
	k.most = btc.Work{}
	for hash := range k.back {
		e, ok := k.chain.Lookup(hash)
		switch {
		case !ok:
		case e.Work.Cmp(floor) >= 0:
			near = append(near, e)
		case e.Work.Cmp(k.most) > 0:
			k.most = e.Work
		}
	}
	slices.SortFunc(near, func(a, b headerchain.Entry) int {
		if order := a.Work.Cmp(b.Work); order != 0 {
			return order
		}
		return bytes.Compare(a.Hash[:], b.Hash[:])
	})
	for _, e := range near {
		keep = k.take(keep, e.Hash)
	}
	return keep
}

// prune forgets headers that went from the chain.
func (k *Keeper) prune() {
	if len(k.back) < k.pruneAt {
		return
	}
	for hash := range k.back {
		if _, ok := k.chain.Lookup(hash); !ok {
			delete(k.back, hash)
		}
	}
	k.pruneAt = max(heldBackLimit, len(k.back)+len(k.back)/heldBackSlack)
}

// Preload takes in headers that an earlier run was told to keep by [KeepHeaders],
// as [Keeper.Preload] does. It is for before the first Step, and yields no actions.
// What is passed over is asked of peers.
func (n *Node) Preload(headers []btc.Header, now time.Time) error {
	return n.keeper.Preload(headers, now)
}

// accept gives headers to the chain and has kept what belongs on the disk.
func (n *Node) accept(headers []btc.Header) (headerchain.Accepted, error) {
	done, keep, err := n.keeper.Accept(headers, n.now)
	n.keep(keep)
	return done, err
}

// acceptHeld does the same with headers of a branch that is still arriving.
func (n *Node) acceptHeld(holder uint64, headers []btc.Header) (headerchain.Accepted, error) {
	done, keep, err := n.keeper.AcceptHeld(holder, headers, n.now)
	n.keep(keep)
	return done, err
}

func (n *Node) keep(headers []btc.Header) {
	for batch := range slices.Chunk(headers, btc.MaxHeaders) {
		n.do(KeepHeaders{Headers: batch})
	}
}

// ourLimit reports whether a header was refused by our clock or our limits, which
// is no fault of the header.
func ourLimit(err error) bool {
	return errors.Is(err, headerchain.ErrTimeTooNew) || errors.Is(err, headerchain.ErrSideFull) || errors.Is(err, headerchain.ErrChainFull)
}
