package main

import (
	"context"
	"errors"
	"sync"

	"blockgate/adapter"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/ring"
)

// cell joins the adapter to ring and pool: a body takes a slot, a parser walks
// it, the claim is checked, and the slot stays with what was proven.
type cell struct {
	network btc.Network
	ring    *ring.Ring
	pool    *pool.Pool
	free    chan struct{} // a token for each free slot
	// suspects has a token for each slot that bodies of suspects may have: they wait
	// for one worker, and must not keep the slots from others meanwhile.
	suspects chan struct{}
}

// suspectSlots is one for the body that the quarantine works on and one for the next.
const suspectSlots = 2

func newCell(network btc.Network, r *ring.Ring, p *pool.Pool) *cell {
	c := &cell{network: network, ring: r, pool: p, free: make(chan struct{}, r.Slots()), suspects: make(chan struct{}, suspectSlots)}
	for range r.Slots() {
		c.free <- struct{}{}
	}
	return c
}

// take waits for a free slot; ok is false if ctx ended first.
func (c *cell) take(ctx context.Context) (_ ring.Slot, ok bool) {
	select {
	case <-ctx.Done():
		return 0, false
	case <-c.free:
	}
	slot, ok := c.ring.Take()
	if !ok {
		panic("blockgate: a token without a free slot")
	}
	return slot, true
}

// gaveUp is the verdict on a body that waited until ctx ended.
func gaveUp(ctx context.Context) adapter.Verdict {
	if errors.Is(context.Cause(ctx), pool.ErrOther) {
		return adapter.Verdict{Outcome: node.OutcomeOther, Detail: pool.ErrOther.Error()}
	}
	return adapter.Verdict{Outcome: node.OutcomeNotJudged, Detail: ctx.Err().Error()}
}

func (c *cell) release(slot ring.Slot) {
	c.ring.Release(slot)
	c.free <- struct{}{}
}

// Prove has a body judged. See [adapter.Cell].
func (c *cell) Prove(ctx context.Context, body adapter.Body) adapter.Verdict {
	ctx, end := c.pool.Watch(ctx, body.Block.Hash, body.Block.Sum())
	defer end()
	if body.Suspect {
		select {
		case c.suspects <- struct{}{}:
			defer func() { <-c.suspects }()
		case <-ctx.Done():
			return gaveUp(ctx)
		}
	}
	slot, ok := c.take(ctx)
	if !ok {
		return gaveUp(ctx)
	}
	size := body.Block.Size()
	body.Block.CopyTo(c.ring.Bytes(slot, size))
	checked, _, err := c.pool.Check(ctx, pool.Job{
		Slot: slot, Len: size, Header: body.Block.Header, MedianTime: body.MedianTime,
		Context: claim.Context{Network: c.network, Height: body.Height},
		From:    uint64(body.Peer), Suspect: body.Suspect, Sum: body.Block.Sum(), Doubtful: body.Doubtful,
	})
	if err != nil {
		c.release(slot)
		return adapter.Verdict{Outcome: outcomeOf(err), Detail: err.Error()}
	}
	return adapter.Verdict{Outcome: node.OutcomeProven, Proven: &provenBody{Checked: checked, release: func() { c.release(slot) }}}
}

// CheckTx has a transaction judged. See [adapter.TxCell].
func (c *cell) CheckTx(ctx context.Context, raw []byte) (adapter.CheckedTx, error) {
	if len(raw) == 0 {
		return adapter.CheckedTx{}, &adapter.MalformedTxError{Reason: "no bytes"}
	}
	slot, ok := c.take(ctx)
	if !ok {
		return adapter.CheckedTx{}, context.Cause(ctx)
	}
	defer c.release(slot)
	copy(c.ring.Bytes(slot, len(raw)), raw)
	tx, _, err := c.pool.CheckTx(ctx, pool.TxJob{Slot: slot, Len: len(raw)})
	switch {
	case errors.Is(err, claim.ErrMalformed), errors.Is(err, claim.ErrRule):
		return adapter.CheckedTx{}, &adapter.MalformedTxError{Reason: err.Error()}
	case err != nil: // the parser died, or its claim does not fit the bytes
		return adapter.CheckedTx{}, err
	}
	return adapter.CheckedTx{Txid: tx.Txid(), Wtxid: tx.Wtxid(), Size: tx.Len(), StrippedSize: tx.StrippedSize(), Weight: tx.Weight()}, nil
}

// Settled ends what is spent on other bytes. See [adapter.Cell].
func (c *cell) Settled(hash btc.Hash, sum [32]byte) { c.pool.Settled(hash, sum) }

// provenBody is a proven body in its slot.
type provenBody struct {
	claim.Checked
	once    sync.Once
	release func()
}

// Txid returns the proven id of a transaction. See [adapter.Proven].
func (p *provenBody) Txid(i int) btc.Hash { return p.Tx(i).Txid() }

// Release gives the slot back. See [adapter.Proven].
func (p *provenBody) Release() { p.once.Do(p.release) }

// checkers returns what makes the checkers of a network's blocks.
func checkers(engine sha256d.Engine, challenge claim.Challenge) func() *claim.Checker {
	return func() *claim.Checker { return claim.NewChecker(sha256d.NewEngine(engine), challenge) }
}

// outcomeOf says what the brain makes of a body that is not proven.
func outcomeOf(err error) node.Outcome {
	for _, row := range []struct {
		kind    error
		outcome node.Outcome
	}{
		{pool.ErrNoFresh, node.OutcomeNotJudged}, // it names what one worker said
		{pool.ErrOther, node.OutcomeOther},
		{pool.ErrDisagree, node.OutcomeDisagree},
		{claim.ErrContradiction, node.OutcomeDisagree},
		{pool.ErrWorkerDied, node.OutcomeWorkerDied},
		{pool.ErrWorkerHung, node.OutcomeWorkerHung},
		{pool.ErrWorkerNonsense, node.OutcomeWorkerNonsense},
		{pool.ErrMalformed, node.OutcomeMalformed},
		{claim.ErrMerkle, node.OutcomeMerkle},
		{claim.ErrMutated, node.OutcomeMutated},
		{claim.ErrCoinbase, node.OutcomeCoinbase},
		{claim.ErrRule, node.OutcomeRule},
		{claim.ErrUnexpectedWitness, node.OutcomeWitness},
		{claim.ErrCoinbaseWitness, node.OutcomeWitness},
		{claim.ErrWitnessCommitment, node.OutcomeWitness},
	} {
		if errors.Is(err, row.kind) {
			return row.outcome
		}
	}
	if errors.Is(err, pool.ErrClosed) || errors.Is(err, context.Canceled) {
		return node.OutcomeNotJudged
	}
	return node.OutcomeMalformed // a claim that does not even cut the block
}
