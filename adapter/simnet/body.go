package simnet

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// body is what a peer sends as a block.
type body struct {
	block *block // that its header names
	raw   []byte
	sum   [32]byte
	size  int // bytes on the line: real blocks are larger than ours
}

// deadly and hanging stand at the end of bodies on which parsers die or hang.
const deadly, hanging = "\x00kill", "\x00hang"

// truth returns the one true body of a block.
func (r *run) truth(b *block) body { return body{b, b.raw, b.sum, r.sizeOf(b)} }

// sizeOf returns how long a block is on the line: most are like those of the run, one
// in sixteen is larger.
func (r *run) sizeOf(b *block) int {
	if b.hash[0]%16 == 0 {
		return min(3_900_000, 3*r.blockSize)
	}
	return r.blockSize/2 + int(b.hash[1])*r.blockSize/512
}

// lie returns other bytes for a block, whose header is right, in one of the ways in
// which a merkle root, a length or a count can be cheated, or in which a parser can be
// hurt.
func (r *run) lie(p *peer, b *block) body {
	raw := slices.Clone(b.raw)
	p.turn++
	switch {
	case p.traits.has(poisonous) && p.turn%2 == 0:
		raw = append(raw, deadly...)
	case p.traits.has(poisonous):
		raw = append(raw, hanging...)
	case p.turn%4 == 0:
		raw = raw[:len(raw)-1]
	case p.turn%4 == 1:
		raw = append(raw, 0)
	case p.turn%4 == 2: // the last transaction twice (CVE-2012-2459)
		raw[btc.HeaderSize]++
		raw = append(raw, raw[btc.HeaderSize+1:]...)
	default:
		raw[len(raw)-1] ^= 1
	}
	return body{b, raw, sha256.Sum256(raw), r.sizeOf(b)}
}

// verdict is what an honest parser and the proof say of bytes.
func (r *run) verdict(b body) node.Outcome {
	truth := b.block.raw
	switch {
	case bytes.Equal(b.raw, truth) && b.block == r.station.bad():
		return node.OutcomeRule
	case bytes.Equal(b.raw, truth):
		return node.OutcomeProven
	case bytes.HasSuffix(b.raw, []byte(deadly)):
		return node.OutcomeWorkerDied
	case bytes.HasSuffix(b.raw, []byte(hanging)):
		return node.OutcomeWorkerHung
	case b.raw[btc.HeaderSize] != truth[btc.HeaderSize]:
		return node.OutcomeMutated
	case len(b.raw) != len(truth):
		return node.OutcomeMalformed
	}
	return node.OutcomeMerkle
}

// judge has the parsers look at a body that has arrived. If the first cannot prove it
// there is a second opinion, which is also the last word on a fault of ours.
func (r *run) judge(c *conn, b body) {
	outcome := r.verdict(b)
	wait := 2*time.Millisecond + time.Duration(r.dice.IntN(60))*time.Millisecond
	first := outcome
	switch {
	case outcome == node.OutcomeWorkerHung:
		wait = 3 * time.Second
	case outcome == node.OutcomeProven && r.faulty(3):
		first = node.OutcomeWorkerDied + node.Outcome(r.dice.IntN(3))
		if r.dice.IntN(2) == 0 {
			outcome = first
		}
	case outcome == node.OutcomeProven && r.faulty(1):
		outcome = node.OutcomeNotJudged
	}
	if first == node.OutcomeProven || first == node.OutcomeRule {
		r.time.in(wait, func() { r.judged(c, b, outcome) })
		return
	}
	r.time.in(wait, func() {
		if c.givenUp {
			r.judged(c, b, node.OutcomeNotJudged)
			return
		}
		r.step(node.BodyDoubtful{Peer: c.id, Hash: b.block.hash})
		r.time.in(wait, func() { r.judged(c, b, outcome) })
	})
}

// judged tells the brain of a verdict.
func (r *run) judged(c *conn, b body, outcome node.Outcome) {
	e := node.BodyJudged{Peer: c.id, Hash: b.block.hash, Sum: b.sum, Outcome: outcome, Detail: "simulated"}
	if outcome == node.OutcomeProven {
		r.lastBody++
		e.Body = r.lastBody
		r.bodies[e.Body] = b.block.hash
		r.proven[b.block.hash] = true
		r.everProven[b.block.hash] = true
	}
	if b.sum != b.block.sum && outcome != node.OutcomeNotJudged {
		c.peer.lies = append(c.peer.lies, b.block)
	}
	r.budget.release(r, b.size)
	r.step(e)
}

// release gives up a body that the brain named.
func (r *run) release(id node.BodyID) {
	if _, ok := r.bodies[id]; !ok {
		r.complain("body %d is released and is not held", id)
		return
	}
	delete(r.bodies, id)
}

// faulty rolls the dice for a fault of our own, as long as there are any.
func (r *run) faulty(percent int) bool {
	return r.time.now.Before(r.calm) && r.dice.IntN(100) < percent
}
