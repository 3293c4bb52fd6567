package fakepeer

import (
	"context"

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
	lie := lies[script.Lie]
	switch {
	case !script.concerns(height):
		return c.sendBlock(raw)
	case lie.reply != nil:
		return lie.reply(ctx, c, it, raw)
	case lie.body != nil:
		return c.sendBlock(lie.body(c.peer.chain, raw, height))
	default:
		return c.sendBlock(raw)
	}
}

func (c *client) sendBlock(raw []byte) error { return c.sendFrame(c.blockFrame(raw)) }

func (c *client) blockFrame(raw []byte) []byte { return newFrame(c.magic, "block", raw) }

func (c *client) sendFrame(frame []byte) error {
	if err := c.write(frame); err != nil {
		return err
	}
	c.peer.note(func(s *Stats) { s.Sent++ })
	return nil
}
