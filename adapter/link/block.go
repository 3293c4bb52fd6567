package link

import (
	"crypto/sha256"
	"io"
	"time"

	"blockgate/internal/btc"
)

// incoming is a block whose header is in and whose body waits for budget.
type incoming struct {
	message
	hash   btc.Hash
	header btc.Header
	claim  *claim
}

func (b *incoming) bodySize() int { return int(b.size) - btc.HeaderSize }

// divert reads the header of a block and asks whether the rest is wanted.
func (c *Conn) divert(m message) error {
	if err := c.within(FrameTimeout(btc.HeaderSize)); err != nil {
		return err
	}
	b := &c.incoming
	*b = incoming{message: m}
	if _, err := io.ReadFull(c.tr, b.header[:]); err != nil {
		return readError(err, ReasonSlowFrame, "in the header of "+m.String())
	}
	b.hash = b.header.Hash()
	switch answer := c.cfg.Want(b.hash, &b.header, int(m.size)); answer {
	case Wanted, Urgent:
		b.claim = c.cfg.Budget.claim(int(m.size), answer == Urgent)
		c.parked = b
		return c.resume()
	case Unneeded:
	case Unasked:
		if err := c.flood.unaskedBlock(time.Now(), b.hash); err != nil {
			return err
		}
	}
	return c.skip(b)
}

// skip streams the body of a block to nowhere.
func (c *Conn) skip(b *incoming) error {
	if err := c.discard(b.message, b.bodySize()); err != nil {
		return err
	}
	c.substitute()
	return nil
}

// resume goes on with the parked block: it waits for budget, at most keepAlive at
// a time, and then reads and delivers the body. No deadline runs while it waits.
func (c *Conn) resume() error {
	b := c.parked
	if err := c.unhurried(); err != nil {
		c.unpark()
		return err
	}
	switch c.await(b) {
	case waitMore:
		c.substitute()
		return nil
	case waitNoMore:
		c.unpark()
		c.forgivePong()
		return c.skip(b)
	case waitEnded:
		c.unpark()
		return &EndError{Reason: ReasonLocal} // the first reason stands
	case waitGranted:
	}
	c.parked = nil
	c.forgivePong()
	block, err := c.receive(b)
	if err != nil {
		block.Release()
		return err
	}
	if err := c.unhurried(); err != nil || c.ended() {
		block.Release()
		return err
	}
	c.substitute()
	c.cfg.Deliver(block)
	return nil
}

// unpark gives the parked block's claim back.
func (c *Conn) unpark() {
	c.cfg.Budget.release(c.parked.claim)
	c.parked = nil
}

// waited is how waiting for budget ended.
type waited uint8

const (
	waitGranted waited = iota
	waitMore           // not granted yet; the engine needs a sign of life
	waitNoMore         // the block is not needed any more
	waitEnded          // the connection has ended
)

// await waits until the claim is granted, at most keepAlive. Meanwhile it asks
// now and then whether the block is still wanted, or urgent by now.
func (c *Conn) await(b *incoming) waited {
	if c.cfg.Budget.has(b.claim) {
		return waitGranted
	}
	c.pause(b)
	recheck, patience := time.NewTicker(recheckInterval), time.NewTimer(keepAlive)
	defer recheck.Stop()
	defer patience.Stop()
	for {
		select {
		case <-b.claim.bell:
			return waitGranted
		case <-c.done:
			return waitEnded
		case <-patience.C:
			return waitMore
		case <-recheck.C:
			c.pause(b)
		}
		switch c.cfg.Want(b.hash, &b.header, int(b.size)) {
		case Urgent:
			c.cfg.Budget.promote(b.claim)
		case Wanted:
		case Unneeded, Unasked:
			return waitNoMore
		}
	}
}

// receive reads the body of a block whose claim is granted. The block owns the
// claim, with an error too.
func (c *Conn) receive(b *incoming) (RawBlock, error) {
	mem := newBody(c.cfg.Budget, b.claim)
	block := RawBlock{Hash: b.hash, Header: b.header, body: mem, generation: mem.generation.Load()}
	if err := c.within(FrameTimeout(b.bodySize())); err != nil {
		return block, err
	}
	_, whole := c.tr.(*v2) // it is all here: nothing comes any more
	digest := sha256.New()
	mem.append(b.header[:])
	if c.tr.sums() {
		digest.Write(b.header[:])
	}
	for mem.size < int(b.size) {
		room := mem.room()
		n, err := c.tr.Read(room[:min(len(room), int(b.size)-mem.size)])
		if c.tr.sums() {
			digest.Write(room[:n])
		}
		mem.size += n
		if !whole && mem.size < int(b.size) {
			c.progress(b.hash, mem.size, mem.size == n+btc.HeaderSize)
		}
		if err != nil {
			return block, readError(err, ReasonSlowFrame, "in "+b.String())
		}
	}
	if !c.tr.sums() {
		return block, nil
	}
	digest.Sum(mem.sum[:0])
	mem.summed = true
	return block, in(b.message, c.tr.check(mem.sum))
}

// substitute gives the engine an empty notfound now and then in place of a block, so
// that its idle timer sees that the peer is alive.
func (c *Conn) substitute() {
	if time.Since(c.fed) < keepAlive/2 {
		c.silent = true
		return
	}
	c.frame = appendFrame(c.store[:0], c.cfg.Magic, CommandOf("notfound"), []byte{0})
	c.store = c.frame
}
