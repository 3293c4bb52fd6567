package jetstream

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"blockgate/bus"
	"blockgate/sandbox/claim"
)

// Store puts the body and the claim of a proven block on the server, in parts, and
// returns when every part is acknowledged. It says nothing to readers: that is
// for [Journal.Append], with an event made by [bus.Stored.Connect].
//
// It reads the block's bytes until it returns, and never after. A body that is
// stored twice within two minutes takes no more room.
//
// Errors: [ErrUnchecked] and [ErrNetwork] for a block that may not go out;
// [ErrDenied]; [ErrUnknown] for everything else, after which Store may be called
// again.
func (j *Journal) Store(ctx context.Context, block claim.Checked) (bus.Stored, error) {
	if block.IsZero() {
		return bus.Stored{}, fmt.Errorf("store body: %w", ErrUnchecked)
	}
	if block.Network() != j.settings.Network {
		return bus.Stored{}, fmt.Errorf("store body %v: %w: %v, the journal is of %v",
			block.Hash(), ErrNetwork, block.Network(), j.settings.Network)
	}
	j.mu.RLock()
	defer j.mu.RUnlock()
	s := bus.Stored{
		Hash: block.Hash(), Height: block.Height(), Header: block.Header(), Size: len(block.Body()),
		TxCount: block.TxCount(), Sha256: sha256.Sum256(block.Body()), Epoch: j.epoch,
	}
	entries := block.AppendClaim(nil)
	s.Parts, s.ClaimParts = bus.PartCount(s.Size, j.partSize), bus.PartCount(len(entries), j.partSize)
	parts := j.cut(s, block.Body(), entries)
	acks, err := j.send(ctx, parts)
	if err == nil && anyDuplicate(acks) {
		acks, err = j.sendAgain(ctx, parts, acks)
	}
	if err != nil {
		return bus.Stored{}, fmt.Errorf("store body %v: %w", s.Hash, err)
	}
	seqs := make([]uint64, len(acks))
	for i, ack := range acks {
		seqs[i] = ack.Sequence
	}
	if s.DataSeq, err = bus.SeqSetOf(seqs...); err != nil {
		return bus.Stored{}, fmt.Errorf("store body %v: %w: %w", s.Hash, ErrUnknown, err)
	}
	return s, nil
}

// cut returns the messages of body and claim. They alias both.
//
// The id of a part binds its bytes: a body is proven, so hash, index and part
// size say what the bytes are.
func (j *Journal) cut(s bus.Stored, body, entries []byte) []*nats.Msg {
	subject := bus.DataSubject(j.settings.Network, j.settings.ID, s.Height, s.Hash)
	parts := make([]*nats.Msg, 0, s.Parts+s.ClaimParts)
	for _, rest := range [][]byte{body, entries} {
		for len(rest) > 0 {
			index, size := len(parts), min(len(rest), j.partSize)
			header := nats.Header(bus.EncodePart(index))
			header.Set(natsjs.MsgIDHeader, s.Hash.String()+"/"+strconv.Itoa(index)+"/"+strconv.Itoa(j.partSize))
			header.Set(natsjs.ExpectedStreamHeader, j.name)
			parts = append(parts, &nats.Msg{Subject: subject, Header: header, Data: rest[:size]})
			rest = rest[size:]
		}
	}
	return parts
}

// send sends all messages and then awaits all acknowledgements, in order.
//
// The library copies the bytes before it returns. It must not send by itself
// later: by then the bytes may be those of another block.
func (j *Journal) send(ctx context.Context, messages []*nats.Msg) ([]*natsjs.PubAck, error) {
	ctx, cancel := j.link.request(ctx)
	defer cancel()
	futures := make([]natsjs.PubAckFuture, len(messages))
	for i, message := range messages {
		var err error
		if futures[i], err = j.link.js.PublishMsgAsync(message, natsjs.WithRetryAttempts(0)); err != nil {
			return nil, j.unknown(fmt.Errorf("send part %d: %w", i, err))
		}
	}
	acks := make([]*natsjs.PubAck, len(futures))
	for i, future := range futures {
		select {
		case acks[i] = <-future.Ok():
		case err := <-future.Err():
			return nil, j.unknown(fmt.Errorf("part %d: %w", i, err))
		case <-ctx.Done():
			return nil, j.unknown(fmt.Errorf("part %d: %w", i, context.Cause(ctx)))
		}
		if acks[i].Stream != j.name {
			return nil, fmt.Errorf("part %d: %w: stored in stream %.80q", i, ErrUnknown, acks[i].Stream)
		}
		j.at.acked(acks[i].Sequence, acks[i].Duplicate)
	}
	return acks, nil
}

// sendAgain sends the parts without their ids if the server knew one of them, but
// has dropped it since to make room.
func (j *Journal) sendAgain(ctx context.Context, parts []*nats.Msg, acks []*natsjs.PubAck) ([]*natsjs.PubAck, error) {
	info, err := j.link.stream(ctx, j.name)
	if err != nil {
		return nil, j.unknown(err)
	}
	gone := false
	for _, ack := range acks {
		gone = gone || ack.Sequence < info.State.FirstSeq
	}
	if !gone {
		return acks, nil
	}
	for _, part := range parts {
		part.Header.Del(natsjs.MsgIDHeader)
	}
	return j.send(ctx, parts)
}

func anyDuplicate(acks []*natsjs.PubAck) bool {
	for _, ack := range acks {
		if ack.Duplicate {
			return true
		}
	}
	return false
}

// unknown makes err an [ErrUnknown], unless the link is over for good.
func (j *Journal) unknown(err error) error {
	if over := j.link.over(); over != nil {
		return over
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}
