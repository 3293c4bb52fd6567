package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

// errReplaced says that the stream is another than before: it was made anew, or
// it ends before what was read. Sequences mean nothing any more.
var errReplaced = errors.New("the stream was made anew or lost its tail")

// message is what a feed gives: a stored message with its sequence. Its bytes
// belong to whoever got it.
type message struct {
	subject string
	header  nats.Header
	payload []byte
	seq     uint64
}

// feed reads a stream in order from one sequence on, without a gap, and goes on
// after the connection or its consumer was lost.
type feed struct {
	link    *link
	name    string // of the stream
	filter  string // a subject, "" for all
	created time.Time
	last    uint64 // the last sequence that was given, or the one before the start

	session  context.Context //nolint:containedctx // of the link, in which the consumer was made
	stream   natsjs.Stream
	consumer string // name, "" if there is none
	iter     natsjs.MessagesContext
	next     uint64 // the consumer's own count of the next message
}

// openFeed starts a feed behind the sequence after. Pending is the number of
// messages that wait now. The caller closes the feed.
func openFeed(ctx context.Context, link *link, name, filter string, created time.Time, after uint64) (f *feed, pending uint64, err error) {
	f = &feed{link: link, name: name, filter: filter, created: created, last: after}
	pending, err = f.open(ctx)
	return f, pending, err
}

func (f *feed) open(ctx context.Context) (pending uint64, err error) {
	f.session = f.link.now()
	ctx, cancel := f.link.request(ctx)
	defer cancel()
	if f.stream, err = f.link.js.Stream(ctx, f.name); err != nil {
		return 0, f.link.refused(err)
	}
	info := f.stream.CachedInfo()
	if !info.Created.Equal(f.created) || info.State.LastSeq < f.last {
		return 0, errReplaced
	}
	config := natsjs.ConsumerConfig{
		DeliverPolicy: natsjs.DeliverByStartSequencePolicy, OptStartSeq: f.last + 1,
		AckPolicy: natsjs.AckNonePolicy, MaxDeliver: 1, MemoryStorage: true, Replicas: 1, InactiveThreshold: consumerIdle,
	}
	if f.filter != "" {
		config.FilterSubjects = []string{f.filter}
	}
	consumer, err := f.stream.CreateConsumer(ctx, config)
	if err != nil {
		return 0, f.link.refused(err)
	}
	f.consumer, f.next = consumer.CachedInfo().Name, 1
	f.link.consumer.Store(new("$JS.API.CONSUMER.DELETE." + f.name + "." + f.consumer))
	f.iter, err = consumer.Messages(natsjs.PullMaxBytes(pullBytes), natsjs.PullExpiry(pullExpiry),
		natsjs.PullHeartbeat(pullHeartbeat), natsjs.WithMessagesErrOnMissingHeartbeat(true))
	return consumer.CachedInfo().NumPending, err
}

// read returns the next message. It waits until ctx ends, and survives what a
// restart of the server brings; it returns [errReplaced] if the stream is
// another, [ErrNoStream] if it stays away, and why the link is over.
func (f *feed) read(ctx context.Context) (message, error) {
	for {
		if f.iter == nil {
			if err := f.reopen(ctx); err != nil {
				return message{}, err
			}
		}
		m, err := f.readOnce(ctx)
		switch {
		case err == nil:
			return m, nil
		case ctx.Err() != nil:
			return message{}, context.Cause(ctx)
		case f.link.over() != nil:
			return message{}, f.link.over()
		case !errors.Is(err, context.DeadlineExceeded):
			f.drop(ctx)
		case f.silent(ctx):
			f.drop(ctx)
		}
	}
}

// readOnce waits for one message, at most idleCheck.
func (f *feed) readOnce(ctx context.Context) (message, error) {
	ctx, cancel := context.WithTimeout(ctx, idleCheck)
	defer cancel()
	stop := context.AfterFunc(f.session, cancel) //nolint:contextcheck // ends with either
	defer stop()
	raw, err := f.iter.Next(natsjs.NextContext(ctx))
	if err != nil {
		return message{}, err
	}
	at, err := raw.Metadata()
	if err != nil {
		return message{}, fmt.Errorf("read stream %s: %w", f.name, err)
	}
	if at.Sequence.Consumer != f.next || at.Sequence.Stream <= f.last {
		return message{}, fmt.Errorf("read stream %s: message %d of the consumer, want %d", f.name, at.Sequence.Consumer, f.next)
	}
	f.next++
	f.last = at.Sequence.Stream
	return message{subject: raw.Subject(), header: raw.Headers(), payload: raw.Data(), seq: f.last}, nil
}

// silent reports whether no message came although there is one, or the stream is
// another: a consumer whose stream is gone says nothing.
func (f *feed) silent(ctx context.Context) bool {
	info, err := f.link.stream(ctx, f.name)
	if err != nil {
		return true
	}
	behind := f.filter == "" && info.State.LastSeq > f.last
	return behind || !info.Created.Equal(f.created) || info.State.LastSeq < f.last
}

// reopen makes a new consumer, with pauses in between tries.
func (f *feed) reopen(ctx context.Context) error {
	var missing time.Time // since when the server says that there is no stream
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		_, err := f.open(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case f.link.over() != nil:
			return f.link.over()
		case errors.Is(err, errReplaced):
			return err
		case !errors.Is(err, natsjs.ErrStreamNotFound):
			missing = time.Time{}
		case missing.IsZero():
			missing = time.Now()
		case time.Since(missing) > streamGrace:
			return fmt.Errorf("stream %s: %w", f.name, ErrNoStream)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// drop gives the consumer up; the next read makes another.
func (f *feed) drop(ctx context.Context) {
	if f.iter != nil {
		f.iter.Stop()
		f.iter = nil
	}
	if f.consumer != "" && f.stream != nil && f.link.nc.IsConnected() {
		ctx, cancel := f.link.request(ctx)
		defer cancel()
		_ = f.stream.DeleteConsumer(ctx, f.consumer) // the server forgets it anyway
	}
	f.consumer = ""
	f.link.consumer.Store(nil)
}

// fetch reads one message by its sequence. Any replica may answer: the reader
// proves what it gets. It returns [ErrNotFound] if the stream does not have it.
func (f *feed) fetch(ctx context.Context, seq uint64) (message, error) {
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		m, err := f.fetchOnce(ctx, seq)
		switch {
		case err == nil || errors.Is(err, ErrNotFound):
			return m, err
		case ctx.Err() != nil:
			return message{}, context.Cause(ctx)
		case f.link.over() != nil:
			return message{}, f.link.over()
		}
		if err := wait(ctx, pause); err != nil {
			return message{}, err
		}
	}
}

func (f *feed) fetchOnce(ctx context.Context, seq uint64) (message, error) {
	ctx, cancel := f.link.request(ctx)
	defer cancel()
	raw, err := f.stream.GetMsg(ctx, seq)
	if errors.Is(err, natsjs.ErrMsgNotFound) {
		return message{}, fmt.Errorf("sequence %d: %w", seq, ErrNotFound)
	}
	if err != nil {
		return message{}, err
	}
	return message{subject: raw.Subject, header: raw.Header, payload: raw.Data, seq: raw.Sequence}, nil
}

// wait pauses, or ends with ctx.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
