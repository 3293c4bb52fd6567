package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"blockgate/bus"
)

var (
	// ErrUnreachable says that no server answered at the URL.
	ErrUnreachable = errors.New("bus is unreachable")
	// ErrDenied says that the server refused the credentials, or a subject that
	// they should allow. Trying again does not help.
	ErrDenied = errors.New("bus refused the credentials or a subject")
	// ErrNotFound says that the stream has no such message.
	ErrNotFound = errors.New("not in the journal")
	// ErrNoStream says that the journal's stream is not there.
	ErrNoStream = errors.New("no journal on this server")
	// ErrClosed says that the journal or reader was closed.
	ErrClosed = errors.New("closed")
)

// Credentials say who we are to the server. The zero value connects without.
type Credentials struct {
	// NKeySeed is the seed of a user nkey, as text. It is read once.
	NKeySeed []byte
	// CredsFile is the path of a file with a JWT and a seed. It is read again at
	// every connection, so it may be replaced.
	CredsFile string
	// RootCAs are paths of PEM files of authorities that sign the server's
	// certificate; none means the system's.
	RootCAs []string
}

func (c Credentials) none() bool { return len(c.NKeySeed) == 0 && c.CredsFile == "" }

func (c Credentials) options() ([]nats.Option, error) {
	var options []nats.Option
	if len(c.RootCAs) > 0 {
		options = append(options, nats.RootCAs(c.RootCAs...))
	}
	if c.CredsFile != "" {
		options = append(options, nats.UserCredentials(c.CredsFile))
	}
	if len(c.NKeySeed) == 0 {
		return options, nil
	}
	pair, err := nkeys.FromSeed(c.NKeySeed)
	if err != nil {
		return nil, fmt.Errorf("%w: nkey seed: %w", ErrDenied, err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("%w: nkey seed: %w", ErrDenied, err)
	}
	return append(options, nats.Nkey(key, pair.Sign)), nil
}

// link is a connection to the server that heals itself, and the first reason for
// which it never will.
type link struct {
	nc *nats.Conn
	js natsjs.JetStream
	// life ends with the first refusal of the server, or by Close.
	life context.Context //nolint:containedctx // the life of the connection, not of a request
	end  context.CancelCauseFunc

	// consumer is the subject that deletes the consumer in use, nil if there is none.
	consumer atomic.Pointer[string]

	mu sync.Mutex
	// session is a part of life: it ends when the connection was lost and is
	// back, or with life. Consumers do not outlive it.
	session    context.Context //nolint:containedctx // the life of one connection
	endSession context.CancelFunc
}

// now returns the session that stands.
func (l *link) now() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

// renew ends the session and begins another.
func (l *link) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.endSession != nil {
		l.endSession()
	}
	l.session, l.endSession = context.WithCancel(l.life)
}

// dial connects once, within dialTimeout. Later losses of the connection heal by
// themselves.
func dial(url, name, inbox string, credentials Credentials, log *slog.Logger) (*link, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	options, err := credentials.options()
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancelCause(context.Background())
	l := &link{life: life, end: end}
	l.renew()
	options = append(options,
		nats.Name(name), nats.CustomInboxPrefix(inbox), nats.Timeout(dialTimeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.IgnoreAuthErrorAbort(),
		// What is sent while there is no connection fails at once. The library's
		// buffer would send it later, after we had read that it was not there.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(pingsOut),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				end(fmt.Errorf("%w: %w", ErrDenied, err))
			}
			log.Warn("bus error", slog.Any("error", err))
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if life.Err() == nil {
				log.Warn("bus connection lost", slog.Any("error", err))
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("bus connection is back", slog.String("server", nc.ConnectedUrlRedacted()))
			l.renew()
		}),
	)
	if l.nc, err = nats.Connect(url, options...); err != nil {
		end(ErrClosed)
		kind := ErrUnreachable
		if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) {
			kind = ErrDenied
		}
		return nil, fmt.Errorf("connect to the bus: %w: %w", kind, err)
	}
	if l.js, err = natsjs.New(l.nc, natsjs.WithPublishAsyncTimeout(ackTimeout)); err != nil {
		l.close()
		return nil, fmt.Errorf("connect to the bus: %w", err)
	}
	return l, nil
}

func (l *link) close() {
	l.end(ErrClosed)
	if subject := l.consumer.Load(); subject != nil {
		_ = l.nc.Publish(*subject, nil) // nobody waits for an answer: the server forgets it anyway
	}
	l.nc.Close()
}

// errReconnected says that the connection was lost and is back: no answer to what
// was asked before can come.
var errReconnected = errors.New("the connection was lost")

// request returns a context for one request: it ends with ctx, after the time
// for one answer, or with the connection.
func (l *link) request(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.now(), func() { cancel(errReconnected) })
	ctx, end := context.WithTimeout(ctx, ackTimeout)
	return ctx, func() {
		stop()
		end()
		cancel(nil)
	}
}

// over returns why the link is over, nil while it is not.
func (l *link) over() error { return context.Cause(l.life) }

// refused returns why the link is over, if it is, else err.
func (l *link) refused(err error) error {
	if over := l.over(); err != nil && over != nil {
		return over
	}
	return err
}

// noJetStream says in words what it means that nobody answers.
func noJetStream(err error) error {
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("the server has no JetStream for us: %w", err)
	}
	return err
}

// stream asks for the state of the stream.
func (l *link) stream(ctx context.Context, name string) (*natsjs.StreamInfo, error) {
	ctx, cancel := l.request(ctx)
	defer cancel()
	stream, err := l.js.Stream(ctx, name)
	if errors.Is(err, natsjs.ErrStreamNotFound) {
		return nil, fmt.Errorf("stream %s: %w", name, ErrNoStream)
	}
	if err != nil {
		return nil, fmt.Errorf("state of stream %s: %w", name, l.refused(noJetStream(err)))
	}
	return stream.CachedInfo(), nil
}

// lookup is a request for one stored message: by Seq, by LastBySubject, or the
// first from Seq on by NextBySubject.
type lookup struct {
	Seq           uint64 `json:"seq,omitempty"`
	LastBySubject string `json:"last_by_subj,omitempty"`
	NextBySubject string `json:"next_by_subj,omitempty"`
}

// stored is a message as it lies in the stream.
type stored struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Headers []byte    `json:"hdrs"`
	Data    []byte    `json:"data"`
	Time    time.Time `json:"time"`
}

// codeNoMessage is the server's error code for a message that is not there.
//
// Source: JSNoMessageFoundErr, nats-server v2.15.2 server/errors.json.
const codeNoMessage = 10037

// leaderGet reads a message through the leader of the stream. A direct get
// would be quicker, but any replica answers it, also one that is behind.
func (l *link) leaderGet(ctx context.Context, stream string, what lookup) (stored, error) {
	ctx, cancel := l.request(ctx)
	defer cancel()
	request, err := json.Marshal(what)
	if err != nil {
		return stored{}, fmt.Errorf("ask for a message: %w", err)
	}
	reply, err := l.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, request)
	if err != nil {
		return stored{}, fmt.Errorf("message %s: %w", request, l.refused(err))
	}
	var answer struct {
		Error   *natsjs.APIError `json:"error"`
		Message *stored          `json:"message"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return stored{}, fmt.Errorf("message %s: %w", request, err)
	}
	switch {
	case answer.Error != nil && answer.Error.ErrorCode == codeNoMessage:
		return stored{}, fmt.Errorf("message %s: %w", request, ErrNotFound)
	case answer.Error != nil:
		return stored{}, fmt.Errorf("message %s: %w", request, answer.Error)
	case answer.Message == nil:
		return stored{}, fmt.Errorf("message %s: %w: answer without a message", request, ErrNotFound)
	}
	return *answer.Message, nil
}

// event decodes the message as an event.
func (s stored) event() (bus.Event, error) {
	header, err := nats.DecodeHeadersMsg(s.Headers)
	if err != nil {
		return bus.Event{}, fmt.Errorf("sequence %d: %w: %w", s.Seq, bus.ErrEvent, err)
	}
	event, err := bus.DecodeEvent(s.Subject, header, s.Data, s.Seq)
	if err != nil {
		return bus.Event{}, fmt.Errorf("sequence %d: %w", s.Seq, err)
	}
	return event, nil
}
