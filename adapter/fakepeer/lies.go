package fakepeer

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"blockgate/internal/btc"
)

// Mainnet block 586 has three transactions; the last begins at this byte. No
// block is parsed here, so that is written down.
const (
	doubledHeight = 586
	doubledHash   = "000000000d0d23516c5efd3af4eb951603bb30b2c93884b522a318b30e918ee7"
	doubledOffset = 871
)

// doubleLastTx returns block 586 with its last transaction doubled.
func doubleLastTx(_ *Chain, raw []byte, _ btc.Height) []byte {
	lie := join(raw, raw[doubledOffset:])
	lie[btc.HeaderSize]++ // the number of transactions, 3, in one byte
	return lie
}

func truncate(_ *Chain, raw []byte, _ btc.Height) []byte { return raw[:len(raw)-1] }

// bodyBelow returns the header of raw with the transactions of the block below.
func bodyBelow(c *Chain, raw []byte, height btc.Height) []byte {
	below, _ := c.At(max(height-1, 0))
	other, _, known := c.Block(below)
	if !known {
		return raw
	}
	return join(raw[:btc.HeaderSize], other[btc.HeaderSize:])
}

func sendAppended(_ context.Context, c *client, _ item, raw []byte) error {
	return c.sendBlock(join(raw, c.peer.script.Appended))
}

func sendBadChecksum(_ context.Context, c *client, _ item, raw []byte) error {
	frame := c.blockFrame(raw)
	frame[frameHeaderSize-1] ^= 1
	return c.sendFrame(frame)
}

func sendWrongMagic(_ context.Context, c *client, _ item, raw []byte) error {
	frame := c.blockFrame(raw)
	frame[0] ^= 1
	return c.sendFrame(frame)
}

func sendOversize(_ context.Context, c *client, _ item, raw []byte) error {
	frame := c.blockFrame(raw)
	binary.LittleEndian.PutUint32(frame[16:], btc.MaxBlockSize+1)
	return c.sendFrame(frame)
}

func sendHalf(_ context.Context, c *client, _ item, raw []byte) error {
	frame := c.blockFrame(raw)
	if err := c.write(frame[:len(frame)/2]); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", HalfBlock, errLeft)
}

func sendSlowly(ctx context.Context, c *client, _ item, raw []byte) error {
	frame := c.blockFrame(raw)
	half := len(frame) / 2
	if err := c.write(frame[:half]); err != nil {
		return err
	}
	if !pause(ctx, c.peer.script.Delay) {
		return errLeft
	}
	return c.sendFrame(frame[half:])
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

func sendNothing(context.Context, *client, item, []byte) error { return nil }

func sendNotFound(_ context.Context, c *client, it item, _ []byte) error {
	return c.send("notfound", inventory(it.kind, it.hash))
}

func sendUnknown(_ context.Context, c *client) error {
	for _, name := range []string{"blockgate", "x", "!", "", "twelve-bytes"} {
		if err := c.send(name, []byte(name)); err != nil {
			return err
		}
	}
	return nil
}

func sendPings(ctx context.Context, c *client) error {
	for nonce := uint64(0); ctx.Err() == nil; nonce++ {
		if err := c.send("ping", binary.LittleEndian.AppendUint64(nil, nonce)); err != nil {
			return err
		}
	}
	return errLeft
}

func sendGarbage(ctx context.Context, c *client) error {
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

// sendUnasked sends the best chain from genesis on, again and again.
func sendUnasked(ctx context.Context, c *client) error {
	for height := btc.Height(0); ctx.Err() == nil; height++ {
		hash, ok := c.peer.chain.At(height)
		if !ok {
			height = -1
			continue
		}
		raw, _, _ := c.peer.chain.Block(hash)
		if err := c.sendBlock(raw); err != nil {
			return err
		}
	}
	return errLeft
}
