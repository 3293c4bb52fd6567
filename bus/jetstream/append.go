package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"blockgate/bus"
)

// The server's error codes for a message that expected another last sequence.
//
// Source: JSStreamWrongLastSequenceErrF and JSStreamWrongLastSequenceConstantErr,
// nats-server v2.15.2 server/errors.json.
const (
	codeWrongLast         = 10071
	codeWrongLastConstant = 10164
)

// Append puts one event on the journal and returns its sequence. The server takes
// it only if the journal is as it was loaded; parts of bodies that others stored
// meanwhile do not count.
//
// Errors: [ErrMoved] and [ErrUnknown], after which the caller loads the journal;
// [ErrStale], after which it stores the body again; [ErrDenied]; and
// [bus.ErrEvent], [bus.ErrGap], [bus.ErrFinal] for an event that may not go out:
// a mistake of the caller.
func (j *Journal) Append(ctx context.Context, event bus.Event) (seq uint64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.loaded {
		return 0, fmt.Errorf("append %v of %d: %w: it is not loaded", event.Kind, event.Height, ErrMoved)
	}
	fold := j.fold
	event.Seq = 0
	if err := fold.Step(&event); err != nil {
		return 0, fmt.Errorf("append: %w", err)
	}
	if event.Kind == bus.Connect && event.Epoch != j.epoch {
		return 0, fmt.Errorf("append %v of %d: %w", event.Kind, event.Height, ErrStale)
	}
	message, err := j.message(&event)
	if err != nil {
		return 0, fmt.Errorf("append: %w", err)
	}
	seq, err = j.publish(ctx, message)
	if err != nil {
		j.loaded = false
		return 0, fmt.Errorf("append %v of %d: %w", event.Kind, event.Height, err)
	}
	j.at.acked(seq, true)
	j.fold, j.event = fold, seq
	return seq, nil
}

// message returns the event's message. Its id binds the event to the one before
// it: the same block may be connected, disconnected and connected again within
// the server's window.
func (j *Journal) message(event *bus.Event) (*nats.Msg, error) {
	fields, payload, err := event.Encode()
	if err != nil {
		return nil, err
	}
	header := nats.Header(fields)
	header.Set(natsjs.MsgIDHeader, strconv.FormatUint(j.event, 10)+"/"+event.Kind.String()+"/"+event.Hash.String())
	header.Set(natsjs.ExpectedStreamHeader, j.name)
	subject := bus.BlockSubject(j.settings.Network, j.settings.ID, event.Height, event.Hash)
	return &nats.Msg{Subject: subject, Header: header, Data: payload}, nil
}

// publish sends the message until the server takes it where the journal was
// loaded. It sends again only what the server said it refused.
func (j *Journal) publish(ctx context.Context, message *nats.Msg) (uint64, error) {
	for range appendTries {
		last, lost := j.at.end()
		if lost {
			return 0, fmt.Errorf("%w: the stream lost its tail", ErrMoved)
		}
		message.Header.Set(natsjs.ExpectedLastSeqHeader, strconv.FormatUint(last, 10))
		ack, err := j.publishOnce(ctx, message)
		if err == nil {
			return ack.Sequence, nil
		}
		var refused *natsjs.APIError
		if !errors.As(err, &refused) || refused.ErrorCode != codeWrongLast && refused.ErrorCode != codeWrongLastConstant {
			return 0, j.unknown(err)
		}
		if err := j.catchUp(ctx); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: others wrote between each of %d tries", ErrMoved, appendTries)
}

func (j *Journal) publishOnce(ctx context.Context, message *nats.Msg) (*natsjs.PubAck, error) {
	ctx, cancel := j.link.request(ctx)
	defer cancel()
	return j.link.js.PublishMsg(ctx, message, natsjs.WithRetryAttempts(0))
}

// catchUp moves to the end of the stream, if only parts came. An event of
// somebody else, another stream or a shorter one is [ErrMoved].
func (j *Journal) catchUp(ctx context.Context) error {
	t, err := j.tail(ctx)
	if err != nil {
		return j.unknown(err)
	}
	last, _ := j.at.end()
	if !t.created.Equal(j.created) || t.last < last || t.event.Seq != j.event {
		return fmt.Errorf("%w: its last event is %d, was %d", ErrMoved, t.event.Seq, j.event)
	}
	j.at = newPosition(t.last)
	return nil
}
