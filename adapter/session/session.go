package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/peer"

	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

var (
	// ErrEnded says that the session has ended, or ends because of this request.
	ErrEnded = errors.New("session has ended")
	// ErrNotReady says that the handshake is not done yet.
	ErrNotReady = errors.New("handshake is not done")
	// ErrTooMany says that a request names more hashes than a message may carry.
	ErrTooMany = errors.New("too many hashes in one request")
)

// Config says whom a session talks to and whom it tells.
type Config struct {
	// Params are the constants of the peer's network.
	Params *btc.Params
	// Manual says that an operator named the peer.
	Manual bool
	// BestHeight is what our version message says.
	BestHeight btc.Height
	// Budget is shared by all sessions.
	Budget *link.Budget
	// Want says whether a block that this peer was asked for is still needed:
	// [link.Unneeded], [link.Wanted] or [link.Urgent]. For a block that the peer
	// was not asked for it is not called. See [link.Config] for when it is. It
	// must not block.
	Want func(hash btc.Hash, header *btc.Header, sizeBytes int) link.WantAnswer
	// Events is called with one event after the other, never with two at a time.
	// It may block: then little more is read from this peer, and no clock runs
	// against it. It must return when the context of [Start] is done.
	Events func(Event)
	// Progress, if not nil, hears how far a block has come: see [link.Config]. It must
	// not block, and may be called while Events is.
	Progress func(hash btc.Hash, sizeBytes int, paused bool)
	// Brief says that the handshake is all that is wanted: nothing is asked or told behind
	// it. The caller closes the session at [Ready].
	Brief bool
	// Purpose is 0 for headers and blocks; a [link.Carrier] can [Session.Announce], a
	// [link.Observer] tells [TxHeard]. Neither tells or asks anything else.
	Purpose link.Purpose
	// Waits reports whether a transaction is waited for. An observer asks it of each txid
	// that its peer announces. It must not block.
	Waits func(txid btc.Hash) bool
	// Count, if not nil, is told of each message that comes, before its payload.
	Count func(command link.Command, verdict link.Verdict, sizeBytes int)
	// Sent, if not nil, is told of each message that went.
	Sent func(command link.Command, sizeBytes int)
}

// Session is a conversation with one peer. Its methods may be called from many
// goroutines, and from within Config.Events; none blocks.
type Session struct {
	cfg   Config
	link  *link.Conn
	peer  *peer.Peer
	asked asked
	offer offer             // of a carrier
	heard map[btc.Hash]bool // what an observer has told; the link's goroutine owns it
	claim Ready             // what version said; written before ready is closed

	requests chan message
	blocks   blockQueue    // received, not told yet
	ready    chan struct{} // closed after verack
	done     chan struct{} // closed after Closed was told

	left   atomic.Bool   // we want no more
	turn   chan struct{} // holds one token: who takes it may call Events
	closed bool          // Closed has been told: nothing may follow; the token guards it
}

// message is a request that waits to be sent.
type message struct {
	command link.Command
	payload []byte
}

// Start begins the handshake on a connected socket and returns at once. The
// session owns conn and ends when ctx is done, by [Session.Close], or by a
// fault. The caller gets [Closed] in each case.
func Start(ctx context.Context, conn net.Conn, cfg Config) *Session {
	s := &Session{
		cfg:      cfg,
		requests: make(chan message, maxQueued),
		blocks:   newBlockQueue(),
		heard:    map[btc.Hash]bool{},
		ready:    make(chan struct{}),
		done:     make(chan struct{}),
		turn:     make(chan struct{}, 1),
	}
	s.turn <- struct{}{}
	s.link = link.New(conn, link.Config{
		Magic:     cfg.Params.Magic,
		UserAgent: UserAgent,
		Budget:    cfg.Budget,
		Want:      s.want,
		Owes:      s.asked.any,
		Progress:  cfg.Progress,
		Deliver:   s.blockReceived,
		Take:      s.taken,
		Purpose:   cfg.Purpose,
		Count:     cfg.Count,
		Sent:      cfg.Sent,
	})
	_, s.claim.Encrypted = conn.(*link.Encrypted)
	s.peer = newEngine(s)
	s.peer.AssociateConnection(s.link)
	go s.run(ctx)
	return s
}

// Done returns a channel that is closed after [Closed] was told.
func (s *Session) Done() <-chan struct{} { return s.done }

// Ping returns how long the last pong took, 0 before the first.
func (s *Session) Ping() time.Duration {
	return time.Duration(s.peer.LastPingMicros()) * time.Microsecond
}

// Close ends the session for a reason of ours; the first reason counts. Nothing is
// told from now on but [Closed]. It does not wait: see [Session.Done].
func (s *Session) Close(reason link.Reason, detail string) {
	s.left.Store(true)
	s.link.End(reason, detail)
}

// GetHeaders asks for the headers after the first hash of the locator that the
// peer has on its best chain, up to stop or, if stop is zero, as many as fit. It
// keeps neither argument. The locator should end in genesis: what a node makes of
// an empty one differs.
//
// It returns [ErrNotReady], [ErrEnded] or, for more than [MaxLocator] hashes,
// [ErrTooMany].
func (s *Session) GetHeaders(locator []btc.Hash, stop btc.Hash) error {
	if len(locator) > MaxLocator {
		return fmt.Errorf("locator of %d: %w", len(locator), ErrTooMany)
	}
	return s.request("getheaders", getHeadersPayload(locator, stop))
}

// GetData asks for blocks, with witnesses. From now on they are not unasked. It
// does not keep hashes. An empty slice asks for nothing.
//
// It returns [ErrNotReady], [ErrEnded] or, for more than [MaxGetData] hashes,
// [ErrTooMany].
func (s *Session) GetData(hashes []btc.Hash) error {
	switch {
	case len(hashes) == 0:
		return nil
	case len(hashes) > MaxGetData:
		return fmt.Errorf("getdata of %d: %w", len(hashes), ErrTooMany)
	}
	s.asked.add(hashes)
	return s.request("getdata", getDataPayload(hashes))
}

// GetAddr asks for the addresses of nodes: [Addrs] may follow, up to
// [link.MaxAddresses] in all.
//
// It returns [ErrNotReady] or [ErrEnded].
func (s *Session) GetAddr() error { return s.request("getaddr", nil) }

// request queues a message. A full queue means that the peer does not read.
func (s *Session) request(command string, payload []byte) error {
	if s.link.Err() != nil {
		return ErrEnded
	}
	select {
	case <-s.ready:
	default:
		return ErrNotReady
	}
	select {
	case s.requests <- message{link.CommandOf(command), payload}:
		return nil
	default:
		s.link.End(link.ReasonSendQueueFull, strconv.Itoa(maxQueued)+" requests")
		return ErrEnded
	}
}

// want answers for blocks that were not asked for, and passes on the others.
func (s *Session) want(hash btc.Hash, header *btc.Header, sizeBytes int) link.WantAnswer {
	if !s.asked.has(hash) {
		return link.Unasked
	}
	answer := s.cfg.Want(hash, header, sizeBytes)
	if answer == link.Unneeded {
		s.asked.answered(hash)
	}
	return answer
}

// blockReceived queues a block. It must not wait: the engine's idle timer runs.
func (s *Session) blockReceived(b link.RawBlock) {
	s.asked.answered(b.Hash)
	s.blocks.push(b)
}

// tellBlocks tells of blocks, also of those that were whole before the peer broke
// a rule or left. After [Session.Close] it tells no more.
func (s *Session) tellBlocks() {
	told := new(Block) // one event for all
	for ended := false; !ended; {
		select {
		case <-s.link.Done():
			ended = true
		case <-s.blocks.more:
		}
		for !s.left.Load() {
			b, ok := s.blocks.pop()
			if !ok {
				break
			}
			told.Block = b
			s.emit(told)
		}
	}
}

// emit tells an event, unless Closed has been told or we want no more.
func (s *Session) emit(e Event) {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	_, last := e.(Closed)
	if s.closed || s.left.Load() && !last {
		if b, ok := e.(*Block); ok {
			b.Block.Release()
		}
		return
	}
	s.closed = last
	s.cfg.Events(e)
}

// run sends requests until the session ends, and then takes it down: first the
// connection, then the engine.
func (s *Session) run(ctx context.Context) {
	defer close(s.done)
	var tasks sync.WaitGroup
	tasks.Go(s.sendRequests)
	tasks.Go(s.tellBlocks)
	s.waitForEnd(ctx)
	if ctx.Err() != nil {
		s.left.Store(true)
	}
	s.link.End(link.ReasonLocal, "")
	late := time.NewTimer(teardownTimeout)
	defer late.Stop()
	select {
	case <-s.peer.Done():
	case <-late.C: // it sits in Events
		s.peer.Disconnect()
	}
	tasks.Wait()
	s.blocks.close()
	end := s.link.Err()
	closed := Closed{Reason: link.ReasonOf(end)}
	if e, ok := errors.AsType[*link.EndError](end); ok {
		closed.Detail = e.Detail
	}
	s.emit(closed)
}

// waitForEnd waits until the session has ended or must end.
func (s *Session) waitForEnd(ctx context.Context) {
	limit := HandshakeTimeout
	if s.cfg.Manual {
		limit = ManualHandshakeTimeout
	}
	handshake := time.NewTimer(limit)
	defer handshake.Stop()
	select {
	case <-s.ready:
	case <-handshake.C:
		s.link.End(link.ReasonHandshakeTimeout, "after "+limit.String())
	case <-s.link.Done():
	case <-ctx.Done():
	}
	select {
	case <-s.link.Done():
	case <-s.peer.Done():
	case <-ctx.Done():
	}
}

// sendRequests writes what is queued, so that no caller waits for a peer.
func (s *Session) sendRequests() {
	for {
		select {
		case <-s.link.Done():
			return
		case m := <-s.requests:
			if s.link.Inject(m.command, m.payload) != nil {
				return
			}
		}
	}
}
