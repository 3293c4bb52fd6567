package fakepeer

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"blockgate/internal/btc"
)

// sendAsked sends blocks in the order in which they were asked for.
func (c *client) sendAsked(ctx context.Context) error {
	first := true
	for {
		select {
		case <-ctx.Done():
			return errLeft
		case it := <-c.asked:
			if first && c.peer.script.Lie == UnsolicitedTx {
				if err := c.send("tx", c.someTx()); err != nil {
					return err
				}
			}
			first = false
			if err := c.answer(ctx, it); err != nil {
				return err
			}
		}
	}
}

// someTx returns the coinbase of genesis, which is all of that block after its
// header and a count of one byte.
func (c *client) someTx() []byte {
	genesis, _ := c.peer.chain.At(0)
	raw, _, _ := c.peer.chain.Block(genesis)
	return raw[btc.HeaderSize+1:]
}

// answer sends one block, as the script has it.
func (c *client) answer(ctx context.Context, it item) error {
	raw, height, ok := c.peer.chain.Block(it.hash)
	if !ok || it.kind != plainBlock && it.kind != witnessBlock {
		return c.send("notfound", inventory(it.kind, it.hash))
	}
	script := c.peer.script
	if gate := script.Gate; gate != nil {
		gate(ctx, height, it.hash)
	}
	if script.concerns(height) {
		switch script.Lie {
		case Withhold:
			return nil
		case NotFound:
			return c.send("notfound", inventory(it.kind, it.hash))
		case HalfBlock, Slow, Oversize, WrongMagic, BadChecksum:
			return c.sendBadly(ctx, raw)
		default:
			raw = c.lieAbout(raw, height)
		}
	}
	return c.sendBlock(raw)
}

func (c *client) sendBlock(raw []byte) error {
	if err := c.send("block", raw); err != nil {
		return err
	}
	c.peer.note(func(s *Stats) { s.Sent++ })
	return nil
}

// lieAbout returns the bytes that a liar sends as a block, in a good frame.
func (c *client) lieAbout(raw []byte, height btc.Height) []byte {
	switch c.peer.script.Lie {
	case DoubledLastTx:
		return doubleLastTx(raw)
	case TruncatedBody:
		return raw[:len(raw)-1]
	case WrongBody:
		other := height - 1
		if height == 0 {
			other = 1
		}
		hash, _ := c.peer.chain.At(other)
		body, _, ok := c.peer.chain.Block(hash)
		if !ok {
			return raw
		}
		return join(raw[:btc.HeaderSize], body[btc.HeaderSize:])
	default:
		return raw
	}
}

// sendBadly sends a block in a bad frame, or a good one badly.
func (c *client) sendBadly(ctx context.Context, raw []byte) error {
	frame := appendFrame(nil, c.magic, "block", raw)
	half := len(frame) / 2
	switch c.peer.script.Lie {
	case BadChecksum:
		frame[frameHeaderSize-1] ^= 1
	case WrongMagic:
		frame[0] ^= 1
	case Oversize:
		binary.LittleEndian.PutUint32(frame[16:], btc.MaxBlockSize+1)
	case HalfBlock:
		if err := c.write(frame[:half]); err != nil {
			return err
		}
		return fmt.Errorf("%s: %w", HalfBlock, errLeft)
	case Slow:
		if err := c.write(frame[:half]); err != nil {
			return err
		}
		if !pause(ctx, c.peer.script.Delay) {
			return errLeft
		}
		frame = frame[half:]
	}
	if err := c.write(frame); err != nil {
		return err
	}
	c.peer.note(func(s *Stats) { s.Sent++ })
	return nil
}

// pause waits and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// lieAfterHandshake is for those who lie without being asked.
func (c *client) lieAfterHandshake(ctx context.Context) error {
	switch c.peer.script.Lie {
	case UnknownCommands:
		for _, name := range []string{"blockgate", "x", "!", "", "twelve-bytes"} {
			if err := c.send(name, []byte(name)); err != nil {
				return err
			}
		}
	case Garbage:
		return c.sendGarbage(ctx)
	case PingFlood:
		for nonce := uint64(0); ctx.Err() == nil; nonce++ {
			if err := c.send("ping", binary.LittleEndian.AppendUint64(nil, nonce)); err != nil {
				return err
			}
		}
	case UnaskedBlocks:
		return c.sendUnasked(ctx)
	}
	return nil
}

func (c *client) sendGarbage(ctx context.Context) error {
	random := rand.New(rand.NewPCG(c.peer.script.Seed, 2))
	junk := make([]byte, 4096)
	for ctx.Err() == nil {
		for i := range junk {
			junk[i] = byte(random.Uint32())
		}
		if err := c.write(junk); err != nil {
			return err
		}
	}
	return errLeft
}

func (c *client) sendUnasked(ctx context.Context) error {
	for ctx.Err() == nil {
		tip, _ := c.peer.chain.Tip()
		for height := btc.Height(0); height <= tip && ctx.Err() == nil; height++ {
			hash, _ := c.peer.chain.At(height)
			raw, _, ok := c.peer.chain.Block(hash)
			if !ok {
				continue
			}
			if err := c.sendBlock(raw); err != nil {
				return err
			}
		}
	}
	return errLeft
}
