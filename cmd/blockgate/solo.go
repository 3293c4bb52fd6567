package main

import (
	"context"
	"os"

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
func openSolo(parserPath string, allowNoLandlock bool) (*soloCell, error) {
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
	c.pool, err = pool.New(pool.Config{Conns: []*os.File{c.Jobs}, Ring: c.ring, Kill: func(int, uint32, frame.Cause) { c.Kill() }})
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
func (c *soloCell) check(ctx context.Context, block []byte, job pool.Job) (*provenBody, error) {
	slot, _ := c.ring.Take() // the ring has one slot and nobody else asks
	job.Slot, job.Len = slot, copy(c.ring.Bytes(slot, len(block)), block)
	checked, err := c.pool.Check(ctx, job)
	if err != nil {
		c.ring.Release(slot)
		return nil, err
	}
	return &provenBody{Checked: checked, release: func() { c.ring.Release(slot) }}, nil
}
