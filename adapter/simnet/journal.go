package simnet

import (
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// journal is a model of the journal on the bus, and the judge of what is put there. It
// answers late, fails and moves while there are faults.
type journal struct {
	base   btc.Height // height below the first block; set by the first connect
	chain  []*block   // connected now, lowest first
	stored map[btc.Hash]bool
	final  btc.Height
	events int
}

func (j *journal) tip() *block {
	if len(j.chain) == 0 {
		return nil
	}
	return j.chain[len(j.chain)-1]
}

// append takes an event in and checks it against all promises.
func (r *run) append(a node.Append) {
	j, b := &r.journal, r.lib.byHash[a.Hash]
	if b == nil || a.Prev != b.header.Prev() || a.Header != b.header || a.Height != b.height {
		r.complain("%v of height %d is no block", a.Hash, a.Height)
		return
	}
	if a.Final < j.final {
		r.complain("final falls from %d to %d", j.final, a.Final)
	}
	j.final = a.Final
	j.events++
	tip := j.tip()
	switch {
	case a.Kind == node.Connect:
		r.connect(b, tip)
	case tip != b:
		r.complain("disconnect %s, which is not the tip", b.name)
	case b.height <= a.Final:
		r.complain("disconnect %s, final is %d", b.name, a.Final)
	default:
		r.replaced(a)
		j.chain = j.chain[:len(j.chain)-1]
	}
}

func (r *run) connect(b, tip *block) {
	j := &r.journal
	switch {
	case !j.stored[b.hash]:
		r.complain("connect %s, which is not stored", b.name)
	case b == r.station.bad() || !b.open:
		r.complain("connect %s, which is no valid block", b.name)
	case r.isRefused(b):
		r.complain("connect %s, which the operator called invalid", b.name)
	case tip == nil:
		j.base = b.height - 1
	case tip != b.parent:
		r.complain("connect %s on %s", b.name, tip.name)
	}
	j.chain = append(j.chain, b)
}

// replaced checks that all blocks of the branch that a disconnect leads to are stored.
func (r *run) replaced(a node.Append) {
	j := &r.journal
	for b := r.lib.byHash[a.Best]; b != nil && b.height > j.base; b = b.parent {
		if i := int(b.height - j.base - 1); i < len(j.chain) && j.chain[i] == b {
			return
		}
		if !j.stored[b.hash] {
			r.complain("disconnect %s before %s is stored", r.lib.name(a.Hash), b.name)
		}
	}
}

// soon lets the journal answer after a while.
func (r *run) soon(answer func() node.Event) {
	wait := time.Millisecond + time.Duration(r.dice.IntN(60))*time.Millisecond
	if r.faulty(5) {
		wait += 3 * time.Second
	}
	r.time.in(wait, func() { r.step(answer()) })
}

func (r *run) loadJournal() {
	failed := r.faulty(20)
	r.soon(func() node.Event {
		tip := r.journal.tip()
		switch {
		case failed:
			return node.JournalFailed{Detail: "no answer"}
		case tip == nil:
			return node.JournalLoaded{Empty: true}
		}
		return node.JournalLoaded{
			Tip: tip.hash, TipHeight: tip.height, TipHeader: tip.header, Final: r.journal.final, First: r.journal.base + 1,
		}
	})
}

func (r *run) fetchHeader(a node.FetchHeader) {
	r.soon(func() node.Event {
		b := r.lib.byHash[a.Hash]
		if b == nil || b.height != a.Height || !r.journal.stored[a.Hash] {
			return node.JournalHeader{Hash: a.Hash, Detail: "no such block"}
		}
		return node.JournalHeader{Hash: a.Hash, Header: b.header, Found: true}
	})
}

func (r *run) store(a node.Store) {
	if got := r.bodies[a.Body]; got != a.Hash {
		r.complain("body %d is stored as %s and is %s", a.Body, r.lib.name(a.Hash), r.lib.name(got))
	}
	failed := r.faulty(3)
	r.soon(func() node.Event {
		r.release(a.Body)
		if failed {
			return node.BodyStoreFailed{Hash: a.Hash, Body: a.Body, Detail: "no space"}
		}
		r.journal.stored[a.Hash] = true
		return node.BodyStored{Hash: a.Hash, Body: a.Body}
	})
}

// appendEvent appends, or fails: then the event may be there all the same, and now and
// then what was stored is lost.
func (r *run) appendEvent(a node.Append) {
	if !r.faulty(5) {
		r.append(a)
		r.soon(func() node.Event {
			return node.EventAppended{Hash: a.Hash, Kind: a.Kind, Seq: uint64(r.journal.events)}
		})
		return
	}
	stale := r.dice.IntN(4) == 0
	if stale {
		kept := map[btc.Hash]bool{}
		for _, b := range r.journal.chain {
			kept[b.hash] = true
		}
		r.journal.stored = kept
	} else if r.dice.IntN(2) == 0 {
		r.append(a)
	}
	r.soon(func() node.Event { return node.EventMoved{Detail: "no answer", Stale: stale} })
}
