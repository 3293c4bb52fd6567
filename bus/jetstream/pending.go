package jetstream

import (
	"fmt"

	"blockgate/bus"
)

// part is one message of a block's body or claim.
type part struct {
	subject bus.Subject
	index   int
	bytes   []byte
}

// newPart returns the part that a message is, or why it is none.
func newPart(m message) (part, error) {
	at, err := bus.ParseSubject(m.subject)
	if err != nil {
		return part{}, err
	}
	if at.Topic != bus.TopicData {
		return part{}, fmt.Errorf("%q: %w: not a part", m.subject, bus.ErrSubject)
	}
	index, err := bus.DecodePart(m.header, len(m.payload))
	return part{at, index, m.payload}, err
}

// is reports whether the part is the one that an event means by that index.
func (p part) is(e *bus.Event, index int) bool {
	return p.index == index && p.subject.Hash == e.Hash && p.subject.Height == e.Height
}

// pending holds parts that came before their event, by sequence, up to a number
// of bytes. When there are more, the oldest go.
type pending struct {
	limit int // bytes
	size  int // bytes held. Invariant: size <= limit
	parts map[uint64]part
	order []uint64 // sequences in the order in which they came, taken ones too
}

func newPending(limit int) *pending { return &pending{limit: limit, parts: make(map[uint64]part)} }

// partOverhead is what a part costs beyond its bytes, so that small ones count,
// too.
const partOverhead = 256

func (p part) cost() int { return len(p.bytes) + partOverhead }

func (p *pending) add(seq uint64, one part) {
	if _, ok := p.parts[seq]; ok || one.cost() > p.limit {
		return
	}
	for p.size+one.cost() > p.limit {
		p.take(p.order[0])
		p.order = p.order[1:]
	}
	p.parts[seq], p.size = one, p.size+one.cost()
	p.order = append(p.order, seq)
	if len(p.order) > 2*len(p.parts)+64 {
		p.compact()
	}
}

// take returns the part at seq and forgets it.
func (p *pending) take(seq uint64) (part, bool) {
	one, ok := p.parts[seq]
	if ok {
		delete(p.parts, seq)
		p.size -= one.cost()
	}
	return one, ok
}

// compact drops the sequences of parts that were taken.
func (p *pending) compact() {
	kept := make([]uint64, 0, len(p.parts))
	for _, seq := range p.order {
		if _, ok := p.parts[seq]; ok {
			kept = append(kept, seq)
		}
	}
	p.order = kept
}
