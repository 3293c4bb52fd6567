package main

import (
	"context"
	"os"

	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/ring"
	"blockgate/supervisor"
)

// soloCell is one confined parser with its ring and pool, for the commands that
// ask one question.
type soloCell struct {
	*supervisor.Solo
	pool *pool.Pool
	ring *ring.Ring
}

// openSolo starts a parser. Its error carries the exit code.
func openSolo(parserPath string, allowNoLandlock bool, checker func() *claim.Checker) (*soloCell, error) {
	path, err := findParser(parserPath)
	if err != nil {
		return nil, err
	}
	c := &soloCell{}
	c.Solo, err = supervisor.StartSolo(supervisor.Config{ParserPath: path, AllowNoLandlock: allowNoLandlock}, func(ringFD int) (err error) {
		c.ring, err = ring.Create(ringFD, 1)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.pool, err = pool.New(pool.Config{Conns: []*os.File{c.Jobs}, Ring: c.ring, Checker: checker, Kill: func(int, uint32, frame.Cause) { c.Kill() }})
	if err != nil {
		c.Close()
		return nil, err
	}
	c.pool.Ready(0, 1, "")
	go func() {
		<-c.Ended()
		c.pool.Died(0, 1, "it ended")
	}()
	return c, nil
}

// check has a block judged. It is used once.
func (c *soloCell) check(ctx context.Context, block []byte, job pool.Job) (claim.Checked, claim.Counts, error) {
	job.Slot, job.Len = c.put(block)
	return c.pool.Check(ctx, job)
}

// checkTx has a transaction judged. It is used once.
func (c *soloCell) checkTx(ctx context.Context, raw []byte) (claim.CheckedTx, claim.Counts, error) {
	slot, size := c.put(raw)
	return c.pool.CheckTx(ctx, pool.TxJob{Slot: slot, Len: size})
}

// put puts b into the one slot, which nobody else asks for. It is never released:
// what was proven lives there.
func (c *soloCell) put(b []byte) (slot ring.Slot, size int) {
	slot, _ = c.ring.Take()
	return slot, copy(c.ring.Bytes(slot, len(b)), b)
}
