package simnet

import (
	"math/rand/v2"
	"time"

	"blockgate/adapter/node"
)

// people are an operator, who calls blocks invalid and takes it back, and consumers, who
// come and go. All of it ends with our own faults. Their dice are their own: a run without
// them is the same as ever.
type people struct {
	dice    *rand.Rand
	request uint64
	refused *block // that the operator calls invalid now, nil if there is none
}

// addPeople has people take part in one run of [peopleShare].
func (r *run) addPeople() {
	if r.seed%peopleShare != peopleShare-1 {
		return
	}
	r.people = &people{dice: rand.New(rand.NewPCG(r.seed, 21))}
	r.config.IdleAfter = idleAfter
	r.time.in(0, r.consumersCome)
	r.time.in(r.people.wait(), r.operatorSpeaks)
}

// wait is how long somebody does nothing.
func (p *people) wait() time.Duration {
	return time.Second + time.Duration(p.dice.Int64N(int64(12*time.Second)))
}

// consumersCome and consumersGo take turns; at the end somebody is there.
func (r *run) consumersCome() {
	r.step(node.ConsumerActive{})
	if wait := r.people.wait(); r.time.now.Add(wait).Before(r.calm) {
		r.time.in(wait, r.consumersGo)
	}
}

func (r *run) consumersGo() {
	r.step(node.ConsumerIdle{})
	r.time.in(min(r.people.wait(), r.calm.Sub(r.time.now)), r.consumersCome)
}

// operatorSpeaks calls a block near the tip of the honest network invalid, and takes that
// back after a while.
func (r *run) operatorSpeaks() {
	p := r.people
	wait := p.wait()
	if !r.time.now.Add(wait).Before(r.calm) {
		return
	}
	b := r.tip
	for range p.dice.IntN(4) {
		if b.height > 1 {
			b = b.parent
		}
	}
	p.request++
	p.refused = b
	r.step(node.OperatorInvalidate{Request: p.request, Hash: b.hash})
	if p.refused != nil {
		r.time.in(wait, func() {
			p.refused = nil
			p.request++
			r.step(node.OperatorReconsider{Request: p.request, Hash: b.hash})
		})
	}
	r.time.in(wait+p.wait(), r.operatorSpeaks)
}

// told takes the brain's answer to the operator. What he called invalid he may take back.
func (r *run) told(a node.OperatorTold) {
	switch p := r.people; {
	case p == nil || a.Request != p.request:
		r.complain("an answer to the operator's request %d", a.Request)
	case a.Refused == "":
	case p.refused == nil:
		r.complain("the operator cannot take back what he said: %s", a.Refused)
	default:
		p.refused = nil
	}
}

// isRefused reports whether the operator calls the block invalid now, or one that it
// stands on.
func (r *run) isRefused(b *block) bool {
	return r.people != nil && r.people.refused != nil && r.lib.has(b, r.people.refused)
}
